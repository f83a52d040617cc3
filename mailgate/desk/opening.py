"""What a mail makes of its ticket before anything follows from it: a new one, its seller, its people, what was said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from mailgate.desk.context import Context
from mailgate.desk.decision import Decision
from mailgate.desk.review import REVIEW
from mailgate.desk.route import entity_for, party_of
from mailgate.desk.ticket import Participant, Spoken, Ticket
from mailgate.mail import address as addresses
from mailgate.mail.language import language
from mailgate.mail.message import Message

LONGEST_TEXT = 20_000


def new_ticket(message: Message, context: Context, now: datetime, told: Mapping[str, Any]) -> Ticket:
    """The ticket that a mail opens at `now`; number 0 until it is stored. `told`: the facts that the mail states."""
    scene, match = context.scene, context.match
    asking = [one for one in (message.author, *message.addressed) if one]
    product = told.get("product")
    return Ticket(
        number=0,
        desk=scene.desk.name,
        policy=scene.policy.hash,
        kind=scene.policy.kind,
        state=scene.policy.states.start,
        subject=context.subject.base,
        opened_at=now,
        seller=scene.seller.id if scene.seller else None,
        entity=entity_for(scene.desk, scene.seller, str(product) if product else None, asking),
        tags=frozenset({REVIEW}) if match.review else frozenset(),
        facts={"linked_to": match.points_to} if match.points_to is not None else {},
    )


def with_seller(ticket: Ticket, message: Message, context: Context) -> Ticket:
    """A ticket that a customer opened learns its seller, and his reseller, from the first mail that names one (D-04)."""
    scene = context.scene
    if ticket.seller is not None or scene.seller is None:
        return ticket
    asking = [one for one in (message.author, *message.addressed) if one]
    product = ticket.facts.get("product", context.told.get("product"))
    entity = entity_for(scene.desk, scene.seller, str(product) if product else None, asking)
    return replace(ticket, seller=scene.seller.id, entity=ticket.entity or entity)


def peopled(ticket: Ticket, message: Message, context: Context, party: str) -> Ticket:
    """`ticket` with the people of this mail, and the language that a customer or seller plainly wrote it in (G-17)."""
    ticket = replace(ticket, participants=_joined(ticket, message, context))
    by_hand = context.kind == "human" and not context.generated and party in ("customer", "seller")
    wrote = language(context.visible) if by_hand and message.author else None
    if wrote is None:
        return ticket
    return replace(ticket, facts={**ticket.facts, "languages": {**ticket.languages, addresses.key(message.author or ""): wrote}})


def _joined(ticket: Ticket, message: Message, context: Context) -> tuple[Participant, ...]:
    """The ticket's people with the author and the addressed of this mail; never an address of ours."""
    people = {addresses.key(one.address): one for one in ticket.participants}
    written = [*message.from_, *message.to, *message.cc]
    for one in written:
        key = addresses.key(one.address)
        if not addresses.is_address(one.address) or key in people or context.roster.desk_of(one.address):
            continue
        party = party_of(one.address, context.scene.desk, context.scene.seller, None, context.roster)
        people[key] = Participant(one.address, party, one.name)
    return tuple(people.values())


def said_in(message: Message, context: Context, now: datetime, decision: Decision) -> Spoken:
    """The mail as later decisions and notices need it; its audience is its author and whom it was addressed to (G-14)."""
    author = message.author or ""
    audience = frozenset(addresses.key(one) for one in (author, *message.addressed) if one)
    missing = tuple(sorted(violation.rule for violation in decision.violations))
    visible = tuple(dict.fromkeys(one for one in (author, *message.addressed) if one))
    text = context.visible[:LONGEST_TEXT]
    return Spoken(
        message.message_id or "", author, decision.party, now, decision.event, text, audience, visible, missing, context.spool_id
    )
