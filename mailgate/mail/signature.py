"""Bounce signatures: the words by which a provider says that it will not even try an address.

A signature says where its words may stand (`diagnostic`: the Diagnostic-Code of a report; `reply`: a server's reply that
a notice repeats; `json`: a provider's event; `text`: the notice's own words), never in what a mail quotes or returns.
The first that fits wins, so the narrow ones come first. A signature without a provider of its own (`generic`) takes the
provider from the brand that the mail's sender or servers bear. The entries are read elsewhere (config); this file only matches.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

GENERIC = "generic"
PLACES = ("diagnostic", "reply", "json", "text")
LIMIT = 16_000
MAX_LEAVES = 1000
MAX_DEPTH = 12

_NOT_MEANT = re.compile(
    r"\b(?:body|message|output|warnings?|duplicates?)(?: was| were| is)? suppressed|auto-response-suppress", re.I
)
_PLAIN = str.maketrans({"\u2019": "'", "\u2018": "'", "\u00a0": " ", "\u2011": "-"})
_ESCAPED = re.compile(r"\\.|\[(?:\\.|[^\]\\])*\]")
_UNBOUNDED = re.compile(r"[*+]|\{\d*,\}")


@dataclass(frozen=True)
class Signature:
    """One `[[signature]]`: the rule `name`, whose list it speaks of, and who takes an address off it, and how.

    `names` is "reader" where the mail's own addressee is the one on the list, else "named": the address that it names.
    """

    name: str
    provider: str
    reason: str
    where: tuple[str, ...]
    pattern: re.Pattern[str]
    sample: str
    lifted_by: str
    how: str
    brand: re.Pattern[str] | None = None
    names: str = "named"

    def is_at(self, text: str) -> int:
        """Where in `text` (as `searched` makes it) its words begin; -1 where they do not stand."""
        found = self.pattern.search(text)
        return found.start() if found else -1


@dataclass(frozen=True)
class Signatures:
    """Every signature, narrow ones first."""

    entries: tuple[Signature, ...] = ()

    def match(self, text: str | None, where: str) -> Signature | None:
        """The first signature whose words stand in `text`, found at `where`; None where there is none."""
        said = searched(text)
        if not said:
            return None
        return next((one for one in self.entries if where in one.where and one.is_at(said) >= 0), None)

    def provider(self, found: Signature, origin: Iterable[str]) -> str:
        """Whose list it is: the signature's, else the first brand seen in `origin`, which goes from sure to vague."""
        if found.provider != GENERIC:
            return found.provider
        return next(filter(None, map(self.brand, origin)), GENERIC)

    def brand(self, text: str) -> str | None:
        """The provider whose brand stands in `text`, or None."""
        return next((one.provider for one in self.entries if one.brand is not None and one.brand.search(text)), None)

    def lifting(self, name: str | None, provider: str | None) -> Signature | None:
        """The entry that says who can lift this verdict: of that name and provider, else of the provider, else of the name."""
        both = [one for one in self.entries if (one.name, one.provider) == (name, provider)]
        theirs = [one for one in self.entries if one.provider == provider]
        return next(iter((*both, *theirs, *(one for one in self.entries if one.name == name))), None)


NONE = Signatures()


def compiled(fields: Mapping[str, Any]) -> Signature:
    """A `[[signature]]` as it is written, ready to match. Raises KeyError, TypeError or re.error where it is no such thing."""
    brand = fields.get("brand")
    made = {
        "where": tuple(fields["where"]),
        "pattern": re.compile(fields["pattern"], re.IGNORECASE),
        "brand": re.compile(brand, re.IGNORECASE) if brand else None,
    }
    return Signature(**{**fields, **made})


def searched(text: str | None) -> str:
    """`text` as signatures see it: one line, plain quotes, at most 16,000 characters, without words that only look alike."""
    return _NOT_MEANT.sub(" ", " ".join((text or "")[:LIMIT].translate(_PLAIN).split()))


def flat(value: Any) -> str:
    """A JSON value in one line, ``path: value`` for each leaf: what `json` signatures see."""
    return " | ".join(f"{path}: {said}" for path, said in leaves(value))[:LIMIT]


def leaves(value: Any) -> Iterator[tuple[str, str]]:
    """(dotted path, text) of the leaves of a JSON value; JSON in a string is opened; the first 1,000, 12 deep."""
    waiting, given = [("", value, 0)], 0
    while waiting and given < MAX_LEAVES:
        path, at, depth = waiting.pop()
        if isinstance(at, str) and at.lstrip()[:1] in ("{", "[") and depth < MAX_DEPTH:
            at = _opened(at)
        if isinstance(at, (dict, list)):
            if depth < MAX_DEPTH:
                waiting.extend(reversed([(_path(path, key), each, depth + 1) for key, each in _children(at)]))
        else:
            given += 1
            yield path, " ".join(str("" if at is None else at)[:2000].split())


def _children(at: dict[str, Any] | list[Any]) -> list[tuple[str | int, Any]]:
    pairs: Iterable[tuple[str | int, Any]] = at.items() if isinstance(at, dict) else enumerate(at)
    return [(key, each) for _, (key, each) in zip(range(MAX_LEAVES), pairs, strict=False)]


def _path(path: str, key: str | int) -> str:
    if isinstance(key, int):
        return f"{path}[{key}]"
    return f"{path}.{key[:80]}" if path else key[:80]


def _opened(text: str) -> Any:
    try:
        return json.loads(text, strict=False)
    except (ValueError, RecursionError):
        return text


def faults(entries: Sequence[Signature]) -> Iterator[tuple[Signature, str]]:
    """(entry, what is wrong) for words that could take long, samples not matched, and samples that an earlier entry takes."""
    every = Signatures(tuple(entries))
    for one in entries:
        if _UNBOUNDED.search(_ESCAPED.sub("x", one.pattern.pattern)):
            yield one, "a pattern without * + or {n,}: write {0,80}"
            continue
        for place in one.where:
            taker = every.match(_sample(one.sample, place), place)
            if one.is_at(searched(_sample(one.sample, place))) < 0:
                yield one, f"a sample that the pattern matches ({place})"
            elif taker is not one and taker is not None:
                yield one, f'a sample that no earlier signature takes; "{taker.name}" does ({place})'


def _sample(sample: str, place: str) -> str:
    opened = _opened(sample) if place == "json" else sample
    return flat(opened) if isinstance(opened, (dict, list)) else sample
