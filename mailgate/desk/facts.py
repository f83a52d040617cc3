"""What a mail says about its case: facts in headers and lines, words of the pack, topics of a subject.

A pack names where each fact may stand; the first place that holds one wins:
`header:NAME` a header, `line:NAME` a line `NAME: value` of the new text, `days:WORD` a number of days in a line
that also holds WORD. Nothing is guessed from free text beyond that.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Any

from mailgate.desk.pack import Policy
from mailgate.mail.message import Message

LONGEST = 200
_DAYS = re.compile(
    r"(?<![\d.,])(\d{1,4})\s*(?:business |calendar |working )?(?:days?|dias?(?: úteis| corridos)?|giorni|tage|روز)\b", re.I
)
_EDGES = re.compile(r"^[\s\W_]+|[\s\W_]+$")


def fold(text: str) -> str:
    """`text` for comparing words: no case, no accents, no outer punctuation, one space, Latin digits, ي/ک unified."""
    text = unicodedata.normalize("NFKD", text[:LONGEST]).replace("ي", "ی").replace("ك", "ک").replace("\u200c", "")
    bare = "".join(_digit(char) for char in text if not unicodedata.combining(char))
    return " ".join(_EDGES.sub("", bare.casefold()).split())


def _digit(char: str) -> str:
    return str(unicodedata.digit(char)) if char.isdigit() and not char.isascii() else char


def says(visible: str, policy: Policy, lists: tuple[str, ...]) -> bool:
    """True if a line of the new text is, on its own, one of the words of `lists` (DR-11)."""
    wanted = {fold(word) for name in lists for word in policy.words.get(name, ())}
    return any(fold(line) in wanted for line in visible.splitlines() if line.strip())


def read(message: Message, visible: str, policy: Policy) -> dict[str, Any]:
    """The pack's facts that this mail states; whole numbers become int, everything else stays text."""
    lines = [line.strip() for line in visible.splitlines()[:500] if line.strip()]
    found = {name: _first(places, message, lines) for name, places in policy.facts.items()}
    facts = {name: _number(value) for name, value in found.items() if value is not None}
    if "topic" not in facts and (topic := topic_of(message.subject, policy)):
        facts["topic"] = topic
    return facts


def _first(places: tuple[str, ...], message: Message, lines: list[str]) -> str | None:
    for place in places:
        kind, _, name = place.partition(":")
        value = message.header(name) if kind == "header" else _in_lines(kind, name, lines)
        if value and value.strip():
            return value.strip()[:LONGEST]
    return None


def _in_lines(kind: str, name: str, lines: list[str]) -> str | None:
    for line in lines:
        if kind == "line" and ":" in line[:60]:
            label, _, value = line.partition(":")
            if fold(label) == fold(name) and value.strip():
                return value
        if kind == "days" and fold(name) in fold(line) and (days := _DAYS.search(line[:LONGEST])):
            return days.group(1)
    return None


def _number(value: str) -> int | str:
    digits = "".join(_digit(char) for char in value)
    return int(digits) if re.fullmatch(r"\d{1,9}", digits) else value


def topic_of(subject: str, policy: Policy) -> str | None:
    """The pack's topic whose words the subject holds, first of the pack's order (D-30); None for no topic."""
    folded = f" {fold(subject)} "
    for topic, words in policy.topics.items():
        if any(f" {fold(word)}" in folded for word in words):
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
