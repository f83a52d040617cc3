"""How far each folder of a watched mailbox was read.

A mail is known by (mailbox, folder, UIDVALIDITY, UID). It is taken in the transaction that moves the folder's mark past its UID,
so that it is taken once, whatever crashes and however many watch. A new UIDVALIDITY begins the folder anew; what is then seen
again is a further sighting (G-07). Uids in `pending` are taken, and wait to be marked or moved.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Select, insert, select, update

from mailgate.desk.review import SPAM
from mailgate.mail.message import Envelope
from mailgate.store import spool
from mailgate.store.schema import sightings, watched
from mailgate.store.schema import spool as mails

SLACK = timedelta(hours=1)  # by which a server's clock may be slow


@dataclass(frozen=True)
class Place:
    """A folder of a mailbox; `acts`: what is taken from it is marked or moved afterwards."""

    mailbox: str
    folder: str
    acts: bool = False


@dataclass(frozen=True)
class Progress:
    """The last UID that was taken or passed over, and since when mail counts; `renumbered`: the folder begins anew."""

    uid: int
    since: datetime
    renumbered: bool = False


@dataclass(frozen=True)
class Found:
    """A mail of a folder, for the desk named (None: not known yet). `free`: it lies where no filter holds it."""

    uid: int
    envelope: Envelope
    raw: bytes
    desk: str | None = None
    free: bool = False


def begin(
    connection: Connection, place: Place, uidvalidity: int, *, top: int, since: datetime | None, now: datetime
) -> Progress:  # fmt: skip
    """How far the folder was read. At first: nothing of what came since `since`, or (None) everything up to UID `top`."""
    row = connection.execute(_of(place)).first()
    if row is None:
        first = Progress(0 if since else top, since or now)
        new = {"uidvalidity": uidvalidity, "uid": first.uid, "since": first.since, "pending": []}
        connection.execute(insert(watched).values(mailbox=place.mailbox, folder=place.folder, **new))
        return first
    renumbered, earlier = row.uidvalidity != uidvalidity, since is not None and since < row.since
    if not (renumbered or earlier):
        return Progress(row.uid, row.since)
    start = min(since, row.since) if since else row.since
    pending = [] if renumbered else row.pending
    _write(connection, place, uidvalidity=uidvalidity, uid=0, since=start, pending=pending)
    return Progress(0, start, renumbered)


def take(
    connection: Connection, place: Place, uidvalidity: int, upto: int, arrivals: Sequence[Found]
) -> tuple[tuple[int, Found], ...]:  # fmt: skip
    """These mails with their spool ids, but those that were taken before; then the folder is read up to UID `upto`."""
    row = connection.execute(_of(place).with_for_update()).first()
    if row is None or row.uidvalidity != uidvalidity or row.uid >= upto:
        return ()
    new = [one for one in arrivals if one.uid > row.uid]
    pending = sorted({*row.pending, *(one.uid for one in new)}) if place.acts else row.pending
    _write(connection, place, uid=upto, pending=pending)
    fresh = [one for one in new if not _waits_already(connection, one)]
    ids = spool.put(connection, [(one.envelope, one.raw, one.desk) for one in fresh])
    return tuple(zip(ids, fresh, strict=True))


def pending(connection: Connection, place: Place) -> tuple[int, ...]:
    """The UIDs that were taken and not yet marked or moved."""
    row = connection.execute(_of(place)).first()
    return tuple(row.pending) if row else ()


def acted(connection: Connection, place: Place, uids: Sequence[int]) -> None:
    """These were marked or moved."""
    row = connection.execute(_of(place).with_for_update()).first()
    if row is not None:
        _write(connection, place, pending=[uid for uid in row.pending if uid not in uids])


def _waits_already(connection: Connection, one: Found) -> bool:
    """True if this very mail is parked or held; what people moved out of the junk folder goes on (G-16)."""
    digest = hashlib.sha256(one.raw).hexdigest()
    same = (mails.c.sha256 == digest) & mails.c.state.in_(("parked", "held"))
    if one.desk is not None:
        same &= mails.c.desk == one.desk
    row = connection.execute(select(mails.c.id, mails.c.state, mails.c.reason).where(same)).first()
    if row is None:
        return False
    seen = {"spool_id": row.id, "door": one.envelope.door, "received_at": one.envelope.received_at}
    connection.execute(insert(sightings).values(seen))
    if one.free and row.state == "held" and (row.reason or "").startswith(SPAM):
        spool.retry(connection, [row.id])
    return True


def _of(place: Place) -> Select[Any]:
    return select(watched).where((watched.c.mailbox == place.mailbox) & (watched.c.folder == place.folder))


def _write(connection: Connection, place: Place, **values: Any) -> None:
    mine = (watched.c.mailbox == place.mailbox) & (watched.c.folder == place.folder)
    connection.execute(update(watched).where(mine).values(**values))
