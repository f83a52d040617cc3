"""Mend what threading joined or kept apart: move a mail to another ticket, split it off, merge two tickets.

The tickets concerned are then built anew from the mail that they hold now: people, state and clocks as if every mail had been
there from the start. What was sent stays sent: a step that fired is not fired again, and no letter is written for the past.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from mailgate.desk.decide import decide
from mailgate.desk.follow import with_clocks
from mailgate.desk.house import House
from mailgate.desk.review import UNCONFIRMED
from mailgate.desk.thread import Match
from mailgate.desk.ticket import Clock, Entry, Participant, Spoken, Ticket
from mailgate.mail import address as addresses
from mailgate.store import lookup, retention, spool, tickets
from mailgate.store import mend as stored
from mailgate.store.act import policy_of
from mailgate.store.engine import Connection
from mailgate.understand import Placed, context_for, opened, read


class MendError(ValueError):
    """The mail or ticket named can't be mended so; the text says why."""


@dataclass(frozen=True)
class Mended:
    """The ticket that the mail is on now, and every ticket that was built anew."""

    ticket: int
    rebuilt: tuple[int, ...]


def move(connection: Connection, house: House, spool_ids: Iterable[int], target: int | None, now: datetime) -> Mended:
    """Put these mails on ticket `target`, or on a new one (None: a split). Raises MendError for an unknown mail or ticket."""
    chosen = tuple(spool_ids)
    sources = stored.tickets_of(connection, chosen)
    if len(sources) != len(chosen):
        raise MendError("one of these mails belongs to no ticket; `mailgate message list` shows all")
    if target is None:
        target = stored.blank(connection, next(iter(tickets.load(connection, sources.values()).values())), now)
    elif not tickets.load(connection, [target]):
        raise MendError(f"there is no ticket MG-{target}")
    stored.assign(connection, chosen, target)
    concerned = tuple(dict.fromkeys((*sources.values(), target)))
    for number in concerned:
        rebuild(connection, house, number, now)
        stored.note(connection, number, Entry("moved", now, {"mails": list(chosen), "to": target}))
    return Mended(target, concerned)


def merge(connection: Connection, house: House, number: int, into: int, now: datetime) -> Mended:
    """Put every mail of ticket `number` on ticket `into`; whatever names the old one leads to the new one from now on."""
    if number == into:
        raise MendError("a ticket can't be merged into itself")
    if len(tickets.load(connection, [number, into])) != 2:
        raise MendError(f"there is no ticket MG-{number} or no ticket MG-{into}")
    stored.assign(connection, stored.mails_of(connection, number), into)
    stored.close_merged(connection, number, into)
    rebuild(connection, house, into, now)
    for one in (number, into):
        stored.note(connection, one, Entry("merged", now, {"from": number, "to": into}))
    return Mended(into, (number, into))


def rebuild(connection: Connection, house: House, number: int, now: datetime) -> None:
    """Build the ticket anew from the mail that it holds; a ticket that lost all its mail keeps no clock."""
    old = tickets.load(connection, [number])[number]
    if gone := retention.purged(connection, stored.mails_of(connection, number)):
        raise MendError(
            f"mail {gone[0]} of {old.tag} is no longer kept as it came (retention.keep_raw), so it can't be read anew"
        )
    built = replace(old, participants=(), spoken=(), clocks=(), facts={}, tags=frozenset())
    first, vouched = True, str(old.facts.get("vouched", ""))
    yes = {one.spool_id: one for one in old.spoken if one.event == "confirmed"}
    for spool_id in stored.mails_of(connection, number):
        if spool_id in yes:
            built = replace(built, spoken=(*built.spoken, yes[spool_id]))
            continue
        built, said = _settled_again(
            connection, house, built, spool_id, first=first, vouched=vouched if UNCONFIRMED not in old.tags else None
        )
        if said is not None:
            stored.retell(connection, spool_id, said)
        first = first and said is None
    fired = stored.fired_steps(connection, number)
    clocks = tuple(_with_fired(clock, fired) for clock in built.clocks)
    facts = {**built.facts, "vouched": vouched} if vouched else built.facts
    stored.rewrite(connection, replace(built, clocks=clocks, facts=facts, participants=_same_people(old, built)))


def _settled_again(
    connection: Connection, house: House, ticket: Ticket, spool_id: int, *, first: bool, vouched: str | None
) -> tuple[Ticket, Spoken | None]:
    """`ticket` after this mail, and what the mail said; notices and strikes of the past are not repeated."""
    mail = spool.get(connection, spool_id)
    desk = house.desk(ticket.desk)
    if mail is None or desk is None:
        return ticket, None
    mail = opened(mail, house)
    got = read(mail.raw, mail.envelope, house)
    found = lookup.evidence(connection, got.message, mail.envelope, got.subject, house)
    by_reference = bool(set(got.message.names) & {said.message_id for said in ticket.spoken} or found.notice_to)
    match = Match(None if first else ticket, "moved", by_reference=by_reference)
    bounced = lookup.bounces(connection, got.report, mail.envelope, desk, house, True).bounced if got.report else ()
    placed = Placed(desk, match, found, mail.envelope.received_at, bounced, vouched=vouched or "")
    context = context_for(connection, mail, got, house, placed)
    if vouched is not None:  # a ticket that people mend is not doubted anew; one that still waits for a yes stays so (G-16)
        context = replace(context, doubted=False)
    decision = decide(got.message, context, mail.envelope.received_at)
    if decision.ticket is None:
        return ticket, decision.spoken
    made = replace(decision.ticket, number=ticket.number, policy=ticket.policy, version=ticket.version)
    named = tuple(replace(clock, subject=f"ticket:{ticket.number}") for clock in made.clocks)
    spoken = (*made.spoken, decision.spoken) if decision.spoken else made.spoken
    made = replace(made, clocks=named, spoken=spoken)
    return with_clocks(made, (), policy_of(connection, house, desk, ticket.policy)), decision.spoken


def _with_fired(clock: Clock, fired: dict[tuple[str, int, str, int], datetime]) -> Clock:
    marks = tuple(
        replace(mark, fired_at=fired.get((clock.name, clock.episode, mark.step, mark.occurrence))) for mark in clock.marks
    )
    return replace(clock, marks=marks)


def _same_people(old: Ticket, built: Ticket) -> tuple[Participant, ...]:
    """The people of the new build under the ids that they had: their reply addresses go on working."""
    known = {addresses.key(one.address): one.id for one in old.participants}
    return tuple(replace(one, id=known.get(addresses.key(one.address), 0)) for one in built.participants)
