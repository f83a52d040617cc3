"""WHAT NEEDS PEOPLE: they are told of it, at most once an hour a desk, and what they say about it is done.

`tell_desk` writes the one mail that lists what waits (desk/review.py), if something in it is new. `carry_out` does what a signed
link of that mail, a customer's yes or a verb orders, in the transaction of whoever asks: the same for all of them.

A yes (G-16) settles the mail of the ticket anew, as if its author had been authenticated from the start: what it starts counts
from when it came (G-01), because the customer has waited since then; what is due by now comes at once (G-10).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any

from mailgate import events, mend
from mailgate.desk import premises, review
from mailgate.desk.carry import with_files
from mailgate.desk.decide import decide
from mailgate.desk.decision import Decision, Task
from mailgate.desk.happening import after, by_people
from mailgate.desk.house import House
from mailgate.desk.party import Desk
from mailgate.desk.premises import Premises
from mailgate.desk.review import OF_MAILS, UNCONFIRMED, Waiting
from mailgate.desk.thread import Match
from mailgate.desk.ticket import Entry, Participant, Spoken, Ticket
from mailgate.mail import address as addresses
from mailgate.mail.message import parse
from mailgate.store import happenings, lookup, spool, tickets, waiting
from mailgate.store import mend as stored
from mailgate.store.act import Written, act, scene_for
from mailgate.store.engine import Connection, Store, StoreError
from mailgate.understand import Placed, context_for, opened, read
from mailgate.wire import clock

EVERY = 60.0  # seconds between two looks at what waits
Queued = tuple[tuple[int, str, str], ...]


def tell_desk(connection: Connection, desk: Desk, house: House, now: datetime) -> Queued:
    """The mails (id, notice, reader) to this desk's staff about what waits for them; none within an hour, none without news."""
    at, known = waiting.last_told(connection, desk.name)
    if not desk.staff or (at is not None and now - at < review.EVERY):
        return ()
    first = next((one.name for one in house.roster.desks.values() if one.staff), "")
    found = waiting.listed(connection, desk.name, now, homeless=desk.name == first)
    if all(one.key in known for one in found):
        return ()
    waiting.tidy(connection, now)
    scene = scene_for(connection, house, desk, None)
    decision, listed = review.told([_titled(connection, one) for one in found], known, scene, now)
    written = act(connection, decision, scene, house, now)
    still = {one.key for one in found}
    waiting.tell(connection, desk.name, (known & still) | {one.key for one in listed}, now)
    return written.queued


def _titled(connection: Connection, one: Waiting) -> Waiting:
    """With its author, and the subject of a mail that no ticket knows, where they can be read."""
    if one.kind == "brake":
        return one
    if one.kind not in OF_MAILS:
        return replace(one, author=waiting.author_of(connection, one.number))
    mail = spool.get(connection, one.number)
    if mail is None:
        return one
    try:
        message = parse(mail.raw)
        return replace(one, subject=message.subject, author=message.author or "")
    except Exception:  # what could not be read was parked for that
        return one


def carry_out(connection: Connection, house: House, task: Task, now: datetime, by: str = "staff") -> Queued:
    """Do what was said about something that waits; the letters that follow from it. Raises MendError if it can't be done."""
    said = {"by": by}
    match task.action:
        case "join":
            return _join(connection, house, task.number, said, now)
        case "yes":
            return confirm(connection, house, task.number, said, now)
        case "release":
            spool.retry(connection, [task.number])
        case "not_ours" if task.kind in OF_MAILS:
            waiting.put_away(connection, task.number, now)
        case "keep_apart" | "not_ours":
            _changed(connection, house, task, said, now)
    return ()


def said(connection: Connection, house: House, action: str, number: int, now: datetime) -> str:
    """What a verb did about a ticket that waits, in a sentence. Raises MendError if it does not wait for that."""
    found = waiting.one(connection, action, number)
    if found is None:
        raise mend.MendError(f"MG-{number} does not wait for that; `mailgate ticket show {number}` tells how it stands")
    queued = carry_out(connection, house, Task(action, found.kind, number), now)
    return f"{found.name}: {review.EVENTS[action].replace('_', ' ')}" + (f", {len(queued)} mails written" if queued else "")


def _join(connection: Connection, house: House, number: int, said: Mapping[str, Any], now: datetime) -> Queued:
    """The mail of a linked ticket belongs to the ticket it points to, or to the one which that was merged into."""
    ticket = tickets.load(connection, [number])[number]
    into = int(ticket.facts.get("linked_to") or 0)
    while (other := tickets.load(connection, [into]).get(into)) and "merged_into" in other.facts:
        into = int(other.facts["merged_into"])
    mend.merge(connection, house, number, into, now)
    for one in (number, into):
        stored.note(connection, one, Entry("joined", now, {**said, "from": number, "to": into}))
    return ()


def _changed(connection: Connection, house: House, task: Task, said: Mapping[str, Any], now: datetime) -> None:
    ticket = tickets.load(connection, [task.number])[task.number]
    desk = house.desk(ticket.desk)
    if desk is None:
        raise mend.MendError(f"there is no desk {ticket.desk} any more")
    scene, happened = scene_for(connection, house, desk, None, ticket), by_people(task.action, ticket, said, now)
    happenings.note(connection, happened)
    act(connection, after(happened, ticket, scene), scene, house, now)


@dataclass(frozen=True)
class _Anew:
    """A ticket whose mail is settled anew: what it was, and whose word counts now (a compared address)."""

    house: House
    desk: Desk
    old: Ticket
    vouched: str
    now: datetime


def confirm(connection: Connection, house: House, number: int, said: Mapping[str, Any], now: datetime) -> Queued:
    """Settle the mail of an unconfirmed ticket anew, in the order in which it came; the notices start now (G-16)."""
    old = tickets.load(connection, [number])[number]
    desk = house.desk(old.desk)
    if desk is None or not old.spoken:
        raise mend.MendError(f"MG-{number} holds no mail of a desk that is still there")
    anew = _Anew(house, desk, old, addresses.key(old.spoken[0].author), now)
    if said["by"] == "staff":  # a customer's yes is a mail on the ticket, and noted with it
        stored.note(connection, number, Entry("confirmed", now, said))
    current = replace(old, spoken=())
    queued: list[tuple[int, str, str]] = []
    done: list[int] = []
    for one in old.spoken:
        if one.event != "confirmed":
            written = _settled_anew(connection, anew, current, one)
            queued += written.queued
        done.append(one.spool_id)
        loaded = tickets.load(connection, [number])[number]
        current = replace(loaded, spoken=tuple(each for each in loaded.spoken if each.spool_id in done))
    return tuple(queued)


def _settled_anew(connection: Connection, anew: _Anew, current: Ticket, said: Spoken) -> Written:
    """What one mail of the ticket means now, with all that follows from it."""
    mail = spool.get(connection, said.spool_id)
    if mail is None:
        return Written(current)
    mail = opened(mail, anew.house)
    got = read(mail.raw, mail.envelope, anew.house)
    found = lookup.evidence(connection, got.message, mail.envelope, got.subject, anew.house)
    first = not current.spoken
    match = Match(None if first else current, "confirmed", by_reference=not first)
    placed = Placed(anew.desk, match, found, mail.envelope.received_at, vouched=anew.vouched)
    context = replace(context_for(connection, mail, got, anew.house, placed), doubted=False)
    decision = with_files(decide(got.message, context, mail.envelope.received_at), got.message)
    decision = _onto(decision, current, anew) if first else decision
    written = act(connection, decision, context.scene, anew.house, anew.now, mail.id)
    if written.spoken is not None:
        judged = premises.kept(context, got.message, got.kind)
        waiting.said_anew(connection, mail.id, written.spoken, {**judged, **_doubts(connection, mail.id), "on": current.number})
    return written


def _doubts(connection: Connection, spool_id: int) -> dict[str, Any]:
    """In which doubt a mail had opened its ticket: that stays."""
    was = stored.premises(connection, spool_id) or Premises()
    return {"review": was.review, "points_to": was.points_to}


def _onto(decision: Decision, current: Ticket, anew: _Anew) -> Decision:
    """The ticket that the first mail would open is the one that is there, with its people and its links."""
    made = decision.ticket
    if made is None:
        raise mend.MendError(f"the first mail of MG-{current.number} opens no ticket")
    kept = {name: value for name, value in current.facts.items() if name == "linked_to"}
    ticket = replace(
        made,
        number=current.number,
        version=current.version,
        tags=made.tags | (anew.old.tags - {UNCONFIRMED}),
        facts={**made.facts, **kept, "vouched": anew.vouched},
        participants=_people(current, made),
    )
    return replace(decision, ticket=ticket, entries=tuple(one for one in decision.entries if "evidence" not in one.data))


def _people(current: Ticket, made: Ticket) -> tuple[Participant, ...]:
    """The people of both under the ids that they have: reply addresses that are out go on working."""
    known = {addresses.key(one.address) for one in current.participants}
    return (*current.participants, *(one for one in made.participants if addresses.key(one.address) not in known))


class Needs:
    """The look at what waits, every minute, for ever. `told` wakes the courier."""

    def __init__(self, store: Store, house: House) -> None:
        self.store, self.house = store, house
        self.told = asyncio.Event()

    async def work(self) -> None:
        """Tell every desk's people, then rest a minute."""
        while True:
            await self.tick(clock.now())
            await asyncio.sleep(EVERY)

    async def tick(self, now: datetime) -> Queued:
        """The mails that were written; trouble with one desk is told, and does not stop the others."""
        done: Queued = ()
        for desk in tuple(self.house.roster.desks.values()):
            try:
                queued = await self.store.in_turn(partial(tell_desk, desk=desk, house=self.house, now=now))
            except StoreError:
                raise
            except Exception as error:
                events.loop_failed(loop=f"needs, desk {desk.name}", error=error)
                continue
            for outbox_id, notice, reader in queued:
                events.notice_queued(outbox_id=outbox_id, notice=notice, to=(reader,), ticket=None)
            done += queued
        if done:
            self.told.set()
        return done
