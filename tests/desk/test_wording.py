"""Instants, spans of time, lists and values, in the words of each language that mailgate brings along."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import notice_pages as pages
import pytest
from notice_pages import FSI, PDI, RLM, shipped

from mailgate.desk.calendar import Duration
from mailgate.desk.wording import Wording


def _wording(language: str = "en", zone: str = "America/New_York", **words: str) -> Wording:
    strings = shipped().strings.get(language, shipped().strings["en"])
    return Wording(language, ZoneInfo(zone), {**strings, **words})


@pytest.mark.parametrize(
    ("language", "zone", "said"),
    [
        ("en", "America/New_York", "Fri 12 Jun 2026, 18:30 (New York time)"),
        ("en", "America/Sao_Paulo", "Fri 12 Jun 2026, 19:30 (Brasília time)"),
        ("en", "Etc/UTC", "Fri 12 Jun 2026, 22:30 (UTC)"),
        ("en", "Asia/Tehran", "Sat 13 Jun 2026, 02:00 (Tehran time)"),
        ("pt-BR", "America/New_York", "12 de junho de 2026, sexta-feira, às 18:30 (horário de Nova York)"),
        ("pt-BR", "America/Sao_Paulo", "12 de junho de 2026, sexta-feira, às 19:30 (horário de Brasília)"),
        ("it", "Europe/Rome", "sabato 13 giugno 2026, ore 00:30 (ora di Roma)"),
        ("it", "America/Sao_Paulo", "venerdì 12 giugno 2026, ore 19:30 (ora di Brasilia)"),
        ("fa", "Asia/Tehran", "شنبه ۲۳ خرداد ۱۴۰۵، ساعت ۰۲:۰۰ به وقت تهران (۱۳ ژوئن ۲۰۲۶)"),
        ("fa", "Etc/UTC", f"جمعه ۲۲ خرداد ۱۴۰۵، ساعت ۲۲:۳۰ به وقت {FSI}UTC{PDI} (۱۲ ژوئن ۲۰۲۶)"),
    ],
)
def test_instants_are_said_in_the_readers_zone(language: str, zone: str, said: str) -> None:
    """With weekday and the name of the zone."""
    assert _wording(language, zone).when(pages.ASKED).replace("\u00a0", " ") == said


def test_an_hour_that_comes_twice_names_its_offset() -> None:
    """Clocks go back in New York on 1 November 2026 at 02:00."""
    first, second = (_wording().when(datetime(2026, 11, 1, hour, 30, tzinfo=UTC)) for hour in (5, 6))
    assert first.replace("\u00a0", " ") == "Sun 1 Nov 2026, 01:30 (New York time, UTC-0400)"
    assert second.replace("\u00a0", " ") == "Sun 1 Nov 2026, 01:30 (New York time, UTC-0500)"


@pytest.mark.parametrize(
    ("span", "said"),
    [
        (timedelta(hours=48), "48 hours"),
        (timedelta(hours=1, minutes=30), "1 hour and 30 minutes"),
        (timedelta(days=30), "30 days"),
        (timedelta(minutes=1), "1 minute"),
        (timedelta(), "0 minutes"),
        (Duration(48, "h"), "48 hours"),
        (Duration(30, "cd"), "30 days"),
        (Duration(1, "bd"), "1 business day"),
        (Duration(24, "wh"), "24 working hours"),
    ],
)
def test_spans_are_said_in_words(span: timedelta | Duration, said: str) -> None:
    """Hours up to three days, because that is how the rules count."""
    assert _wording().duration(span) == said


def test_values_are_said_in_words() -> None:
    """Details hold dates, numbers, yes and no, and lists."""
    wording = _wording("pt-BR")
    assert wording.said(True) == "sim"
    assert wording.said((1, 2, 3)) == "1, 2 e 3"
    assert wording.said(date(2026, 6, 1)).replace("\u00a0", " ") == "1 de junho de 2026, segunda-feira"
    assert wording.duration(timedelta(days=30)) == "30 dias"


@pytest.mark.parametrize(
    ("n", "most", "drawn", "said"),
    [
        (0, 20, 0, "0"),
        (1, 20, 1, "1"),
        (20, 20, 20, "20"),
        (21, 20, 20, "21"),
        (30, 60, 10, "30"),
        (60, 60, 20, "60"),
        (1, 900, 1, "1"),
    ],
)
def test_a_number_is_drawn_as_a_bar(n: int, most: int, drawn: int, said: str) -> None:
    """A block each up to 20, then in proportion to the most; what is not nothing has a block. Nothing has no bar."""
    bar = _wording().bar(n, most)
    assert bar == (f"{FSI}{'█' * drawn}\u00a0{said}{PDI}" if drawn else "0")


def test_a_bar_runs_as_its_language_does() -> None:
    """In one isolate with its number, which is in the language's digits."""
    assert _wording("fa").bar(5) == f"{FSI}{RLM}█████\u00a0۵{PDI}"
    assert _wording("fa").bar(0) == "۰"


def test_an_unknown_code_is_said_by_another_or_as_it_is() -> None:
    """`lift_generic` serves every provider that has no words of its own."""
    wording = _wording(kind_general="in general")
    assert wording.word("refund", "kind", "general") == "refund"
    assert wording.word("odd_one", "kind", "general") == "in general"
    assert wording.word("odd_one", "kind") == "odd one"


def test_a_language_may_say_lists_and_dates_its_own_way() -> None:
    """By strings.toml alone: no language is in Python."""
    persian = _wording("fa", "Asia/Tehran")
    assert [persian.joined(range(1, n)) for n in range(1, 5)] == ["", "۱", "۱ و ۲", "۱، ۲ و ۳"]
    assert persian.day(date(2026, 6, 22)).replace("\u00a0", " ") == "دوشنبه ۱ تیر ۱۴۰۵ (۲۲ ژوئن ۲۰۲۶)"
    assert persian.duration(timedelta(hours=1, minutes=30)) == "۱ ساعت و ۳۰ دقیقه"
    assert persian.duration(Duration(24, "wh")) == "۲۴ ساعت کاری"
    twice = _wording("fa").when(datetime(2026, 11, 1, 5, 30, tzinfo=UTC)).replace("\u00a0", " ")
    assert twice == f"یکشنبه ۱۰ آبان ۱۴۰۵، ساعت ۰۱:۳۰ به وقت نیویورک، {FSI}UTC-0400{PDI} (۱ نوامبر ۲۰۲۶)"
