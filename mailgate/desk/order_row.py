"""A row of text as an order: what each column may hold, and what is wrong where it holds something else.

Instants are ISO 8601; one without an offset is local time at the desk, a date alone is that day's first moment there. An amount
is a decimal; `12,50` and `1.024,50` are read as they are meant, `1,024` could be two amounts and is none. Columns that mailgate
has no name for are kept as text. A row with a wrong value is no order: half of one would be believed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from mailgate.desk.calendar import FIRST_YEAR, LAST_YEAR
from mailgate.desk.order import COLUMNS, NUMBER, Order, plain_number
from mailgate.mail import address as addresses

TEXT = 1000
EXTRAS = 50
_TRUE, _FALSE = frozenset(("true", "yes", "1")), frozenset(("false", "no", "0"))
_AMOUNTS = tuple(
    map(
        re.compile,
        (
            r"(-?[0-9]{1,18})(?:\.([0-9]{1,9}))?",  # 1024.50
            r"(-?[0-9]{1,18}),([0-9]{1,2})",  # 1024,50
            r"(-?[0-9]{1,3}(?:\.[0-9]{3}){1,5}),([0-9]{1,2})",  # 1.024,50
            r"(-?[0-9]{1,3}(?:,[0-9]{3}){1,5})\.([0-9]{1,2})",  # 1,024.50
        ),
    )
)
INSTANT = "an instant such as 2026-01-15T08:30:00+01:00, or a date"


@dataclass(frozen=True)
class Wrong:
    """One value that does not fit its column."""

    column: str
    expected: str
    got: str


def read(values: Mapping[str, str], zone: ZoneInfo) -> Order | tuple[Wrong, ...]:
    """The order that a row tells of, or everything that is wrong with it. An empty value is unknown."""
    found: dict[str, Any] = {}
    wrong: list[Wrong] = []
    for name, kind in _KINDS.items():
        value = _clean(values.get(name, ""))
        try:
            found[name] = kind(value, zone) if value else None
        except ValueError as error:
            wrong.append(Wrong(name, str(error), value))
    if not found.get("number") and not any(one.column == "number" for one in wrong):
        wrong.append(Wrong("number", "the order's number", ""))
    extra = {name: _clean(value) for name, value in values.items() if name not in _KINDS and value.strip()}
    if len(extra) > EXTRAS:
        wrong.append(Wrong("", f"at most {EXTRAS} further columns", str(len(extra))))
    wrong += [Wrong(name, f"at most {TEXT} characters", value) for name, value in extra.items() if len(value) > TEXT]
    return tuple(wrong) if wrong else Order(**found, extra=extra)


def _clean(value: str) -> str:
    """One line, without control characters: values come to stand in mails."""
    return " ".join("".join(char if char.isprintable() else " " for char in value).split())


def _number(value: str, _: ZoneInfo) -> str:
    number = plain_number(value)
    if not 0 < len(number) <= NUMBER:
        raise ValueError(f"an order number of at most {NUMBER} characters")
    return number


def _text(value: str, _: ZoneInfo) -> str:
    if len(value) > TEXT:
        raise ValueError(f"at most {TEXT} characters")
    return value


def _customer(value: str, _: ZoneInfo) -> str:
    if not addresses.is_address(value):
        raise ValueError("an e-mail address")
    return addresses.key(value)


def _instant(value: str, zone: ZoneInfo) -> datetime:
    try:
        found = datetime.fromisoformat(_ascii(value))
        if not FIRST_YEAR <= found.year <= LAST_YEAR:
            raise ValueError
    except ValueError:
        raise ValueError(INSTANT) from None
    return (found if found.tzinfo else found.replace(tzinfo=zone)).astimezone(UTC)


def _day(value: str, _: ZoneInfo) -> str:
    """An ISO date or instant as it stands, which has to be one."""
    text = _ascii(value)
    try:
        day = date.fromisoformat(text) if len(text) <= len("2026-01-15") else datetime.fromisoformat(text)
    except ValueError:
        raise ValueError("a date such as 2026-01-15") from None
    return day.isoformat() if not isinstance(day, datetime) or day.time() != time() else day.date().isoformat()


def _truth(value: str, _: ZoneInfo) -> bool:
    word = value.casefold()
    if word not in _TRUE | _FALSE:
        raise ValueError("true or false, yes or no, 1 or 0")
    return word in _TRUE


def _amount(value: str, _: ZoneInfo) -> str:
    text = _ascii(value)
    for form in _AMOUNTS:
        if found := form.fullmatch(text):
            whole = found[1].replace(".", "").replace(",", "")
            return f"{whole}.{found[2]}" if found[2] else whole
    raise ValueError("an amount such as 24.90")


def _currency(value: str, _: ZoneInfo) -> str:
    if not re.fullmatch(r"[A-Za-z]{3}", value):
        raise ValueError("a currency such as EUR (ISO 4217)")
    return value.upper()


def _ascii(value: str) -> str:
    return plain_number(value)


_KINDS: dict[str, Callable[[str, ZoneInfo], Any]] = {
    **dict.fromkeys(COLUMNS, _text),
    "number": _number,
    "customer": _customer,
    "sold_at": _instant,
    "billed_at": _instant,
    "subscription": _truth,
    "amount": _amount,
    "currency": _currency,
    "shipping_date": _day,
}
