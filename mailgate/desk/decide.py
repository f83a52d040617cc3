"""The core's table of contents: what one mail means for its ticket, and what follows from it.

`decide` takes the mail, everything that the store knows about it, and the instant it was accepted. It answers with a
Decision: the ticket as it shall be, the entries of its history, its clocks, the notices to write. It does nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from mailgate.desk import facts as telling
from mailgate.desk import path as sending
from mailgate.desk.answer import broken_rules
from mailgate.desk.bounce import Bounced, bounce_event
from mailgate.desk.command import Given, commanded
from mailgate.desk.context import Context
from mailgate.desk.decision import Decision
from mailgate.desk.entry import Mail
from mailgate.desk.facts import holds
from mailgate.desk.follow import followed, order_entry
from mailgate.desk.ghost import suspected
from mailgate.desk.heading import headed
from mailgate.desk.loop import is_repeated
from mailgate.desk.opening import new_ticket, peopled, said_in, with_seller
from mailgate.desk.review import UNCONFIRMED, did_you_write
from mailgate.desk.route import party_of, resolve
from mailgate.desk.ticket import Entry, Ticket
from mailgate.desk.trust import may, needed_act
from mailgate.desk.view import is_passing, seen
from mailgate.mail import address as addresses
from mailgate.mail.automatic import is_absence
from mailgate.mail.message import Message


def decide(message: Message, context: Context, now: datetime) -> Decision:
    """What `message`, accepted at `now`, means and causes (docs/rules.md §0, and whatever the pack says)."""
    ticket, scene = context.match.ticket, context.scene
    if context.kind in ("dsn", "arf", "mdn"):
        return _reported(message, context, now)
    if context.kind in ("own", "loop"):
        return _kept(message, context, now, context.kind)
    party = context.speaks_for or party_of(message.author, scene.desk, scene.seller, ticket, context.roster)
    if context.kind == "auto_reply":
        away = True if party == "seller" and _is_support(message.author, context) and is_absence(message) else None
        return replace(_kept(message, context, now, "auto_reply", party), away=away)
    if context.command is not None and context.kind == "human":
        return _ordered(message, context, now, party)
    if ticket is not None and is_repeated(context.visible, message.author, ticket, now):
        return _kept(message, context, now, "auto_reply", party)
    if context.doubted or (ticket is not None and UNCONFIRMED in ticket.tags):
        return _unconfirmed(message, context, now, party)
    return suspected(_person(message, context, now, party), message, context, now)


def _unconfirmed(message: Message, context: Context, now: datetime, party: str) -> Decision:
    """Nothing follows before the first writer's yes; he is asked for it, at most once an hour and never a machine (G-16)."""
    kept = _kept(message, context, now, "unconfirmed", party)
    if not kept.opened or kept.ticket is None:
        return kept
    ticket = replace(kept.ticket, tags=kept.ticket.tags | {UNCONFIRMED})
    orders = did_you_write(ticket, context.scene, message.message_id or now.isoformat(), now) if context.askable else ()
    return replace(kept, ticket=ticket, orders=orders, entries=(*kept.entries, *(order_entry(one, now) for one in orders)))


def _ordered(message: Message, context: Context, now: datetime, party: str) -> Decision:
    """What a command in a mail causes. A word that is not carried out is answered, and its mail is one like others."""
    given = replace(context.command or Given("", party, context.level), cause=message.message_id or "")
    given = replace(given, told={**context.noticed, **given.told})
    ticket = context.match.ticket
    if ticket is not None:
        ticket = peopled(ticket, message, context, party)
    done = commanded(given, ticket, context.scene, now, context.allowed)
    if done.refused and given.by_word:
        kept = _person(message, replace(context, command=None), now, party)
        return replace(kept, orders=(*kept.orders, *done.orders), entries=(*kept.entries, *done.entries), refused=done.refused)
    if done.ticket is None:
        return done
    told = _with_message(replace(done, entries=()), done.ticket, message, context, now)
    return replace(told, entries=done.entries)


def _person(message: Message, context: Context, now: datetime, party: str) -> Decision:
    """What a mail that somebody wrote means, by the pack's [[mail]] entries and the author's trust."""
    entry = _meaning(message, context, party)
    if entry is None or context.kind == "list" or (context.generated and party != "notifier"):
        return _kept(message, context, now, "wrote", party)
    if not _proven(entry, context):
        return _unproven(message, context, now, party)
    return _judged(message, context, now, _Meaning(entry, party))


def _unproven(message: Message, context: Context, now: datetime, party: str) -> Decision:
    """The mail is kept, and nothing follows; a seller may be asked whether the path by which it came is his (design §5)."""
    kept = _kept(message, context, now, "unproven", party)
    cause = message.message_id or now.isoformat()
    order = sending.asks(context.ask_path, message.author or "", context.scene, cause) if context.ask_path else None
    if order is None:
        return kept
    return replace(kept, orders=(order,), entries=(*kept.entries, order_entry(order, now)))


@dataclass(frozen=True)
class _Meaning:
    entry: Mail
    party: str


def _is_support(author: str | None, context: Context) -> bool:
    seller = context.scene.seller
    return seller is not None and author is not None and addresses.key(author) == addresses.key(seller.support)


def _proven(entry: Mail, context: Context) -> bool:
    """Does the author's trust level allow what this mail would do to clocks, strikes and effects? Adding is open to all."""
    needed = needed_act(context.scene.policy, entry.event)
    if context.path and sending.moves_money(context.scene.policy, entry.event):
        return False
    return needed == "add" or may(context.allowed, context.level, needed)


def _meaning(message: Message, context: Context, party: str) -> Mail | None:
    """The first [[mail]] entry of the pack whose conditions hold."""
    said = {**context.told, **context.noticed}
    view = seen(context.match.ticket, context.scene, context.envelope.received_at, said, party=party)
    for entry in context.scene.policy.mail:
        if party in entry.by and _applies(entry, message, context) and holds(entry.given, view):
            return entry
    return None


def _applies(entry: Mail, message: Message, context: Context) -> bool:
    joined, policy, desk = context.match.ticket is not None, context.scene.policy, context.scene.desk
    details = {addresses.detail(one) for one in message.addressed if desk.is_helpdesk(one)}
    return (
        (entry.on == "any" or (entry.on == "ticket") == joined)
        and (joined or entry.opens or entry.fact != "")
        and (not entry.written_to or any(addresses.key(one) in entry.written_to for one in message.addressed))
        and (not entry.to or not {_party(one.address, context) for one in message.to}.isdisjoint(entry.to))
        and (not entry.says or telling.says(context.visible, policy, entry.says))
        and not (entry.says_not and telling.says(context.visible, policy, entry.says_not))
        and (not entry.copy_to or entry.copy_to in details)
        and (not entry.copy_not or entry.copy_not not in details)
        and (not entry.fact or entry.fact in context.told)
        and (not entry.topic or "topic" in context.told)
        and (not entry.not_to_notice or context.notice not in entry.not_to_notice)
    )


def _party(address: str, context: Context) -> str:
    return party_of(address, context.scene.desk, context.scene.seller, context.match.ticket, context.roster)


def _judged(message: Message, context: Context, now: datetime, meaning: _Meaning) -> Decision:
    entry, party, told = meaning.entry, meaning.party, {**context.told, **meaning.entry.sets}
    opens = context.match.ticket is None and entry.opens
    ticket = new_ticket(message, context, now, told) if opens else context.match.ticket
    ticket = with_seller(ticket, message, context) if ticket else None
    broken = broken_rules(message, context, ticket, entry) if ticket and entry.rules else ()
    event = entry.broken if broken else entry.event
    if ticket is not None and opens and entry.kind:
        named = told.get(entry.kind.removeprefix("fact:")) if entry.kind.startswith("fact:") else entry.kind
        ticket = replace(ticket, kind=str(named or ticket.kind))
    view = {**told, **context.noticed, "addressed": _addressed_roles(message, context, ticket)}
    decision = Decision(event, party, violations=broken, seller=context.scene.seller, away=False if party == "seller" else None)
    if ticket is not None:
        lasting = {name: value for name, value in told.items() if not is_passing(name, context.scene.policy)}
        facts = {**ticket.facts, **_with_lists(ticket, lasting), **_kept_facts(ticket, context)}
        ticket = peopled(replace(ticket, facts=facts), message, context, party)
        decision = replace(_with_message(decision, ticket, message, context, now), hand_to=_owed_to(message, context, party))
    return followed(decision, context.scene, now, view, cause=message.message_id or "")


def _with_lists(ticket: Ticket, told: Mapping[str, Any]) -> dict[str, Any]:
    """`told`, but lists with what the ticket knew of them before (K-12: numbers named once stay named)."""
    known = {name: value for name, value in ticket.facts.items() if isinstance(value, list)}
    return {
        name: [*known[name], *(one for one in value if one not in known[name])]
        if name in known and isinstance(value, list)
        else value
        for name, value in told.items()
    }


def _kept_facts(ticket: Ticket, context: Context) -> dict[str, Any]:
    """What is counted over all mails of a ticket: the attachments that came with them (K-15)."""
    attached = int(ticket.facts.get("attachments", 0)) + int(context.noticed.get("attachments", 0))
    return {"attachments": attached} if attached else {}


def _kept(message: Message, context: Context, now: datetime, event: str, party: str = "") -> Decision:
    """The mail is stored, on its ticket if it has one, and moves nothing. A person's mail opens a ticket of its own."""
    ticket = context.match.ticket
    decision = Decision(event, party, seller=context.scene.seller)
    if ticket is None and context.kind in ("human", "list"):
        ticket = new_ticket(message, context, now, {})
    if ticket is None:
        return decision
    if context.kind in ("human", "list"):
        ticket = peopled(ticket, message, context, party)
    decision = _with_message(decision, ticket, message, context, now)
    return replace(decision, hand_to=_owed_to(message, context, party) if context.kind == "human" else "")


def _with_message(decision: Decision, ticket: Ticket, message: Message, context: Context, now: datetime) -> Decision:
    spoken = said_in(message, context, now, decision)
    said: dict[str, Any] = {"by": decision.party, "message_id": spoken.message_id, "level": context.level}
    if decision.violations:
        said["missing"] = sorted(violation.rule for violation in decision.violations)
    opened = ticket.number == 0
    entries = (Entry("opened", now, _opening(context)), Entry(decision.event, now, said))
    decision = replace(decision, ticket=headed(ticket, context.subject, spoken.audience), heading=context.subject)
    return replace(decision, opened=opened, spoken=spoken, entries=entries if opened else entries[1:])


def _opening(context: Context) -> dict[str, Any]:
    match = context.match
    data: dict[str, Any] = {"evidence": match.evidence}
    if match.points_to is not None:
        data |= {"linked_to": match.points_to, "doubt": match.doubt}
    return data


def _addressed_roles(message: Message, context: Context, ticket: Ticket | None) -> frozenset[str]:
    scene, keys = context.scene, {addresses.key(one) for one in message.addressed}
    return frozenset(
        role
        for role in scene.policy.roles
        for one in resolve(role, scene.policy, scene.desk, scene.seller, ticket)
        if addresses.key(one) in keys
    )


def _owed_to(message: Message, context: Context, party: str) -> str:
    """Who must still get this mail: the staff, if nobody but we got a reply (D-26); the helpdesk after a takeover (D-29)."""
    desk, seller = context.scene.desk, context.scene.seller
    if desk.carries != "people" or party == "desk":
        return ""
    staff = {addresses.key(one) for one in desk.staff}
    if any(addresses.key(one) in staff or (desk.entity_of(one) and not desk.answers_for(one)) for one in message.addressed):
        return ""
    if seller is not None and seller.takeover and party == "customer":
        return "helpdesk"
    return "staff" if any(desk.answers_for(one) for one in message.addressed) else ""


def _reported(message: Message, context: Context, now: datetime) -> Decision:
    """A delivery report: the event of the mail that came back for good, or a note that changes nothing (D-10, D-14)."""
    decision = _kept(message, context, now, context.kind, "daemon")
    lost = tuple(one for one in context.bounced if one.permanent)
    decision = replace(decision, bounced=tuple(one for one in lost if one.sure))
    for one in lost:
        if not one.sure:
            said = {"message_id": one.message_id, "recipient": addresses.key(one.recipient), "status": one.status}
            decision = replace(decision, entries=(*decision.entries, Entry("bounce_doubted", now, said)))
        elif event := bounce_event(one, context.scene.policy):
            return _returned(decision, event, one, message, context, now)
    return decision


def _returned(decision: Decision, event: str, bounced: Bounced, message: Message, context: Context, now: datetime) -> Decision:
    view = {
        "recipient": bounced.recipient,
        "status": bounced.status,
        "diagnostic": bounced.diagnostic,
        "reporter": addresses.domain(message.author) if message.author else None,
        "suppressed": bounced.suppressed,
        "provider": bounced.provider,
        "signature": bounced.signature,
    }
    cause = message.message_id or f"report {context.spool_id}"
    return followed(replace(decision, event=event), context.scene, now, view, cause=cause, returned=bounced.message_id)
