"""An order as the marketplace told us of it, and where a mail names one.

`facts` is what a decision may know of an order. `numbers_in` reads order numbers out of a subject or a new text by the pack's
patterns. A stranger writes that text, so the work is bounded: text is cut, white space is one space, a pattern sees no more than
WINDOW characters at a time, and `bad_pattern` refuses what could still take long within them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any

from mailgate.desk.pattern import refusal

TEXT = 20_000
WINDOW = 400
NUMBERS = 10
NUMBER = 100


@dataclass(frozen=True)
class Order:
    """One order; what is unknown is None. `customer` is a compared address, `amount` a decimal as text, instants are in UTC.

    `shipping_date` is ISO 8601 text, `extra` holds the columns that mailgate has no name for.
    """

    number: str
    seller: str | None = None
    entity: str | None = None
    customer: str | None = None
    product: str | None = None
    sold_at: datetime | None = None
    billed_at: datetime | None = None
    subscription: bool | None = None
    amount: str | None = None
    currency: str | None = None
    shipping_number: str | None = None
    shipping_date: str | None = None
    extra: Mapping[str, str] = field(default_factory=dict)


COLUMNS = tuple(name for name in Order.__dataclass_fields__ if name != "extra")
_FACTS = {
    "order": "number",
    "sale_at": "sold_at",
    "billed_at": "billed_at",
    "subscription": "subscription",
    "amount": "amount",
    "currency": "currency",
    "shipping_number": "shipping_number",
    "shipping_date": "shipping_date",
    "product": "product",
    "entity": "entity",
}


def facts(order: Order) -> dict[str, Any]:
    """What is known of `order`, as facts that JSON can hold (instants are ISO 8601 text); what is unknown is left out (A-08)."""
    found = {fact: getattr(order, name) for fact, name in _FACTS.items()}
    return {fact: _plain(value) for fact, value in found.items() if value is not None}


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


def laid_over(old: Order, new: Order) -> Order:
    """`old` with everything that `new` knows; what `new` leaves open stays."""
    known = {name: value for name in COLUMNS if (value := getattr(new, name)) is not None}
    return Order(**{name: getattr(old, name) for name in COLUMNS} | known, extra={**old.extra, **new.extra})


def plain_number(text: str) -> str:
    """An order number as it is compared: digits of any script are ASCII, no spaces around, no invisible marks."""
    return _digits(text).strip()


def numbers_in(text: str, patterns: tuple[str, ...]) -> tuple[str, ...]:
    """The order numbers that stand in `text`, in its order, each once, NUMBERS at the most.

    A pattern's first group is the number, or the whole match where it has none. One that `bad_pattern` refuses finds nothing.
    """
    compiled = [pattern for one in patterns if (pattern := _compiled(one))]
    found: dict[str, None] = {}
    for window in _windows(_digits(text[:TEXT])) if compiled else ():
        matches = sorted((match for one in compiled for match in one.finditer(window)), key=lambda match: match.start())
        for match in matches:
            number = ((match[1] if match.re.groups else match[0]) or "").strip()
            if 0 < len(number) <= NUMBER:
                found[number] = None
            if len(found) == NUMBERS:
                return tuple(found)
    return tuple(found)


def bad_pattern(pattern: str) -> str | None:
    """Why `pattern` can't be used to find order numbers, or None if it can; for `mailgate check`."""
    return refusal(pattern)


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> re.Pattern[str] | None:
    return re.compile(pattern) if refusal(pattern) is None else None


def _digits(text: str) -> str:
    """`text` with ASCII digits, without the marks that only set the direction of writing."""
    if text.isascii():
        return text
    return "".join(str(int(char)) if char.isdecimal() else char for char in text if char not in _INVISIBLE)


_INVISIBLE = frozenset("\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff")


def _windows(text: str) -> Iterator[str]:
    """Each line, its words one space apart, in pieces of WINDOW characters that overlap by half and cut no word.

    A word that is longer than half a window is in no piece: it is no order number.
    """
    for line in text.splitlines():
        words = [word for word in line.split() if len(word) <= WINDOW // 2]
        yield from _pieces(words)


def _pieces(words: list[str]) -> Iterator[str]:
    piece: list[str] = []
    size = 0
    for word in words:
        if size + len(word) + 1 > WINDOW:
            yield " ".join(piece)
            while size > WINDOW // 2 or size + len(word) + 1 > WINDOW:
                size -= len(piece.pop(0)) + 1
        piece.append(word)
        size += len(word) + 1
    if piece:
        yield " ".join(piece)
