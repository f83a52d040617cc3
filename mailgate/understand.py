"""Stages 3 to 6 of a mail: read it, and gather everything that `decide` asks for. Decides nothing, writes nothing."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from mailgate.desk import command as commands
from mailgate.desk import facts, thread, trust
from mailgate.desk.bounce import Bounced
from mailgate.desk.command import Given
from mailgate.desk.context import Context
from mailgate.desk.house import House
from mailgate.desk.pack import Policy
from mailgate.desk.party import Desk
from mailgate.desk.route import party_of
from mailgate.desk.thread import Match
from mailgate.desk.view import related
from mailgate.mail import address as addresses
from mailgate.mail import automatic, report, subject, token, visible
from mailgate.mail.message import Envelope, Message, fingerprint, parse
from mailgate.store import lookup, tickets, unreachable
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
    return context_for(connection, mail, got, house, Placed(desk, match, found, mail.envelope.received_at, reported.bounced))


def _reported(connection: Connection, mail: Spooled, got: Read, desk: Desk, house: House) -> lookup.Reported:
    if got.report is None:
        return lookup.NOTHING
    proven = is_proven(got.message, mail.envelope, house)
    return lookup.bounces(connection, got.report, mail.envelope, desk, house, proven)


@dataclass(frozen=True)
class Placed:
    """Where a mail belongs: its desk and ticket, what the store found for it, and what a report in it says."""

    desk: Desk
    match: Match
    found: lookup.Found
    received_at: datetime
    bounced: tuple[Bounced, ...] = ()


def context_for(connection: Connection, mail: Spooled, got: Read, house: House, placed: Placed) -> Context:
    """What `decide` asks for, once it is known where the mail belongs."""
    message, desk, ticket = got.message, placed.desk, placed.match.ticket
    policy = policy_of(connection, house, desk, ticket.policy if ticket else "")
    told = facts.read(message, got.visible, policy, desk.zone)
    seller = house.seller(ticket.seller) if ticket and ticket.seller else None
    seller = seller or lookup.seller_named(message, desk, house, str(told.get("seller", "")))
    party = party_of(message.author, desk, seller, ticket, house.roster)
    proven = is_proven(message, mail.envelope, house)
    level = trust.level(message.author, known=party != "stranger", signed=placed.match.signed, proven=proven)
    kin = tickets.kin_of(connection, desk.name, seller.id) if seller and (policy.duplicates or policy.cites) else ()
    attached = len(message.attachments)
    noticed: dict[str, Any] = {"attachments": attached, "attached": bool(attached or (ticket and ticket.facts.get("attachments")))}
    noticed |= {"level": level, **facts.mentioned(got.visible, policy), **related(policy, told, ticket, kin)}
    people = [addresses.key(one.address) for one in ticket.participants] if ticket else []
    return Context(
        scene=scene_for(connection, house, desk, seller, ticket),
        roster=house.roster,
        kind=got.kind,
        level=level,
        allowed=house.allowed,
        envelope=mail.envelope,
        subject=got.subject,
        visible=got.visible,
        told=told,
        noticed=noticed,
        match=placed.match,
        generated=automatic.is_generated(message),
        bounced=placed.bounced,
        notice_to=placed.found.notice_to,
        notice=placed.found.notice,
        known=placed.found.known,
        dead=unreachable.among(connection, people),
        spool_id=mail.id,
        command=_command(got, placed, house, policy, Given("", party, level, told)),
    )


def _command(got: Read, placed: Placed, house: House, policy: Policy, given: Given) -> Given | None:
    """The order that this mail gives, by the signed address it was written to or by the word that it begins with."""
    offer = placed.found.offer
    told = {**given.told, "attachments": len(got.message.attachments)}
    if offer is not None:
        name, choice = commands.by_link(offer.action, policy)
        said = {**told, **choice, "text": got.visible.strip()[: commands.TEXT_LIMIT]}
        mine = got.message.author is not None and addresses.key(got.message.author) == offer.key
        level = "signed" if mine and not offer.ticket else given.level
        party = offer.who if not offer.ticket else given.party
        fault = offer.fault(placed.received_at) or ("" if mine else "permission")
        return replace(given, name=name, told=said, party=party, level=level, digest=offer.digest, fault=fault)
    found = commands.by_word(got.visible, house.words, policy) if got.kind == "human" else None
    if found and placed.match.ticket is None and found[0] not in commands.ABSENCE:
        return None
    return replace(given, name=found[0], told={**told, **found[1]}, by_word=True) if found else None


def is_proven(message: Message, envelope: Envelope, house: House) -> bool:
    """Did a trusted host vouch for the author's domain? Its word counts only from a relay that we trust (RFC 8601 §5)."""
    if envelope.door in house.proven_doors:
        return True
    if message.author is None or not trust.is_relay(envelope.client, house.relays):
        return False
    return trust.proves(message.author, message.headers("Authentication-Results"), house.authserv_ids)
