"""What leaves the store by age: the bytes of settled mail, in and out. What was said, decided and promised stays.

A mail keeps its bytes while a clock of its ticket runs or rests, and while it waits for anybody: received, parked, held. A mail
without its bytes has none in `raw`; its row, its hash and its history stay.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection, Text, cast, delete, func, select, update

from mailgate.store.schema import clocks, outbox, pieces, spool

BATCH = 200
NOTHING = b""
_DONE = ("sent", "refused", "superseded", "cancelled")
_open_clock = select(clocks.c.name).where(
    (clocks.c.subject == "ticket:" + cast(spool.c.ticket, Text)) & clocks.c.state.in_(("running", "paused"))
)
_old_mail = (spool.c.state == "settled") & (func.length(spool.c.raw) > 0) & ~_open_clock.exists()
_old_letter = outbox.c.state.in_(_DONE) & (func.length(outbox.c.raw) > 0)


def purge(connection: Connection, before: datetime) -> int:
    """How many mails lost their bytes, BATCH of each kind at the most: received, or written, before that instant."""
    mails = select(spool.c.id).where(_old_mail & (spool.c.received_at < before)).order_by(spool.c.id).limit(BATCH)
    letters = select(outbox.c.id).where(_old_letter & (outbox.c.created_at < before)).order_by(outbox.c.id).limit(BATCH)
    gone = 0
    for table, chosen in ((spool, mails), (outbox, letters)):
        ids = connection.execute(chosen).scalars().all()
        if ids:
            gone += connection.execute(update(table).where(table.c.id.in_(ids)).values(raw=NOTHING)).rowcount
        if ids and table is spool:
            connection.execute(delete(pieces).where(pieces.c.spool_id.in_(ids)))
    return gone


def purged(connection: Connection, spool_ids: Iterable[int]) -> tuple[int, ...]:
    """Those of these mails whose bytes have gone."""
    chosen = select(spool.c.id).where(spool.c.id.in_(list(spool_ids)) & (func.length(spool.c.raw) == 0))
    return tuple(connection.execute(chosen.order_by(spool.c.id)).scalars())
