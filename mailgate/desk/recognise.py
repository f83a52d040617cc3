"""A marketplace's own notices that tell of an order: which they are, and what they say (docs/rules.md C-03, C-04).

A pack's `[[recognise]]` entry names the words of the subject and where each field stands. Its sample is a whole mail, which the
entry must recognise, or the pack is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from mailgate.desk.entry import Fact, Recognise
from mailgate.desk.facts import fact_of, plain, typed_as
from mailgate.desk.order import COLUMNS, Order, plain_number
from mailgate.desk.pack import Policy
from mailgate.mail import address as addresses
from mailgate.mail.message import Message, parse

TYPES: Mapping[str, str] = {"sold_at": "instant", "billed_at": "instant", "subscription": "boolean", "amount": "amount"}


@dataclass(frozen=True)
class Recognised:
    """The entry that knew the mail, and the order that it tells of."""

    name: str
    order: Order


def recognised(message: Message, text: str, party: str, policy: Policy, zone: str = "UTC") -> Recognised | None:
    """What this mail of `party` tells of an order, by the first entry that knows it; None if none does."""
    for entry in policy.recognise:
        if party in entry.by and (order := read(entry, message, text, zone)):
            return Recognised(entry.name, order)
    return None


def read(entry: Recognise, message: Message, text: str, zone: str = "UTC") -> Order | None:
    """The order in a mail that `entry` knows, or None: its subject must hold one of the words, its text the number."""
    subject = f" {plain(message.subject)} "
    if not any(f" {plain(word)} " in subject for word in entry.subject):
        return None
    found = {name: fact_of(message, text, Fact.model_validate({"in": places})) for name, places in entry.fields.items()}
    said = {name: _typed(name, value, zone) for name, value in found.items() if value} | dict(entry.sets)
    if not said.get("number"):
        return None
    known = {name: value for name, value in said.items() if name in COLUMNS and value is not None}
    order = Order(**{**known, "number": plain_number(str(said["number"]))})
    return replace(order, customer=addresses.key(order.customer)) if order.customer else order


def recognises_sample(entry: Recognise) -> bool:
    """True if the entry knows its own sample, and finds there every field that it names."""
    message = parse(entry.sample.strip().replace("\n", "\r\n").encode())
    order = read(entry, message, message.readable or "")
    return order is not None and all(getattr(order, name, None) is not None for name in entry.fields)


def _typed(name: str, value: str, zone: str) -> Any:
    typed = typed_as(value, TYPES.get(name, "text"), zone)
    if TYPES.get(name) == "instant" and isinstance(typed, str):
        return datetime.fromisoformat(typed).astimezone(UTC)
    return str(typed) if isinstance(typed, int) and not isinstance(typed, bool) else typed
