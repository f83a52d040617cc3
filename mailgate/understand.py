"""Stages 3 to 6 of a mail: read it, and gather everything that `decide` asks for. Decides nothing, writes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from mailgate.desk import command as commands
from mailgate.desk import facts, guard, proof, review, thread, trust
from mailgate.desk import path as sending
from mailgate.desk.bounce import Bounced
from mailgate.desk.command import Given
from mailgate.desk.command_words import command_in
from mailgate.desk.context import Context
from mailgate.desk.house import House
from mailgate.desk.order import facts as order_facts
from mailgate.desk.order import plain_number
from mailgate.desk.pack import Policy
from mailgate.desk.party import Desk, Seller
from mailgate.desk.premises import Premises, recalled
from mailgate.desk.recognise import recognised
from mailgate.desk.route import party_of
from mailgate.desk.thread import Match
from mailgate.desk.ticket import Ticket
from mailgate.desk.view import related
from mailgate.mail import address as addresses
from mailgate.mail import automatic, instruction, journal, report, results, subject, token, visible
from mailgate.mail.instruction import Instruction, Refused
from mailgate.mail.message import Envelope, Message, fingerprint, parse
from mailgate.mail.results import Results
from mailgate.store import lookup, offers, outbox, paths, tickets, unreachable, waiting
from mailgate.store import orders as stored_orders
from mailgate.store.act import policy_of, scene_for
from mailgate.store.engine import Connection
from mailgate.store.spool import Spooled


@dataclass(frozen=True)
class Read:
    """A mail after stages 3 and 4: what it says and what kind it is. `ours`: it carries our own signed Message-ID."""

    message: Message
    report: report.Report | None
    kind: str
    subject: subject.Subject
    visible: str
    fingerprint: str


def opened(mail: Spooled, house: House) -> Spooled:
    """`mail` as it counts: for a journal report from a trusted relay the mail in it, any other as it came. Pure."""
    envelope = mail.envelope
    if not any(map(house.is_journal, envelope.forward_paths)) or not _is_word(envelope, house):
        return mail
    found = journal.read(parse(mail.raw))
    return replace(mail, raw=found.raw, envelope=replace(envelope, reverse_path=found.reverse_path)) if found else mail


def read(raw: bytes, envelope: Envelope, house: House) -> Read:
    """Stages 3 and 4, parse and classify. Pure; never raises on bad mail."""
    message = parse(raw)
    told = report.read(message, house.signatures)
    ours = message.message_id is not None and token.read_message_id(message.message_id, house.keys) is not None
    kind = automatic.classify(message, envelope, told, ours)
    new = visible.visible(message.readable, message.html)
    return Read(message, told, kind, subject.read(message.subject), new, fingerprint(message))


def look_up(connection: Connection, mail: Spooled, got: Read, desk: Desk, house: House) -> Context:
    """Stages 5 and 6b, look up and thread: everything that `decide` asks for."""
    found = lookup.evidence(connection, got.message, mail.envelope, got.subject, house, desk)
    reported = _reported(connection, mail, got, desk, house)
    match = reported.match if got.report else thread.match(got.message.author, found.clues, found.tickets, desk, house.roster)
    said = _asked(connection, got, house, mail.envelope.received_at)
    asked, unfollowed = (None, said) if isinstance(said, Refused) else (said, None)
    kind = "loop" if unfollowed is not None and unfollowed.system else ""  # what orders in vain moves nothing
    if found.offer is not None and not found.offer.ticket:  # what its subject names is not where it belongs
        match = Match(None, "token")
    if asked is not None:
        match = _of_system(connection, asked, desk, match)
    placed = Placed(desk, match, found, mail.envelope.received_at, reported.bounced, asked, kind)
    return replace(context_for(connection, mail, got, house, placed), unfollowed=unfollowed)


def _of_system(connection: Connection, asked: Instruction, desk: Desk, match: Match) -> Match:
    """The ticket that an instruction names; none for one that opens."""
    ticket = tickets.load(connection, [asked.ticket]).get(asked.ticket) if asked.ticket else None
    mine = ticket if ticket and ticket.desk == desk.name and asked.action != "open" else None
    return replace(match, ticket=mine, evidence="token" if mine else "none", points_to=None, doubt="", review=False)


def _reported(connection: Connection, mail: Spooled, got: Read, desk: Desk, house: House) -> lookup.Reported:
    if got.report is None:
        return lookup.NOTHING
    proven = is_proven(got.message, mail.envelope, house)
    told = lookup.Told(got.report, mail.envelope, (got.message.author or "") if proven else "")
    return lookup.bounces(connection, told, desk, house)


@dataclass(frozen=True)
class Placed:
    """Where a mail belongs: its desk and ticket, what the store found for it, and what a report in it says.

    `vouched`: the compared address whose mail counts as authenticated, as he said that it is his (G-16). `anew`: the ticket that
    is built anew (anew.py): only older ones are its kin, and it has a `policy`; `was`: what the mail was judged by when it came.
    """

    desk: Desk
    match: Match
    found: lookup.Found
    received_at: datetime
    bounced: tuple[Bounced, ...] = ()
    asked: Instruction | None = None
    kind: str = ""
    vouched: str = ""
    anew: int = 0
    policy: str = ""
    was: Premises | None = None


def context_for(connection: Connection, mail: Spooled, got: Read, house: House, placed: Placed) -> Context:
    """What `decide` asks for, once it is known where the mail belongs."""
    message, desk, ticket = got.message, placed.desk, placed.match.ticket
    policy = policy_of(connection, house, desk, ticket.policy if ticket else placed.policy)
    orders = lookup.order_numbers(message, house, desk)
    asked = placed.asked
    told = {**facts.read(message, got.visible, policy, desk.zone), **(_ordered_facts(asked, policy, desk) if asked else {})}
    seller = _seller_meant(placed, policy, house) or lookup.seller_named(message, desk, house, str(told.get("seller", "")))
    party = party_of(message.author, desk, seller, ticket, house.roster)
    proven = is_proven(message, mail.envelope, house) or (bool(placed.vouched) and _is_by(message, placed.vouched))
    if asked is not None:
        party = str(asked.facts.get("by", "customer")) if asked.action == "open" else "system"
    else:
        told = facts.trusted(told, party, ticket.facts if ticket else facts.NEW, policy)
    order = _order_known(connection, desk, told, orders) if placed.was is None else placed.was.order
    told = {**told, **order}
    signed = placed.match.signed or asked is not None
    sent = _sent_by(connection, message, mail.envelope, house, seller if party == "seller" else None)
    path = "" if proven or signed else sent.proven
    level = trust.level(message.author, known=party != "stranger", signed=signed, proven=proven or bool(path))
    allowed = sending.allowed_by_path(house.allowed) if path else house.allowed
    told_of = recognised(message, message.readable or got.visible, party, policy, desk.zone) if policy.recognise else None
    told |= {"recognised": told_of.name} if told_of else {}
    kin = tickets.kin_of(connection, desk.name, seller.id) if seller and (policy.duplicates or policy.cites) else ()
    kin = tuple(one for one in kin if not placed.anew or one.number < placed.anew)
    noticed = {"level": level, **_noticed(got, policy, ticket), **related(policy, told, ticket, kin)}
    people = [addresses.key(one.address) for one in ticket.participants] if ticket else []
    orders = tuple(dict.fromkeys((*orders, *([str(told["order"])] if told.get("order") else []))))
    kind, generated = placed.kind or got.kind, automatic.is_generated(message)
    by_person, returnable = kind == "human" and asked is None, mail.envelope.reverse_path is not None
    doubted = by_person and not generated and review.is_unproven(desk, party, level, ticket)
    doubted = doubted and not _is_buyer(connection, message, desk, orders, trust.may(allowed, level, "start"))
    storm = by_person and party == "customer" and ticket is None and _storms(connection, placed, message, house)
    asked_before = doubted and waiting.asked_lately(connection, message.author or "", placed.received_at)
    may_prove = kind == "human" and not generated and returnable and sending.is_askable(message.author or "", seller, level)
    given = Given("", party, level, {**told, commands.PATH: sent.best})
    scene = scene_for(connection, house, desk, seller, ticket, placed.received_at if placed.was else None)
    context = Context(
        scene=replace(scene, policy=policy), roster=house.roster, kind=kind, level=level, allowed=allowed,
        envelope=mail.envelope, subject=got.subject, visible=got.visible, told=told, noticed=noticed, match=placed.match,
        generated=generated or (party == "customer" and _wants_no_answer(mail.envelope, house)),
        bounced=placed.bounced, notice_to=placed.found.notice_to, notice=placed.found.notice, known=placed.found.known,
        dead=unreachable.among(connection, people),
        spool_id=mail.id,
        command=_about_what_waits(connection, _command(got, placed, house, policy, given), placed),
        speaks_for=party if asked is not None else "",
        recognised=told_of,
        orders=orders,
        doubted=doubted or storm,
        storm=storm,
        askable=doubted and not storm and returnable and not asked_before,
        path=path,
        ask_path=sent.askable if may_prove else "",
        order=order,
        asked=asked,
    )  # fmt: skip
    return recalled(context, placed.was, placed.anew, house.allowed) if placed.was else context


def _wants_no_answer(envelope: Envelope, house: House) -> bool:
    """True for mail with the null sender, which nothing is sent in answer to (RFC 3834 §2); journals have it for all mail."""
    by_smtp = envelope.door in ("smtp", "lmtp") and envelope.reverse_path is None
    return by_smtp and not any(map(house.is_journal, envelope.forward_paths))


def _storms(connection: Connection, placed: Placed, message: Message, house: House) -> bool:
    """True for the author of a new ticket who was written to on as many in the last seven days as one customer may be."""
    since = placed.received_at - timedelta(days=7)
    return outbox.tickets_told(connection, message.author or "", since) >= house.caps.author


@dataclass(frozen=True)
class _SentBy:
    """The narrowest path by which a seller's mail came, one that he has proven, and one that he may be asked about."""

    best: str = ""
    proven: str = ""
    askable: str = ""


def _sent_by(connection: Connection, message: Message, envelope: Envelope, house: House, seller: Seller | None) -> _SentBy:
    """By which paths a mail in a seller's name came, as our own hosts say."""
    found = sending.candidates(message.author or "", believed(message, envelope, house)) if seller else ()
    if not found:
        return _SentBy()
    key, now = addresses.key(message.author or ""), envelope.received_at
    best, proven = paths.provable(connection, key, found), paths.proven(connection, key, found, now)
    return _SentBy(best, proven, paths.askable(connection, key, found, now))


def _seller_meant(placed: Placed, policy: Policy, house: House) -> Seller | None:
    """The seller of a link that stands for no ticket, else that of the ticket."""
    offer, ticket = placed.found.offer, placed.match.ticket
    if offer is not None and not offer.ticket:
        return house.seller(str(commands.by_link(offer.action, policy)[1].get(commands.SELLER, "")))
    return house.seller(ticket.seller) if ticket and ticket.seller else None


def _ordered_facts(asked: Instruction, policy: Policy, desk: Desk) -> dict[str, Any]:
    """What another system states of the case, as far as the pack knows such facts."""
    known = {name: value for name, value in asked.facts.items() if name in policy.facts}
    return {name: facts.typed_as(str(value), policy.facts[name].type, desk.zone) for name, value in known.items()}


def _noticed(got: Read, policy: Policy, ticket: Ticket | None) -> dict[str, Any]:
    """What conditions may ask of this mail alone: its files, on the ticket too, and the words that it mentions."""
    attached = len(got.message.attachments)
    on_ticket = bool(ticket and ticket.facts.get("attachments"))
    return {"attachments": attached, "attached": bool(attached) or on_ticket, **facts.mentioned(got.visible, policy)}


def _is_by(message: Message, key: str) -> bool:
    return message.author is not None and addresses.key(message.author) == key


def _is_buyer(connection: Connection, message: Message, desk: Desk, numbers: Sequence[str], may_start: bool) -> bool:
    """True for a first writer with an order that the marketplace told us of, where that is enough to start something (G-16)."""
    author = message.author or ""
    named = stored_orders.find(connection, desk.name, numbers).values() if numbers else ()
    known = any(review.is_customers(one, author) for one in named) or stored_orders.of_customer(connection, desk.name, author, 1)
    return may_start and bool(known)


def _about_what_waits(connection: Connection, given: Given | None, placed: Placed) -> Given | None:
    """A word about something that waits for a person, with what it is about and whether that still waits."""
    if given is None or given.name not in commands.DESK_ACTIONS:
        return given
    offer, ticket = placed.found.offer, placed.match.ticket
    number = offer.nonce if offer and not offer.ticket else ticket.number if ticket else 0
    found = waiting.one(connection, offer.action if offer else given.name, number)
    return replace(given, told={"about": number, "waits": found.kind if found else ""})


def _order_known(connection: Connection, desk: Desk, told: dict[str, Any], numbers: Sequence[str]) -> dict[str, Any]:
    """What the marketplace told us of the mail's order: it is laid over what the mail states, which is not the proof."""
    named = (*([plain_number(str(told["order"]))] if told.get("order") else []), *numbers)
    known = stored_orders.find(connection, desk.name, named) if named else {}
    order = next((known[one] for one in named if one in known), None)
    return {**order_facts(order), "order_details": True} if order else {}


def _asked(connection: Connection, got: Read, house: House, received_at: datetime) -> Instruction | Refused | None:
    """What another system orders by signed mail, or why it counts for nothing; `spent`: it came before (C-52)."""
    read = instruction.read(got.message, house.systems, received_at) if house.systems else None
    if isinstance(read, Instruction) and offers.is_spent(connection, used(read)):
        return Refused("spent", read.system)
    return read


def used(asked: Instruction) -> str:
    """The single-use key of an instruction."""
    return f"system {asked.system} {asked.id}"


def _command(got: Read, placed: Placed, house: House, policy: Policy, given: Given) -> Given | None:
    """The order that this mail gives, by the signed address it was written to or by the word that it begins with."""
    offer, asked = placed.found.offer, placed.asked
    if asked is not None:
        return None if asked.action == "open" else replace(given, name=asked.action, digest=used(asked))
    told = {**given.told, "attachments": len(got.message.attachments)}
    if offer is not None:
        name, choice = commands.by_link(offer.action, policy)
        said = {**told, **choice, "text": got.visible.strip()[: commands.TEXT_LIMIT]}
        mine = got.message.author is not None and addresses.key(got.message.author) == offer.key
        level = "signed" if mine and not offer.ticket else given.level
        party = offer.who if not offer.ticket else given.party
        fault = offer.fault(placed.received_at) or ("" if mine else "permission")
        giver = addresses.key(got.message.author or "")
        return replace(
            given, name=name, told=said, party=party, level=level, digest=offer.digest, fault=fault, giver=giver
        )  # fmt: skip
    if placed.match.ticket is not None and review.UNCONFIRMED in placed.match.ticket.tags:  # nothing but his yes acts (G-16)
        yes = got.kind == "human" and given.level == "signed" and review.is_yes(got.visible, house.words)
        return replace(given, name="yes", by_word=True) if yes else None
    if placed.found.notice == sending.NOTICE and given.level == "signed" and review.is_yes(got.visible, house.words):
        return replace(given, name=commands.ACTION, by_word=True, giver=addresses.key(got.message.author or ""))
    if item := _confirmed(got, placed, house):
        return replace(given, name="confirm", told={**told, "item": item}, by_word=True)
    found = commands.by_word(got.visible, house.words, policy) if got.kind == "human" else None
    if found and placed.match.ticket is None and found[0] not in commands.ABSENCE:
        return None
    giver = addresses.key(got.message.author or "")
    return replace(given, name=found[0], told={**told, **found[1]}, by_word=True, giver=giver) if found else None


def _confirmed(got: Read, placed: Placed, house: House) -> str:
    """The item of the checklist that a plain reply to its reminder says is right ("OK"); empty for any other mail (AR-02)."""
    said = command_in(got.visible, house.words) if got.kind == "human" and placed.found.notice == "remind_checklist" else None
    return placed.found.notice_step.rpartition("-")[0] if said and said[0] == "confirm" else ""


def is_proven(message: Message, envelope: Envelope, house: House) -> bool:
    """Did a trusted host vouch for the author's domain? Its word counts only from a relay that we trust (RFC 8601 §5)."""
    if envelope.door in house.proven_doors:
        return True
    if guard.vouches(envelope, message.author):
        return True
    if message.author is not None and _is_sent_by_owner(message.author, envelope, house):
        return True
    return message.author is not None and proof.proves(message.author, believed(message, envelope, house))


def _is_word(envelope: Envelope, house: House) -> bool:
    """True for mail of a relay that we trust. Through the guard it hands us what its users wrote: no line of that is its word."""
    return trust.is_relay(envelope.client, house.relays) and envelope.door != guard.DOOR


def _is_sent_by_owner(author: str, envelope: Envelope, house: House) -> bool:
    """Does this lie in the Sent folder of his own mailbox? Nobody can put it there but who may log in as him."""
    name, role = trust.watched(envelope.door, envelope.client)
    mailbox = house.mailboxes.get(name)
    return role == "sent" and mailbox is not None and any(addresses.matches(addresses.key(author), one) for one in mailbox.owners)


def believed(message: Message, envelope: Envelope, house: House) -> tuple[Results, ...]:
    """What the hosts that we trust found about a mail; nothing of one that somebody else handed over."""
    mailbox = house.mailboxes.get(trust.watched(envelope.door, envelope.client)[0])
    if not (mailbox.trusted if mailbox else _is_word(envelope, house)):
        return ()
    is_ours = partial(trust.is_relay, relays=house.relays)
    lines = results.written_by_relays(message.scan.fields, is_ours, beneath=house.results == "beneath")
    read = (results.read(line) for line in lines)
    ours = {one.lower() for one in house.authserv_ids}
    return tuple(one for one in read if one is not None and one.authserv_id in ours)
