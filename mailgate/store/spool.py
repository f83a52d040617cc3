"""The spool: every mail that we accepted, as it came. A row is durable before the door says 250.

States: `received` (accepted, not yet settled), `settled`, `parked` (we could not handle it; people must look), `held`
(waits for somebody's word). A mail leaves only by retention. A mail of the guard is `received` before the next hop has it, and
is not settled before that has said yes (passage.py).
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, insert, select, union, update

from mailgate.mail.message import Envelope
from mailgate.store.schema import messages, pieces, sightings, spool

STATES = ("received", "settled", "parked", "held")
RELAYING = "guard: on its way"  # the reason of a row whose mail the next hop does not have yet, as far as we know

FIRST = 256 * 1024  # octets of a mail that its row holds; `pieces` has the rest of a larger one
PIECE = 2**20
AT_ONCE = 8 * 2**20  # octets of mail that are taken up together


@dataclass(frozen=True)
class Spooled:
    """One row of the spool with its bytes; `reason`: why it was set aside before, if it was."""

    id: int
    envelope: Envelope
    raw: bytes
    sha256: str
    desk: str | None
    state: str
    reason: str = ""


def put(connection: Connection, arrivals: Sequence[tuple[Envelope, bytes, str | None]]) -> tuple[int, ...]:
    """The new rows' ids, in order: one mail each, meant for the desk named (None: not known yet)."""
    return tuple(_put(connection, *arrival) for arrival in arrivals)


def _put(connection: Connection, envelope: Envelope, raw: bytes, desk: str | None) -> int:
    row = connection.execute(_PUT, _row(envelope, raw, desk)).inserted_primary_key
    spool_id: int = row[0]  # type: ignore[index]
    for number, start in enumerate(range(FIRST, len(raw), PIECE)):
        connection.execute(_PUT_PIECE, {"spool_id": spool_id, "number": number, "raw": raw[start : start + PIECE]})
    return spool_id


_PUT_PIECE = insert(pieces)
_PUT = insert(spool)


def _row(envelope: Envelope, raw: bytes, desk: str | None) -> dict[str, Any]:
    return {
        "state": "received",
        "desk": desk,
        "door": envelope.door,
        "client": envelope.client,
        "helo": envelope.helo,
        "reverse_path": envelope.reverse_path,
        "forward_paths": envelope.forward_paths,
        "received_at": envelope.received_at,
        "sha256": hashlib.sha256(raw).hexdigest(),
        "raw": raw[:FIRST],
    }


_OPEN = (
    select(spool)
    .where((spool.c.state == "received") & (spool.c.reason.is_(None) | (spool.c.reason != RELAYING)))
    .order_by(spool.c.received_at, spool.c.id)
    .limit(bindparam("most"))
)
_STATE = select(spool.c.state).where(spool.c.id == bindparam("this"))


def waiting(connection: Connection, limit: int) -> tuple[Spooled, ...]:
    """Up to `limit` mails that are not settled, oldest first (design: settled in received_at, id order); fewer large ones."""
    mails: list[Spooled] = []
    size = 0
    for row in connection.execute(_OPEN, {"most": limit}).all():
        mails.append(_spooled(connection, row))
        size += len(mails[-1].raw)
        if size >= AT_ONCE:
            break
    return tuple(mails)


def get(connection: Connection, spool_id: int) -> Spooled | None:
    """The mail with this id, or None."""
    row = connection.execute(select(spool).where(spool.c.id == spool_id)).first()
    return _spooled(connection, row) if row else None


def _spooled(connection: Connection, row: Any) -> Spooled:
    envelope = Envelope(row.reverse_path, tuple(row.forward_paths), row.received_at, row.door, row.client, row.helo)
    return Spooled(row.id, envelope, whole(connection, row.id, row.raw), row.sha256, row.desk, row.state, row.reason or "")


def whole(connection: Connection, spool_id: int, first: bytes) -> bytes:
    """The bytes of a mail whose row holds `first`."""
    if len(first) != FIRST:
        return first
    mail = io.BytesIO()  # of all ways to put bytes together the one that needs no second copy
    mail.write(first)
    for piece in connection.execute(_PIECES, {"this": spool_id}).scalars():
        mail.write(piece)
    return mail.getvalue()


_PIECES = select(pieces.c.raw).where(pieces.c.spool_id == bindparam("this")).order_by(pieces.c.number)


def is_waiting(connection: Connection, spool_id: int) -> bool:
    """True while this mail is still to be settled; whoever takes it up asks in the transaction that settles it."""
    return connection.execute(_STATE, {"this": spool_id}).scalar() == "received"


_FIRST_OPEN = select(func.min(spool.c.received_at)).where(spool.c.state == "received")


def oldest_waiting(connection: Connection) -> datetime | None:
    """When the oldest unsettled mail was accepted; a step due at or after it must wait (a mail in hand beats a timer)."""
    found: datetime | None = connection.execute(_FIRST_OPEN).scalar()
    return found


_SETTLE = update(spool).where(spool.c.id == bindparam("this"))


def settle(connection: Connection, spool_id: int, now: datetime, **known: Any) -> None:
    """Note that the mail is settled; `known` holds desk, message_id, ticket, duplicate_of as far as they are known."""
    values = {"state": "settled", "settled_at": now, "reason": None, **known}
    connection.execute(_SETTLE, {**values, "this": spool_id})


def park(connection: Connection, spool_id: int, reason: str, now: datetime) -> None:
    """Set the mail aside with its reason; `retry` brings it back."""
    values = {"state": "parked", "reason": reason[:500], "settled_at": now}
    connection.execute(update(spool).where(spool.c.id == spool_id).values(values))


def retry(connection: Connection, spool_ids: Sequence[int]) -> int:
    """How many of these parked or held mails wait again to be settled."""
    chosen = spool.c.id.in_(spool_ids) & spool.c.state.in_(("parked", "held"))
    return connection.execute(update(spool).where(chosen).values(state="received", settled_at=None)).rowcount


@dataclass(frozen=True)
class Twin:
    """The first arrival of a mail that came again."""

    spool_id: int
    ticket: int | None
    sha256: str


_AT_DESK = (
    select(messages.c.spool_id, messages.c.ticket, spool.c.sha256, messages.c.fingerprint)
    .select_from(messages.join(spool, spool.c.id == messages.c.spool_id))
    .where(messages.c.desk == bindparam("desk"))
)
_LIKE = union(  # each by its own index: an OR of the two would read all mail of the desk
    _AT_DESK.where(messages.c.fingerprint == bindparam("fingerprint")),
    _AT_DESK.where(messages.c.message_id == bindparam("message_id")),
).order_by("spool_id")


def like(connection: Connection, desk: str, fingerprint: str, message_id: str | None) -> tuple[Twin | None, int | None]:
    """(the settled mail of the same content, the spool id of another one with this Message-ID), each None if absent (G-07)."""
    wanted = {"desk": desk, "fingerprint": fingerprint, "message_id": message_id}
    rows = connection.execute(_LIKE, wanted).all()
    twin = next((Twin(row.spool_id, row.ticket, row.sha256) for row in rows if row.fingerprint == fingerprint), None)
    return twin, next((row.spool_id for row in rows if row.fingerprint != fingerprint), None)


def same_bytes(connection: Connection, again: Spooled, first: Twin) -> int | None:
    """The row that holds exactly these bytes already: that of `first`, or one settled beside it; None if there is none."""
    beside = (spool.c.id == first.spool_id) | (spool.c.duplicate_of == first.spool_id)
    mine = (spool.c.sha256 == again.sha256) & (spool.c.id != again.id) & beside
    return connection.execute(select(spool.c.id).where(mine).order_by(spool.c.id).limit(1)).scalar()


def sighted(connection: Connection, again: Spooled, first: int) -> None:
    """Note a further arrival of mail `first`; identical bytes need no row of their own."""
    seen = {"spool_id": first, "door": again.envelope.door, "received_at": again.envelope.received_at}
    connection.execute(insert(sightings), seen)
    if again.id != first:
        connection.execute(delete(spool).where(spool.c.id == again.id))
        connection.execute(delete(pieces).where(pieces.c.spool_id == again.id))


def listed(connection: Connection, state: str | None = None, limit: int = 0) -> tuple[dict[str, Any], ...]:
    """Rows for `message list` and `spool list`, oldest first, without the bytes."""
    columns = (
        spool.c.id.label("spool_id"), spool.c.message_id, spool.c.ticket, spool.c.state, spool.c.received_at, spool.c.door,
        spool.c.sha256, spool.c.desk, spool.c.reason, spool.c.duplicate_of,
    )  # fmt: skip
    query = select(*columns).order_by(spool.c.id)
    if state:
        query = query.where(spool.c.state == state)
    if limit:
        query = query.limit(limit)
    return tuple(dict(row._mapping) for row in connection.execute(query))


def counts(connection: Connection) -> dict[str, int]:
    """How many mails are in each state."""
    rows = connection.execute(select(spool.c.state, func.count()).group_by(spool.c.state))
    return {row[0]: row[1] for row in rows}
