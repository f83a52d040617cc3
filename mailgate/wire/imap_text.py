"""What an IMAP client writes and reads beside literals: names of mailboxes, quoted text, FETCH answers, dates (RFC 3501).

A line is read strictly or not at all: `attributes` gives None for a FETCH answer that is not well formed. Sequence numbers are
never looked at, only UIDs.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta, timezone

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
DEPTH = 10
_FETCH = re.compile(rb"^\* \d{1,10} FETCH \(", re.IGNORECASE)
_TOKEN = re.compile(
    rb'(?P<space> +)|(?P<open>\()|(?P<close>\))|"(?P<quoted>(?:[^"\\\r\n]|\\["\\])*)"|(?P<literal>~?\{\d{1,10}\}$)'
    rb"|(?P<atom>[^\s()\"{}\[]+(?:\[[^\]\r\n]*\](?:<\d{1,10}>)?)?)"
)
_DATE = re.compile(r"^([ \d]\d)-([A-Z][a-z]{2})-(\d{4}) (\d\d):(\d\d):(\d\d) ([+-])(\d\d)(\d\d)$")


def quoted(text: str) -> str:
    """`text` as a quoted string (RFC 3501 §9). Raises ValueError for what can't stand in one."""
    if any(not " " <= char <= "~" for char in text):
        raise ValueError("printable ASCII is needed")
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def mailbox(name: str) -> str:
    """The name of a mailbox as a command holds it: modified UTF-7 (RFC 3501 §5.1.3), quoted. Raises ValueError."""
    return quoted(_utf7(name))


def _utf7(name: str) -> str:
    runs = re.split(r"([^ -~]+)", name.replace("&", "&-"))
    return "".join(_shifted(run) if n % 2 else run for n, run in enumerate(runs))


def _shifted(run: str) -> str:
    if any(char < " " or char == "\x7f" for char in run):
        raise ValueError("a name without control characters is needed")
    coded = base64.b64encode(run.encode("utf-16-be")).decode().rstrip("=").replace("/", ",")
    return f"&{coded}-"


def search_date(day: date) -> str:
    """A date as SEARCH SINCE takes it (RFC 3501 §6.4.4)."""
    return f"{day.day}-{MONTHS[day.month - 1]}-{day.year:04d}"


def internal_date(text: bytes) -> datetime | None:
    """INTERNALDATE as an instant in UTC, or None (RFC 3501 §9, date-time)."""
    found = _DATE.match(text.decode("ascii", "replace"))
    if found is None or found[2] not in MONTHS:
        return None
    offset = timedelta(hours=int(found[8]), minutes=int(found[9])) * (1 if found[7] == "+" else -1)
    try:
        local = datetime(
            int(found[3]), MONTHS.index(found[2]) + 1, int(found[1]), int(found[4]), int(found[5]), min(int(found[6]), 59),
            tzinfo=timezone(offset),
        )  # fmt: skip
        return local.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def attributes(pieces: Sequence[bytes]) -> Mapping[str, bytes] | None:
    """The items of a FETCH answer by their upper-case names; None for any other answer, or one that is not well formed.

    `pieces` are the answer's lines and literals, in turns. Lists (flags) are left out.
    """
    start = _FETCH.match(pieces[0]) if pieces else None
    if start is None:
        return None
    try:
        words = list(_words(pieces, start.end()))
    except ValueError:
        return None
    if len(words) % 2:
        return None
    found: dict[str, bytes] = {}
    for name, value in zip(words[::2], words[1::2], strict=True):
        if not isinstance(name, bytes):
            return None
        if isinstance(value, bytes):
            found.setdefault(name.decode("ascii", "replace").upper(), value)
    return found


def _words(pieces: Sequence[bytes], at: int) -> Iterator[bytes | tuple[()]]:
    """The words of the answer's outer list; () for a list in it. Raises ValueError for what is no such list."""
    depth = 0
    for number, line in enumerate(pieces):
        if number % 2:
            if not depth:
                yield line
            continue
        while at < len(line):
            token = _TOKEN.match(line, at)
            if token is None or depth > DEPTH:
                raise ValueError("no list")
            at = token.end()
            kind = token.lastgroup
            if kind == "open":
                depth += 1
            elif kind == "close" and not depth:
                if at != len(line) or number != len(pieces) - 1:
                    raise ValueError("more than a list")
                return
            elif kind == "close":
                depth -= 1
                if not depth:
                    yield ()
            elif kind in ("atom", "quoted") and not depth:
                yield re.sub(rb'\\(["\\])', rb"\1", token["quoted"]) if kind == "quoted" else token["atom"]
        at = 0
    raise ValueError("no end")
