"""Clocks as they are kept: what comes due next, what has fired. Every function takes the caller's transaction."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Integer, Text, bindparam, insert, select, tuple_

from mailgate.desk.ticket import Clock, Mark
from mailgate.store.schema import Instant, clocks, steps, upsert

_CLOCKS = select(clocks).where(clocks.c.subject == bindparam("subject")).order_by(clocks.c.episode)
_ONE_CLOCK = _CLOCKS.where((clocks.c.name == bindparam("name")) & (clocks.c.episode == bindparam("episode")))
_ORDER = tuple_(clocks.c.next_due_at, clocks.c.subject, clocks.c.name, clocks.c.episode)
_LAST = tuple_(
    bindparam("due", type_=Instant),
    bindparam("subject", type_=Text),
    bindparam("name", type_=Text),
    bindparam("episode", type_=Integer),
)
_DUE = select(clocks).where(clocks.c.next_due_at <= bindparam("now")).order_by(*_ORDER.clauses).limit(bindparam("most"))
_DUE_AFTER = _DUE.where(_ORDER > _LAST)
_NEXT_DUE = select(clocks.c.next_due_at).where(clocks.c.next_due_at.is_not(None)).order_by(clocks.c.next_due_at).limit(1)
_CLOCK = upsert(clocks)
_CLOCK = _CLOCK.on_conflict_do_update(
    index_elements=[clocks.c.subject, clocks.c.name, clocks.c.episode],
    set_={column.name: _CLOCK.excluded[column.name] for column in clocks.c},
)


def _clock(row: Any) -> Clock:
    """The clock of a row of the clocks table."""
    marks = tuple(Mark(step, n, _instant(due), _instant(at) if at else None) for step, n, due, at in row.marks)
    pauses = tuple((_instant(start), _instant(end) if end else None) for start, end in row.pauses)
    return Clock(
        row.subject, row.name, row.episode, row.state, row.started_at, row.due, marks,
        row.stopped_at, row.stopped_by, pauses, row.for_message, row.version,
    )  # fmt: skip


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def of_subject(connection: Connection, subject: str) -> tuple[Clock, ...]:
    """Every clock of a subject, by episode."""
    return tuple(map(_clock, connection.execute(_CLOCKS, {"subject": subject})))


def write(connection: Connection, changed: Iterable[Clock]) -> None:
    """Store these clocks; the index of what comes due next moves with them."""
    for clock in changed:
        row = {
            "subject": clock.subject, "name": clock.name, "episode": clock.episode, "state": clock.state,
            "started_at": clock.started_at, "due": clock.due, "next_due_at": clock.next_due_at,
            "marks": [[mark.step, mark.occurrence, mark.due, mark.fired_at] for mark in clock.marks],
            "stopped_at": clock.stopped_at, "stopped_by": clock.stopped_by, "pauses": clock.pauses,
            "for_message": clock.for_message, "version": clock.version + 1,
        }  # fmt: skip
        connection.execute(_CLOCK, row)


def due(connection: Connection, now: datetime, limit: int, after: Clock | None = None) -> tuple[Clock, ...]:
    """The clocks that have something due by `now`, earliest first; of these, those that come `after` one."""
    if after is None:
        return tuple(map(_clock, connection.execute(_DUE, {"now": now, "most": limit})))
    last = {"due": after.next_due_at, "subject": after.subject, "name": after.name, "episode": after.episode}
    return tuple(map(_clock, connection.execute(_DUE_AFTER, {"now": now, "most": limit, **last})))


def get(connection: Connection, subject: str, name: str, episode: int) -> Clock | None:
    """One clock as it stands now."""
    row = connection.execute(_ONE_CLOCK, {"subject": subject, "name": name, "episode": episode}).first()
    return _clock(row) if row else None


def newest(connection: Connection, subject: str, name: str) -> Clock | None:
    """The last episode of a clock, or None."""
    row = connection.execute(_NEWEST, {"subject": subject, "name": name}).first()
    return _clock(row) if row else None


_NEWEST = (
    select(clocks)
    .where((clocks.c.subject == bindparam("subject")) & (clocks.c.name == bindparam("name")))
    .order_by(clocks.c.episode.desc())
    .limit(1)
)


def next_due_at(connection: Connection) -> datetime | None:
    """The earliest instant at which any clock has something to do."""
    found: datetime | None = connection.execute(_NEXT_DUE).scalar()
    return found


_FIRED = insert(steps)


def fire(connection: Connection, clock: Clock, marks: Iterable[Mark], now: datetime) -> None:
    """Record that these steps fired. Raises sqlalchemy.exc.IntegrityError if one of them had fired before."""
    connection.execute(
        _FIRED,
        [
            {
                "subject": clock.subject, "clock": clock.name, "episode": clock.episode, "step": mark.step,
                "occurrence": mark.occurrence, "due": mark.due, "fired_at": now,
            }
            for mark in marks
        ],
    )  # fmt: skip
