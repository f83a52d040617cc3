"""Mend what threading joined or kept apart: move a mail to another ticket, split it off, merge two tickets.

The tickets concerned are then built anew from the mail that they hold now: people, state and clocks as if every mail had been
there from the start, and between the mails the steps that have fired. What was sent stays sent: a step that fired is not fired
again, and no letter is written for the past.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from mailgate.desk import clock as clocks
from mailgate.desk import thread
from mailgate.desk.decide import decide
from mailgate.desk.fire import fired
from mailgate.desk.follow import is_withdrawn, unfired, with_clocks
from mailgate.desk.heading import headed
from mailgate.desk.house import House
from mailgate.desk.review import UNCONFIRMED
from mailgate.desk.thread import Match
from mailgate.desk.ticket import Clock, Entry, Mark, Participant, Spoken, Ticket
from mailgate.mail import address as addresses
from mailgate.store import lookup, retention, spool, tickets
from mailgate.store import mend as stored
from mailgate.store.act import policy_of, scene_for
from mailgate.store.engine import Connection
from mailgate.store.mend import FiredStep
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
    stored.assign(connection, [one for one, _ in stored.mails_of(connection, number)], into)
    stored.close_merged(connection, number, into)
    rebuild(connection, house, into, now)
    for one in (number, into):
        stored.note(connection, one, Entry("merged", now, {"from": number, "to": into}))
    return Mended(into, (number, into))


def rebuild(connection: Connection, house: House, number: int, now: datetime) -> None:
    """Build the ticket anew from the mail that it holds; a ticket that lost all its mail keeps no clock."""
    old, mails = tickets.load(connection, [number])[number], stored.mails_of(connection, number)
    if gone := retention.purged(connection, [one for one, _ in mails]):
        raise MendError(
            f"mail {gone[0]} of {old.tag} is no longer kept as it came (retention.keep_raw), so it can't be read anew"
        )
    built = replace(old, participants=(), spoken=(), clocks=(), facts={}, tags=frozenset())
    first, vouched = True, str(old.facts.get("vouched", ""))
    yes = {one.spool_id: one for one in old.spoken if one.event == "confirmed"}
    saw = {one.spool_id: one.audience for one in old.spoken}
    steps = stored.fired_steps(connection, number)
    for spool_id, at in mails:
        built, steps = _fired_again(connection, house, built, steps, at)
        if spool_id in yes:
            built = replace(built, spoken=(*built.spoken, yes[spool_id]))
            continue
        before = _Before(first, vouched if UNCONFIRMED not in old.tags else None, saw.get(spool_id, frozenset()))
        built, said = _settled_again(connection, house, built, spool_id, before)
        if said is not None:
            stored.retell(connection, spool_id, said)
        first = first and said is None
    built, _ = _fired_again(connection, house, built, steps, None)
    told = {addresses.key(str(row["reader"])) for row in tickets.sent_for(connection, number)}
    facts = {**built.facts, "vouched": vouched} if vouched else built.facts
    stored.rewrite(connection, replace(built, facts=facts, participants=_same_people(old, built, told)))


def _fired_again(
    connection: Connection, house: House, ticket: Ticket, steps: tuple[FiredStep, ...], until: datetime | None
) -> tuple[Ticket, tuple[FiredStep, ...]]:
    """`ticket` after the steps that came before `until` (None: all), and the steps that are left.

    A step comes when it was due, however late it fired. If its clock does not run then, it comes when it fired.
    """
    left = list(steps)
    while left and (until is None or left[0].came < until):
        first = left[0]
        together = [one for one in left if one.is_with(first)]  # what one mail named (G-10) happened once
        left = [one for one in left if one not in together]
        made = _with_steps(connection, house, ticket, together)
        if made is None and first.came < first.fired_at:
            left = sorted((*left, *(replace(one, came=one.fired_at) for one in together)), key=lambda one: one.came)
        else:
            ticket = made or _without_steps(connection, house, ticket, together)
    return ticket, tuple(left)


def _with_steps(connection: Connection, house: House, ticket: Ticket, together: Sequence[FiredStep]) -> Ticket | None:
    """`ticket` after these steps of one clock fired; None where it does not run."""
    clock, marks = _marks(ticket, together)
    desk = house.desk(ticket.desk)
    if clock is None or desk is None or not (clock.running and marks):
        return None
    scene = scene_for(connection, house, desk, house.seller(ticket.seller), ticket)
    return fired(ticket, clock, marks, scene, together[0].fired_at).ticket


def _without_steps(connection: Connection, house: House, ticket: Ticket, together: Sequence[FiredStep]) -> Ticket:
    """`ticket` whose clock mail had stopped that nobody knew of when these fired: what an answer withdraws is withdrawn."""
    clock, marks = _marks(ticket, together)
    desk = house.desk(ticket.desk)
    if clock is None or desk is None or not marks:
        return ticket
    policy = policy_of(connection, house, desk, ticket.policy)
    if is_withdrawn(clock, marks[0], policy):
        after = replace(clock, marks=tuple(unfired(one) if one in marks else one for one in clock.marks))
    else:
        after = clocks.fired(clock, marks, together[0].fired_at)
    return with_clocks(ticket, (after,), policy)


def _marks(ticket: Ticket, together: Sequence[FiredStep]) -> tuple[Clock | None, tuple[Mark, ...]]:
    key = (together[0].clock, together[0].episode)
    clock = next((one for one in ticket.clocks if (one.name, one.episode) == key), None)
    return clock, tuple(mark for step in together for mark in (clock.marks if clock else ()) if step.is_of(mark))


@dataclass(frozen=True)
class _Before:
    """What stays of a mail's first way: did it open the ticket; who is vouched for (None: he is asked still); who has seen it."""

    first: bool
    vouched: str | None
    audience: frozenset[str]


def _settled_again(
    connection: Connection, house: House, ticket: Ticket, spool_id: int, before: _Before
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
    signed = thread.match(got.message.author, found.clues, found.tickets, desk, house.roster).signed
    match = Match(None if before.first else ticket, "moved", by_reference=by_reference, signed=signed)
    counted = not stored.doubted(connection, spool_id)  # a report that did not act when it came does not act now
    told = lookup.Told(got.report, mail.envelope, ticket=ticket, sure=counted) if got.report else None
    bounced = lookup.bounces(connection, told, desk, house).bounced if told else ()
    placed = Placed(desk, match, found, mail.envelope.received_at, bounced, vouched=before.vouched or "", anew=ticket.number)
    context = context_for(connection, mail, got, house, placed)
    if before.vouched is not None:  # a ticket that people mend is not doubted anew; one that waits for a yes stays so (G-16)
        context = replace(context, doubted=False)
    decision = decide(got.message, context, mail.envelope.received_at)
    said = replace(decision.spoken, event=decision.event, party=decision.party) if decision.spoken else None
    if decision.ticket is None:
        return ticket, said
    made = headed(decision.ticket, got.subject, before.audience) if said else decision.ticket
    made = replace(made, number=ticket.number, policy=ticket.policy, version=ticket.version)
    named = tuple(replace(clock, subject=f"ticket:{ticket.number}") for clock in made.clocks)
    spoken = (*made.spoken, said) if said else made.spoken
    made = replace(made, clocks=named, spoken=spoken)
    return with_clocks(made, (), policy_of(connection, house, desk, ticket.policy)), said


def _same_people(old: Ticket, built: Ticket, told: Collection[str]) -> tuple[Participant, ...]:
    """The people of the new build under the ids that they had, and whoever was told something: their links go on working."""
    known = {addresses.key(one.address): one for one in old.participants}
    same = {addresses.key(one.address): one for one in built.participants}
    stay = {key: one for key, one in known.items() if key in told}
    return tuple(replace(one, id=known[key].id if key in known else 0) for key, one in (stay | same).items())
