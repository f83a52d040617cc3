"""The brake that goes on by itself: escalations and effects far above what is usual at a desk wait for a person.

Usual is the mean of an hour over the seven days before this hour. What exceeds ten times of it, and `floor`, puts the desk's
escalations and effects on hold as `brake:DESK`; its other mail goes on. A release counts anew from its instant.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, bindparam, func, select

from mailgate.store import memory
from mailgate.store.outbox import GRAVE
from mailgate.store.schema import outbox

TIMES = 10
HOUR, WEEK = timedelta(hours=1), timedelta(days=7)
HOLD, RELEASED = "hold:brake:", "brake_released:"


@dataclass(frozen=True)
class Braked:
    """A desk whose brake is on: since when, at how many mails in an hour, and how many are usual."""

    desk: str
    at: datetime
    count: int
    usual: float


def grave(connection: Connection, ids: Iterable[int]) -> tuple[str, ...]:
    """The desks of those of these mails that are escalations or effects."""
    return tuple(connection.execute(_GRAVE, {"ids": list(ids)}).scalars())


_GRAVE = select(outbox.c.desk).where(outbox.c.id.in_(bindparam("ids", expanding=True)) & GRAVE).distinct()


def pull(connection: Connection, desks: Iterable[str], floor: int, now: datetime) -> tuple[Braked, ...]:
    """The desks whose brake goes on now."""
    found = (_judged(connection, desk, now) for desk in desks)
    pulled = tuple(one for one in found if one.count > max(floor, TIMES * one.usual))
    for one in pulled:
        said = json.dumps({"at": one.at.isoformat(), "count": one.count, "usual": one.usual})
        memory.set_flag(connection, f"{HOLD}{one.desk}", said)
    return pulled


def on(connection: Connection, desk: str) -> Braked | None:
    """How the brake of this desk went on, if it is."""
    value = memory.flag(connection, f"{HOLD}{desk}")
    said = json.loads(value) if value else {}
    return Braked(desk, datetime.fromisoformat(said["at"]), said["count"], said["usual"]) if said else None


def release(connection: Connection, now: datetime, desk: str = "") -> tuple[str, ...]:
    """The desks whose brake goes off now: this one, or all."""
    held = [name.removeprefix("brake:") for name in memory.holds(connection) if name.startswith("brake:")]
    freed = tuple(name for name in held if desk in ("", name))
    for name in freed:
        memory.set_flag(connection, f"{HOLD}{name}", None)
        memory.set_flag(connection, f"{RELEASED}{name}", now.isoformat())
    return freed


def _judged(connection: Connection, desk: str, now: datetime) -> Braked:
    released = memory.flag(connection, f"{RELEASED}{desk}")
    since = max(now - HOUR, datetime.fromisoformat(released)) if released else now - HOUR
    before = _count(connection, desk, now - HOUR - WEEK, now - HOUR)
    return Braked(desk, now, _count(connection, desk, since, now), round(before / (WEEK / HOUR), 2))


def _count(connection: Connection, desk: str, after: datetime, until: datetime) -> int:
    written = (outbox.c.desk == desk) & (outbox.c.created_at > after) & (outbox.c.created_at <= until)
    return int(connection.execute(select(func.count()).select_from(outbox).where(written & GRAVE)).scalar() or 0)
