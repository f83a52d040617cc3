"""A ticket built anew from all that made it: its mail, the steps that fired, and what else happened to it, in the order of time.

People, state and clocks become what they would be had every mail that the ticket holds now been there from the start. A mail is
judged by what was known when it came (desk/premises.py), an order means what it meant (desk/happening.py). What was sent stays
sent: a step that fired is not fired again, no letter is written for the past, and no strike counts twice.

A ticket whose mail nobody moved comes out as it was, but for what is known now and was not known then: mail that was settled
after what came later, and what the directory, [trust], hours and holidays say today. Mail from before premises were kept is
judged by what the store tells today; of orders from before happenings were kept nothing is known. None of that changes a ticket
that people mend: of two builds, before and after, the difference is stored (desk/mended.py).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from mailgate.desk import clock as clocks
from mailgate.desk import premises, thread
from mailgate.desk.decide import decide
from mailgate.desk.fire import fired
from mailgate.desk.follow import is_withdrawn, unfired, with_clocks
from mailgate.desk.happening import FIRED, Happening, after
from mailgate.desk.heading import headed
from mailgate.desk.house import House
from mailgate.desk.mended import mended
from mailgate.desk.review import UNCONFIRMED
from mailgate.desk.thread import Match
from mailgate.desk.ticket import Clock, Mark, Participant, Spoken, Ticket
from mailgate.mail import address as addresses
from mailgate.store import happenings, lookup, retention, spool, tickets
from mailgate.store import mend as stored
from mailgate.store.act import policy_of, scene_for
from mailgate.store.engine import Connection
from mailgate.store.mend import FiredStep
from mailgate.store.spool import Spooled
from mailgate.understand import Placed, Read, context_for, opened, read


class MendError(ValueError):
    """The mail or ticket named can't be mended so; the text says why."""


@dataclass(frozen=True)
class Built:
    """A ticket as it was built anew, and what each of its mails (spool id) says on it."""

    ticket: Ticket
    said: Mapping[int, Spoken]


def rebuild(connection: Connection, house: House, number: int, before: Built | None = None) -> None:
    """Build the ticket anew and store it; one that lost all its mail keeps no clock.

    `before`: how it was built before people moved mail. Then only that is stored which is otherwise now (desk/mended.py).
    Raises MendError where a mail's bytes have gone by age.
    """
    old, done = tickets.load(connection, [number])[number], build(connection, house, number)
    known = before.said if before else {}
    for spool_id, said in done.said.items():
        if spool_id not in known or _means(said) != _means(known[spool_id]):
            stored.retell(connection, spool_id, said)
    stored.rewrite(connection, mended(old, before.ticket, done.ticket) if before else done.ticket)


def _means(said: Spoken) -> tuple[str, str, tuple[str, ...]]:
    return said.event, said.party, said.missing


def build(connection: Connection, house: House, number: int) -> Built:
    """The ticket as all that made it makes it; writes nothing. Raises MendError where a mail's bytes have gone by age."""
    old, mails = tickets.load(connection, [number])[number], stored.mails_of(connection, number)
    if gone := retention.purged(connection, [one for one, _ in mails]):
        raise MendError(
            f"mail {gone[0]} of {old.tag} is no longer kept as it came (retention.keep_raw), so it can't be read anew"
        )
    built = replace(old, participants=(), spoken=(), clocks=(), facts={}, tags=frozenset())
    first, vouched, meant = True, str(old.facts.get("vouched", "")), dict[int, Spoken]()
    was = {one.spool_id: one for one in old.spoken}
    steps = stored.fired_steps(connection, number)
    happened = tuple(one for one in happenings.of_ticket(connection, number) if one.kind != FIRED)
    for spool_id, happening, at in _in_turn(mails, happened):
        if happening is not None:
            if not first:  # nothing happens to a ticket without mail
                built, steps = _fired_again(connection, house, built, steps, partial(_had_fired, until=at))
                built = _happened_again(connection, house, built, happening)
            continue
        built, steps = _fired_again(connection, house, built, steps, partial(_was_due, until=at))
        if spool_id in was and was[spool_id].event == "confirmed":
            built = replace(built, spoken=(*built.spoken, was[spool_id]))
            continue
        before = _Before(
            first, vouched if UNCONFIRMED not in old.tags else None, was[spool_id].audience if spool_id in was else frozenset()
        )
        built, said = _settled_again(connection, house, built, spool_id, before)
        if said is None and spool_id in was:  # a report or an automatic reply, and nothing yet that it could be about
            built = replace(built, spoken=(*built.spoken, was[spool_id]))
        meant |= {spool_id: said} if said else {}
        first = first and said is None
    built, _ = _fired_again(connection, house, built, steps, _is_left)
    told = {addresses.key(str(row["reader"])) for row in tickets.sent_for(connection, number)}
    facts = {**built.facts, "vouched": vouched} if vouched else built.facts
    return Built(replace(built, facts=facts, participants=_same_people(old, built, told)), meant)


def _in_turn(
    mails: Sequence[tuple[int, datetime]], happened: Sequence[Happening]
) -> Iterator[tuple[int, Happening | None, datetime]]:
    """(mail, what else happened, when) in the order of time; of one instant the mail first: an order is about what is there."""
    both = [*((spool_id, None, at) for spool_id, at in mails), *((0, one, one.at) for one in happened)]
    return iter(sorted(both, key=lambda one: (one[2], one[1] is not None)))


def _happened_again(connection: Connection, house: House, ticket: Ticket, one: Happening) -> Ticket:
    """`ticket` after what happened to it beside its mail and its steps."""
    desk = house.desk(ticket.desk)
    if desk is None:
        return ticket
    scene = scene_for(connection, house, desk, house.seller(ticket.seller), ticket, one.at)
    return after(one, ticket, scene).ticket or ticket


def _was_due(one: FiredStep, ticket: Ticket, until: datetime) -> bool:
    """A step comes before a mail if it was due before that came, however late it fired."""
    return one.came < until


def _had_fired(one: FiredStep, ticket: Ticket, until: datetime) -> bool:
    """A step comes before an order if it had fired by then; of one instant, if it was not the order that made it due."""
    if one.fired_at != until:
        return one.fired_at < until
    _, marks = _marks(ticket, [one])
    return any(mark.due <= until for mark in marks)


def _is_left(one: FiredStep, ticket: Ticket) -> bool:
    return True


def _fired_again(
    connection: Connection, house: House, ticket: Ticket, steps: tuple[FiredStep, ...], comes: Callable[[FiredStep, Ticket], bool]
) -> tuple[Ticket, tuple[FiredStep, ...]]:
    """`ticket` after the steps that come now, and the steps that are left.

    A step comes when it was due, however late it fired. If its clock does not run then, it comes when it fired.
    """
    left = list(steps)
    while (first := next((one for one in left if comes(one, ticket)), None)) is not None:
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
    scene = scene_for(connection, house, desk, house.seller(ticket.seller), ticket, together[0].fired_at)
    return fired(ticket, clock, marks, scene, together[0].fired_at).ticket


def _without_steps(connection: Connection, house: House, ticket: Ticket, together: Sequence[FiredStep]) -> Ticket:
    """`ticket` whose clock mail had ended that nobody knew of when these fired: what an answer withdraws is withdrawn."""
    clock, marks = _marks(ticket, together)
    desk = house.desk(ticket.desk)
    if clock is None or desk is None or not marks:
        return ticket
    if clock.state != "stopped":
        scene = scene_for(connection, house, desk, house.seller(ticket.seller), ticket, together[0].fired_at)
        return fired(ticket, clock, marks, scene, together[0].fired_at).ticket or ticket
    policy = policy_of(connection, house, desk, ticket.policy)
    if is_withdrawn(clock, marks[0], policy):
        changed = replace(clock, marks=tuple(unfired(one) if one in marks else one for one in clock.marks))
    else:
        changed = clocks.fired(clock, marks, together[0].fired_at)
    return with_clocks(ticket, (changed,), policy)


def _marks(ticket: Ticket, together: Sequence[FiredStep]) -> tuple[Clock | None, tuple[Mark, ...]]:
    clock = next(filter(together[0].is_on, reversed(ticket.clocks)), None)
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
    was = stored.premises(connection, spool_id)
    match = Match(None if before.first else ticket, "moved", by_reference=_refers(got, found, ticket))
    placed = Placed(desk, match, found, mail.envelope.received_at, anew=ticket.number, policy=ticket.policy, was=was)
    if was is not None:
        placed = replace(placed, bounced=premises.returned(was.bounced, ticket), asked=was.asked, kind=was.kind)
    else:
        placed = _as_found_today(connection, house, got, mail, replace(placed, vouched=before.vouched or ""))
    context = context_for(connection, mail, got, house, placed)
    if was is None and before.vouched is not None:
        context = replace(context, doubted=False)  # a ticket that people mend is not doubted anew (G-16)
    decision = decide(got.message, context, mail.envelope.received_at)
    said = replace(decision.spoken, event=decision.event, party=decision.party) if decision.spoken else None
    if decision.ticket is None:
        return ticket, said
    made = headed(decision.ticket, got.subject, before.audience) if said else decision.ticket
    made = replace(made, number=ticket.number, policy=ticket.policy, version=ticket.version)
    named = tuple(replace(clock, subject=f"ticket:{ticket.number}") for clock in made.clocks)
    earlier = ticket.spoken if before.first else made.spoken
    spoken = (*earlier, said) if said else earlier
    made = replace(made, clocks=named, spoken=spoken)
    return with_clocks(made, (), policy_of(connection, house, desk, ticket.policy)), said


def _refers(got: Read, found: lookup.Found, ticket: Ticket) -> bool:
    """Does this mail name one of the ticket's mails, or a notice of ours?"""
    return bool(set(got.message.names) & {said.message_id for said in ticket.spoken} or found.notice_to)


def _as_found_today(connection: Connection, house: House, got: Read, mail: Spooled, placed: Placed) -> Placed:
    """`placed` of a mail that came before premises were kept, with what the store says of it today."""
    desk, found, ticket = placed.desk, placed.found, placed.match.ticket
    signed = thread.match(got.message.author, found.clues, found.tickets, desk, house.roster).signed
    placed = replace(placed, match=replace(placed.match, signed=signed))
    if got.report is None:
        return placed
    counted = not stored.doubted(connection, mail.id)  # a report that did not act when it came does not act now
    told = lookup.Told(got.report, mail.envelope, ticket=ticket, sure=counted)
    found_now = lookup.bounces(connection, told, desk, house).bounced
    return replace(placed, bounced=premises.returned(found_now, ticket) if ticket else found_now)


def _same_people(old: Ticket, built: Ticket, told: Collection[str]) -> tuple[Participant, ...]:
    """The people of the new build under the ids that they had, and whoever was told something: their links go on working."""
    known = {addresses.key(one.address): one for one in old.participants}
    same = {addresses.key(one.address): one for one in built.participants}
    stay = {key: one for key, one in known.items() if key in told}
    return tuple(known.get(key, one) for key, one in (stay | same).items())
