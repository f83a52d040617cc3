"""Message-IDs and dates out of raw header values (RFC 5322 §3.3, §3.6.4), also out of broken ones.

An id is returned without angle brackets and otherwise as written. Comparing, trusting and aliasing are not done here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, timezone
from email.utils import parsedate_tz

MAX_IDS = 50

_BRACKETED = re.compile(r"<([^<>]{1,998})>")
_TOKEN = re.compile(r"<[^<>]{1,998}>|[^\s<>,;]+")
_SPACES = re.compile(r"\s+")
_COMMENT = re.compile(r"\([^()]{0,100}\)")


def one(value: str) -> str | None:
    """The first id of a Message-ID value, or None."""
    found = _first(value)
    text = _SPACES.sub("", found) if found else value.strip().strip("<>").strip()
    return text[:998].strip() or None


def _first(value: str) -> str:
    """What stands in the first brackets, at most 998 characters; the outer of two that open."""
    start, end = 0, value.find(">")
    while end >= 0:
        opened = value.find("<", max(start, end - 999), end)
        if 0 <= opened < end - 1:
            return value[opened + 1 : end]
        start, end = end + 1, value.find(">", end + 1)
    return ""


def answered(values: Iterable[str]) -> tuple[str, ...]:
    """The ids of In-Reply-To: those in brackets, else words with an @ (old mailers wrote prose there)."""
    text = " ".join(values)
    found = [_SPACES.sub("", match) for match in _BRACKETED.findall(text)]
    return _capped(filter(None, found or _bare(text)))


def referenced(values: Iterable[str]) -> tuple[str, ...]:
    """The ids of References, oldest first; words with an @ that lost their brackets count."""
    out: list[str] = []
    for token in _TOKEN.findall(" ".join(values)):
        if token.startswith("<"):
            out.append(_SPACES.sub("", token[1:-1]))
        elif "@" in token:
            out.append(token)
    return _capped(filter(None, out))


def _bare(text: str) -> list[str]:
    return [token.strip("<>()\"'") for token in _TOKEN.findall(text) if "@" in token]


def _capped(found: Iterable[str]) -> tuple[str, ...]:
    every = tuple(dict.fromkeys(found))
    return every if len(every) <= 2 * MAX_IDS else every[:MAX_IDS] + every[-MAX_IDS:]


def date(value: str) -> datetime | None:
    """The instant of a Date value with its offset, or None; no zone counts as UTC (RFC 5322 §3.3 and §4.3)."""
    text = value.strip()[:200]
    return _internet_date(text) or _iso_date(text)


def _internet_date(text: str) -> datetime | None:
    try:
        found = parsedate_tz(_COMMENT.sub(" ", text))
        if found is None or found[0] < 100:
            return None
        offset = found[9] or 0
        seconds = min(found[5], 59)
        return datetime(*found[:5], seconds, tzinfo=timezone(timedelta(seconds=offset)))
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def _iso_date(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
