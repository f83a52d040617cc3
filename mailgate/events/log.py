"""How an event becomes a line: declared once, with fixed fields, written through structlog.

Before `configure` nothing is written. A line is one JSON object (`text` for a terminal): event, level, at (UTC,
RFC 3339), then the event's fields. Logging never fails its caller: a stream that is gone is ignored. The lines of
libraries come as `library.warned`, see foreign.py.
"""

from __future__ import annotations

import functools
import inspect
import json
import os
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, ParamSpec, TextIO

import structlog

from mailgate.events import scrub

P = ParamSpec("P")
Line = MutableMapping[str, Any]
LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}
MESSAGE_IDS = frozenset({"message_id"})  # they look like addresses and are none
IDS = ("spool_id", "ticket")


@dataclass(frozen=True)
class Declared:
    """One entry of the catalogue. `unless` names fields: while all are empty, it is a debug line."""

    name: str
    level: str
    sentence: str
    fields: tuple[str, ...]
    unless: tuple[str, ...] = ()


@dataclass
class _State:
    """What `configure` set: the logger, the least level, and who else listens."""

    logger: Any = None
    least: int = LEVELS["info"]
    mask: scrub.Masked = field(default_factory=lambda: scrub.masker("hash", os.urandom(16)))


DECLARED: dict[str, Declared] = {}
_STATE = _State()
_TAPS: list[list[dict[str, Any]]] = []


def event(name: str, level: str = "info", unless: tuple[str, ...] = ()) -> Callable[[Callable[P, None]], Callable[P, None]]:
    """Declare an event: its docstring is its sentence in the catalogue, its parameters are its fields."""

    def declare(function: Callable[P, None]) -> Callable[P, None]:
        signature = inspect.signature(function)
        defaults = {name: None if each.default is each.empty else each.default for name, each in signature.parameters.items()}
        sentence = inspect.getdoc(function) or ""
        DECLARED[name] = Declared(name, level, sentence, tuple(each.rstrip("_") for each in defaults), unless)

        @functools.wraps(function)
        def written(*args: P.args, **fields: P.kwargs) -> None:
            function(*args, **fields)  # a wrong field is a bug of the caller, heard or not
            _emit(DECLARED[name], defaults | dict(zip(defaults, args, strict=False)) | fields)

        return written

    return declare


def _emit(declared: Declared, fields: Mapping[str, Any]) -> None:
    idle = declared.unless and not any(fields[each] for each in declared.unless)
    level = "debug" if idle else declared.level
    if not _TAPS and (_STATE.logger is None or LEVELS[level] < _STATE.least):
        return
    bound = structlog.contextvars.get_contextvars()
    line = {name: bound.get(name) for name in IDS if name in bound}
    line |= {name.rstrip("_"): bound.get(name) if value is None else value for name, value in fields.items()}
    for tap in _TAPS:
        tap.append({"event": declared.name, "level": level, **line})
    write(declared.name, level, line)


def write(name: str, level: str, line: Mapping[str, Any]) -> None:
    """One line, if its level is wanted and somebody reads it."""
    if _STATE.logger is not None and LEVELS[level] >= _STATE.least:
        with suppress(OSError, ValueError):  # the stream is gone; what is being done goes on
            getattr(_STATE.logger, level)(name, **line)


def bound(**ids: Any) -> AbstractContextManager[Any]:
    """While inside, lines without a spool_id or ticket of their own carry these."""
    return structlog.contextvars.bound_contextvars(**ids)


@contextmanager
def captured() -> Iterator[list[dict[str, Any]]]:
    """Every event while inside, unscrubbed, whatever its level: for tests and for `explain`."""
    tap: list[dict[str, Any]] = []
    _TAPS.append(tap)
    try:
        yield tap
    finally:
        _TAPS.remove(tap)


def start(form: str, addresses: str, stream: TextIO, *, level: str, key: bytes) -> None:
    """Write to `stream` from now on."""
    as_json = form == "json" or (form == "auto" and not _is_terminal(stream))
    _STATE.mask = scrub.masker(addresses, key or os.urandom(16))
    _STATE.least = LEVELS[level]
    processors = (structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"), _scrubbed)
    structlog.configure(
        processors=[*processors, structlog.processors.JSONRenderer() if as_json else _as_text],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        logger_factory=structlog.WriteLoggerFactory(file=stream),
        cache_logger_on_first_use=False,
    )
    _STATE.logger = structlog.get_logger("mailgate").bind()


def stop() -> None:
    """Write nothing from now on."""
    _STATE.logger = None


def _is_terminal(stream: TextIO) -> bool:
    with suppress(ValueError):
        return stream.isatty()
    return False


def _scrubbed(_: Any, level: str, line: Line) -> Line:
    """The line in its fixed order, every value fit to be shown."""
    ordered: dict[str, Any] = {"event": line.pop("event"), "level": level, "at": line.pop("at")}
    for name, value in line.items():
        mask = str if name in MESSAGE_IDS else _STATE.mask
        ordered[name] = scrub.clean(value, mask)
    return ordered


def _as_text(_: Any, __: str, line: Line) -> str:
    """The line for people: instant, level, event, then the fields that have a value."""
    head = f"{line.pop('at')} {line.pop('level'):<7} {line.pop('event'):<18}"
    return " ".join([head, *(f"{name}={_word(value)}" for name, value in line.items() if value not in (None, "", []))])


def _word(value: object) -> str:
    if isinstance(value, str) and value and not any(char in value for char in ' "='):
        return value
    return json.dumps(value, ensure_ascii=False)
