"""What a mail says about its case: facts in headers and lines, words of the pack, topics of a subject.

A pack names where each fact may stand; the first place that holds one wins:
`header:NAME` a header, `line:NAME` a line `NAME: value` of the new text, `days:WORD` a number of days in a line
that also holds WORD. Nothing is guessed from free text beyond that.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mailgate.desk.pack import Policy
from mailgate.mail.message import Message
from mailgate.mail.subject import fold

LONGEST, LINES = 200, 500
_DAYS = re.compile(
    r"(?<![\d.,])(\d{1,4})\s*(?:business |calendar |working )?(?:days?|dias?(?: úteis| corridos)?|giorni|tage|روز)\b",
    re.IGNORECASE,
)
_EDGES = re.compile(r"^[\s\W_]+|[\s\W_]+$")


def plain(text: str) -> str:
    """`text` for comparing words: folded as subjects are, without outer punctuation."""
    return _EDGES.sub("", fold(text[:LONGEST]))


def says(visible: str, policy: Policy, lists: tuple[str, ...]) -> bool:
    """True if a line of the new text is, on its own, one of the words of `lists` (DR-11)."""
    wanted = {plain(word) for name in lists for word in policy.words.get(name, ())}
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


def read(message: Message, visible: str, policy: Policy) -> dict[str, Any]:
    """The pack's facts that this mail states; whole numbers become int, everything else stays text."""
    lines = _lines(visible)
    found = {name: _first(places, message, lines) for name, places in policy.facts.items()}
    facts = {name: _number(value) for name, value in found.items() if value}
    if "topic" not in facts and (topic := topic_of(message.subject, policy)):
        facts["topic"] = topic
    return facts


def _first(places: tuple[str, ...], message: Message, lines: _Lines) -> str | None:
    for place in places:
        kind, _, name = place.partition(":")
        if kind == "header":
            value = message.header(name)
        elif kind == "line":
            value = lines.named.get(plain(name))
        else:
            value = next((number for line, number in lines.days if plain(name) in line), None)
        if value and value.strip():
            return value.strip()[:LONGEST]
    return None


def _number(value: str) -> int | str:
    digits = fold(value)
    return int(digits) if re.fullmatch(r"[0-9]{1,9}", digits) else value


def topic_of(subject: str, policy: Policy) -> str | None:
    """The pack's topic whose words the subject holds, first of the pack's order (D-30); None for no topic."""
    folded = f" {plain(subject)} "
    for topic, words in policy.topics.items():
        if any(f" {plain(word)}" in folded for word in words):
            return topic
    return None


def holds(given: Mapping[str, Any], view: Mapping[str, Any]) -> bool:
    """True if every condition holds: equal, one of a list, or `more_than`/`less_than` a number."""
    return all(_fits(view.get(name), wanted) for name, wanted in given.items())


def _fits(have: Any, wanted: Any) -> bool:
    if isinstance(wanted, Mapping):
        if not isinstance(have, int):
            return False
        return all(have > n if word == "more_than" else have < n for word, n in wanted.items())
    if isinstance(wanted, list | tuple):
        return have in wanted
    if isinstance(have, frozenset):
        return wanted in have
    return bool(have == wanted)
