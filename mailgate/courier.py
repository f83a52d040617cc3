"""Stage 9, deliver: outbox → next hop → outcome.

Each next hop has a lane of its own, so that a slow or dead one holds up nothing but what is to go there.
Before each attempt the courier asks whether the notice still holds: one whose clock has stopped, or that a later step overtook,
is superseded. A temporary refusal is tried again by RFC 5321 §4.5.4.1, a permanent one is final and is treated as a bounce. When
the connection breaks behind the final dot nobody knows: the row is `uncertain` and goes again with the same Message-ID.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from mailgate import events
from mailgate.desk.bounce import Bounced
from mailgate.desk.house import House
from mailgate.desk.retry import next_attempt
from mailgate.mail import token
from mailgate.nodes import Node
from mailgate.store import brake, clocks, memory, outbox, tickets
from mailgate.store.act import Written
from mailgate.store.engine import Connection, Store, StoreError
from mailgate.store.hand_on import HAND_ON, give_back
from mailgate.store.outbox import Outgoing, Way
from mailgate.store.reach import bounced_notice
from mailgate.wire import clock
from mailgate.wire.lane import Lane, Pace
from mailgate.wire.smtp_out import Sent, Smarthost

Hops = Mapping[str, Smarthost]

BATCH = 64
LOOK = 1.0  # seconds between two looks for routes that mail is due on
PAUSE = 1.0  # seconds, while the store can't be used
SHORTEST_SLEEP, LONGEST_SLEEP = 0.05, 20.0
NO_LONGER = "no longer holds"
EFFECT = "effect"  # the letter that asks a system to act; what tells the parties of it waits until it has left


@dataclass(frozen=True)
class Schedule:
    """When a deferred mail is offered again, and how long in all."""

    waits: tuple[timedelta, ...]
    lifetime: timedelta


@dataclass(frozen=True)
class Ready:
    """What is to be sent now, and what no longer held and will not be."""

    going: tuple[Outgoing, ...] = ()
    superseded: tuple[Outgoing, ...] = ()


def waiting(
    connection: Connection, house: House, now: datetime, way: Way, without: Collection[int], *, by: str = ""
) -> tuple[int, ...]:
    """The ids of what is to go this way now, oldest first, without those that are on it already."""
    return outbox.due(connection, now, stopped(memory.holds(connection), house), BATCH, way=way, without=without, by=by)


def ready(connection: Connection, house: House, now: datetime, ids: Sequence[int] | None = None, *, by: str = "") -> Ready:
    """What of `ids` (None: of all) is to be sent now; what no longer holds is superseded, and what is on hold stays.

    `by`: the node that claims them, where there are many; what another living one has claimed is not among them.
    """
    held = stopped(memory.holds(connection), house)
    due = outbox.taken(connection, outbox.due(connection, now, held, BATCH) if ids is None else ids, now, held, by=by)
    going = tuple(row for row in due if holds(connection, row))
    if by:
        outbox.claim(connection, [row.id for row in going], by)
    superseded = tuple(row for row in due if row not in going)
    for row in superseded:
        outbox.settle(connection, row.id, "superseded", now, answer=NO_LONGER)
    return Ready(going, superseded)


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
    mine = clocks.get(connection, f"ticket:{row.ticket}", row.clock, row.episode)
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


def record(
    connection: Connection, row: Outgoing, sent: Sent, house: House, schedule: Schedule, now: datetime, *, by: str = ""
) -> Outcome:
    """Note how an attempt ended; a refusal for good is treated as the bounce that it is.

    `by`: the node that sent it. Where another one has claimed it meanwhile, or its end is known, that counts (`reclaimed`).

    A provider that takes a mail and says that it will not try the address has refused it, whatever its code (OCI: 254).
    """
    if by and not outbox.is_claimed(connection, row.id, by):
        return Outcome("reclaimed")
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
    """The outbox at work: a lane for each next hop, and for each domain that has a pace of its own; none waits for another.

    `hops` gives the next hop of a route: the smarthost, or for a mail that has its own way (`hand_on`) another one.
    """

    def __init__(
        self,
        store: Store,
        house: House,
        hops: Hops,
        schedule: Schedule,
        paces: Mapping[str, Pace] | None = None,
        node: Node | None = None,
    ) -> None:
        """`paces`: of the smarthost (""), and through it to single domains. `node`: who we are, where there are many."""
        self.store, self.house, self.hops, self.schedule, self.node = store, house, hops, schedule, node
        self.paces = paces or {}
        self.woken = asyncio.Event()
        self.moved = 0.0  # when it last looked for mail (monotonic)
        self._lanes: dict[Way, Lane] = {}
        self._look_at = 0.0
        self._attempts: set[asyncio.Task[None]] = set()
        self._failed: list[BaseException] = []
        self._closing = False

    @property
    def _by(self) -> str:
        return self.node.name if self.node else ""

    @property
    def _alive(self) -> bool:
        return self.node is None or self.node.alive

    async def work(self) -> None:
        """Send what is due, then sleep until the next attempt (a minute at the most), for ever."""
        while True:
            self.moved = clock.monotonic()
            self.woken.clear()
            if self._failed:
                raise self._failed.pop()
            if await self.deliver():
                continue
            upcoming = await self.store.beside(outbox.next_attempt_at)
            pause = LONGEST_SLEEP if upcoming is None else max((upcoming - clock.now()).total_seconds(), 1.0)
            with suppress(TimeoutError):
                await asyncio.wait_for(self.woken.wait(), timeout=min(pause, self._pace(), LONGEST_SLEEP))

    def _pace(self) -> float:
        """Seconds until a lane with mail that waits may go on of itself."""
        waits = (lane.wait(clock.monotonic()) for lane in self._lanes.values() if lane.waiting)
        return max(min((one for one in waits if one), default=LONGEST_SLEEP), SHORTEST_SLEEP)

    async def deliver(self) -> int:
        """How much was taken from the outbox; the attempts go on beside us."""
        if clock.monotonic() >= self._look_at:
            self._look_at = clock.monotonic() + LOOK
            for route in await self.store.beside(partial(outbox.routes, now=clock.now())):
                self._open(route)
        return sum([await self._fill(way, lane) for way, lane in tuple(self._lanes.items())])

    def _open(self, route: str) -> None:
        """Make the lanes of this route, unless they are there."""
        own = () if route else tuple(domain for domain in self.paces if domain)
        ways = {Way(route, but=own): self.paces.get(route, Pace()), **{Way(route, one): self.paces[one] for one in own}}
        for way, pace in ways.items():
            if way not in self._lanes:
                self._lanes[way] = Lane(pace, clock.monotonic())

    async def _fill(self, way: Way, lane: Lane) -> int:
        """Set as many mails out on this lane as it has room for; how many ids were looked at."""
        room = 0 if self._closing or not self._alive else lane.room(clock.monotonic())
        if not room:
            return 0
        if not lane.waiting:
            lane.waiting.extend(await self._found(way, lane))
        ids = [lane.waiting.popleft() for _ in range(min(room, len(lane.waiting)))]
        if not ids:
            return 0
        turn = await self.store.beside(partial(ready, house=self.house, now=clock.now(), ids=ids, by=self._by))
        tell_superseded(turn.superseded)
        for row in turn.going:
            lane.begin(row.id, clock.monotonic())
            attempt = asyncio.create_task(self._attempt(row, lane))
            self._attempts.add(attempt)
            attempt.add_done_callback(self._ended)
        return len(ids)

    async def _found(self, way: Way, lane: Lane) -> tuple[int, ...]:
        """What is to go this way next; where that would be far too many escalations or effects, the brake goes on first."""
        find = partial(waiting, house=self.house, now=clock.now(), way=way, without=frozenset(lane.in_hand), by=self._by)
        found = await self.store.beside(find)
        desks = await self.store.beside(partial(brake.grave, ids=found)) if found else ()
        pull = partial(brake.pull, desks=desks, floor=self.house.caps.surge, now=clock.now())
        braked = await self.store.run(pull) if desks else ()
        for one in braked:
            events.outbox_braked(desk=one.desk, count=one.count, usual=one.usual)
        return await self.store.beside(find) if braked else found

    async def finish(self, seconds: float) -> None:
        """Begin no more attempts, and wait up to `seconds` for the outcome of those that were begun."""
        self._closing = True
        if self._attempts:
            _, late = await asyncio.wait(self._attempts, timeout=seconds)
            for task in late:
                task.cancel()

    def _ended(self, attempt: asyncio.Task[None]) -> None:
        self._attempts.discard(attempt)
        error = None if attempt.cancelled() else attempt.exception()
        if error is not None:
            self._failed.append(error)
        self.woken.set()

    async def _attempt(self, row: Outgoing, lane: Lane) -> None:
        try:
            if not self._alive:
                return
            hop = self.hops[row.route]
            sent = await hop.send(row.reverse_path, (row.reader,), row.raw, envid(row, self.house))
            self._note(lane, hop, sent)
            now = clock.now()
            work = partial(record, row=row, sent=sent, house=self.house, schedule=self.schedule, now=now, by=self._by)
            tell(row, sent, await self._noted(work))
        finally:
            lane.end(row.id)

    async def _noted(self, work: Callable[[Connection], Outcome]) -> Outcome:
        """The outcome once it is written: while the store is away it is kept here, and the mail is not sent again."""
        while True:
            try:
                return await self.store.run(work)
            except StoreError as error:
                if self._closing or not self._alive:
                    raise
                events.loop_failed(loop="courier", error=error)
                await asyncio.sleep(PAUSE)

    def _note(self, lane: Lane, hop: Smarthost, sent: Sent) -> None:
        """Let a lane rest whose next hop is away, and go on when it is back."""
        if not sent.reached:
            rest = lane.failed(clock.monotonic())
            events.hop_rested(hop=hop.name, reply=f"{sent.code or ''} {sent.text}".strip(), seconds=rest)
        elif lane.reached():
            events.hop_recovered(hop=hop.name)


def envid(row: Outgoing, house: House) -> str:
    """The signed name under which reports about this mail are asked for; none for what is not ours, and without a return path."""
    ours = row.notice not in outbox.UNWRITTEN and row.reverse_path is not None
    return token.envelope_id(row.id, house.keys) if ours else ""


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
    elif outcome.state == "reclaimed":
        events.notice_reclaimed(**about, **tried, message_id=row.message_id, reply=reply)
    elif outcome.state == "uncertain":
        events.notice_uncertain(**about, **tried, message_id=row.message_id)
    elif outcome.state == "deferred" and outcome.again:
        events.notice_deferred(**about, **tried, reply=reply, next_attempt_at=outcome.again)
    else:
        events.notice_refused(**about, **tried, reply=reply)
