"""Notices: every one of them, byte for byte, and the promises that hold for all: width, same words, no code from mail."""

from __future__ import annotations

import email
import email.policy
import re
import tomllib
import unicodedata
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import notice_pages as pages
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from selectolax.lexbor import LexborHTMLParser

from mailgate.desk.calendar import Duration
from mailgate.desk.notice import Page, Quote, Templates, clean_subject, lint, render, variables
from mailgate.desk.wording import Wording
from mailgate.mail.address import Mailbox
from mailgate.mail.automatic import classify
from mailgate.mail.compose import Draft, compose
from mailgate.mail.message import parse

ROOT = Path(__file__).parents[2]
GOLDEN = ROOT / "tests" / "golden"
LANGUAGES = ("en", "fa", "it", "pt-BR")
FSI, PDI, RLM = "\u2068", "\u2069", "\u200f"
MARKS = str.maketrans("", "", FSI + PDI + RLM)


@cache
def shipped() -> Templates:
    """The templates of this project, as config reads them."""
    folders = [folder for folder in (ROOT / "templates").iterdir() if folder.is_dir()]
    return Templates(
        notices={one.name: {file.stem: file.read_text("utf-8") for file in one.glob("*.txt")} for one in folders},
        strings={one.name: tomllib.loads((one / "strings.toml").read_text("utf-8")) for one in folders},
        frame=(ROOT / "templates" / "frame.html").read_text("utf-8"),
    )


def _each() -> Iterator[Any]:
    for language in LANGUAGES:
        for name, page in pages.variants(language):
            yield pytest.param(name, page, id=f"{language}-{name}")


EVERY = list(_each())


def _mail(name: str, page: Page) -> bytes:
    made = render(page, shipped())
    return compose(
        Draft(
            author=Mailbox(page.desk, pages.HELPDESK),
            to=(Mailbox("", pages.VENDOR),),
            cc=(Mailbox("", pages.HELPDESK),),
            reply_to="helpdesk+t42.7.cu5brry3c7oel6qkrb73g76pcm@megastore.example",
            subject=made.subject,
            text=made.text,
            html=made.html,
            message_id=f"mg.42.{name}@megastore.example",
            in_reply_to="ask-1@megastore.example",
            references=("ask-1@megastore.example",),
            date=datetime(2026, 6, 14, 22, 30, tzinfo=UTC),
            language=made.language,
            kind=page.notice,
        )
    )


@pytest.mark.parametrize(("name", "page"), EVERY)
def test_a_notice_leaves_as_its_golden_file_says(name: str, page: Page, golden_write: bool) -> None:
    """Byte for byte; `pytest --golden-write` writes them anew."""
    file = GOLDEN / page.language / f"{name}.eml"
    mail = _mail(name, page)
    if golden_write:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(mail)
    assert file.read_bytes() == mail


def test_every_golden_file_has_its_notice() -> None:
    """A file that nothing renders any more would rot."""
    expected = {f"{language}/{name}.eml" for language in LANGUAGES for name, _ in pages.variants(language)}
    assert {str(file.relative_to(GOLDEN)) for file in GOLDEN.rglob("*.eml")} == expected


@pytest.mark.parametrize(("name", "page"), EVERY)
def test_the_text_keeps_to_its_columns(name: str, page: Page) -> None:
    """At most 78 columns, links aside; nothing but the signature mark ends in a space; no unfilled place."""
    lines = render(page, shipped()).text.splitlines()
    wide = [line for line in lines if len(re.sub("[\u200c\u0654\u064b]", "", line.translate(MARKS))) > 78 and not line.startswith("  mailto:")]
    assert wide == []
    assert [line for line in lines if line != line.rstrip()] == ["-- "]
    assert not re.search(r"[{}]|\bNone\b", "\n".join(lines))


@pytest.mark.parametrize(("name", "page"), EVERY)
def test_each_line_finds_its_own_direction(name: str, page: Page) -> None:
    """Isolates only where they are needed, each closed on its line; no line of a Persian notice starts left to right."""
    made = render(page, shipped())
    assert not re.search(f"[{FSI}{PDI}{RLM}]", made.subject)
    if page.language != "fa":
        assert not re.search(f"[{FSI}{PDI}{RLM}]", made.text)
        return
    for line in made.text.splitlines():
        assert line.count(FSI) == line.count(PDI)
        outside = re.sub(f"{FSI}[^{FSI}{PDI}]*{PDI}", "", line)
        if line not in ("", ">", "-- ") and not line.startswith("  mailto:"):
            assert not re.search("[A-Za-z]", outside), line
            strong = [kind for kind in map(unicodedata.bidirectional, outside) if kind in ("L", "R", "AL")]
            assert strong[:1] in (["R"], ["AL"]), line


@pytest.mark.parametrize(("name", "page"), [one for one in EVERY if str(one.id).startswith("fa-")])
def test_persian_is_spelled_with_persian_letters_and_digits(name: str, page: Page) -> None:
    """No Arabic yeh and kaf, no Latin comma or question mark, no loose half-space; digits that are not Latin."""
    made = render(replace(page, subject=""), shipped())
    ours = re.sub(f"{FSI}[^{FSI}{PDI}]*{PDI}|mailto:.*", "x", made.text)
    assert not re.search("[0-9,;?\u064a\u0643\u06c0\u06c2\u0660-\u0669]", ours)
    assert not re.search(r"\s\u200c|\u200c\s|\u200c\u200c|\u200c[^\w]| [،؛؟.:»)]|[(«] ", ours)


@pytest.mark.parametrize(("name", "page"), EVERY)
def test_both_forms_say_the_same_words(name: str, page: Page) -> None:
    """Nobody reads more, or less, because of the mail program he has."""
    made = render(page, shipped())
    plain = made.text.translate(MARKS).splitlines()
    lines = (line for line in plain if not line.startswith(("==", "  mailto:")) and line != "-- ")
    text = " ".join(re.sub(r"^(> ?|- )", "", line) for line in lines)
    assert _words(made.html) == [word for word in (one.strip(":") for one in text.split()) if word]


def _words(html: str) -> list[str]:
    body = LexborHTMLParser(html).body
    assert body is not None
    return [word for word in (one.strip(":") for one in body.text(separator="").split()) if word]


@pytest.mark.parametrize(("name", "page"), EVERY)
def test_the_html_is_safe_for_every_mail_program(name: str, page: Page) -> None:
    """Tables with role, lang and dir (body attributes get lost), no images, scripts, backgrounds or fixed colours."""
    html = render(page, shipped()).html
    tree = LexborHTMLParser(html)
    assert all(table.attributes.get("role") == "presentation" for table in tree.css("table"))
    inner = tree.css("body > table, body > table table, td")
    assert all({"lang", "dir"} <= set(node.attributes) for node in inner)
    assert not tree.css("img, script, link, form, iframe, object")
    assert not re.search(r"background|[; \"]color:\s*[#a-z]|url\(|http", html.replace("color-scheme", ""))
    assert "color-scheme: light dark" in html
    assert "max-width:600px" in html


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_subject_carries_our_tag_and_no_other(language: str) -> None:
    """`[#7]` would file our notice under somebody's Freshdesk case; `[MG-9]` under another ticket of ours."""
    page = pages.page("remind", language, subject="Re: [#7] [MG-9] \u202eevil\r\nBcc: x\u2028 {{7*7}} =?utf-8?q?a?=")
    subject = render(page, shipped()).subject
    assert subject.startswith("[MG-42] ")
    assert subject.endswith(": Re: (#7) evil Bcc: x {{7*7}} =?utf-8?q?a?=")
    assert clean_subject("[ mg-12 ] Hello [#5 x]") == "Hello (#5 x)"


HOSTILE = "{{7*7}} {% raw %} {{ desk.__class__ }} <script>alert(1)</script> &amp; \u202e"


@pytest.mark.parametrize("notice", sorted({**pages.TICKET, **pages.OTHER}))
def test_mail_text_is_never_code(notice: str) -> None:
    """`{{7*7}}` in a subject, a quote, a detail or the data appears literally; markup is escaped."""
    page = pages.page(notice)
    quote = Quote(pages.ASKED, HOSTILE, "customer", HOSTILE, HOSTILE)
    data = {key: HOSTILE if isinstance(value, str) else value for key, value in page.data.items()}
    evil = replace(
        page,
        subject=HOSTILE,
        data=data,
        latest=quote,
        history=(pages.ASKED_QUOTE, quote),
        details=((HOSTILE, HOSTILE),),
        desk=HOSTILE,
    )
    made = render(evil, shipped())
    assert "{{7*7}}" in made.text
    assert "{{7*7}}" in made.html
    assert "<script" not in made.html
    assert "&lt;script&gt;" in made.html
    assert "\u202e" not in made.subject + made.text + made.html
    assert "49" not in made.text.replace("ASKED", "")


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=300), st.text(max_size=60))
def test_no_text_breaks_a_notice(text: str, name: str) -> None:
    """Whatever people write, the notice is made, is bounded, and its text holds no control characters."""
    quote = Quote(pages.ASKED, name, name, name, text)
    made = render(pages.page("escalate", latest=quote, history=(quote,) * 30, subject=text), shipped())
    assert len(made.subject) <= 200
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", made.text)


def test_a_message_that_the_reader_was_not_addressed_on_is_listed_only() -> None:
    """docs/rules.md G-14: a notice quotes only what its reader may see."""
    hidden = Quote(pages.ASKED, "ana.souza@mail.example", "customer", "wrote", None)
    made = render(pages.page("remind", latest=hidden, history=()), shipped())
    assert "ana.souza@mail.example (customer)\nwrote: (not addressed to you" in made.text
    assert "<blockquote" not in made.html


def test_long_messages_are_cut_and_say_so() -> None:
    """Gmail hides what comes after 102 KB. The latest message is not told twice."""
    quote = Quote(pages.ASKED, "a@b.example", "customer", "wrote", "word " * 40_000)
    older = replace(quote, at=pages.ASKED - timedelta(days=1))
    made = render(pages.page("remind", latest=quote, history=(quote, *(older,) * 50)), shipped())
    assert made.text.count("[... the rest is in the message itself]") == 11
    assert "Earlier messages not listed here: 40." in made.text
    assert len(made.html.encode()) < 60_000


@pytest.mark.parametrize(
    ("wanted", "written"), [("pt-BR", "pt-BR"), ("pt-PT", "pt-BR"), ("PT", "pt-BR"), ("en-GB", "en"), ("de", "en"), ("", "en")]
)
def test_a_language_falls_back(wanted: str, written: str) -> None:
    """To its base language, to another region of it, then to English."""
    assert render(pages.page("remind", wanted), shipped()).language == written


def test_what_a_template_names_must_be_there() -> None:
    """A missing fact is our mistake and never an empty place in a mail."""
    page = pages.page("remind")
    short = {name: value for name, value in page.data.items() if name != "due_at"}
    with pytest.raises(ValueError, match="due_at"):
        render(replace(page, data=short), shipped())
    with pytest.raises(ValueError, match="no language has a template"):
        render(replace(page, notice="nonsense"), shipped())


def test_an_action_is_a_mail_and_nothing_else() -> None:
    """Link scanners open web links; a mailto waits for a person."""
    with pytest.raises(ValueError, match="mailto"):
        render(pages.page("remind", actions=(("close", "https://desk.example/close"),)), shipped())


@pytest.mark.parametrize("notice", sorted({**pages.TICKET, **pages.OTHER}))
def test_the_pages_hold_exactly_what_the_templates_name(notice: str) -> None:
    """So the golden files show every fact."""
    assert variables(shipped().notices["en"][notice]) == set(pages.page(notice).data)


def test_the_shipped_templates_are_complete() -> None:
    """Every language has every notice, every word and every variable, and no word that the others lack."""
    whole = shipped()
    assert sorted(whole.notices) == sorted(whole.strings) == sorted(LANGUAGES)
    assert lint(whole) == ()
    optional = {"calendar", "when_jalali", "day_jalali", "digits", "list_comma", "list_and"}
    assert {name: strings.keys() - whole.strings["en"].keys() for name, strings in whole.strings.items()} == {
        **dict.fromkeys(LANGUAGES, set()),
        "fa": optional,
    }
    assert {name: whole.notices[name].keys() for name in LANGUAGES} == dict.fromkeys(LANGUAGES, whole.notices["en"].keys())


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("notice", sorted({**pages.TICKET, **pages.OTHER}))
def test_every_language_asks_the_same_of_the_reader(notice: str, language: str) -> None:
    """The same foot, the same cases, the same steps to take, the same lists."""
    assert _shape(shipped().notices[language][notice]) == _shape(shipped().notices["en"][notice])


def _shape(source: str) -> list[str]:
    """The lines of a template that are tags alone, and for each other line what it begins with."""
    lines = re.sub(r"\{#.*?#\}\n?", "", source).strip().splitlines()
    return [line if re.fullmatch(r"\{%[^%]*%\}", line) else line[:2] if line[:2] in ("! ", "- ", "") else "words" for line in lines]


def test_lint_names_what_a_language_lacks() -> None:
    """One sentence each, with the file."""
    whole = shipped()
    strings = {key: value for key, value in whole.strings["pt-BR"].items() if key != "cut"} | {"quote": "{when}"}
    notices = {**whole.notices["pt-BR"], "remind": "Oi\n\n{{ nobody }}", "escalate": "{% if %}"}
    del notices["needs_you"]
    broken = Templates({**whole.notices, "pt-BR": notices}, {**whole.strings, "pt-BR": strings}, whole.frame)
    said = lint(broken)
    assert "pt-BR lacks the notice needs_you" in said
    assert "pt-BR/strings.toml lacks cut" in said
    assert "pt-BR/strings.toml: quote fills other places than in en" in said
    assert "pt-BR/remind.txt names nobody, which en does not" in said
    assert "pt-BR/remind.txt does not name due_at, which en does" in said
    assert any(sentence.startswith("pt-BR/escalate.txt is no template") for sentence in said)


def test_lint_reads_another_calendar() -> None:
    """Its patterns are there, name what a date has, and ten digits are ten."""
    whole = shipped()
    strings = {**whole.strings["fa"], "when_jalali": "{day} {hour}", "digits": "۰۱۲"}
    del strings["day_jalali"]
    said = lint(Templates(whole.notices, {**whole.strings, "fa": strings}, whole.frame))
    assert "fa/strings.toml lacks day_jalali" in said
    assert "fa/strings.toml: when_jalali names hour, which no date has" in said
    assert "fa/strings.toml: digits needs the ten digits from 0 to 9" in said


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


def test_persian_reads_from_right_to_left() -> None:
    """dir on the cells, isolates around ids and addresses, Jalali dates with the Gregorian day, own digits outside ids."""
    made = render(pages.page("remind", "fa", history=()), shipped())
    assert made.subject == f"[MG-42] یادآوری ۱ از ۲: {pages.SUBJECT}"
    said = " ".join(made.text.split())
    assert "دوشنبه ۲۵ خرداد ۱۴۰۵، ساعت ۰۲:۰۰ به وقت تهران (۱۵ ژوئن ۲۰۲۶)" in said
    assert f"{FSI}{pages.HELPDESK}{PDI}" in made.text
    assert f"<bdi>{pages.HELPDESK}</bdi>" in made.html
    assert f"تیکت {FSI}MG-42{PDI}" in made.text
    assert made.html.count('dir="rtl"') > 5
    assert "text-align:right" in made.html
    assert "text-align:left" not in made.html


def test_an_isolate_ends_with_its_line() -> None:
    """A reader takes each line of a text for a paragraph, so a long quotation is isolated line by line."""
    data = {**pages.TICKET["alert_delivery"], "diagnostic": "mailbox full " * 20}
    lines = render(pages.page("alert_delivery", "fa", data=data), shipped()).text.splitlines()
    long = [line for line in lines if "mailbox full mailbox" in line]
    assert len(long) > 2
    assert all(line.count(FSI) == line.count(PDI) for line in long)
    assert long[1].startswith(f"{RLM}{FSI}")


def test_a_language_may_say_lists_and_dates_its_own_way() -> None:
    """By strings.toml alone: no language is in Python."""
    persian = _wording("fa", "Asia/Tehran")
    assert [persian.joined(range(1, n)) for n in range(1, 5)] == ["", "۱", "۱ و ۲", "۱، ۲ و ۳"]
    assert persian.day(date(2026, 6, 22)).replace("\u00a0", " ") == "دوشنبه ۱ تیر ۱۴۰۵ (۲۲ ژوئن ۲۰۲۶)"
    assert persian.duration(timedelta(hours=1, minutes=30)) == "۱ ساعت و ۳۰ دقیقه"
    assert persian.duration(Duration(24, "wh")) == "۲۴ ساعت کاری"
    twice = _wording("fa").when(datetime(2026, 11, 1, 5, 30, tzinfo=UTC)).replace("\u00a0", " ")
    assert twice == f"یکشنبه ۱۰ آبان ۱۴۰۵، ساعت ۰۱:۳۰ به وقت نیویورک، {FSI}UTC-0400{PDI} (۱ نوامبر ۲۰۲۶)"


def test_a_token_that_locates_stands_at_the_foot() -> None:
    """For relays that rewrite every header (mail.token.body_token)."""
    page = pages.page("remind")
    made = render(replace(page, data={**page.data, "token": "MG-cu5brry3c7oel6qkrb73g76pcm-42"}), shipped())
    assert made.text.endswith("\nMG-cu5brry3c7oel6qkrb73g76pcm-42\n")
    assert "MG-cu5brry3c7oel6qkrb73g76pcm-42" in made.html


@pytest.mark.parametrize("notice", ["escalate", "propose_takeover", "needs_you", "warn_due", "unknown_seller"])
def test_internal_notices_say_that_they_are(notice: str) -> None:
    """docs/rules.md G-14: answers to them stay inside."""
    for language in LANGUAGES:
        made = render(pages.page(notice, language), shipped())
        foot = " ".join(made.text.translate(MARKS).rpartition("-- \n")[2].split())
        assert foot == shipped().strings[language]["footer_internal"].format(desk="Megastore")


def test_no_notice_reads_like_an_automatic_acknowledgement() -> None:
    """Other helpdesks drop what sounds like "we received your request"; our own classifier stands for theirs."""
    for file in GOLDEN.rglob("*.eml"):
        assert classify(parse(file.read_bytes()), None, None, False) == "human", file


def test_golden_files_read_as_mail() -> None:
    """Any mail library takes them without a complaint."""
    for file in GOLDEN.rglob("*.eml"):
        parsed = email.message_from_bytes(file.read_bytes(), policy=email.policy.default)
        assert not [part.defects for part in parsed.walk() if part.defects]
        assert parsed["Content-Language"] == file.parent.name
