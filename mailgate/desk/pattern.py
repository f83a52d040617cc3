"""Which regular expressions may read what strangers write: those whose work grows no faster than the text.

Refused: what is no regular expression; backreferences and conditions; a repetition inside a repetition, or alternatives inside
one, which can take a line apart in exponentially many ways; two unlimited repetitions that can take the same character (white
space does not count: the text has single spaces), which can in quadratically many; and short repetitions and alternatives that
together leave more than WAYS ways. What is left is tried at each place of a short window, which bounds the rest.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from re import _constants as code  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

WAYS = 2000
LONG = 20  # a repetition that may vary by more counts as unlimited
LENGTH = 500

_ESCAPED = re.compile(r"\\.", re.DOTALL)
_AMBIGUOUS = re.compile(r"\[\[|--|&&|~~|\|\|")
_REPEATS = (code.MAX_REPEAT, code.MIN_REPEAT, code.POSSESSIVE_REPEAT)
_PROBES = tuple(map(chr, range(33, 127))) + ("é", "Ж", "٣", "م", "字", "€")


@dataclass
class _Seen:
    """What a walk over a pattern found: the bodies of its unlimited repetitions, and in how many ways the rest can go."""

    unlimited: list[Any] = field(default_factory=list)
    ways: int = 1
    refused: str = ""


@lru_cache(maxsize=256)
def refusal(pattern: str) -> str | None:
    """Why `pattern` may not be used, in words for its author; None if it may."""
    if len(pattern) > LENGTH:
        return f"a pattern of at most {LENGTH} characters"
    if _AMBIGUOUS.search(_ESCAPED.sub("", pattern)):
        return "no [[, --, &&, ~~ or ||, which a later Python may read otherwise; write a backslash between"
    try:
        compiled, tree = re.compile(pattern), parser.parse(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        return f"a regular expression ({error})"
    if compiled.match(""):
        return "a pattern that does not match an empty text"
    seen = _Seen()
    _walk(tree, seen, inside=False)
    if not seen.refused and seen.ways > WAYS:
        seen.refused = "fewer alternatives and repetitions in one pattern; write two"
    return seen.refused or _overlap(seen.unlimited, compiled.flags) or None


def _walk(tree: Any, seen: _Seen, *, inside: bool) -> None:
    """Note every part of `tree`; `inside` a repetition nothing may vary."""
    for kind, value in tree:
        if kind in (code.GROUPREF, code.GROUPREF_EXISTS, code.GROUPREF_IGNORE):
            seen.refused = "no backreference and no condition"
        elif kind is code.BRANCH:
            if inside:
                seen.refused = "no alternatives inside a repetition"
            seen.ways *= len(value[1])
        elif kind in _REPEATS:
            least, most, body = value
            _repetition((least, most), body, seen, inside=inside)
            continue
        for part in _parts(kind, value):
            _walk(part, seen, inside=inside)


def _repetition(times: tuple[int, int], body: Any, seen: _Seen, *, inside: bool) -> None:
    least, most = map(int, times)
    varies = most != least
    if inside and varies:
        seen.refused = "no repetition inside a repetition"
    if varies and most - least > LONG:
        seen.unlimited.append(body)
    elif varies and not _is_space(body):
        seen.ways *= most - least + 1
    _walk(body, seen, inside=inside or most > 1)


def _parts(kind: Any, value: Any) -> Iterator[Any]:
    """The patterns within one part of a pattern."""
    if kind is code.BRANCH:
        yield from value[1]
    elif kind is code.SUBPATTERN:
        yield value[-1]
    elif kind in (code.ASSERT, code.ASSERT_NOT):
        yield value[1]
    elif kind is code.ATOMIC_GROUP:
        yield value


def _is_space(body: Any) -> bool:
    """True if `body` is white space alone: of it the text holds one at a time."""
    return len(body) == 1 and not any(_takes(body[0], char, 0) for char in _PROBES)


def _overlap(bodies: list[Any], flags: int) -> str:
    """Why these unlimited repetitions can't stand in one pattern: two can take the same character."""
    for char in _PROBES:
        if sum(any(_takes(part, char, flags) for part in body) for body in bodies) > 1:
            return f"one unlimited repetition for each character, two take {char!r}; write {{1,{LONG}}}"
    return ""


def _takes(part: Any, char: str, flags: int) -> bool:
    """True if this part of a pattern can match `char`; what is not known can."""
    kind, value = part
    if kind is code.SUBPATTERN:
        return any(_takes(one, char, flags) for one in value[-1])
    if kind in _REPEATS:
        return any(_takes(one, char, flags) for one in value[2])
    if kind is code.LITERAL:
        return _same(char, chr(value), flags)
    if kind is code.NOT_LITERAL:
        return not _same(char, chr(value), flags)
    if kind is code.IN:
        return _in(value, char, flags)
    return kind is not code.AT


def _same(char: str, other: str, flags: int) -> bool:
    return char.casefold() == other.casefold() if flags & re.IGNORECASE else char == other


def _in(items: Any, char: str, flags: int) -> bool:
    """True if the class `[...]` takes `char`."""
    negated = bool(items) and items[0][0] is code.NEGATE
    forms = {char, char.lower(), char.upper()} if flags & re.IGNORECASE else {char}
    found = any(_member(item, form) for item in items for form in forms)
    return found != negated


def _member(item: Any, char: str) -> bool:
    kind, value = item
    if kind is code.LITERAL:
        return bool(len(char) == 1 and ord(char) == value)
    if kind is code.RANGE:
        return bool(len(char) == 1 and value[0] <= ord(char) <= value[1])
    if kind is code.CATEGORY:
        return re.match(_CATEGORIES.get(value, r"[\s\S]"), char) is not None
    return False


_CATEGORIES = {
    code.CATEGORY_DIGIT: r"\d",
    code.CATEGORY_NOT_DIGIT: r"\D",
    code.CATEGORY_SPACE: r"\s",
    code.CATEGORY_NOT_SPACE: r"\S",
    code.CATEGORY_WORD: r"\w",
    code.CATEGORY_NOT_WORD: r"\W",
}
