"""A mail that passes through the guard, as the spool knows it: on its way, taken by the next hop, or never said.

On its way it is `received` with the reason RELAYING, and nothing follows from it. Taken: one more mail to be settled, at the
instant it came. Never said: `settled` with the reason, no ticket has it. After a crash nobody knows whether the next hop took
what was on its way; its sender got no answer, tries again, and then it counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import Connection, Update, select, update

from mailgate.desk.ticket import Entry
from mailgate.mail.message import Envelope
from mailgate.store import tickets
from mailgate.store.schema import spool
from mailgate.store.spool import RELAYING, put

UNCERTAIN = "uncertain: nobody knows whether the next hop took it"


def begin(
    connection: Connection, envelope: Envelope, raw: bytes, desks: Sequence[str], message_id: str | None
) -> tuple[int, ...]:
    """The spool ids of a mail that goes to the next hop now, one for each desk that it concerns."""
    ids = put(connection, [(envelope, raw, desk) for desk in desks])
    connection.execute(_these(ids).values(reason=RELAYING, message_id=message_id))
    return ids


def taken(connection: Connection, ids: Sequence[int]) -> None:
    """The next hop has the mail: it is said, and waits to be settled."""
    connection.execute(_these(ids).values(reason=None))


def unsaid(connection: Connection, ids: Sequence[int], reason: str, now: datetime) -> None:
    """The next hop does not have the mail, or nobody knows: nothing follows from it."""
    connection.execute(_these(ids).values(state="settled", reason=reason[:500], settled_at=now))


def left_over(connection: Connection, before: datetime, now: datetime) -> tuple[int, ...]:
    """What came before that instant and is on its way still: the daemon that handed it on has gone, and it counts as unsaid."""
    mine = (spool.c.state == "received") & (spool.c.reason == RELAYING) & (spool.c.received_at < before)
    ids = tuple(connection.execute(select(spool.c.id).where(mine).order_by(spool.c.id)).scalars())
    if ids:
        unsaid(connection, ids, UNCERTAIN, now)
    return ids


def note(connection: Connection, number: int, desk: str, entries: Sequence[Entry], spool_id: int | None) -> None:
    """Lines of a ticket's history: what the guard did with a mail."""
    ticket = tickets.load(connection, [number]).get(number)
    about = {"desk": desk, "ticket": number, "seller": ticket.seller if ticket else None, "spool_id": spool_id}
    for entry in entries:
        tickets.record(connection, [entry], about, entry.at)


def _these(ids: Iterable[int]) -> Update:
    return update(spool).where(spool.c.id.in_(list(ids)))
