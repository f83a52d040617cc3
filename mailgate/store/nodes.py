"""Many nodes on one database: which of them live, and whose turn it is to settle. Time is the database's.

A node lives as long as its row says; it says so anew every few seconds. The turn stays with its holder until he is found dead and
another takes it: the fence then grows, and what the old holder still tries to write is refused (postgres.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, func, select, text, update
from sqlalchemy.exc import NotSupportedError, ProgrammingError

from mailgate.store import memory
from mailgate.store.schema import Instant, flags, nodes, outbox, sightings, spool, turns, upsert

ALIVE = timedelta(seconds=10)
FORGOTTEN = timedelta(days=1)
DATABASE = "database"  # the flag that says which database nodes last wrote to
REPLACED = "the database was restored, or a standby took its place"
SETTLING = "settling"


@dataclass(frozen=True)
class Beat:
    """The database's time, and until when this node is known to live; `went_back`: it has forgotten what we wrote before.

    `replaced`: it has taken the place of another, and no node that lived can say what is missing; everything is on hold.
    """

    at: datetime
    until: datetime
    went_back: bool = False
    replaced: bool = False


def beat(connection: Connection, name: str, before: Beat | None, taken: tuple[int, datetime] | None = None) -> Beat:
    """Say that this node lives; `before` is what the last call returned, `taken` the last mail that it took."""
    at = connection.execute(select(func.clock_timestamp(type_=Instant))).scalar_one()
    known = connection.execute(select(nodes.c.alive_until).where(nodes.c.name == name)).scalar()
    row = {"name": name, "started_at": at, "alive_until": at + ALIVE}
    replaced = upsert(nodes).values(row)
    connection.execute(replaced.on_conflict_do_update(index_elements=[nodes.c.name], set_={"alive_until": at + ALIVE}))
    connection.execute(delete(nodes).where(nodes.c.alive_until < at - FORGOTTEN))
    forgotten = before is not None and (known is None or known < before.until)
    forgotten = forgotten or (taken is not None and _is_forgotten(connection, *taken))
    return Beat(at, at + ALIVE, forgotten, not forgotten and _is_replaced(connection, first=before is None))


def _is_forgotten(connection: Connection, spool_id: int, received_at: datetime) -> bool:
    """True if neither this mail nor the sighting that it became (the same bytes once more) is there."""
    found = connection.execute(select(spool.c.received_at).where(spool.c.id == spool_id)).scalar()
    if found is not None:
        return bool(found != received_at)
    seen = select(sightings.c.id).where(sightings.c.received_at == received_at).limit(1)
    return connection.execute(seen).first() is None


_WHICH = text(
    "SELECT concat_ws('.', (SELECT system_identifier FROM pg_control_system()), "
    "(SELECT oid FROM pg_database WHERE datname = current_database()), "
    "substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8))"
)  # which cluster, which database, which timeline: another one after a failover, and after most ways to restore


def _is_replaced(connection: Connection, *, first: bool) -> bool:
    """True if this is not the database of the last beat of any node, and ours is the `first`; everything is on hold then."""
    try:
        with connection.begin_nested():
            which = connection.execute(_WHICH).scalar_one()
    except (ProgrammingError, NotSupportedError):  # a provider that keeps these functions to itself
        return False
    known = connection.execute(select(flags.c.value).where(flags.c.name == DATABASE)).scalar()
    if which == known:
        return False
    memory.set_flag(connection, DATABASE, which)
    if not first or known is None:
        return False
    memory.set_flag(connection, "hold:all", REPLACED)
    return True


def fence(connection: Connection, name: str) -> int | None:
    """The fence of the turn if it is this node's, or nobody's who lives: then it is now. Else None. For a transaction alone."""
    row = connection.execute(select(turns.c.holder, turns.c.fence).where(turns.c.name == SETTLING)).one()
    if row.holder == name:
        return int(row.fence)
    living = nodes.c.alive_until > func.clock_timestamp()
    if connection.execute(select(nodes.c.name).where((nodes.c.name == row.holder) & living)).first() is not None:
        return None
    connection.execute(update(turns).where(turns.c.name == SETTLING).values(holder=name, fence=row.fence + 1))
    return int(row.fence) + 1


def leave(connection: Connection, name: str) -> None:
    """Give up the turn, if it is this node's, and what it has claimed: it ends."""
    connection.execute(update(turns).where(turns.c.holder == name).values(holder=""))
    connection.execute(update(outbox).where(outbox.c.claimed_by == name).values(claimed_by=None))
    connection.execute(delete(nodes).where(nodes.c.name == name))


def living(connection: Connection) -> int:
    """How many nodes live."""
    query = select(func.count()).select_from(nodes).where(nodes.c.alive_until > func.clock_timestamp())
    return int(connection.execute(query).scalar_one())
