"""THE TIMER PATH: due → decide → act → outbox.

A tick asks a level, not an edge: which clocks have steps that should have fired by now and have not? Each is read again and
written in one transaction, and a step's row is unique, so it fires exactly once whatever crashes.

*A mail in hand beats a timer*: a step due at D waits while any mail accepted by D is not settled, and after an outage until
`catch_up` has passed, so that mail which waited elsewhere can still arrive; and it waits until every watched folder was looked
at after D. It also waits while an earlier notice of the same
clock has not left: a reminder counts when the next hop took it. What is then overdue fires in due order (G-10).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from itertools import islice

from mailgate import events
from mailgate.desk import checklist, digest
from mailgate.desk.clock import due_marks
from mailgate.desk.facts import holds
from mailgate.desk.fire import fired
from mailgate.desk.happening import by_void
from mailgate.desk.house import House
from mailgate.desk.party import Seller
from mailgate.desk.route import Roster
from mailgate.desk.ticket import Clock, Mark
from mailgate.store import clocks, happenings, memory, outbox, retention, rounds, spool, tickets
from mailgate.store.act import act, scene_for
from mailgate.store.engine import Connection, Store, StoreError
from mailgate.wire import clock as wall

LIMIT = 500
SOME = 50
TOGETHER = 16  # steps that fire in one go: as many as the store commits at once beside mail that comes in
OUTAGE = timedelta(minutes=5)
SET_BACK = timedelta(minutes=1)
LONGEST_SLEEP = 20.0
HEARTBEAT = "heartbeat"
QUIET_UNTIL = "quiet_until"
A_DAY = timedelta(days=1)

Run = Callable[[Callable[[Connection], int]], Awaitable[int]]


@dataclass(frozen=True)
class Fired:
    """One step that fired: the facts of its log line."""

    subject: str
    clock: str
    episode: int
    step: str
    occurrences: tuple[int, ...]
    due: datetime
    ticket: int | None
    queued: tuple[tuple[int, str, str], ...]


def due(connection: Connection, now: datetime, after: Clock | None = None, looked: datetime | None = None) -> tuple[Clock, ...]:
    """The next clocks that may fire now, LIMIT at the most: due, and no mail in hand that was accepted by then.

    `looked`: up to when all mail of watched mailboxes is known; what is due later waits for the next look.
    """
    in_hand = _in_hand(connection, looked)
    ready = clocks.due(connection, now, LIMIT, after)
    return tuple(one for one in ready if in_hand is None or (one.next_due_at is not None and one.next_due_at < in_hand))


def _in_hand(connection: Connection, looked: datetime | None) -> datetime | None:
    """From when on mail may not have been settled; None when all is."""
    return min((one for one in (spool.oldest_waiting(connection), looked) if one is not None), default=None)


def fire(connection: Connection, clock: Clock, house: House, now: datetime, looked: datetime | None = None) -> Fired | None:
    """Fire what is due first on `clock`, read again in this transaction; None when it has nothing to do any more."""
    current = clocks.get(connection, clock.subject, clock.name, clock.episode)
    in_hand = _in_hand(connection, looked)
    waiting = [one for one in due_marks(current, now) if in_hand is None or one.due < in_hand] if current else []
    if current is None or not waiting:
        return None
    if current.subject.startswith("item:"):
        return _ask_item(connection, current, house, now)
    if current.subject.startswith("digest:"):
        return _digest(connection, current, house, now)
    if current.subject.startswith(rounds.SUBJECTS):
        return _round(connection, current, house, now)
    number = int(current.subject.removeprefix("ticket:"))
    ticket = tickets.load(connection, [number]).get(number)
    desk = house.desk(ticket.desk) if ticket else None
    if ticket is None or desk is None or outbox.unsent(connection, number, current.name, current.episode):
        return None
    marks = _together(waiting)
    scene = scene_for(connection, house, desk, house.seller(ticket.seller), ticket)
    if scene.taken_over(current.name):
        clocks.write(connection, [replace(current, state="void", stopped_at=now)])
        happenings.note(connection, by_void(current, ticket, now))
        return None
    clocks.fire(connection, current, marks, now)
    decision = fired(ticket, current, marks, scene, now)
    written = act(connection, decision, scene, house, now)
    numbers = tuple(mark.occurrence for mark in marks)
    return Fired(current.subject, current.name, current.episode, marks[0].step, numbers, marks[0].due, number, written.queued)


def _together(waiting: Sequence[Mark]) -> tuple[Mark, ...]:
    """The first due step; reminders that became due before the same tick leave as one mail that names them all (G-10)."""
    first = waiting[0]
    run = []
    for mark in waiting:
        if mark.step != first.step:
            break
        run.append(mark)
    return tuple(run)


def _ask_item(connection: Connection, clock: Clock, house: House, now: datetime) -> Fired | None:
    """A checklist item's reminder to the seller; the clock is set for the next time (D-06)."""
    _, desk_name, seller_id, item = checklist.parts(clock.subject)
    desk, seller = house.desk(desk_name), house.seller(seller_id)
    marks = due_marks(clock, now)[:1]
    if desk is None or seller is None:
        clocks.write(connection, [replace(clock, state="void", stopped_at=now)])
        return None
    scene = scene_for(connection, house, desk, seller)
    clocks.fire(connection, clock, marks, now)
    decision = checklist.asked(clock, marks[0], item, scene, now)
    written = act(connection, decision, scene, house, now)
    clocks.write(connection, decision.clocks)
    return Fired(clock.subject, clock.name, clock.episode, "ask", (marks[0].occurrence,), marks[0].due, None, written.queued)


def _digest(connection: Connection, clock: Clock, house: House, now: datetime) -> Fired | None:
    """One mail about all that waits for this seller; the clock is set for the next time, or rests (A-05)."""
    desk_name, seller_id = digest.parts(clock.subject)
    desk, seller = house.desk(desk_name), house.seller(seller_id)
    scene = scene_for(connection, house, desk, seller) if desk and seller else None
    spec = scene.policy.digest.get(clock.name) if scene else None
    if desk is None or seller is None or scene is None or spec is None:
        clocks.write(connection, [replace(clock, state="void", stopped_at=now)])
        return None
    kin = tickets.kin_of(connection, desk.name, seller.id)
    listed = [[one.number for one in kin if holds(given, one.view)] for given in (spec.collects, spec.names_also)]
    waiting, also = (tuple(tickets.load(connection, sorted(numbers)).values()) for numbers in listed)
    decision = digest.sent(clock, clock.name, waiting, also if spec.names_also else (), scene, now)
    if decision.orders:
        clocks.fire(connection, clock, clock.marks[-1:], now)
    written = act(connection, decision, scene, house, now)
    clocks.write(connection, decision.clocks)
    mark = clock.marks[-1]
    return Fired(clock.subject, clock.name, clock.episode, mark.step, (mark.occurrence,), mark.due, None, written.queued)


def _round(connection: Connection, clock: Clock, house: House, now: datetime) -> Fired:
    """An agenda or a weekly report, where there is something to say; the clock is set for the next time (G-15, D-37)."""
    mark, written = clock.marks[-1], rounds.fire(connection, clock, house, now)
    numbers, queued = ((mark.occurrence,), written.queued) if written else ((), ())
    return Fired(clock.subject, clock.name, clock.episode, mark.step, numbers, mark.due, None, queued)


def wind(connection: Connection, house: House, now: datetime) -> int:
    """How many clocks were set or moved that no mail sets: facts to keep current, agendas, reports (D-06, G-15, D-37)."""
    changed: list[Clock] = []
    for desk in house.roster.desks.values():
        changed += rounds.wound(connection, desk, None, now)
        for seller in house.roster.sellers.values():
            if seller.desks and desk.name not in seller.desks:
                continue
            changed += rounds.wound(connection, desk, seller, now)
            scene = scene_for(connection, house, desk, seller)
            for subject, wanted in checklist.wanted(scene, now):
                current = clocks.newest(connection, subject, checklist.CLOCK)
                changed += checklist.moved(current, wanted)
    clocks.write(connection, changed)
    return len(changed)


async def rewind(run: Run, house: House, sellers: Mapping[str, Seller]) -> None:
    """Set the clocks that no mail sets, of the desks and of these sellers: SOME sellers a transaction, so that mail goes on."""
    for part in _parts(sellers):
        some = replace(house, roster=Roster.of(house.roster.desks, part))
        await run(partial(wind, house=some, now=wall.now()))


def _parts(sellers: Mapping[str, Seller]) -> Iterator[dict[str, Seller]]:
    waiting = iter(sellers.items())
    yield dict(islice(waiting, SOME))  # the desks' own clocks are set with it, even if there is nobody
    while part := dict(islice(waiting, SOME)):
        yield part


class Timekeeper:
    """The timer path at work."""

    def __init__(self, store: Store, house: House, catch_up: timedelta, keep_raw: timedelta = timedelta.max) -> None:
        self.store, self.house, self.catch_up, self.keep_raw = store, house, catch_up, keep_raw
        self.woken = asyncio.Event()
        self.fired = asyncio.Event()
        self.moved = 0.0  # when it last looked, or fired something (monotonic)
        self.looked: Callable[[], datetime | None] = lambda: None
        self._quiet_until: datetime | None = None
        self._last: datetime | None = None
        self._purged: datetime | None = None
        self._cut_off: datetime | None = None

    def came_back(self, since: datetime) -> None:
        """A watched mailbox is back after an outage: mail for it may still be on its way to its server."""
        self._cut_off = since

    async def work(self) -> None:
        """Tick, then sleep until the next due instant (LONGEST_SLEEP at the most), for ever."""
        self.moved = wall.monotonic()
        self._last = None  # another node may have lived on meanwhile
        await rewind(self._moving, self.house, self.house.roster.sellers)
        while True:
            self.moved = wall.monotonic()
            self.woken.clear()
            await self.tick(wall.now())
            await self.purge(wall.now())
            upcoming = await self.store.in_turn(clocks.next_due_at)
            pause = LONGEST_SLEEP if upcoming is None else (upcoming - wall.now()).total_seconds()
            try:
                await asyncio.wait_for(self.woken.wait(), timeout=min(max(pause, 1.0), LONGEST_SLEEP))
            except TimeoutError:
                continue

    async def _moving(self, work: Callable[[Connection], int]) -> int:
        """A piece of a long work: who does one after the other does not hang."""
        self.moved = wall.monotonic()
        return await self.store.in_turn(work)

    async def tick(self, now: datetime) -> tuple[Fired, ...]:
        """Everything that fired at `now`; nothing while the clock is in doubt, or the daemon catches up after an outage."""
        if wall.steady.doubt is not None:
            return ()
        await self._heart(now)
        if self._quiet_until is not None and now < self._quiet_until:
            return ()
        if self._quiet_until is not None:
            self._quiet_until = None
            await self.store.in_turn(partial(memory.set_flag, name=QUIET_UNTIL, value=None))
            events.catch_up_finished(overdue=len(await self.store.in_turn(partial(due, now=now))))
        return await self._fire_all(now)

    async def purge(self, now: datetime) -> int:
        """Once a day: how many mails lost their bytes because of their age; none at an hour that may prove to be wrong."""
        if self.keep_raw == timedelta.max or self._quiet_until is not None or wall.steady.doubt is not None:
            return 0
        if self._purged is not None and now - self._purged < A_DAY:
            return 0
        before, gone = now - self.keep_raw, 0
        while some := await self._moving(partial(retention.purge, before=before)):
            gone += some
        self._purged = now
        if gone:
            events.mail_purged(count=gone, before=before)
        return gone

    async def _fire_all(self, now: datetime) -> tuple[Fired, ...]:
        started, looked = wall.monotonic(), self.looked()
        done: list[Fired | None] = []
        ready = await self.store.in_turn(partial(due, now=now, looked=looked))
        while ready:  # one that waits stays due: those behind it must not wait for it
            for at in range(0, len(ready), TOGETHER):
                done += await self._fire_some(ready[at : at + TOGETHER], now, looked)
            ready = await self.store.in_turn(partial(due, now=now, after=ready[-1], looked=looked))
        fired_now = tuple(one for one in done if one is not None)
        upcoming = await self.store.in_turn(clocks.next_due_at) if done else None
        events.tick_finished(
            due=len(done), fired=len(fired_now), held=len(done) - len(fired_now), next_due=upcoming,
            ms=round((wall.monotonic() - started) * 1000, 1),
        )  # fmt: skip
        return fired_now

    async def _fire_some(self, some: Sequence[Clock], now: datetime, looked: datetime | None) -> list[Fired | None]:
        """Fire these in their order, so that the store commits them together; raises what kept one of them from the store."""
        done = await asyncio.gather(*(self._fire(one, now, looked) for one in some), return_exceptions=True)
        for error in done:
            if isinstance(error, BaseException):
                raise error
        return [one for one in done if not isinstance(one, BaseException)]

    async def _fire(self, one: Clock, now: datetime, looked: datetime | None) -> Fired | None:
        """Fire one clock; a fault of this one is told, and does not stop the others."""
        self.moved = wall.monotonic()
        try:
            done = await self.store.in_turn(partial(fire, clock=one, house=self.house, now=now, looked=looked))
        except StoreError:
            raise
        except Exception as error:
            events.loop_failed(loop=f"timekeeper, {one.name} of {one.subject}", error=error)
            return None
        if done is not None:
            self.fired.set()
            tell(done, now)
        return done

    async def _heart(self, now: datetime) -> None:
        """Note that we live; a gap of more than five minutes was an outage, and mail may still be on its way.

        So may it where the clock was set back while we were away. Where it is set back while we live, nothing is behind us.
        """
        last, resumed = self._last, self._last is None
        last = await self._resumed(now) if last is None else last
        set_back = last is not None and last - now > SET_BACK
        if set_back and not resumed:
            self._last = last = None
            self._quiet_until = min(self._quiet_until, now + self.catch_up) if self._quiet_until else None
        if last is not None and (now - last > OUTAGE or set_back):
            await self._be_quiet(now, last, "outage")
        elif self._cut_off is not None:
            await self._be_quiet(now, self._cut_off, "mailbox")
        self._cut_off = None
        if self._last is None or now - self._last >= timedelta(seconds=30):
            self._last = now
            await self.store.in_turn(partial(memory.set_flag, name=HEARTBEAT, value=now.isoformat()))

    async def _be_quiet(self, now: datetime, since: datetime, reason: str) -> None:
        self._quiet_until = now + self.catch_up
        await self.store.in_turn(partial(memory.set_flag, name=QUIET_UNTIL, value=self._quiet_until.isoformat()))
        events.catch_up_started(since=since, until=self._quiet_until, reason=reason)

    async def _resumed(self, now: datetime) -> datetime | None:
        """When we last lived; a catching up that a crash or a restart broke off goes on to its end."""
        kept = _instant(await self.store.in_turn(partial(memory.flag, name=QUIET_UNTIL)))
        self._quiet_until = min(kept, now + self.catch_up) if kept else None
        return _instant(await self.store.in_turn(partial(memory.flag, name=HEARTBEAT)))


def _instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def tell(done: Fired, now: datetime) -> None:
    """One log line a step, one a notice that it queued."""
    for occurrence in done.occurrences:
        events.step_fired(
            ticket=done.ticket, about=done.subject, clock=done.clock, episode=done.episode, step=done.step,
            occurrence=occurrence, due=done.due, late=now - done.due,
        )  # fmt: skip
    for outbox_id, notice, reader in done.queued:
        events.notice_queued(outbox_id=outbox_id, notice=notice, ticket=done.ticket, to=(reader,))
