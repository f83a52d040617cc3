"""Stage 5, look up: everything the store knows about one mail before it is judged. Reads only."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from sqlalchemy import Connection, select

from mailgate.desk.bounce import Bounced, is_permanent
from mailgate.desk.house import House
from mailgate.desk.party import Desk, Seller
from mailgate.desk.route import party_of
from mailgate.desk.thread import Clues, Match
from mailgate.desk.ticket import Ticket
from mailgate.mail import address as addresses
from mailgate.mail import token
from mailgate.mail.message import Envelope, Message
from mailgate.mail.report import Recipient, Report
from mailgate.mail.subject import Subject
from mailgate.store import outbox, tickets
from mailgate.store.schema import messages


@dataclass(frozen=True)
class Found:
    """The evidence that a mail carries, the tickets it names, and the notice of ours that it answers."""

    clues: Clues
    tickets: dict[int, Ticket]
    notice_to: tuple[str, ...] | None


def evidence(connection: Connection, message: Message, envelope: Envelope, subject: Subject, house: House) -> Found:
    """What the store finds for every kind of evidence, strongest kinds first (desk/thread.py says what each is worth)."""
    named: dict[str, tuple[int, ...]] = {}
    tokens = _tokens(message, envelope, house)
    named["token"] = tuple(ticket for ticket, _ in tokens)
    own = [number for one in message.names if (number := token.read_message_id(one, house.keys))]
    named["message_id"] = tuple(dict.fromkeys(own))
    bare = [one.partition("@")[0] for one in message.names]
    mine = (message.message_id,) if message.message_id else ()
    known = tickets.naming(connection, (*message.names, *message.attached_ids, *mine, *bare))
    named["relay_id"] = tuple(dict.fromkeys(ticket for one in bare for ticket, how in known.get(one, ()) if how == "relay"))
    named["reference"] = _of_kind(message, known, "received")
    named["unseen_reference"] = _of_kind(message, known, "mentioned") or tuple(
        ticket for one in mine for ticket, _ in known.get(one, ())
    )
    if body := token.read_body_tokens(message.text or "", house.keys):
        named["body_token"] = body
    if subject.tag:
        named["subject_tag"] = (subject.tag,)
    clues = Clues({kind: numbers for kind, numbers in named.items() if numbers}, tokens[0][1] if tokens else 0)
    return Found(clues, tickets.load(connection, clues.numbers), _answered_notice(connection, message, house))


def _mentions(mine: tuple[str, ...], known: dict[str, list[tuple[int, str]]]) -> tuple[int, ...]:
    """Tickets whose mails named this very mail before it came."""
    return tuple(ticket for one in mine for ticket, how in known.get(one, ()) if how == "mentioned")


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


@dataclass(frozen=True)
class Reported:
    """What a report speaks of: the recipients of mail that we know, and the ticket that this mail belongs to."""

    bounced: tuple[Bounced, ...] = ()
    match: Match = field(default_factory=lambda: Match(None))


NOTHING = Reported()


def bounces(connection: Connection, report: Report, envelope: Envelope, desk: Desk, house: House, proven: bool) -> Reported:
    """What a report says about mail that we know.

    It is sure when it came to a return path with our MAC, or when it is proven and names a mail of ours; one that is neither
    becomes sure when a second says the same (design: bounces).
    """
    returned = _returned(connection, report, envelope, house)
    if returned is None:
        return NOTHING
    sure = bool(returned.reader) or proven
    ticket = tickets.load(connection, [returned.ticket]).get(returned.ticket)
    seller, made = house.seller(ticket.seller) if ticket else None, []
    for one in (replace(one, address=returned.reader or one.address) for one in report.recipients):
        again = sure or tickets.doubted(connection, returned.ticket, returned.message_id, addresses.key(one.address))
        party = party_of(one.address, desk, seller, None, house.roster)
        made.append(_bounced(one, report, returned, party, again))
    match = Match(ticket, "message_id" if returned.notice else "reference", returned.ticket) if ticket else Match(None)
    return Reported(tuple(made), match)


@dataclass(frozen=True)
class _Returned:
    """The mail that came back: ours (a notice, with the step behind it) or somebody's that we have on a ticket.

    `reader`: whose return path the report came to; his mailbox may be forwarded, and the report name another address.
    """

    message_id: str
    ticket: int
    reader: str = ""
    event: str = ""
    clock: str = ""
    step: str = ""
    notice: str = ""


def _returned(connection: Connection, report: Report, envelope: Envelope, house: House) -> _Returned | None:
    keys = [key for one in envelope.forward_paths if (key := token.read_bounce_address(one, house.keys))]
    row = next((row for key in keys if (row := outbox.get(connection, key))), None)
    named = outbox.by_message_id(connection, (report.original_id,)) if report.original_id else ()
    reader = row.reader if row else ""
    row = row or next(iter(named), None)
    if row is not None and row.ticket:
        return _Returned(row.message_id, row.ticket, reader, "", row.clock, row.step, row.notice)
    if not report.original_id:
        return None
    query = select(messages.c.message_id, messages.c.ticket, messages.c.event).where(messages.c.message_id == report.original_id)
    said = connection.execute(query.where(messages.c.ticket.is_not(None))).first()
    return _Returned(said.message_id, said.ticket, "", said.event) if said else None


def _bounced(one: Recipient, report: Report, returned: _Returned, party: str, sure: bool) -> Bounced:
    return Bounced(
        message_id=returned.message_id, ticket=returned.ticket, recipient=one.address, party=party, status=one.status or "",
        permanent=is_permanent(report, one), sure=sure, event=returned.event, clock=returned.clock, step=returned.step,
        notice=returned.notice, diagnostic=one.diagnostic or "", suppressed=one.reason == "suppressed",
    )  # fmt: skip


def seller_named(message: Message, desk: Desk, house: House, told: str) -> Seller | None:
    """The seller that a new mail is about: its author's, else the first addressed one's, else the one that it names."""
    for address in (message.author, *message.addressed, told if "@" in told else ""):
        if address and (seller := house.roster.seller(address, desk)):
            return seller
    return house.seller(told)
