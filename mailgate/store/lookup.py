"""Stage 5, look up: everything the store knows about one mail before it is judged. Reads only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from sqlalchemy import Connection, select

from mailgate.desk.bounce import Bounced, is_permanent
from mailgate.desk.guard import DOOR
from mailgate.desk.house import House
from mailgate.desk.order import numbers_in
from mailgate.desk.party import Desk, Seller
from mailgate.desk.reporter import may_report
from mailgate.desk.route import party_of
from mailgate.desk.thread import Clues, Match
from mailgate.desk.ticket import Ticket
from mailgate.mail import address as addresses
from mailgate.mail import token, visible
from mailgate.mail.message import Envelope, Message
from mailgate.mail.report import Recipient, Report
from mailgate.mail.subject import Subject, last_done
from mailgate.store import clues as weaker
from mailgate.store import outbox, tickets
from mailgate.store.doubt import borne_out
from mailgate.store.offers import Offer, offered
from mailgate.store.outbox import Outgoing
from mailgate.store.schema import messages
from mailgate.store.unreachable import among

MOST = 10  # tickets that one mail can name; more is noise
Known = Mapping[str, list[tuple[int, str]]]


@dataclass(frozen=True)
class Found:
    """The evidence that a mail carries, the tickets it names, and the notice of ours that it answers."""

    clues: Clues
    tickets: dict[int, Ticket]
    notice_to: tuple[str, ...] | None
    notice: str = ""
    known: frozenset[str] = frozenset()
    offer: Offer | None = None
    notice_step: str = ""


def evidence(
    connection: Connection, message: Message, envelope: Envelope, subject: Subject, house: House, desk: Desk | None = None
) -> Found:
    """What the store finds for every kind of evidence, strongest first (desk/thread.py says what each is worth).

    What is weaker than ids, tokens and our tag is asked for only at `desk`, and only where those name nothing.
    """
    offer = offered(connection, (*envelope.forward_paths, *message.addressed), house)
    tokens = [(offer.ticket, offer.party)] if offer and offer.ticket else _tokens(message, envelope, house)
    known = tickets.naming(connection, _all_ids(message))
    named = {"token": tuple(ticket for ticket, _ in tokens), **_by_ids(message, known, house)}
    if message.names and not any(named.values()):
        named["broken_reference"] = tickets.nearly_naming(connection, message.names)
    named["body_token"] = token.read_body_tokens(f"{message.text or ''}\n{message.html or ''}", house.keys)
    named["subject_tag"] = (subject.tag,) if subject.tag else ()
    if desk is not None and not any(named.values()):
        sought = weaker.Sought(message, subject, desk.name, envelope.received_at, order_numbers(message, house, desk))
        named |= weaker.find(connection, sought)
        named["customer"] = _by_customer(connection, message, envelope, desk, house)
    clues = Clues(
        tickets={kind: numbers for kind, numbers in named.items() if numbers},
        token_party=tokens[0][1] if tokens else 0,
        answered=next((number for one in message.in_reply_to for number in _named_by(one, known, house)), 0),
        key=subject.key,
        named=frozenset((*message.names, *message.attached_ids)),
        forward=_is_forward(message, subject, known),
        answers=last_done(message.subject) != "",
        addressed=message.addressed,
    )
    clues, loaded = _redirected(connection, clues, tickets.load(connection, clues.numbers[:MOST]))
    answered = _answered_notice(connection, message, known, house)
    visible, notice = (answered.visible, answered.notice) if answered else (None, "")
    step = answered.step if answered else ""
    return Found(clues, loaded, visible, notice, frozenset(known), offer, step)


def _by_customer(connection: Connection, message: Message, envelope: Envelope, desk: Desk, house: House) -> tuple[int, ...]:
    """The only ticket with a clock running of the seller who writes, one of whose customers he writes to, past the thread.

    Asked for mail of the guard alone: it sees what a seller sends to anyone, and a customer's answer outside the thread too.
    """
    seller = house.roster.seller(message.author, desk) if message.author and envelope.door == DOOR else None
    if seller is None:
        return ()
    written = {addresses.key(one) for one in (*message.addressed, *envelope.forward_paths)}
    found = tickets.with_customer(connection, tickets.running_of(connection, desk.name, seller.id), written)
    return found if len(found) == 1 else ()


def order_numbers(message: Message, house: House, desk: Desk) -> tuple[str, ...]:
    """The order numbers in the subject and the new text, by the patterns of the desk's pack."""
    text = f"{message.subject}\n{message.readable or ''}"
    return numbers_in(text, house.policies[desk.name].order_numbers)


def _redirected(connection: Connection, clues: Clues, loaded: dict[int, Ticket]) -> tuple[Clues, dict[int, Ticket]]:
    """A ticket that was merged into another stands for that one, whatever still names it."""
    moved = {number: int(one.facts["merged_into"]) for number, one in loaded.items() if "merged_into" in one.facts}
    if not moved:
        return clues, loaded
    named = {kind: tuple(dict.fromkeys(moved.get(one, one) for one in numbers)) for kind, numbers in clues.tickets.items()}
    clues = replace(clues, tickets=named, answered=moved.get(clues.answered, clues.answered))
    rest = {number: one for number, one in loaded.items() if number not in moved}
    new = tickets.load(connection, {*moved.values()} - {*loaded})
    return _redirected(connection, clues, {**rest, **new}) if new else (clues, rest)


def _all_ids(message: Message) -> tuple[str, ...]:
    """Every id that may name a ticket: those answered, attached, its own, and what a relay would have put in our place."""
    mine = (message.message_id,) if message.message_id else ()
    return tuple(dict.fromkeys((*message.names, *message.attached_ids, *mine, *map(_bare, message.names))))


def _bare(message_id: str) -> str:
    return message_id.partition("@")[0]


def _by_ids(message: Message, known: Known, house: House) -> dict[str, tuple[int, ...]]:
    """The tickets that ids name, by kind of evidence, nearest first."""
    own = (number for one in message.names if (number := token.read_message_id(one, house.keys)))
    relayed = (ticket for one in message.names for ticket, how in known.get(_bare(one), ()) if how == "relay")
    mine = (ticket for ticket, how in known.get(message.message_id or "", ()) if how == "mentioned")
    return {
        "message_id": tuple(dict.fromkeys(own)),
        "relay_id": tuple(dict.fromkeys(relayed)),
        "reference": _of_kind(message, known, "received"),
        "unseen_reference": _of_kind(message, known, "mentioned")[:MOST] or tuple(mine),
    }


def _named_by(one: str, known: Known, house: House) -> tuple[int, ...]:
    """The tickets that this one id names for sure: ours, a relay's for ours, or that of a mail we have."""
    own = token.read_message_id(one, house.keys)
    relayed = (ticket for ticket, how in known.get(_bare(one), ()) if how == "relay")
    received = (ticket for ticket, how in known.get(one, ()) if how == "received")
    return (own,) if own else (*relayed, *received)


def _is_forward(message: Message, subject: Subject, known: Known) -> bool:
    """Does it hand on somebody else's mail? Its subject says so and it holds one, or it names one only by attaching it."""
    if subject.forward and last_done(message.subject) == "forward":
        return bool(message.attached_ids) or visible.hands_on(message.readable, message.html)
    attached = any(ticket for one in message.attached_ids for ticket, _ in known.get(one, ()))
    return attached and not any(ticket for one in message.names for ticket, _ in known.get(one, ()))


def _tokens(message: Message, envelope: Envelope, house: House) -> list[tuple[int, int]]:
    read = (token.read_reply_address(one, house.keys) for one in (*envelope.forward_paths, *message.addressed))
    return list(dict.fromkeys(found for found in read if found))


def _of_kind(message: Message, known: Known, kind: str) -> tuple[int, ...]:
    """Tickets of the known ids, In-Reply-To first, then References from the newest; of those only mentioned, the nearest's."""
    found: list[int] = []
    for one in (*message.names, *message.attached_ids):
        found += [ticket for ticket, how in known.get(one, ()) if how == kind]
        if found and kind == "mentioned":
            break
    return tuple(dict.fromkeys(found))


def _answered_notice(connection: Connection, message: Message, known: Known, house: House) -> Outgoing | None:
    """The notice of ours that this mail answers, or None if it answers a person's mail (D-23).

    The nearest id that we know decides; helpdesk software puts ids of its own in front of it.
    """
    for one in message.names:
        if token.read_message_id(one, house.keys) is not None:
            rows = outbox.by_message_id(connection, (one,))
            return rows[0] if rows else None
        if any(kind == "received" for _, kind in known.get(one, ())):
            return None
    return None


@dataclass(frozen=True)
class Reported:
    """What a report speaks of: the recipients of mail that we know, and the ticket that this mail belongs to."""

    bounced: tuple[Bounced, ...] = ()
    match: Match = field(default_factory=lambda: Match(None))


NOTHING = Reported()


@dataclass(frozen=True)
class Told:
    """A report, how it came, and who is proven to have written it (empty: nobody).

    `ticket` and `sure`, where a ticket is built anew: how it stands by then, and whether the report was acted upon.
    """

    report: Report
    envelope: Envelope
    proven: str = ""
    ticket: Ticket | None = None
    sure: bool | None = None


def bounces(connection: Connection, told: Told, desk: Desk, house: House) -> Reported:
    """What a report says about mail that we know.

    It is sure when it came to a return path with our MAC or carries the ENVID that we signed, and when a mail system is proven to
    have written it which can know (desk/reporter.py). Any other needs a second one that is sure: it counts for an address that
    is known to be out of reach, and is borne out by what proves so later (design: bounces). One that came to a return path which
    we did not sign was made up, and says nothing.
    """
    if any(token.is_made_up_bounce_address(one, house.keys) for one in told.envelope.forward_paths):
        return NOTHING
    returned = _returned(connection, told.report, told.envelope, house)
    if returned is None:
        return NOTHING
    ticket = told.ticket or tickets.load(connection, [returned.ticket]).get(returned.ticket)
    seller = house.seller(ticket.seller) if ticket else None
    made: list[Bounced] = []
    sender = returned.author or desk.address
    for one in (replace(one, address=returned.reader or one.address) for one in told.report.recipients):
        by_system = bool(told.proven) and may_report(told.proven, one.address, sender)
        lost = is_permanent(told.report, one) and bool(among(connection, [addresses.key(one.address)]))
        sure = bool(returned.reader) or by_system or lost
        party = party_of(one.address, desk, seller, None, house.roster)
        bounced = _bounced(one, told.report, returned, party, sure if told.sure is None else told.sure)
        if ticket and bounced.sure and bounced.permanent:
            made += borne_out(connection, ticket, bounced)
        made.append(bounced)
    how = "message_id" if token.read_message_id(returned.message_id, house.keys) else "reference"
    match = Match(ticket, how, returned.ticket, names=(returned.ticket,)) if ticket else Match(None)
    return Reported(tuple(made), match)


@dataclass(frozen=True)
class _Returned:
    """The mail that came back: ours (a notice, with the step behind it) or somebody's that we have on a ticket.

    `reader`: whose return path the report came to; his mailbox may be forwarded, and the report name another address.
    `author`: who wrote it; empty for a notice.
    """

    message_id: str
    ticket: int
    reader: str = ""
    event: str = ""
    clock: str = ""
    step: str = ""
    notice: str = ""
    author: str = ""


def _returned(connection: Connection, report: Report, envelope: Envelope, house: House) -> _Returned | None:
    signed = (*(token.read_bounce_address(one, house.keys) for one in envelope.forward_paths),)
    keys = filter(None, (*signed, token.read_envelope_id(report.envelope, house.keys)))
    row = next((row for key in keys if (row := outbox.get(connection, key))), None)
    named = outbox.by_message_id(connection, (report.original_id,)) if report.original_id else ()
    reader = row.reader if row else ""
    row = row or next(iter(named), None)
    if row is not None and row.ticket:
        return _Returned(row.message_id, row.ticket, reader, "", row.clock, row.step, row.notice)
    if not report.original_id:
        return None
    if number := token.read_message_id(report.original_id, house.keys):
        return _Returned(report.original_id, number, reader)
    columns = (messages.c.message_id, messages.c.ticket, messages.c.event, messages.c.author)
    query = select(*columns).where(messages.c.message_id == report.original_id)
    said = connection.execute(query.where(messages.c.ticket.is_not(None))).first()
    return _Returned(said.message_id, said.ticket, "", said.event, author=said.author) if said else None


def _bounced(one: Recipient, report: Report, returned: _Returned, party: str, sure: bool) -> Bounced:
    return Bounced(
        message_id=returned.message_id, ticket=returned.ticket, recipient=one.address, party=party, status=one.status or "",
        permanent=is_permanent(report, one), sure=sure, event=returned.event, clock=returned.clock, step=returned.step,
        notice=returned.notice, diagnostic=one.diagnostic or "", reason=one.reason or "", provider=one.provider or "",
        signature=one.signature or "", where=one.where or "",
    )  # fmt: skip


def seller_named(message: Message, desk: Desk, house: House, told: str) -> Seller | None:
    """The seller that a new mail is about: its author's, else the first addressed one's, else the one that it names."""
    for address in (message.author, *message.addressed, told if "@" in told else ""):
        if address and (seller := house.roster.seller(address, desk)):
            return seller
    return house.seller(told)
