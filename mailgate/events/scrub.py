"""What may stand in a log line: short, printable values; addresses as a keyed hash and their domain.

Text is cut at 200 characters, lists at 50 items; control, format and separator characters become a question mark, so a
value can't forge a line or steer a terminal. Bytes are counted, never shown. An exception is its type and its
places in the code; what it says is written only where it can't hold a mail's words (a socket, a file, a database).
"""

from __future__ import annotations

import hashlib
import hmac
import re
import traceback
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from pathlib import Path

from mailgate.mail import address as addresses

LONGEST, MOST, DEEPEST, FRAMES = 200, 50, 3, 12
READ = 4000
SPEAKS = ("builtins.OSError", "ssl.", "sqlite3.", "sqlalchemy.", "psycopg.OperationalError", "mailgate.config.")

_ADDRESS = re.compile(r"""(?:"[^"\r\n]{1,320}"|[^\s<>()\[\],;:"'@]{1,320})@(?:\[[^\]\s]{1,64}\]|[\w.-]{1,255})""")
_TOKEN = re.compile(r"(?<![0-9A-Za-z])[A-Za-z2-7]{26}(?=@)")
Masked = Callable[[str], str]


def masker(style: str, key: bytes) -> Masked:
    """How addresses in a text are written: `hash` or `plain` (without the tokens that reply addresses carry)."""

    @lru_cache(maxsize=4096)
    def hashed(address: str) -> str:
        digest = hmac.new(key, addresses.untagged(address).encode("utf-8", "replace"), hashlib.sha256).hexdigest()
        return f"{digest[:12]}@{addresses.domain(address)}"

    if style == "plain":
        return lambda text: _TOKEN.sub("…", text)
    return lambda text: _ADDRESS.sub(lambda found: hashed(found[0].rstrip(".-")), text)


def clean(value: object, mask: Masked, depth: int = 0) -> object:
    """`value` as JSON can hold it and a log may show it."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return text(value, mask)
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z") if value.tzinfo else value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, bytes | bytearray | memoryview):
        return f"{len(value)} bytes"
    if isinstance(value, BaseException):
        return failure(value, mask)
    if isinstance(value, Mapping | Iterable) and depth < DEEPEST:
        return _many(value, mask, depth)
    return text(str(value), mask) if isinstance(value, Path | date) else type(value).__name__


def _many(value: Mapping[object, object] | Iterable[object], mask: Masked, depth: int) -> object:
    if isinstance(value, Mapping):
        items = list(value.items())[:MOST]
        return {text(str(key), mask): clean(each, mask, depth + 1) for key, each in items}
    several = sorted(value, key=str) if isinstance(value, set | frozenset) else list(value)
    kept = [clean(each, mask, depth + 1) for each in several[:MOST]]
    return [*kept, f"and {len(several) - MOST} more"] if len(several) > MOST else kept


def text(value: str, mask: Masked) -> str:
    """`value` on one line, masked, at most 200 characters."""
    masked = mask(value[:READ])
    cut = masked if len(masked) <= LONGEST else masked[: LONGEST - 1] + "…"
    return cut if cut.isascii() and cut.isprintable() else "".join(map(_printable, cut))


def failure(error: BaseException, mask: Masked) -> dict[str, object]:
    """An exception without its variables: its type, what it says if it may, where it was raised, innermost last."""
    found: dict[str, object] = {"type": _name(error)}
    if said := _said(error):
        found["said"] = text(said, mask)
    places = traceback.extract_tb(error.__traceback__)[-FRAMES:]
    found["trace"] = [f"{_short(place.filename)}:{place.lineno} {place.name}" for place in places]
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if cause is not None:
        found["cause"] = _name(cause)
    return found


def _name(error: BaseException) -> str:
    kind = type(error)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def _said(error: BaseException) -> str:
    """The first line of what `error` says, if its kind speaks of machines and not of mail (a wrapper: what it wraps)."""
    wrapped = getattr(error, "orig", None)
    if isinstance(wrapped, BaseException):
        return _said(wrapped)
    kinds = (f"{kind.__module__}.{kind.__qualname__}" for kind in type(error).__mro__)
    if not any(kind.startswith(SPEAKS) for kind in kinds):
        return ""
    return next(iter(str(error).splitlines()), "")


def _short(filename: str) -> str:
    """The last two parts of a path: enough to find it, the same on every machine."""
    return "/".join(Path(filename).parts[-2:])


def _printable(char: str) -> str:
    return "?" if unicodedata.category(char) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp") else char
