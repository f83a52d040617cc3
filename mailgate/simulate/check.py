"""What is wrong with a case before it is run, said for whoever wrote it (docs/simulate.md)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from mailgate.config import Pack
from mailgate.desk.pack import PackError, Policy, bind

NEEDED: Mapping[str, tuple[str, ...]] = {
    "bounce": ("of", "status"),
    "topic_mail": ("topic",),
    "mail": ("by",),
    "command": ("by", "name"),
}


class CaseError(ValueError):
    """A case that can't be run; its text lists all reasons."""


_BOUND: dict[tuple[str, str], Policy] = {}


def bound(pack: Pack, options: Mapping[str, Any]) -> Policy:
    """The pack with these options, bound once however many cases ask for it. Raises PackError."""
    key = (pack.text, json.dumps(options, sort_keys=True, default=str))
    if key not in _BOUND:
        _BOUND[key] = bind(pack.raw, options, pack.name)
    return _BOUND[key]


def checked(case: Mapping[str, Any], packs: Mapping[str, Pack]) -> None:
    """Raise CaseError with everything that is wrong: a field that lacks, an unknown policy, option, entity or zone, a date."""
    if faults := tuple(_faults(case, packs)):
        raise CaseError("; ".join(faults))


def _faults(case: Mapping[str, Any], packs: Mapping[str, Pack]) -> Iterator[str]:
    yield from (f"{name} is missing" for name in ("policy", "until") if name not in case)
    yield from _policy(case, packs)
    if "until" in case and not _is_instant(case["until"]):
        yield f"until: expected an instant with its offset, got {case['until']!r}"
    try:
        ZoneInfo(case.get("seller_tz", "UTC"))
    except (KeyError, ValueError, OSError):
        yield f"seller_tz: expected a time zone, got {case['seller_tz']!r}"
    yield from (f"holidays: expected a date, got {one!r}" for one in case.get("holidays", ()) if not _is_day(one))
    for place, event in enumerate(case.get("events", ()), 1):
        yield from (f"event {place}: {name} is missing" for name in _needed(event) if name not in event)
        if "t" in event and not _is_instant(event["t"]):
            yield f"event {place}: t: expected an instant with its offset, got {event['t']!r}"


def _policy(case: Mapping[str, Any], packs: Mapping[str, Pack]) -> Iterator[str]:
    if "policy" not in case:
        return
    pack = packs.get(case["policy"])
    if pack is None:
        yield f"policy: expected one of {', '.join(packs)}, got {case['policy']!r}"
        return
    try:
        policy = bound(pack, case.get("options", {}))
    except PackError as error:
        yield str(error)
        return
    entity = case.get("entity", "")
    if entity and policy.entities and entity not in policy.entities:
        yield f"entity: expected one of {', '.join(policy.entities)}, got {entity!r}"


def _needed(event: Mapping[str, Any]) -> tuple[str, ...]:
    return ("t", "kind", *NEEDED.get(event.get("kind", ""), ()))


def _is_instant(text: object) -> bool:
    try:
        return isinstance(text, str) and datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False


def _is_day(text: object) -> bool:
    try:
        return isinstance(text, str) and bool(date.fromisoformat(text))
    except ValueError:
        return False
