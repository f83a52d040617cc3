"""Signed JSON in a mail: what mailgate orders from other systems, and what they tell it (rules.md C-52, design.md §4).

The JSON travels as a part mailgate.json beside a text for people. It is an object with

- ``v`` 1, ``system`` whose secret signs, ``id`` that this system gives once only, ``at`` the instant (RFC 3339)
- ``action``, ``ticket`` (42 or "MG-42"), ``order``, ``facts``: names with texts, whole numbers, true or false
- ``mac``: HMAC-SHA256 in hex, with the system's secret, over the canonical form of all other members (RFC 8785:
  keys sorted, no spaces, UTF-8), whatever spaces and order the mail itself has

Read in this order: find the part, read it, verify it, then look at what it says. Duplicate keys, fractions, NaN and
numbers beyond 2^53 are refused, and keys are ASCII (RFC 7493 §2): only so does every language write the same canonical
form. Amounts are texts: "12.50". Only open, close and acknowledge are read, so that an order of our own that somebody
sends back to us is none. That `id` was not used before is for the caller to ask.
"""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any, NoReturn

from mailgate.mail.attach import INSTRUCTION
from mailgate.mail.message import Message, Part

VERSION = 1
ACTIONS = frozenset({"open", "close", "acknowledge"})
MAX_OCTETS = 64 * 1024
MAX_DEPTH = 8
MAX_FACTS = 100
TEXT_LIMIT = 4000
AROUND = timedelta(hours=48)
SECRET_OCTETS = 16

_GREATEST = 2**53 - 1  # RFC 7493 §2.2
_KEY = re.compile(r"[!-~]{1,64}")
_NAME = re.compile(r"[!-~]{1,128}")
_MAC = re.compile(r"[0-9a-f]{64}")
_TICKET = re.compile(r"(?:MG-)?([1-9][0-9]{0,14})", re.IGNORECASE | re.ASCII)
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:Z|[+-]\d\d:\d\d)", re.ASCII)

Fact = str | int | bool


@dataclass(frozen=True)
class Instruction:
    """What `system` says, verified. `ticket` is our number; `order` and `ticket` may both be there, or neither."""

    system: str
    id: str
    at: datetime
    action: str
    ticket: int | None
    order: str | None
    facts: Mapping[str, Fact]


@dataclass(frozen=True)
class Refused:
    """Why an instruction counts for nothing: several, size, json, system, mac; then, verified: version, id, at, stale,
    action, ticket, order or facts; and spent, where the store knows it already. `system` is the name it gives itself."""

    reason: str
    system: str = ""


def signed(payload: Mapping[str, Any], secret: bytes) -> bytes:
    """`payload` with ``v`` and ``mac`` in canonical JSON (RFC 8785), for a part mailgate.json.

    Raises ValueError for what no reader would take: fractions, great numbers, keys that are not ASCII, half characters,
    more than 64 KiB, and a secret of fewer than 16 octets.
    """
    if len(secret) < SECRET_OCTETS:
        raise ValueError(f"a secret has at least {SECRET_OCTETS} octets")
    said = {**payload, "v": VERSION}
    said.pop("mac", None)
    _check(said, MAX_DEPTH)
    made = _canonical({**said, "mac": _mac(said, secret)})
    if len(made) > MAX_OCTETS:
        raise ValueError("an instruction has at most 64 KiB")
    return made


def read(message: Message, secrets: Mapping[str, bytes], now: datetime) -> Instruction | Refused | None:
    """The instruction in `message`; None if there is none, Refused if it must not be followed.

    `secrets` by name of system; an `at` more than 48 hours from `now`, before or after, is stale. A single JSON file
    that is not called mailgate.json and bears no ``mac`` is a file like others: None.
    """
    named = [part for part in message.parts if (part.filename or "").casefold() == INSTRUCTION]
    parts = named or [part for part in message.parts if part.content_type == "application/json"]
    if len(parts) != 1:
        return Refused("several") if named else None
    if not named and b'"mac"' not in parts[0].content:
        return None
    return _read(parts[0], secrets, now)


def _read(part: Part, secrets: Mapping[str, bytes], now: datetime) -> Instruction | Refused:
    if len(part.content) > MAX_OCTETS:
        return Refused("size")
    try:
        said = _parsed(part.content)
    except (ValueError, RecursionError):
        return Refused("json")
    system = said.get("system")
    if not isinstance(system, str) or len(secrets.get(system, b"")) < SECRET_OCTETS:
        return Refused("system", system[:128] if isinstance(system, str) else "")
    mac = said.pop("mac", None)
    if not isinstance(mac, str) or not _MAC.fullmatch(mac.lower()):
        return Refused("mac", system)
    if not hmac.compare_digest(mac.lower(), _mac(said, secrets[system])):
        return Refused("mac", system)
    return _instruction(said, system, now)


def _instruction(said: Mapping[str, Any], system: str, now: datetime) -> Instruction | Refused:
    """What a verified object says."""
    at, ticket = _instant(said.get("at")), _ticket(said.get("ticket"))
    order, facts = said.get("order"), said.get("facts")
    checks = {
        "version": type(said.get("v")) is int and said["v"] == VERSION,
        "id": isinstance(said.get("id"), str) and _NAME.fullmatch(said["id"]),
        "at": at,
        "stale": at and abs(at - now) <= AROUND,
        "action": isinstance(said.get("action"), str) and said["action"] in ACTIONS,
        "ticket": ticket is not None,
        "order": order is None or (isinstance(order, str) and _NAME.fullmatch(order)),
        "facts": facts is None or (isinstance(facts, dict) and len(facts) <= MAX_FACTS and all(map(_is_fact, facts.values()))),
    }
    wrong = next((reason for reason, good in checks.items() if not good), None)
    if wrong or at is None:
        return Refused(wrong or "at", system)
    return Instruction(
        system, said["id"], at.astimezone(UTC), said["action"], ticket or None, order, MappingProxyType(dict(facts or {}))
    )


def _instant(value: object) -> datetime | None:
    """An instant with its offset (RFC 3339 §5.6), without leap seconds."""
    if not isinstance(value, str) or not _INSTANT.fullmatch(value):
        return None
    try:
        return datetime.fromisoformat(value)
    except ValueError:
        return None


def _ticket(value: object) -> int | None:
    """The number of a ticket; 0 where none is named, None for what names no ticket."""
    if value is None:
        return 0
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    found = _TICKET.fullmatch(str(value))
    return int(found[1]) if found else None


def _is_fact(value: object) -> bool:
    return isinstance(value, int) or (isinstance(value, str) and len(value) <= TEXT_LIMIT)


def _parsed(content: bytes) -> dict[str, Any]:
    """The object that `content` is; ValueError or RecursionError for anything else (RFC 8259, RFC 7493)."""
    said = json.loads(
        content.decode("utf-8-sig"),
        object_pairs_hook=_object,
        parse_int=_integer,
        parse_float=_refuse,
        parse_constant=_refuse,
    )
    if not isinstance(said, dict):
        raise ValueError("not an object")
    _check(said, MAX_DEPTH)
    return said


def _object(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError("a key stands twice")
        found[key] = value
    return found


def _integer(digits: str) -> int:
    """A whole number of reasonable length; what is still too great, _check refuses."""
    if len(digits) > 17:
        raise ValueError("a number beyond 2^53")
    return int(digits)


def _refuse(text: str) -> NoReturn:
    raise ValueError("not a whole number")


def _check(value: Any, depth: int) -> None:
    """Raise ValueError for what has no canonical form in every language, or is too deep."""
    match value:
        case None | bool():
            return
        case int():
            fit = -_GREATEST <= value <= _GREATEST
        case str():
            fit = not any("\ud800" <= char <= "\udfff" for char in value)
        case list() | tuple() | Mapping():
            fit = depth > 0
        case _:
            fit = False
    if not fit:
        raise ValueError(f"a {type(value).__name__} that cannot be signed")
    if isinstance(value, Mapping):
        if not all(isinstance(key, str) and _KEY.fullmatch(key) for key in value):
            raise ValueError("a key that is not ASCII")
        value = list(value.values())
    if isinstance(value, list | tuple):
        for inner in value:
            _check(inner, depth - 1)


def _mac(said: Mapping[str, Any], secret: bytes) -> str:
    return hmac.digest(secret, _canonical(said), "sha256").hex()


def _canonical(said: Mapping[str, Any]) -> bytes:
    return json.dumps(said, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":"), default=dict).encode()
