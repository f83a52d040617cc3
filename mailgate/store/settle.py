"""The end of a mail's way: what later mail must know of it, who else gets it, and the spool row that says so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from mailgate.desk.decision import Decision
from mailgate.desk.happening import by_facts
from mailgate.desk.order import Order
from mailgate.desk.party import Desk
from mailgate.desk.ticket import Ticket
from mailgate.mail.message import Message
from mailgate.mail.subject import Subject
from mailgate.store import clues, happenings, memory, orders, outbox, spool, tickets
from mailgate.store.hand_on import DOORS
from mailgate.store.outbox import Outgoing
from mailgate.store.spool import Spooled, Twin


@dataclass(frozen=True)
class Kept:
    """What the store keeps of a mail beside its bytes."""

    message: Message
    subject: Subject
    kind: str
    fingerprint: str
    desk: Desk
    orders: tuple[str, ...] = ()
    premises: Mapping[str, Any] = field(default_factory=dict)


def again(connection: Connection, mail: Spooled, kept: Kept, twin: Twin, now: datetime) -> None:
    """The same mail once more: identical bytes are a further sighting, the same content is settled beside it (G-07)."""
    same = spool.same_bytes(connection, mail, twin)
    if same is not None:
        spool.sighted(connection, mail, same)
        return
    known = {"message_id": kept.message.message_id, "ticket": twin.ticket, "duplicate_of": twin.spool_id}
    spool.settle(connection, mail.id, now, desk=kept.desk.name, **known)


def remember(connection: Connection, mail: Spooled, kept: Kept, decision: Decision, ticket: Ticket | None, now: datetime) -> None:
    """Keep the new text with its audience and the ids that the mail carries and mentions; then the row is settled."""
    number, message = ticket.number if ticket else None, kept.message
    about = {
        "spool_id": mail.id, "desk": kept.desk.name, "message_id": message.message_id, "fingerprint": kept.fingerprint,
        "class": kept.kind, "at": mail.envelope.received_at, "premises": {**kept.premises, "on": number or 0},
    }  # fmt: skip
    tickets.remember(connection, decision, number, about)
    if number is not None and kept.kind not in ("dsn", "arf", "mdn"):
        tickets.know(connection, number, message.message_id, message.names)
        known = clues.Sought(message, kept.subject, kept.desk.name, mail.envelope.received_at, kept.orders)
        new = decision.spoken.text if decision.spoken else ""
        clues.learn(connection, number, known, message.readable or new, mail.id)
    if decision.away is not None and decision.seller is not None:
        memory.set_away(connection, kept.desk.name, decision.seller.id, decision.away, now)
    spool.settle(connection, mail.id, now, desk=kept.desk.name, message_id=message.message_id, ticket=number)


def note_order(connection: Connection, desk: Desk, order: Order, now: datetime) -> None:
    """Keep what a notice tells of an order; a new address of the customer's is his on the order's tickets too (C-03, C-04)."""
    before = orders.get(connection, desk.name, order.number)
    orders.put(connection, desk.name, [order], now)
    if before and before.customer and order.customer and order.customer != before.customer:
        for number in clues.of_order(connection, desk.name, order.number):
            told = {"customer": order.customer}
            tickets.tell(connection, number, told)
            happenings.note(connection, by_facts(number, told, now))


def pass_on(connection: Connection, mail: Spooled, desk: Desk, decision: Decision, ticket: Ticket | None) -> tuple[str, ...]:
    """Who gets the unchanged bytes as `decision` says (D-26, D-29); the people of a desk that hands on have them already."""
    if not decision.hand_to or (desk.hand_on and mail.envelope.door in DOORS):
        return ()
    number = ticket.number if ticket else None
    entity = desk.entities.get(ticket.entity or "") if ticket else None
    helpdesk = (entity.helpdesk,) if entity else ()
    readers = (helpdesk or desk.staff) if decision.hand_to == "helpdesk" else (desk.staff or helpdesk)
    return _queued(connection, mail, readers, Outgoing("pass_on", desk.name, "", "", b"", mail.envelope.received_at, number))


def _queued(connection: Connection, mail: Spooled, readers: Sequence[str], pattern: Outgoing) -> tuple[str, ...]:
    identity = f"{pattern.notice}.{mail.id}@spool"
    for reader in dict.fromkeys(readers):
        row = replace(pattern, reader=reader, message_id=identity, raw=mail.raw, reverse_path=mail.envelope.reverse_path)
        if not outbox.exists(connection, identity, reader):
            outbox.reserve(connection, row)
    return tuple(dict.fromkeys(readers))
