"""Words that act when they stand alone on the first line of a reply: CLOSE, ENCERRAR, CHIUDI, بستن, EXTEND 2026-12-01.

The words belong to templates/<language>/strings.toml, `command_close = "close; close ticket"`. A person may write the
word of any language, so all are one table. An entry that ends in … lets text follow (`extend …`), one with … inside wants
its words in that order (`away … until …`); every other word must be all that the line says, greetings included.

Words compare as subject keys do (mail/subject.fold): case, accents, digits, joiners, ي/ی and ك/ک are one; spaces and
outer punctuation do not count either. This says what a person wrote. Whether he may, and whether it acts or is answered
with a signed link, is for others (design §8).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date
from functools import lru_cache
from itertools import product

from persiantools.jdatetime import JalaliDate

from mailgate.mail.subject import fold

PREFIX = "command_"
LINE_LIMIT, TOKENS_LIMIT, DATES_LIMIT = 500, 60, 20
DAY_FIRST = ("pt", "it")

_EDGES = re.compile(r"^[\s\W_]+|[\s\W_]+$")
_GAP = re.compile(r"\s*(?:…|\.{3})\s*")
_LEAD = re.compile(r"^[\s:;,.،؛–—\-\u200c-\u200f\u2066-\u2069]+|[\s\u200c-\u200f\u2066-\u2069]+$")
_DATE = re.compile(
    r"(?<![0-9A-Za-z_])(?<![0-9A-Za-z][/.-])([0-9]{1,4})([/.-])([0-9]{1,2})\2([0-9]{1,4})(?![0-9A-Za-z_]|[/.-][0-9])"
)
_YEARS, _JALALI = range(1970, 2200), range(1300, 1500)


def command_in(visible: str, words: Mapping[str, tuple[str, ...]]) -> tuple[str, str] | None:
    """(action, rest of the line) if the first line of the new text is a command word, else None.

    The rest is as the person wrote it, after the entry's first words: a date, a name, a note, or nothing. Of several
    entries that fit the longest counts; two actions with equal claim mean that nobody knows, so None.
    """
    line = next((line for line in visible.splitlines() if _squeezed(line[:LINE_LIMIT])), "")[:LINE_LIMIT]
    tokens = [(_squeezed(found[0]), found.end()) for found in re.finditer(r"\S+", line)]
    tokens = [token for token in tokens if token[0]][:TOKENS_LIMIT]
    if not tokens:
        return None
    fits: dict[tuple[bool, int], dict[str, int]] = {}
    for action, literals in _by_letter(tuple(words.items())).get(tokens[0][0][0], ()):
        end = _end_of_head(literals, tokens) if literals[0].startswith(tokens[0][0]) else None
        if end is not None:
            fits.setdefault((len(literals) == 1, sum(map(len, literals))), {}).setdefault(action, end)
    best = fits[max(fits)] if fits else {}
    return next(((action, _LEAD.sub("", line[end:])) for action, end in best.items()), None) if len(best) == 1 else None


def words_from(strings_by_language: Mapping[str, Mapping[str, str]]) -> dict[str, tuple[str, ...]]:
    """The words of every action, all languages together, without those that compare as equal."""
    merged: dict[str, dict[tuple[str, ...], str]] = {}
    for strings in strings_by_language.values():
        for key, value in strings.items():
            if key.startswith(PREFIX):
                known = merged.setdefault(key.removeprefix(PREFIX), {})
                for word in filter(_squeezed, re.split("[;؛]", value)):
                    known.setdefault(_literals(word), " ".join(word.split()))
    return {action: tuple(known.values()) for action, known in merged.items() if known}


def clashes(words: Mapping[str, tuple[str, ...]]) -> list[str]:
    """A line for each word that two actions claim, with or without text after it: `check` refuses such a table."""
    claims: dict[tuple[str, ...], dict[str, str]] = {}
    for action, entries in words.items():
        for word in entries:
            bare = _literals(word)
            claims.setdefault(bare[:-1] if not bare[-1] else bare, {}).setdefault(action, word)
    return [
        f"the word {next(iter(said.values()))!r} stands for {' and '.join(said)}" for said in claims.values() if len(said) > 1
    ]


def dates_in(text: str, language: str) -> tuple[date, ...]:
    """The dates in `text`, in order and once each; nothing at all if one of them is doubtful or does not exist.

    2026-12-01 and 2026/12/1 everywhere; 1/12/2026 day first in Portuguese and Italian, elsewhere only where no month
    can stand first, or only a month; years from 1300 to 1499 are Jalali, in either order. Two digits are no year.
    Persian and Arabic digits count.
    """
    plain = "".join(str(int(char)) if char.isdecimal() else char for char in text[:LINE_LIMIT] if char not in "\u200e\u200f")
    found: dict[date, None] = {}
    for match in list(_DATE.finditer(plain))[:DATES_LIMIT]:
        readings = set(_readings(match[1], match[3], match[4], language.partition("-")[0].lower() in DAY_FIRST))
        if len(readings) != 1:
            return ()
        found[readings.pop()] = None
    return tuple(found)


def _squeezed(text: str) -> str:
    """`text` folded, without spaces and each word's outer punctuation: a joiner, a space and nothing are one in Persian."""
    return "".join(_EDGES.sub("", word) for word in fold(text).split())


@lru_cache(maxsize=2048)
def _literals(entry: str) -> tuple[str, ...]:
    """The words between the gaps of an entry; a last "" means that text may follow."""
    return tuple(map(_squeezed, _GAP.split(entry.strip())))


@lru_cache(maxsize=8)
def _by_letter(words: tuple[tuple[str, tuple[str, ...]], ...]) -> dict[str, list[tuple[str, tuple[str, ...]]]]:
    """(action, literals) of every entry by its first letter: most lines begin with none of them."""
    found: dict[str, list[tuple[str, tuple[str, ...]]]] = {}
    for action, entries in words:
        for literals in map(_literals, entries):
            found.setdefault(literals[0][:1], []).append((action, literals))
    return found


def _end_of_head(literals: tuple[str, ...], tokens: list[tuple[str, int]]) -> int | None:
    """Where in the line the first words of an entry end, if the whole line fits the entry."""
    head = at = _ends(literals[0], tokens, 0)
    if head is None or at is None:
        return None
    for literal in filter(None, literals[1:]):
        later = (_ends(literal, tokens, start) for start in range(at, len(tokens)))
        at = next((end for end in later if end is not None), None)
        if at is None:
            return None
    return tokens[head - 1][1] if at == len(tokens) or not literals[-1] else None


def _ends(literal: str, tokens: list[tuple[str, int]], start: int) -> int | None:
    """The index behind the tokens from `start` that together spell `literal`."""
    joined = ""
    for at in range(start, len(tokens)):
        joined += tokens[at][0]
        if joined == literal:
            return at + 1
        if not literal.startswith(joined):
            return None
    return None


def _readings(first: str, second: str, third: str, day_first: bool) -> Iterator[date]:
    """Every date that the three numbers may mean."""
    if len(first) == 4 and len(third) <= 2:
        orders = [(int(first), int(second), int(third))]
    elif len(third) == 4 and len(first) <= 2:
        year, one, two = int(third), int(first), int(second)
        orders = [(year, two, one)] if day_first or year in _JALALI else [(year, two, one), (year, one, two)]
    else:
        return
    for (year, month, day), (years, calendar) in product(orders, ((_YEARS, date), (_JALALI, _jalali))):
        try:
            if year in years:
                yield calendar(year, month, day)
        except ValueError:
            continue


def _jalali(year: int, month: int, day: int) -> date:
    found: date = JalaliDate(year, month, day).to_gregorian()
    return found
