"""Everything that the store holds about one address, for the person who owns it and asks."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import Connection, Text, cast, func, select

from mailgate.desk.heading import shown
from mailgate.mail import address as addresses
from mailgate.store.schema import messages, orders, outbox, participants, spool, tickets, unreachable
from mailgate.store.spool import whole

Found = Iterator[tuple[str, Mapping[str, Any]]]
_MAIL = ("spool_id", "ticket", "message_id", "author", "at", "text", "raw")
_NOTICE = ("id", "notice", "ticket", "reader", "message_id", "state", "created_at", "sent_at", "raw")


def known_of(connection: Connection, address: str) -> Found:
    """(kind, row) of each thing kept about `address`: ticket, mail, notice, order, unreachable, in this order, oldest first.

    A mail is his if he wrote it or it was addressed or handed to him: what he was never shown is other people's (G-14). Bytes
    come as they were received or sent; empty ones have left by retention.
    """
    key = addresses.key(address)
    mine = select(participants.c.ticket).where(participants.c.key == key)
    for row in connection.execute(select(tickets).where(tickets.c.number.in_(mine)).order_by(tickets.c.number)):
        known = {name: row._mapping[name] for name in ("number", "desk", "kind", "state", "opened_at")}
        yield "ticket", {**known, "subject": shown(row.subject, row.facts, [key])}
    named = cast(messages.c.audience, Text).contains(json.dumps(key, ensure_ascii=False), autoescape=True)
    his = select(messages, spool.c.raw).join(spool, spool.c.id == messages.c.spool_id).where(named).order_by(messages.c.id)
    for row in connection.execute(his):
        if key in row.audience:
            yield "mail", {name: row._mapping[name] for name in _MAIL} | {"raw": whole(connection, row.spool_id, row.raw)}
    sent = select(outbox).where(func.lower(outbox.c.reader).in_((key, address.lower()))).order_by(outbox.c.id)
    for row in connection.execute(sent):
        yield "notice", {name: row._mapping[name] for name in _NOTICE}
    for table, column in ((orders, orders.c.customer), (unreachable, unreachable.c.address)):
        for row in connection.execute(select(table).where(column == key)):
            yield "order" if table is orders else "unreachable", dict(row._mapping)
