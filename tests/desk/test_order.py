"""What is known of an order, and the numbers that a text names; a stranger wrote it."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailgate.desk.order import NUMBERS, TEXT, Order, bad_pattern, facts, laid_over, numbers_in
from mailgate.desk.order_row import Wrong, read

NAMED = (r"(?i)(?:order|pedido|ordine|سفارش)\s*(?:number|no\.?|nº|شماره)?\s*[:#]?\s*([0-9]{4,12})",)
BERLIN = ZoneInfo("Europe/Berlin")
SOLD = datetime(2026, 1, 15, 7, 30, tzinfo=UTC)


def test_facts_are_what_is_known():
    """Nobody has to ask whether a fact is empty: it is not there."""
    assert facts(Order("4711")) == {"order": "4711"}
    whole = Order(
        "4711", "acme", "inc", "buyer@mail.test", "Book", SOLD, SOLD, False, "24.90", "EUR", "1Z9", "2026-01-16", {"sku": "9"}
    )
    assert facts(whole) == {
        "order": "4711", "sale_at": "2026-01-15T07:30:00+00:00", "billed_at": "2026-01-15T07:30:00+00:00", "subscription": False,
        "amount": "24.90", "currency": "EUR", "shipping_number": "1Z9", "shipping_date": "2026-01-16", "product": "Book",
        "entity": "inc",
    }  # fmt: skip


def test_new_row_is_laid_over_what_is_known():
    old = Order("4711", "acme", product="Book", subscription=True, extra={"sku": "9", "colour": "red"})
    new = Order("4711", subscription=False, shipping_number="1Z9", extra={"colour": "blue"})
    merged = Order(
        "4711", "acme", product="Book", subscription=False, shipping_number="1Z9", extra={"sku": "9", "colour": "blue"}
    )
    assert laid_over(old, new) == merged


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("Where is order 4711?", ("4711",)),
        ("Order #4711, ORDER NO. 4712 and pedido nº 4713", ("4711", "4712", "4713")),
        ("سفارش شماره: ۴۷۱۱ و سفارش ٤٧١٢", ("4711", "4712")),
        ("order\t\u200e 4711\norder 4711", ("4711",)),
        ("I paid 4711 euros", ()),
        ("order " + "9" * 13, ("9" * 12,)),
        ("", ()),
    ],
)
def test_numbers_are_read_where_the_pack_says(text, numbers):
    assert numbers_in(text, NAMED) == numbers


def test_number_is_the_first_group_or_the_whole_match():
    assert numbers_in("MM-123 MM-456", (r"MM-\d+",)) == ("MM-123", "MM-456")
    assert numbers_in("MM-123 MM-456", (r"MM-(\d+)",)) == ("123", "456")
    assert numbers_in("x MM-9 order 4711", (*NAMED, r"MM-\d+")) == ("MM-9", "4711"), "in the text's order, not the pack's"


def test_number_behind_a_long_line_is_found_and_not_cut():
    """A paragraph is one line; a number that lies across a window's edge is read whole."""
    for length in range(1100, 1500, 7):
        text = "word " * (length // 5) + "x" * (length % 5) + " order 123456789 " + "word " * 300
        assert numbers_in(text, NAMED) == ("123456789",)


def test_numbers_are_bounded():
    """Ten numbers, and the first 20,000 characters."""
    many = " ".join(f"order {number}" for number in range(1000, 2000))
    assert len(numbers_in(many, NAMED)) == NUMBERS
    assert numbers_in(" " * TEXT + "order 4711", NAMED) == ()


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        (r"(\d+", "a regular expression"),
        (r"(a+)+b", "no repetition inside"),
        (r"(?:\s*\d)+x", "no repetition inside"),
        (r"(?:[0-9]-?){8}", "no repetition inside"),
        (r"(?:a|ab)*c", "no alternatives inside"),
        (r"(\d)x\1", "no backreference"),
        (r"(?P<a>x)?(?(a)y|z)", "no backreference and no condition"),
        (r"\d*\d*x", "one unlimited repetition"),
        (r".*order(\d+)", "one unlimited repetition"),
        (r"(?i)a+A+b", "one unlimited repetition"),
        (r"\w{1,90}\w{1,90}x", "one unlimited repetition"),
        (r"\d{1,9}\d{1,9}\d{1,9}\d{1,9}x", "fewer alternatives"),
        (r"[[a]x", "a later Python"),
        (r"\d*", "does not match an empty text"),
        ("", "does not match an empty text"),
        ("x" * 501, "at most 500 characters"),
    ],
)
def test_pattern_that_could_take_long_is_refused_with_the_reason(pattern, why):
    assert why in (bad_pattern(pattern) or "")
    assert numbers_in("order 4711 aaaa 12", (pattern,)) == ()


@pytest.mark.parametrize(
    "pattern",
    [
        *NAMED,
        r"\b\d{8}\b",
        r"(?<!\d)\d{8,12}(?!\d)",
        r"#\s*(\d+)",
        r"[A-Z]{2,4}-?\d{4,10}",
        r"(?:a|b)(\w+)",
        r"(?:\d{3}-)+\d",
        r"\[[0-9]+\]",
    ],
)
def test_pattern_that_packs_use_is_taken(pattern):
    assert bad_pattern(pattern) is None


@given(st.text(max_size=400), st.integers(10**4, 10**12 - 1), st.text(max_size=400))
def test_named_number_is_found_in_any_text(before, number, after):
    """Whatever stands around it, in whatever digits it is written."""
    persian = str(number).translate(str.maketrans("0123456789", "۰۱۲۳۴۵۶۷۸۹"))
    for said in (str(number), persian):
        found = numbers_in(f"{before}\norder {said}\n{after}", NAMED)
        assert str(number) in found or len(found) == NUMBERS


@given(st.text(max_size=2000))
def test_numbers_are_ascii_each_once_and_stand_in_the_text(text):
    found = numbers_in(text, (r"[0-9]{4,12}",))
    plain = "".join(str(int(char)) if char.isdecimal() else char for char in text)
    assert len(set(found)) == len(found) <= NUMBERS
    assert all(re.fullmatch("[0-9]{4,12}", one) for one in found)
    if text.isprintable():
        assert all(one in plain for one in found)


@given(st.text("ab01(){}[]|*+?.,-^$&~\\dswbS1<!=:P>", max_size=14))
def test_any_pattern_is_refused_or_used(pattern):
    """No pattern makes it fail; one that is used takes no number that a plain search would not."""
    found = numbers_in("ab 0110 abab", (pattern,))
    assert bad_pattern(pattern) is None or found == ()


ROW = {
    "number": " ۴۷۱۱ ", "seller": "acme", "entity": "inc", "customer": "Buyer@Mail.TEST", "product": "A\r\nBook",
    "sold_at": "2026-01-15T08:30", "billed_at": "2026-01-16", "subscription": "Yes", "amount": "1.024,50", "currency": "eur",
    "shipping_number": "1Z9", "shipping_date": "2026-01-16", "sku": "9", "empty": " ",
}  # fmt: skip


def test_row_is_read_as_an_order():
    """Naive instants are the desk's local time; a date is the start of its day there."""
    billed = datetime(2026, 1, 15, 23, tzinfo=UTC)
    assert read(ROW, BERLIN) == Order(
        "4711",
        "acme",
        "inc",
        "buyer@mail.test",
        "A Book",
        SOLD,
        billed,
        True,
        "1024.50",
        "EUR",
        "1Z9",
        "2026-01-16",
        {"sku": "9"},
    )


def test_row_that_leaves_things_open_knows_nothing_of_them():
    assert read({"number": "1", "amount": ""}, BERLIN) == Order("1")


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("number", ""), ("number", "9" * 101), ("customer", "nobody"), ("sold_at", "15.01.2026"), ("sold_at", "1492-01-01"),
        ("billed_at", "soon"), ("subscription", "perhaps"), ("amount", "1,024"), ("amount", "free"), ("amount", "1e9"),
        ("currency", "€"), ("shipping_date", "tomorrow"), ("product", "x" * 1001), ("sku", "x" * 1001),
    ],
)  # fmt: skip
def test_value_that_does_not_fit_is_named(column, value):
    found = read(ROW | {column: value}, BERLIN)
    assert isinstance(found, tuple)
    assert [(one.column, one.got) for one in found] == [(column, value)]


def test_everything_wrong_with_a_row_is_said():
    found = read({"number": "", "amount": "x", "currency": "y"}, BERLIN)
    assert isinstance(found, tuple)
    assert {one.column for one in found} == {"number", "amount", "currency"}
    assert all(isinstance(one, Wrong) for one in found)


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("24.90", "24.90"),
        ("24,9", "24.9"),
        ("1,024.50", "1024.50"),
        ("1.024.000,50", "1024000.50"),
        ("-3", "-3"),
        ("۱۲٫۵"[:2], "12"),
    ],
)
def test_amount_is_read_as_it_is_meant(text, amount):
    found = read({"number": "1", "amount": text}, BERLIN)
    assert isinstance(found, Order)
    assert found.amount == amount


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-01-15T08:30:00+01:00", SOLD),
        ("2026-01-15T07:30:00Z", SOLD),
        ("20260115T083000", SOLD),
        ("2026-03-29T02:30", datetime(2026, 3, 29, 1, 30, tzinfo=UTC)),  # the clocks skip this half hour
    ],
)
def test_instant_is_read_in_each_iso_form(text, instant):
    found = read({"number": "1", "sold_at": text}, BERLIN)
    assert found == replace(Order("1"), sold_at=instant)
