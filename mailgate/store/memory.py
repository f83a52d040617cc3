"""What else is remembered: strikes and absences of sellers, packs in use, holds, the heartbeat."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, select

from mailgate.desk.standing import Strike
from mailgate.store.schema import flags, marked, marks, policies, sellers, strikes, upsert


def strikes_of(connection: Connection, desk: str, seller: str) -> tuple[Strike, ...]:
    """Every strike of this seller at this desk, oldest first."""
    rows = connection.execute(_STRIKES, {"desk": desk, "seller": seller})
    return tuple(Strike(row.kind, row.at, row.ticket) for row in rows)


_STRIKES = (
    select(strikes)
    .where((strikes.c.desk == bindparam("desk")) & (strikes.c.seller == bindparam("seller")))
    .order_by(strikes.c.at, strikes.c.id)
)


def strike(connection: Connection, desk: str, seller: str, new: Iterable[Strike]) -> None:
    """Add strikes."""
    for one in new:
        row = {"desk": desk, "seller": seller, "kind": one.kind, "at": one.at, "ticket": one.ticket}
        connection.execute(insert(strikes), row)


def unstrike(connection: Connection, desk: str, seller: str, kind: str, ticket: int) -> None:
    """Take back the strikes of this kind that this ticket brought."""
    mine = (strikes.c.desk == desk) & (strikes.c.seller == seller) & (strikes.c.kind == kind) & (strikes.c.ticket == ticket)
    connection.execute(delete(strikes).where(mine))


def is_away(connection: Connection, desk: str, seller: str) -> bool:
    """True while the last we heard of the seller's support was an absence reply (D-38)."""
    return bool(connection.execute(_AWAY, {"desk": desk, "seller": seller}).scalar())


_AWAY = select(sellers.c.away).where((sellers.c.desk == bindparam("desk")) & (sellers.c.seller == bindparam("seller")))


def set_away(connection: Connection, desk: str, seller: str, away: bool, now: datetime) -> None:
    """Remember that the seller went away or is back."""
    row = {"desk": desk, "seller": seller, "away": away, "since": now}
    connection.execute(
        upsert(sellers).values(row).on_conflict_do_update(index_elements=[sellers.c.desk, sellers.c.seller], set_=row)
    )


def marks_of(connection: Connection, desk: str, seller: str) -> dict[str, str]:
    """What is remembered of a seller at this desk beside his strikes, by name."""
    rows = connection.execute(_MARKS, {"desk": desk, "seller": seller})
    return {row.name: row.value for row in rows}


def marks_at(connection: Connection, desk: str, seller: str, at: datetime) -> dict[str, str]:
    """The same as it stood at that instant."""
    mine = (marked.c.desk == desk) & (marked.c.seller == seller) & (marked.c.at <= at)
    last = {row.name: row.value for row in connection.execute(select(marked).where(mine).order_by(marked.c.at, marked.c.id))}
    return {name: value for name, value in last.items() if value is not None}


def mark(connection: Connection, desk: str, seller: str, new: Mapping[str, Any], now: datetime) -> None:
    """Remember these of a seller; None forgets one. True and false are kept as words."""
    for name, value in new.items():
        mine = (marks.c.desk == desk) & (marks.c.seller == seller) & (marks.c.name == name)
        text = None if value is None else str(value).lower() if isinstance(value, bool) else str(value)
        connection.execute(insert(marked), {"desk": desk, "seller": seller, "name": name, "value": text, "at": now})
        if text is None:
            connection.execute(delete(marks).where(mine))
            continue
        row = {"desk": desk, "seller": seller, "name": name, "value": text, "at": now}
        key = [marks.c.desk, marks.c.seller, marks.c.name]
        connection.execute(upsert(marks).values(row).on_conflict_do_update(index_elements=key, set_=row))


_MARKS = select(marks.c.name, marks.c.value).where((marks.c.desk == bindparam("desk")) & (marks.c.seller == bindparam("seller")))

_KEEP = upsert(policies).on_conflict_do_nothing()


def keep_policy(connection: Connection, hash_: str, name: str, body: Mapping[str, Any], options: Mapping[str, Any]) -> None:
    """Keep a pack and its options under their content hash, for the tickets that open under it."""
    if connection.execute(_KEPT, {"hash": hash_}).first() is None:
        connection.execute(_KEEP, {"hash": hash_, "name": name, "body": body, "options": options})


_KEPT = select(policies.c.hash).where(policies.c.hash == bindparam("hash"))


def kept_policy(connection: Connection, hash_: str) -> tuple[str, dict[str, Any], dict[str, Any]] | None:
    """The (name, pack, options) kept under `hash_`, or None."""
    row = connection.execute(select(policies).where(policies.c.hash == hash_)).first()
    return (row.name, row.body, row.options) if row else None


def flag(connection: Connection, name: str) -> str | None:
    """A single value, or None."""
    value: str | None = connection.execute(_FLAG, {"name": name}).scalar()
    return value


_FLAG = select(flags.c.value).where(flags.c.name == bindparam("name"))
_SET_FLAG = upsert(flags)
_SET_FLAG = _SET_FLAG.on_conflict_do_update(index_elements=[flags.c.name], set_={"value": _SET_FLAG.excluded.value})


def set_flag(connection: Connection, name: str, value: str | None) -> None:
    """Set a single value; None forgets it."""
    if value is None:
        connection.execute(delete(flags).where(flags.c.name == name))
        return
    connection.execute(_SET_FLAG, {"name": name, "value": value})


def holds(connection: Connection) -> tuple[str, ...]:
    """What is on hold: `all`, `brake:DESK`, `desk:NAME`, `policy:NAME`, `seller:NAME`, in order of name."""
    return tuple(name.removeprefix("hold:") for name in connection.execute(_HOLDS).scalars())


_HOLDS = select(flags.c.name).where((flags.c.name >= "hold:") & (flags.c.name < "hold;")).order_by(flags.c.name)
