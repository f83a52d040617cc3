"""Stage 9, deliver: outbox → next hop → outcome.

Before each attempt the courier asks whether the notice still holds: one whose clock has stopped, or that a later step overtook,
is superseded. A temporary refusal is tried again by RFC 5321 §4.5.4.1, a permanent one is final and is treated as a bounce. When
the connection breaks behind the final dot nobody knows: the row is `uncertain` and goes again with the same Message-ID.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from mailgate import events
from mailgate.desk.bounce import Bounced
from mailgate.desk.house import House
from mailgate.desk.retry import next_attempt
from mailgate.store import memory, outbox, tickets
from mailgate.store.act import Written
from mailgate.store.engine import Connection, Store
from mailgate.store.hand_on import HAND_ON, give_back
from mailgate.store.outbox import Outgoing
from mailgate.store.reach import bounced_notice
from mailgate.wire import clock
from mailgate.wire.smtp_out import Sent, Smarthost

BATCH = 64
AT_ONCE = 8
NO_LONGER = "no longer holds"
EFFECT = "effect"  # the letter that asks a system to act; what tells the parties of it waits until it has left


@dataclass(frozen=True)
class Schedule:
    """When a deferred mail is offered again, and how long in all."""

    waits: tuple[timedelta, ...]
    lifetime: timedelta


@dataclass(frozen=True)
class Turn:
    """What is to be sent now, and what no longer held and will not be."""

    going: tuple[Outgoing, ...] = ()
    superseded: tuple[Outgoing, ...] = ()


def ready(connection: Connection, house: House, now: datetime) -> Turn:
    """What is to be sent now; what no longer holds is superseded on the way, and what is on hold stays."""
    due = outbox.due(connection, now, stopped(memory.holds(connection), house), BATCH)
    going = tuple(row for row in due if holds(connection, row))
    superseded = tuple(row for row in due if row not in going)
    for row in superseded:
        outbox.settle(connection, row.id, "superseded", now, answer=NO_LONGER)
    return Turn(going, superseded)


def stopped(held: Iterable[str], house: House) -> tuple[str, ...]:
    """These holds in the words of the outbox, which knows desks: `policy:NAME` is every desk under that pack."""
    found: list[str] = []
    for scope in held:
        kind, _, name = scope.partition(":")
        mine = [f"desk:{desk}" for desk, source in house.sources.items() if source.name == name]
        found += mine if kind == "policy" else [scope]
    return tuple(found)


def holds(connection: Connection, row: Outgoing) -> bool:
    """True unless the clock behind this notice has stopped, or a later step of it has fired."""
    if not row.clock or row.ticket is None or (row.attempts and row.state == "uncertain"):
        return True
    mine = tickets.clock(connection, f"ticket:{row.ticket}", row.clock, row.episode)
    if mine is None or not mine.running:
        return False
    own = [mark.due for mark in mine.marks if mark.step == row.step and mark.occurrence == row.occurrence]
    later = [mark for mark in mine.marks if mark.fired_at and own and mark.due > own[0]]
    return not later


@dataclass(frozen=True)
class Outcome:
    """How an attempt ended: the row's state now, its next attempt, and what a final refusal caused."""

    state: str
    again: datetime | None = None
    caused: Written | None = None


def record(connection: Connection, row: Outgoing, sent: Sent, house: House, schedule: Schedule, now: datetime) -> Outcome:
    """Note how an attempt ended; a refusal for good is treated as the bounce that it is.

    A provider that takes a mail and says that it will not try the address has refused it, whatever its code (OCI: 254).
    """
    listed = house.signatures.match(sent.text, "reply") if sent.text else None
    suppressed = listed is not None and listed.reason == "suppressed"
    answer = f"{sent.code or ''} {sent.text}".strip()
    if sent.state == "sent" and not suppressed:
        outbox.settle(connection, row.id, "sent", now, answer=sent.text)
        if row.ticket:  # a relay that writes its own Message-ID says so here; answers name that one
            tickets.alias(connection, row.ticket, tickets.relay_ids(f"{sent.code or 250} {sent.text}"))
        if row.notice == EFFECT and row.ticket and house.confirm_after == "sent":
            outbox.release(connection, row.ticket, now)
        return Outcome("sent")
    again = None
    if sent.state in ("deferred", "uncertain") and not suppressed:
        again = next_attempt(row.created_at, row.attempts + 1, now, schedule.waits, schedule.lifetime)
    state = sent.state if again else "refused"
    outbox.settle(connection, row.id, state, now, answer=answer, again=again)
    if again:
        return Outcome(state, again)
    status = "5.4.7" if sent.state in ("deferred", "uncertain") and not suppressed else _status(sent)
    if row.notice == HAND_ON:
        give_back(connection, row, house.desk(row.desk), status, answer, now)
        return Outcome(state)
    lost = Bounced(
        row.message_id, row.ticket or 0, row.reader, "", status, True, True, clock=row.clock, step=row.step, notice=row.notice,
        diagnostic=answer, reason=listed.reason if listed else "", where="reply", signature=listed.name if listed else "",
        provider=house.signatures.provider(listed, [sent.text]) if listed else "",
    )  # fmt: skip
    return Outcome(state, None, bounced_notice(connection, row, lost, house, now))


def _status(sent: Sent) -> str:
    """The enhanced status of a refusal, or the plain one that its code implies (RFC 3463 §2)."""
    first = sent.text.split()[0] if sent.text.split() else ""
    return first if first.count(".") == 2 and first[0] in "45" else f"{str(sent.code or 5)[0]}.0.0"


class Courier:
    """The outbox at work. `routes` makes the next hop of a mail that has its own way (`hand_on`)."""

    def __init__(
        self, store: Store, house: House, smarthost: Smarthost, routes: Mapping[str, Smarthost], schedule: Schedule
    ) -> None:
        self.store, self.house, self.smarthost, self.routes, self.schedule = store, house, smarthost, routes, schedule
        self.woken = asyncio.Event()
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._in_hand: set[asyncio.Task[None]] = set()
        self._closing = False

    async def work(self) -> None:
        """Send what is due, then sleep until the next attempt (a minute at the most), for ever."""
        while True:
            self.woken.clear()
            if await self.deliver():
                continue
            upcoming = await self.store.run(outbox.next_attempt_at)
            pause = 60.0 if upcoming is None else (upcoming - clock.now()).total_seconds()
            try:
                await asyncio.wait_for(self.woken.wait(), timeout=min(max(pause, 1.0), 60.0))
            except TimeoutError:
                continue

    async def deliver(self) -> int:
        """How many attempts were made."""
        turn = await self.store.run(partial(ready, house=self.house, now=clock.now()))
        tell_superseded(turn.superseded)
        self._in_hand = {asyncio.create_task(self._attempt(row)) for row in turn.going}
        if not self._in_hand:
            return len(turn.superseded)
        done, _ = await asyncio.wait(self._in_hand)
        failed = [error for task in done if (error := task.exception())]
        if failed:
            raise failed[0]
        return len(turn.going)

    async def finish(self, seconds: float) -> None:
        """Begin no more attempts, and wait up to `seconds` for the outcome of those that were begun."""
        self._closing = True
        if self._in_hand:
            _, late = await asyncio.wait(self._in_hand, timeout=seconds)
            for task in late:
                task.cancel()

    async def _attempt(self, row: Outgoing) -> None:
        async with self._slots:
            if self._closing:
                return
            hop = self.routes[row.route] if row.route else self.smarthost
            sent = await hop.send(row.reverse_path, (row.reader,), row.raw)
        now = clock.now()
        work = partial(record, row=row, sent=sent, house=self.house, schedule=self.schedule, now=now)
        tell(row, sent, await self.store.run(work))


def tell_superseded(rows: Iterable[Outgoing]) -> None:
    """One log line for each notice that no longer held."""
    for row in rows:
        events.notice_superseded(outbox_id=row.id, notice=row.notice, to=row.reader, ticket=row.ticket, reason=NO_LONGER)


def tell(row: Outgoing, sent: Sent, outcome: Outcome) -> None:
    """The log line of one attempt."""
    about: dict[str, Any] = {"outbox_id": row.id, "notice": row.notice, "to": row.reader, "ticket": row.ticket}
    tried: dict[str, Any] = {"attempts": row.attempts + 1}
    reply = f"{sent.code or ''} {sent.text}".strip()
    if outcome.state == "sent":
        events.notice_sent(**about, **tried, message_id=row.message_id, reply=reply)
    elif outcome.state == "uncertain":
        events.notice_uncertain(**about, **tried, message_id=row.message_id)
    elif outcome.state == "deferred" and outcome.again:
        events.notice_deferred(**about, **tried, reply=reply, next_attempt_at=outcome.again)
    else:
        events.notice_refused(**about, **tried, reply=reply)
