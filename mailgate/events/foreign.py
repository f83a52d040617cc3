"""The lines of libraries: from WARNING up, through the same stream, without a word of anybody's mail or secrets.

A library puts what it has at hand into its lines: commands with passwords, parts of mails. So only the fixed part is kept:
the pattern of the line without its values, the place in the code, the type of the exception. A line made
beforehand has no pattern; it is left out, and the place tells. One place writes at most ten lines a minute.
"""

from __future__ import annotations

import logging
import re

from mailgate.events import log

SILENT = ("mail.log", "mail.debug")  # aiosmtpd: our own session events say more, and no passwords
PINNED = ("aioimaplib", "asyncio", "sqlalchemy", "alembic", "aiosmtplib")
LINES_A_MINUTE = 10
PLACES = 1000
_FIXED = re.compile(r"^[^(<'\"\r\n]*")


@log.event("library.warned", "warning")
def library_warned(*, library: str, place: str, said: str, error: BaseException | None) -> None:
    """A library warned; only the fixed part of its line is kept."""


class Router(logging.Handler):
    """The handler of the root logger."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._written: dict[tuple[str, int], tuple[int, int]] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line, or count it if its place has written enough."""
        if self._too_many(record):
            return
        error = record.exc_info[1] if record.exc_info else None
        place = f"{record.module}:{record.lineno} {record.funcName}"
        library_warned(library=record.name, place=place, said=_said(record), error=error)

    def _too_many(self, record: logging.LogRecord) -> bool:
        minute, place = int(record.created // 60), (record.pathname, record.lineno)
        last, count = self._written.get(place, (minute, 0))
        count = count + 1 if last == minute else 1
        if len(self._written) > PLACES:
            self._written.clear()
        self._written[place] = (minute, count)
        return count > LINES_A_MINUTE


def _said(record: logging.LogRecord) -> str:
    """The fixed part of a library's line; asyncio's first words are fixed, then come its objects."""
    if record.args and isinstance(record.msg, str):
        return record.msg
    if record.name == "asyncio":
        found = _FIXED.match(str(record.msg))
        return found[0].strip() if found else ""
    return ""


def route() -> None:
    """Put the router in place of the one that is there; silence what must not speak."""
    root = logging.getLogger()
    for handler in [each for each in root.handlers if isinstance(each, Router)]:
        root.removeHandler(handler)
    root.addHandler(Router())
    root.setLevel(logging.WARNING)
    for name in PINNED:
        logging.getLogger(name).setLevel(logging.WARNING)
    for name in SILENT:
        silent = logging.getLogger(name)
        silent.propagate = False
        silent.handlers = [logging.NullHandler()]
