"""What a mail says about its case: facts in headers and lines, words of the pack, topics of a subject.

A pack names where each fact may stand; the first place that holds one wins:
`header:NAME` a header, `line:NAME` a line `NAME: value` of the new text, `days:WORD` a number of days in a line
that also holds WORD. Nothing is guessed from free text beyond that.

Facts are kept as JSON can hold them: text, whole numbers, true and false, lists of text; an amount as its decimal text, an
instant as ISO 8601 with its offset. One that is not what the pack says it is was not said.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from mailgate.desk.entry import Fact
from mailgate.desk.pack import Policy
from mailgate.mail.message import Message
from mailgate.mail.subject import fold

LONGEST, LINES = 200, 500
NEW: Mapping[str, Any] = {}  # what is known of a case that a mail opens
EARLIEST, LATEST = 1971, 2099  # the years in which a calendar can count on from a day that a mail states
_DAYS = re.compile(
    r"(?<![\d.,])(\d{1,4})\s*(?:business |calendar |working )?(?:days?|dias?(?: úteis| corridos)?|giorni|tage|روز)\b",
    re.IGNORECASE,
)
_EDGES = re.compile(r"^[\s\W_]+|[\s\W_]+$")
_AMOUNT = re.compile(r"[^\W\d]{0,5}[$€£¥﷼]? ?([0-9](?:[0-9., '’]{0,19}[0-9])?) ?[$€£¥﷼]?[^\W\d]{0,5}")
_LISTED = re.compile(r"[,;،\n]+")
_SENTENCE = re.compile(r"(?<=[.!?؟。])\s+|\n\s*\n")
_WORDS_APART = re.compile(r"[\W_]+")
YES = frozenset(map(fold, ("yes", "true", "1", "sim", "si", "sì", "ja", "بله", "بلی")))
NO = frozenset(map(fold, ("no", "false", "0", "não", "nein", "خیر", "نه")))


def plain(text: str) -> str:
    """`text` for comparing words: folded as subjects are, without outer punctuation."""
    return _EDGES.sub("", fold(text[:LONGEST]))


_word = lru_cache(maxsize=4096)(plain)  # of a pack, that is: of what strangers write nothing is kept


def says(visible: str, policy: Policy, lists: tuple[str, ...]) -> bool:
    """True if a line of the new text is, on its own, one of the words of `lists` (DR-11)."""
    wanted = {_word(word) for name in lists for word in policy.words.get(name, ())}
    longest = max(map(len, wanted), default=0) + 20
    return any(plain(line) in wanted for line in visible.splitlines()[:LINES] if 0 < len(line.strip()) <= longest)


@dataclass(frozen=True)
class _Lines:
    """The lines of a new text that can hold a fact: `NAME: value` by folded name, and those that count days."""

    named: Mapping[str, str]
    days: tuple[tuple[str, str], ...]


def _lines(visible: str) -> _Lines:
    named: dict[str, str] = {}
    days = []
    for line in visible.splitlines()[:LINES]:
        label, colon, value = line[: LONGEST * 2].partition(":")
        if colon and len(label) <= 60 and value.strip():
            named.setdefault(plain(label), value.strip())
        if found := _DAYS.search(line[:LONGEST]):
            days.append((plain(line), found[1]))
    return _Lines(named, tuple(days))


def read(message: Message, visible: str, policy: Policy, zone: str = "UTC") -> dict[str, Any]:
    """The pack's facts that this mail states, as JSON can hold them; a time without an offset is one of `zone`."""
    lines = _lines(visible)
    found = {name: _first(fact.places, message, lines) for name, fact in policy.facts.items()}
    typed = {name: typed_as(value, policy.facts[name].type, zone) for name, value in found.items() if value}
    facts = {name: value for name, value in typed.items() if value is not None}
    if topic := topic_of(message.subject, policy):
        by_subject = [name for name, fact in policy.facts.items() if "topic" in fact.places]
        facts = {**dict.fromkeys(by_subject or ("topic",), topic), **facts}
    return facts


def fact_of(message: Message, visible: str, fact: Fact) -> str | None:
    """What the mail says at the first of the fact's places that says anything, as it is written; None if none does."""
    return _first(fact.places, message, _lines(visible))


def _first(places: tuple[str, ...], message: Message, lines: _Lines) -> str | None:
    for place in places:
        kind, _, name = place.partition(":")
        value = None
        if kind == "header":
            value = message.header(name)
        elif kind == "line":
            value = lines.named.get(_word(name))
        elif kind == "days":
            value = next((number for line, number in lines.days if _word(name) in line), None)
        if value and value.strip():
            return value.strip()[:LONGEST]
    return None


def trusted(told: Mapping[str, Any], party: str, known: Mapping[str, Any], policy: Policy) -> dict[str, Any]:
    """What of `told` counts, said by this party on a ticket that knows `known`.

    A fact that is fixed stays as it was first said. Nobody but the desk, the seller or a system names a customer: a customer is
    who writes (C-04).
    """
    if party in ("desk", "notifier", "system", "staff"):
        return dict(told)
    fixed = {name for name, fact in policy.facts.items() if fact.fixed and name in known}
    if known is not NEW:  # what a case's windows and readers hang on is said at its opening, or by the marketplace
        fixed |= {"customer", *(name for window in policy.windows.values() for name in window.since)}
    if party == "customer":
        fixed.add("customer")
    return {name: value for name, value in told.items() if name not in fixed}


def typed_as(value: str, kind: str, zone: str = "UTC") -> Any:
    """`value` as what the pack says it is, or None if it is no such thing."""
    if kind == "boolean":
        word = plain(value)
        return True if word in YES else False if word in NO else None
    if kind == "instant":
        return _instant(value, zone)
    if kind == "amount":
        return amount(value)
    if kind == "list":
        return [one.strip() for one in _LISTED.split(value) if one.strip()][:20]
    return _number(value)


def _number(value: str) -> int | str:
    digits = fold(value)
    return int(digits) if re.fullmatch(r"[0-9]{1,9}", digits) else value


def _instant(value: str, zone: str) -> str | None:
    try:
        found = datetime.fromisoformat(value.strip())
    except ValueError:
        return None
    if not EARLIEST <= found.year <= LATEST:
        return None
    return (found if found.tzinfo else found.replace(tzinfo=ZoneInfo(zone))).isoformat()


def amount(value: object) -> str | None:
    """The decimal that `value` writes (`24,99`, `R$ 1.024,50`, `25 EUR`), as text; None if it writes none, or more than that."""
    found = _AMOUNT.fullmatch(fold(str(value)).replace("٫", ".").replace("٬", "").strip())
    if found is None:
        return None
    digits = re.sub(r"[ '’]", "", found[1])
    place = max(digits.rfind("."), digits.rfind(","))
    grouped = len(digits) - place - 1 == 3 and len(set(digits) & {".", ","}) == 1 and not digits.startswith("0")
    if place >= 0 and grouped:
        place = -1  # 1.024 and 1,024 are a thousand and more
    whole, part = (digits, "") if place < 0 else (digits[:place], digits[place + 1 :])
    whole = whole.replace(".", "").replace(",", "")
    return str(Decimal(f"{whole or 0}.{part}" if part else whole)) if whole or part else None


def mentioned(visible: str, policy: Policy) -> dict[str, Any]:
    """Which of the pack's [terms] stand in the new text, as whole words, and the first sentence that holds each."""
    if not policy.terms:
        return {}
    sentences = [(" ".join(one.split()), f" {_spaced(one)} ") for one in _SENTENCE.split(visible[:20_000])[:LINES] if one.strip()]
    found: dict[str, str] = {}
    for name, terms in policy.terms.items():
        wanted = [f" {_spaced_word(word)} " if terms.whole else _spaced_word(word) for word in terms.words]
        excused = [f" {_spaced_word(word)} " for word in terms.unless]
        for said, folded in sentences:
            if any(word in folded for word in wanted) and not any(word in folded for word in excused):
                found.setdefault(name, said[:LONGEST])
    return {"mentions": frozenset(found), **{f"sentence.{name}": said for name, said in found.items()}}


def _spaced(text: str) -> str:
    """`text` folded, its words one space apart, whatever stood between them."""
    return " ".join(_WORDS_APART.split(fold(" ".join(text.split())))).strip()


_spaced_word = lru_cache(maxsize=4096)(_spaced)


def topic_of(subject: str, policy: Policy) -> str | None:
    """The pack's topic whose words the subject holds, first of the pack's order (D-30); None for no topic."""
    folded = f" {plain(subject)} "
    for topic, words in policy.topics.items():
        if any(f" {_word(word)}" in folded for word in words):
            return topic
    return None


def holds(given: Mapping[str, Any], view: Mapping[str, Any]) -> bool:
    """True if every condition holds: equal, one of a list, `not`, `is_known`, `same_as` another, `more_than`, `less_than`."""
    return all(_fits(view.get(name), wanted, view) for name, wanted in given.items())


def _fits(have: Any, wanted: Any, view: Mapping[str, Any]) -> bool:
    if isinstance(wanted, Mapping):
        return all(_passes(have, test, value, view) for test, value in wanted.items())
    if isinstance(have, frozenset):
        return not have.isdisjoint(wanted) if isinstance(wanted, list | tuple) else wanted in have
    if isinstance(wanted, list | tuple):
        return have in wanted
    return bool(have == wanted)


def _passes(have: Any, test: str, wanted: Any, view: Mapping[str, Any]) -> bool:
    if test == "not":
        return not _fits(have, wanted, view)
    if test == "same_as":
        return bool(have == view.get(wanted))
    if test == "is_known":
        return (have not in (None, "", (), [])) is wanted
    left, right = _decimal(have), _decimal(wanted)
    if left is None or right is None:
        return False
    return left > right if test == "more_than" else left < right


def _decimal(value: Any) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return Decimal(str(value))
    except InvalidOperation:
        return None
