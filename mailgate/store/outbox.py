"""The outbox: mail to be sent, one row a reader, with its bytes and its outcome.

States: `queued`, `sent`, `deferred` (again at `next_attempt_at`), `uncertain` (the next hop may have it; again, with the same
Message-ID), `refused`, `superseded` (it no longer held), `cancelled`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, bindparam, case, false, func, insert, literal, not_, or_, select, update

from mailgate.mail import address as addresses
from mailgate.store.schema import Instant, nodes, outbox

OPEN = ("queued", "deferred", "uncertain")
_IS_OPEN = outbox.c.state.in_([literal(one) for one in OPEN])  # a plain list would be put into the statement anew each time
GRAVE = (outbox.c.notice == "effect") | (  # escalations and effects: the steps of a ticket's clocks that are no reminders
    outbox.c.ticket.is_not(None)
    & (outbox.c.step != "")
    & outbox.c.notice.not_like("remind%")
    & outbox.c.notice.not_like("%\\_warning", escape="\\")
)
UNWRITTEN = ("hand_on", "pass_on", "undelivered")  # other people's mail, handed on as it came, and what came of that


@dataclass(frozen=True)
class Outgoing:
    """One mail to one reader. `route` empty: by the smarthost. `clock`…`occurrence` name the step behind it, if any.

    One that `waits` has no next attempt until `release`: it tells of what somebody else must do first.
    """

    notice: str
    desk: str
    reader: str
    message_id: str
    raw: bytes
    created_at: datetime
    ticket: int | None = None
    seller: str | None = None
    role: str = ""
    route: str = ""
    reverse_path: str | None = None
    visible: tuple[str, ...] = ()
    clock: str = ""
    episode: int = 0
    step: str = ""
    occurrence: int = 0
    waits: bool = False
    id: int = 0
    state: str = "queued"
    attempts: int = 0
    next_attempt_at: datetime | None = None
    answer: str = ""
    sent_at: datetime | None = field(default=None)


_FIELDS = (
    "notice", "desk", "reader", "message_id", "raw", "created_at", "ticket", "seller", "role", "route", "reverse_path",
    "visible", "clock", "episode", "step", "occurrence", "state", "attempts", "next_attempt_at", "answer", "sent_at",
)  # fmt: skip


_RESERVE = insert(outbox)
_FILL = update(outbox).where(outbox.c.id == bindparam("this"))


def reserve(connection: Connection, one: Outgoing) -> int:
    """The id of a new row for `one`, whose bytes may name that id; `fill` puts the bytes in."""
    values = {name: getattr(one, name) for name in _FIELDS}
    row = {**values, "inbox": addresses.inbox(one.reader), "next_attempt_at": None if one.waits else one.created_at}
    return int(connection.execute(_RESERVE, row).inserted_primary_key[0])  # type: ignore[index]


def troubled(connection: Connection, seller: str, since: datetime) -> tuple[tuple[datetime, str, str], ...]:
    """(when, reader, state) of the newest 20 mails about this seller since then that did not simply leave (D-34)."""
    query = select(outbox.c.created_at, outbox.c.reader, outbox.c.state).where(
        (outbox.c.seller == seller) & (outbox.c.created_at >= since) & outbox.c.state.in_(("refused", "deferred", "uncertain"))
    )
    rows = connection.execute(query.order_by(outbox.c.created_at.desc()).limit(20))
    return tuple((row.created_at, row.reader, row.state) for row in rows)


def release(connection: Connection, ticket: int, now: datetime) -> int:
    """How many mails of this ticket that waited may leave now."""
    waiting = (outbox.c.ticket == ticket) & (outbox.c.state == "queued") & outbox.c.next_attempt_at.is_(None)
    return int(connection.execute(update(outbox).where(waiting).values(next_attempt_at=now)).rowcount)


def fill(connection: Connection, outbox_id: int, raw: bytes, reverse_path: str | None) -> None:
    """Put the composed bytes and their return path into a reserved row."""
    connection.execute(_FILL, {"this": outbox_id, "raw": raw, "reverse_path": reverse_path})


def exists(connection: Connection, message_id: str, reader: str) -> bool:
    """True if this mail to this reader is in the outbox already (a replayed step writes nothing twice)."""
    return connection.execute(_EXISTS, {"message_id": message_id, "reader": reader}).first() is not None


_EXISTS = select(outbox.c.id).where((outbox.c.message_id == bindparam("message_id")) & (outbox.c.reader == bindparam("reader")))


def told_since(connection: Connection, reader: str, ticket: int | None, since: datetime) -> tuple[int, int]:
    """How many notices mail has brought `reader` since then, however his address was spelled: (on this ticket, in all).

    Steps and mail passed on don't count.
    """
    about = {"inbox": addresses.inbox(reader), "since": since, "ticket": ticket}
    row = connection.execute(_TOLD_SINCE, about).one()
    return int(row[0]), int(row[1])


def times_told(connection: Connection, reader: str, ticket: int, since: datetime) -> tuple[datetime, ...]:
    """When anything was written to `reader` on this ticket since then, in order."""
    wanted = {"inbox": addresses.inbox(reader), "since": since, "ticket": ticket}
    return tuple(connection.execute(_TIMES_TOLD, wanted).scalars())


def tickets_told(connection: Connection, reader: str, since: datetime) -> int:
    """On how many tickets anything was written to `reader` since then, however his address was spelled."""
    return int(connection.execute(_TICKETS_TOLD, {"inbox": addresses.inbox(reader), "since": since}).scalar() or 0)


_WRITTEN = outbox.c.notice.not_in([literal(one) for one in UNWRITTEN])
_TOLD = (outbox.c.inbox == bindparam("inbox")) & (outbox.c.created_at > bindparam("since")) & _WRITTEN
_TICKETS_TOLD = select(func.count(outbox.c.ticket.distinct())).where(_TOLD)
_TIMES_TOLD = select(outbox.c.created_at).where(_TOLD & (outbox.c.ticket == bindparam("ticket"))).order_by(outbox.c.created_at)
_ABOUT = func.coalesce(func.sum(case((outbox.c.ticket == bindparam("ticket"), 1), else_=0)), 0)
_TOLD_SINCE = select(_ABOUT, func.count()).where(_TOLD & (outbox.c.step == ""))


@dataclass(frozen=True)
class Way:
    """Which mail goes one way: that of a route ("": by the smarthost), to one domain, or to all `but` these."""

    route: str = ""
    domain: str = ""
    but: tuple[str, ...] = ()


def routes(connection: Connection, now: datetime) -> tuple[str, ...]:
    """The routes of all mail that is due by `now`."""
    return tuple(connection.execute(_ROUTES, {"now": now}).scalars())


_IS_DUE = _IS_OPEN & (outbox.c.next_attempt_at <= bindparam("now", type_=Instant))
_ROUTES = select(outbox.c.route).where(_IS_DUE).distinct()


def due(
    connection: Connection,
    now: datetime,
    held: Sequence[str],
    limit: int,
    *,
    way: Way | None = None,
    without: Collection[int] = (),
    by: str = "",
) -> tuple[int, ...]:
    """The ids of mail whose next attempt is due by `now`, oldest first, without what a hold stops (scopes as in `hold`).

    `by`: the node that asks, where there are many; what another living one has claimed is left out.
    """
    asked = {"now": now, "most": limit, "without": list(without)}
    return tuple(connection.execute(_due(tuple(held), way, by), asked).scalars())


@lru_cache(maxsize=256)
def _due(held: tuple[str, ...], way: Way | None, by: str) -> Select[Any]:
    query = select(outbox.c.id).where(_IS_DUE, *_unheld(held), outbox.c.id.not_in(bindparam("without", expanding=True)))
    if way is not None:
        query = query.where(outbox.c.route == way.route)
        query = query.where(*(~_to(domain) for domain in way.but), *([_to(way.domain)] if way.domain else []))
    if by:
        query = query.where(_free(by))
    return query.order_by(outbox.c.next_attempt_at, outbox.c.id).limit(bindparam("most"))


def taken(
    connection: Connection, ids: Sequence[int], now: datetime, held: Sequence[str], *, by: str = ""
) -> tuple[Outgoing, ...]:
    """Those of these mails that are due by `now` still, and that no hold stops, with their bytes, in this order.

    `by`: they are locked for this node, without those that another has or is just about to have.
    """
    rows = {row.id: row for row in connection.execute(_taken(tuple(held), by), {"now": now, "ids": list(ids)})}
    return tuple(_outgoing(rows[one]) for one in ids if one in rows)


@lru_cache(maxsize=256)
def _taken(held: tuple[str, ...], by: str) -> Select[Any]:
    query = select(outbox).where(_IS_DUE, *_unheld(held), outbox.c.id.in_(bindparam("ids", expanding=True)))
    return query.where(_free(by)).with_for_update(skip_locked=True) if by else query


def claim(connection: Connection, ids: Sequence[int], by: str) -> None:
    """Note that the node `by` sends these, while it lives."""
    connection.execute(update(outbox).where(outbox.c.id.in_(ids)).values(claimed_by=by))


def is_claimed(connection: Connection, outbox_id: int, by: str) -> bool:
    """True while it is for the node `by` to say how sending this ended."""
    return connection.execute(select(outbox.c.claimed_by).where(outbox.c.id == outbox_id)).scalar() == by


def _free(by: str) -> ColumnElement[bool]:
    others = select(nodes.c.name).where((nodes.c.alive_until > func.clock_timestamp()) & (nodes.c.name != by))
    return or_(outbox.c.claimed_by.is_(None), outbox.c.claimed_by.not_in(others))


def _unheld(held: Iterable[str]) -> Iterator[ColumnElement[bool]]:
    for scope in held:
        kind, _, name = scope.partition(":")
        column = {"desk": outbox.c.desk, "seller": outbox.c.seller}.get(kind)
        if kind == "all":
            yield false()
        elif kind == "brake":
            yield not_((outbox.c.desk == name) & GRAVE)
        elif column is not None:
            yield or_(column.is_(None), column != name)


def _to(domain: str) -> ColumnElement[bool]:
    return func.lower(outbox.c.reader).endswith(f"@{domain}", autoescape=True)


def _outgoing(row: Any) -> Outgoing:
    values = {name: getattr(row, name) for name in _FIELDS}
    return Outgoing(**{**values, "visible": tuple(values["visible"]), "id": row.id})


def get(connection: Connection, outbox_id: int) -> Outgoing | None:
    """One row with its bytes, or None."""
    row = connection.execute(select(outbox).where(outbox.c.id == outbox_id)).first()
    return _outgoing(row) if row else None


def by_message_id(connection: Connection, message_ids: Sequence[str]) -> tuple[Outgoing, ...]:
    """The rows of these Message-IDs (a notice to several readers has several)."""
    query = select(outbox).where(outbox.c.message_id.in_(message_ids[:100])).order_by(outbox.c.id)
    return tuple(map(_outgoing, connection.execute(query))) if message_ids else ()


def settle(
    connection: Connection,
    outbox_id: int,
    state: str,
    now: datetime,
    *,
    answer: str = "",
    again: datetime | None = None,
) -> None:
    """Note the outcome of an attempt; `again` is when to try next (None: never)."""
    values: dict[str, Any] = {"state": state, "answer": answer[:500], "next_attempt_at": again, "claimed_by": None}
    if state == "sent":
        values["sent_at"] = now
    tried = state != "superseded"
    connection.execute(_SETTLE if tried else _FILL, {"this": outbox_id, **values})


_SETTLE = _FILL.values(attempts=outbox.c.attempts + 1)


def unsent(connection: Connection, ticket: int, clock: str, episode: int) -> bool:
    """True while a notice of this clock has not been taken by the next hop: the ladder's next step waits for it."""
    return connection.execute(_UNSENT, {"ticket": ticket, "clock": clock, "episode": episode}).first() is not None


_UNSENT = (
    select(outbox.c.id)
    .where((outbox.c.ticket == bindparam("ticket")) & (outbox.c.clock == bindparam("clock")))
    .where((outbox.c.episode == bindparam("episode")) & (outbox.c.step != "") & _IS_OPEN)
    .limit(1)
)


def next_attempt_at(connection: Connection) -> datetime | None:
    """When the earliest open row wants its next attempt."""
    found: datetime | None = connection.execute(_NEXT_ATTEMPT).scalar()
    return found


_NEXT_ATTEMPT = select(func.min(outbox.c.next_attempt_at)).where(_IS_OPEN)


def retry(connection: Connection, ids: Sequence[int], now: datetime) -> int:
    """How many of these (not sent) are queued again, due at once."""
    chosen = outbox.c.id.in_(ids) & outbox.c.state.not_in(("sent",))
    return connection.execute(update(outbox).where(chosen).values(state="queued", next_attempt_at=now)).rowcount


def cancel(connection: Connection, ids: Sequence[int]) -> int:
    """How many of these (still open) are cancelled."""
    chosen = outbox.c.id.in_(ids) & _IS_OPEN
    return connection.execute(update(outbox).where(chosen).values(state="cancelled", next_attempt_at=None)).rowcount


def listed(connection: Connection, state: str | None = None) -> tuple[dict[str, Any], ...]:
    """Rows for `outbox list`, oldest first, without the bytes."""
    columns = [column for column in outbox.c if column.name != "raw"]
    query = select(*columns).order_by(outbox.c.id)
    if state:
        query = query.where(outbox.c.state == state)
    return tuple(dict(row._mapping) for row in connection.execute(query))


def counts(connection: Connection) -> dict[str, int]:
    """How many rows are in each state."""
    rows = connection.execute(select(outbox.c.state, func.count()).group_by(outbox.c.state))
    return {row[0]: row[1] for row in rows}
