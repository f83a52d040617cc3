"""Mail that a process had in hand when it ended: how many have begun with it since, so that none brings down one after the other.

What waits when a process starts is settled one by one, and noted before. A mail that TRIES processes in a row began with and did
not outlive is set aside with its reason, as any other that can't be handled; `mailgate spool retry` brings it back. So many,
because a process that is killed over something else has some mail in hand, too.
"""

from __future__ import annotations

from sqlalchemy import Connection, func, select

from mailgate.store import memory
from mailgate.store.schema import spool as table

TRIES = 5
REASON = f"{TRIES} processes ended while they settled this mail"
_BEGUN = "begun:"


def newest(connection: Connection) -> int:
    """The highest id among the mail that waits to be settled, 0 if none does."""
    return int(connection.execute(_NEWEST).scalar() or 0)


_NEWEST = select(func.max(table.c.id)).where(table.c.state == "received")


def begun(connection: Connection, spool_id: int) -> int:
    """How many processes began with this mail, and did not live to `forget` it."""
    return int(memory.flag(connection, f"{_BEGUN}{spool_id}") or 0)


def begin(connection: Connection, spool_id: int) -> None:
    """Note that one more process begins with this mail."""
    memory.set_flag(connection, f"{_BEGUN}{spool_id}", str(begun(connection, spool_id) + 1))


def forget(connection: Connection, spool_id: int) -> None:
    """The process that began with it has outlived it."""
    memory.set_flag(connection, f"{_BEGUN}{spool_id}", None)
