"""What a mail states, what conditions ask of it, and which words stand in it (desk/facts.py, desk/view.py)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailgate.desk.calendar import Calendar
from mailgate.desk.facts import holds, mentioned, read, typed_as
from mailgate.desk.pack import bind
from mailgate.desk.timed import Window
from mailgate.desk.view import cited_numbers, inside
from mailgate.mail.message import parse

SAO_PAULO = "America/Sao_Paulo"
SALE = datetime(2026, 3, 2, 15, 30, tzinfo=UTC)  # 12:30 in São Paulo


# -- facts


@pytest.mark.parametrize(
    ("said", "amount"),
    [
        ("1.024,50", "1024.50"),
        ("R$ 1.024,50", "1024.50"),
        ("1,024.50 USD", "1024.50"),
        ("24,99", "24.99"),
        ("25", "25"),
        ("1.024", "1024"),
        ("10.000.000", "10000000"),
        ("€ 0,99", "0.99"),
        ("۱۲۳٫۵", "123.5"),
        ("۱٬۰۲۴٫۵۰ تومان", "1024.50"),
        ("٢٥", "25"),
        ("free", None),
    ],
)
def test_amount_is_read_as_people_write_it(said: str, amount: str | None) -> None:
    assert typed_as(said, "amount") == amount


@given(st.decimals(min_value=0, max_value=10**9, places=2))
def test_amount_is_the_same_by_either_convention(value: Decimal) -> None:
    english = f"{value:,.2f}"
    latin = english.translate(str.maketrans(",.", ".,"))
    assert Decimal(typed_as(english, "amount")) == Decimal(typed_as(latin, "amount")) == value


@pytest.mark.parametrize("said", ["yes", "Sim", "sì", "SI", "ja", "بله", "true.", "1"])
def test_yes_is_yes_in_every_language(said: str) -> None:
    assert typed_as(said, "boolean") is True


@pytest.mark.parametrize("said", ["no", "Não", "nao", "NEIN", "خیر", "false", "0"])
def test_no_is_no_in_every_language(said: str) -> None:
    assert typed_as(said, "boolean") is False


@pytest.mark.parametrize("said", ["perhaps", "yes and no", "y", "2"])
def test_neither_yes_nor_no_was_not_said(said: str) -> None:
    assert typed_as(said, "boolean") is None


@pytest.mark.parametrize(
    ("said", "instant"),
    [
        ("2026-06-12T10:00", "2026-06-12T10:00:00-03:00"),
        ("2026-06-12", "2026-06-12T00:00:00-03:00"),
        ("2026-06-12T10:00Z", "2026-06-12T10:00:00+00:00"),
        ("2026-06-12T10:00+03:30", "2026-06-12T10:00:00+03:30"),
        ("12/06/2026", None),
        ("yesterday", None),
    ],
)
def test_instant_without_a_zone_is_one_of_the_desks(said: str, instant: str | None) -> None:
    assert typed_as(said, "instant", SAO_PAULO) == instant


@pytest.mark.parametrize(
    ("said", "items"), [("a, b;c", ["a", "b", "c"]), ("کالا، سفارش", ["کالا", "سفارش"]), ("one", ["one"]), (" , ", [])]
)
def test_list_is_parted_by_commas_of_every_script(said: str, items: list[str]) -> None:
    assert typed_as(said, "list") == items


@pytest.mark.parametrize(("said", "value"), [("12", 12), ("۱۲", 12), (" 12 ", 12), ("12a", "12a"), ("1234567890", "1234567890")])
def test_text_that_is_a_whole_number_becomes_one(said: str, value: int | str) -> None:
    assert typed_as(said, "text") == value


def _read(text: str, subject: str = "Hello", **pack: Any) -> dict[str, Any]:
    message = parse(f"From: a@shop.test\nSubject: {subject}\nX-Order: A-1\n\n{text}".encode())
    return read(message, text, bind(pack, {}))


def test_first_place_that_holds_a_fact_wins() -> None:
    facts = {"order": ["header:X-Number", "header:X-Order", "line:Order"]}
    assert _read("Order: A-2\n", facts=facts) == {"order": "A-1"}


def test_fact_that_is_not_what_it_should_be_was_not_said() -> None:
    facts = {"issue": {"in": ["line:Issue"], "is": "boolean"}, "amount": {"in": ["line:Amount"], "is": "amount"}}
    assert _read("Issue: perhaps\nAmount: 1.024,50\n", facts=facts) == {"amount": "1024.50"}


def test_topic_of_the_subject_yields_to_what_a_line_states() -> None:
    pack = {"facts": {"type": ["line:Type", "topic"]}, "topics": {"refund": ["money back"], "cancel": ["cancel"]}}
    assert _read("Please.\n", "I want my MONEY BACK", **pack) == {"type": "refund"}
    assert _read("Type: cancel\n", "I want my money back", **pack) == {"type": "cancel"}


# -- conditions


@pytest.mark.parametrize(
    ("given", "fits"),
    [
        ({"kind": "refund"}, True),
        ({"kind": ("cancel", "refund")}, True),
        ({"kind": {"not": "refund"}}, False),
        ({"kind": {"not": ("cancel", "support")}}, True),
        ({"nothing": {"not": True}}, True),
        ({"nothing": True}, False),
        ({"nothing": False}, False),
        ({"nothing": {"is_known": False}}, True),
        ({"empty": {"is_known": True}}, False),
        ({"kind": {"is_known": True}}, True),
        ({"free": {"is_known": True}}, True),
        ({"to_kind": {"same_as": "kind"}}, True),
        ({"old_kind": {"same_as": "kind"}}, False),
        ({"amount": {"less_than": "25"}}, True),
        ({"amount": {"less_than": "24.99"}}, False),
        ({"amount": {"less_than": 25}}, True),
        ({"amount": {"more_than": 24.9}}, True),
        ({"amount": {"more_than": 24, "less_than": 25}}, True),
        ({"amount": {"less_than": ""}}, False),
        ({"kind": {"more_than": 1}}, False),
        ({"free": {"less_than": 1}}, False),
        ({"nothing": {"less_than": 1}}, False),
        ({"mentions": "charge"}, True),
        ({"mentions": {"not": "whatsapp"}}, True),
        ({"kind": "refund", "free": True}, False),
    ],
)
def test_condition_holds(given: dict[str, Any], fits: bool) -> None:
    view = {"kind": "refund", "to_kind": "refund", "old_kind": "cancel", "free": False, "amount": "24.99", "empty": ""}
    assert holds(given, {**view, "mentions": frozenset({"charge"})}) is fits


@given(st.decimals(-1000, 1000, places=3), st.decimals(-1000, 1000, places=3))
def test_more_and_less_compare_as_decimals_do(left: Decimal, right: Decimal) -> None:
    """No binary fraction decides over 0.1 (A-10: strictly below)."""
    view = {"amount": str(left)}
    assert holds({"amount": {"more_than": str(right)}}, view) is (left > right)
    assert holds({"amount": {"less_than": str(right)}}, view) is (left < right)


# -- terms


TERMS = {
    "charge": {"words": ["pix", "taxa extra"], "unless": ["reembolso", "estorno"]},
    "attachment": {"words": ["پیوست"], "whole": False},
}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Pague por PIX.", {"charge"}),
        ("Há uma taxa\u00a0extra!", {"charge"}),
        ("Há uma taxa-extra.", {"charge"}),
        ("O pixel está quebrado.", set()),
        ("O reembolso vai por pix.", set()),
        ("O reembolso foi feito. Agora pague por pix.", {"charge"}),
        ("O reembolso vai por pix.\nPague a taxa extra.", {"charge"}),
        ("فایل پیوست‌شده را ببینید", {"attachment"}),
        ("پیوستها", {"attachment"}),
    ],
)
def test_terms_are_whole_words_unless_the_pack_says_parts_and_the_sentence_is_not_excused(text: str, found: set[str]) -> None:
    assert mentioned(text, bind({"terms": TERMS}, {}))["mentions"] == found


def test_sentence_that_holds_a_term_is_kept_as_it_was_written() -> None:
    seen = mentioned("Olá!\nPague por PIX, por favor. Obrigado.", bind({"terms": TERMS}, {}))
    assert seen["sentence.charge"] == "Pague por PIX, por favor."


def test_pack_without_terms_asks_no_mail() -> None:
    assert mentioned("Pague por PIX", bind({}, {})) == {}


# -- windows


def _window(unit: str, now: datetime, **facts: Any) -> bool | None:
    window = Window.model_validate({"from": ["sale_at", "billed_at"], "within": "60d", "unit": unit})
    return inside(window, facts, Calendar(ZoneInfo(SAO_PAULO)), now)


@pytest.mark.parametrize(
    ("earlier", "still"), [(timedelta(microseconds=1), True), (timedelta(), False), (-timedelta(days=1), False)]
)
def test_elapsed_window_is_over_at_its_very_end(earlier: timedelta, still: bool) -> None:
    """CR-07: an age of exactly 60 days is outside."""
    assert _window("elapsed", SALE + timedelta(days=60) - earlier, sale_at=SALE.isoformat()) is still


@pytest.mark.parametrize(("local", "still"), [("2026-04-30T23:59:59", True), ("2026-05-01T00:00:00", False)])
def test_calendar_window_is_over_at_a_local_midnight(local: str, still: bool) -> None:
    """CR-07: bought on 2 March, the 60th day after it is 1 May."""
    now = datetime.fromisoformat(local).replace(tzinfo=ZoneInfo(SAO_PAULO)).astimezone(UTC)
    assert _window("calendar", now, sale_at=SALE.isoformat()) is still


def test_window_counts_from_the_latest_that_is_known() -> None:
    now, billed = SALE + timedelta(days=70), SALE + timedelta(days=30)
    assert _window("elapsed", now, sale_at=SALE.isoformat()) is False
    assert _window("elapsed", now, sale_at=SALE.isoformat(), billed_at=billed.isoformat()) is True
    assert _window("elapsed", now, billed_at=None) is None


@pytest.mark.parametrize(
    ("said", "numbers"),
    [("MG-12", {12}), ("mg 12", {12}), (["۱۲", "MG-13", "x"], {12, 13}), (12, {12}), (None, set()), ("12 and 13", set())],
)
def test_ticket_numbers_are_read_in_every_digit(said: Any, numbers: set[int]) -> None:
    """K-12."""
    assert cited_numbers(said) == numbers


def test_phrase_that_wraps_over_a_line_is_the_phrase() -> None:
    """M-07: mail programs wrap lines where they like."""
    policy = bind({"title": "x", "terms": {"charge": {"words": ["pay now"]}}}, {})
    assert mentioned("Please pay\nnow. Thank you.", policy)["sentence.charge"] == "Please pay now."
