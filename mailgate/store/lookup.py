"""Stage 5, look up: everything the store knows about one mail before it is judged. Reads only."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, select

from mailgate.desk.bounce import Bounced, is_permanent
from mailgate.desk.house import House
from mailgate.desk.party import Desk
from mailgate.desk.route import party_of
from mailgate.desk.thread import Clues
from mailgate.desk.ticket import Ticket
from mailgate.mail import token
from mailgate.mail.message import Envelope, Message
from mailgate.mail.report import Report
from mailgate.mail.subject import Subject
from mailgate.store import outbox, tickets
from mailgate.store.schema import messages


@dataclass(frozen=True)
class Found:
    """The evidence that a mail carries, the tickets it names, and the notice of ours that it answers."""

    clues: Clues
    tickets: dict[int, Ticket]
    notice_to: tuple[str, ...] | None


def look_up(connection: Connection, message: Message, envelope: Envelope, subject: Subject, house: House) -> Found:
    """What the store finds for every kind of evidence, strongest kinds first (desk/thread.py says what each is worth)."""
    named: dict[str, tuple[int, ...]] = {}
    tokens = _tokens(message, envelope, house)
    named["token"] = tuple(ticket for ticket, _ in tokens)
    own = [number for one in message.names if (number := token.read_message_id(one, house.keys))]
    named["message_id"] = tuple(dict.fromkeys(own))
    known = tickets.naming(connection, (*message.names, *message.attached_ids))
    named["reference"] = _of_kind(message, known, "received")
    mentioned = tickets.naming(connection, (message.message_id,) if message.message_id else ())
    named["unseen_reference"] = _of_kind(message, known, "mentioned") or tuple(t for v in mentioned.values() for t, _ in v)
    if body := token.read_body_tokens(message.text or "", house.keys):
        named["body_token"] = body
    if subject.tag:
        named["subject_tag"] = (subject.tag,)
    clues = Clues({kind: numbers for kind, numbers in named.items() if numbers}, tokens[0][1] if tokens else 0)
    return Found(clues, tickets.load(connection, clues.numbers), _answered_notice(connection, message, house))


def _tokens(message: Message, envelope: Envelope, house: House) -> list[tuple[int, int]]:
    read = (token.read_reply_address(one, house.keys) for one in (*envelope.forward_paths, *message.addressed))
    return list(dict.fromkeys(found for found in read if found))


def _of_kind(message: Message, known: dict[str, list[tuple[int, str]]], kind: str) -> tuple[int, ...]:
    """Tickets of the known ids, In-Reply-To first, then References from the newest."""
    found: list[int] = []
    for one in (*message.names, *message.attached_ids):
        found += [ticket for ticket, how in known.get(one, ()) if how == kind]
        if found and kind == "received":
            break
    return tuple(dict.fromkeys(found))


def _answered_notice(connection: Connection, message: Message, house: House) -> tuple[str, ...] | None:
    """The visible addressees of the notice of ours that this mail answers, or None if it answers a person's mail (D-23)."""
    nearest = message.in_reply_to[:1] or message.references[-1:]
    ours = [one for one in nearest if token.read_message_id(one, house.keys) is not None]
    rows = outbox.by_message_id(connection, ours)
    return rows[0].visible if rows else None


def bounces(
    connection: Connection, report: Report | None, envelope: Envelope, desk: Desk, house: House, proven: bool
) -> tuple[tuple[Bounced, ...], int | None]:
    """What a report says about mail that we know, and the ticket that it belongs to (None: it names nothing of ours)."""
    if report is None:
        return (), None
    by_path = [key for one in envelope.forward_paths if (key := token.read_bounce_address(one, house.keys))]
    notices = [row for key in by_path if (row := outbox.get(connection, key))]
    sure = bool(notices) or proven
    if not notices and report.original_id:
        notices = list(outbox.by_message_id(connection, (report.original_id,)))
    if notices:
        row = notices[0]
        made = [
            _bounced(
                one,
                report,
                desk,
                house,
                sure,
                message_id=row.message_id,
                ticket=row.ticket or 0,
                clock=row.clock,
                step=row.step,
                notice=row.notice,
            )
            for one in report.recipients
        ]
        return tuple(made), row.ticket
    said = _original(connection, report)
    if said is None:
        return (), None
    made = [
        _bounced(one, report, desk, house, sure, message_id=said.message_id, ticket=said.ticket, event=said.event)
        for one in report.recipients
    ]
    return tuple(made), said.ticket


def _original(connection: Connection, report: Report) -> object:
    """The mail of a ticket that the report returns, by its Message-ID."""
    if not report.original_id:
        return None
    query = select(messages.c.message_id, messages.c.ticket, messages.c.event).where(messages.c.message_id == report.original_id)
    return connection.execute(query.where(messages.c.ticket.is_not(None))).first()


def _bounced(one: object, report: Report, desk: Desk, house: House, sure: bool, **about: object) -> Bounced:
    party = party_of(one.address, desk, None, None, house.roster)
    return Bounced(
        recipient=one.address, party=party, status=one.status or "", permanent=is_permanent(report, one), sure=sure,
        diagnostic=one.diagnostic or "", suppressed=one.reason == "suppressed", **about,
    )  # fmt: skip


def sellers_named(message: Message, desk: Desk, house: House, told: Iterable[str]) -> str | None:
    """The one seller that this mail is about: its author's, else the first addressed one's, else the one it names."""
    for address in (message.author, *message.addressed):
        if address and (seller := house.roster.seller(address, desk)):
            return seller.id
    for name in told:
        if name in house.roster.sellers:
            return name
        if seller := house.roster.seller(name, desk) if "@" in name else None:
            return seller.id
    return None
