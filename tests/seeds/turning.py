"""One process after the other on one store: the daemon's own three paths, on a clock that the seed moves.

A moment runs what arrives, the settling, the tick and the courier side by side, in an order that the seed chooses; then the
loops go on until nothing is left to do. A crash ends the process; another one begins, at once or days later.
"""

from __future__ import annotations

import asyncio
import hashlib
import heapq
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from itertools import count
from pathlib import Path
from random import Random
from typing import Any

from book import Book, BrokenError, must
from cast import DESK, Letter
from faults import CrashError, Faults, Inline, SeededHop, SeededStore, Wall
from sqlalchemy import select

from mailgate import courier
from mailgate.courier import Courier
from mailgate.desk.house import House
from mailgate.gateway import Gateway
from mailgate.mail.message import Envelope
from mailgate.simulate.stage import PROVEN, SCHEDULE, UNPROVEN
from mailgate.store import memory
from mailgate.store.engine import StoreError, wipe
from mailgate.store.schema import clocks, flags, outbox
from mailgate.timekeeper import HEARTBEAT, Timekeeper
from mailgate.wire import clock as wire_clock
from mailgate.wire.lane import Pace

CATCH_UP = timedelta(hours=2)
MINUTE = timedelta(minutes=1)
AGAIN = (1, 5, 30, 120)  # minutes after which a client without a 250 comes again
AWAY = (0.0, 0.5, 4.0, 6.0, 90.0, 60 * 30.0)  # minutes that a killed daemon is away
ROUNDS = 200
_STORE: list[SeededStore] = []

Job = Callable[[], Coroutine[Any, Any, None]]


def scratch() -> SeededStore:
    """The one store of this process, emptied."""
    if not _STORE:
        _STORE.append(SeededStore.open("sqlite:///:memory:", Path()))  # type: ignore[arg-type]
    _STORE[0].call(wipe)
    return _STORE[0]


@dataclass(order=True)
class Planned:
    """Something that happens at an instant."""

    at: datetime
    number: int
    job: Job = field(compare=False)


class World:
    """Time, the post, and the daemon."""

    def __init__(self, house: House, rng: Random, start: datetime, share: float) -> None:
        self.house, self.rng, self.wall = house, rng, Wall(start)
        self.begun = start
        self.faults = Faults(rng, share)
        self.book, self.store = Book(self.wall), scratch()
        self.planned: list[Planned] = []
        self.count = 0
        self.held = self.slept = self.set_back = False
        self.up_at: datetime | None = start
        self.log: list[str] = []

    def note(self, said: str) -> None:
        """A line of the story, shown when it fails."""
        self.log.append(f"{self.wall.now:%d %b %H:%M:%S} {said}")

    def plan(self, at: datetime, job: Job) -> None:
        """`job` happens at `at`."""
        self.count += 1
        heapq.heappush(self.planned, Planned(at, self.count, job))

    # -- the post -------------------------------------------------------------------------------------------------------

    def post(self, letter: Letter, at: datetime, found: timedelta | None = None) -> None:
        """A client brings `letter` at `at`, and again until it has its 250; `found` in a mailbox, so long after it came there."""
        self.plan(at, partial(self._knocks, letter, found))

    async def _knocks(self, letter: Letter, found: timedelta | None) -> None:
        now = self.wall.now
        to = (letter.path,) if letter.path else (DESK,)
        path = None if letter.null else letter.author
        envelope = Envelope(path, to, now - (found or timedelta()), PROVEN if letter.proven else UNPROVEN)
        sha = hashlib.sha256(letter.raw).hexdigest()
        later = now + self.rng.choice(AGAIN) * MINUTE
        if self.up_at is not None:
            self.post(letter, later, found)
            return
        try:
            await self.gateway.accept(envelope, letter.raw)
        except (StoreError, CrashError):
            self.note(f"{letter.what} {letter.message_id}: no 250")
            self.post(letter, later, found + (later - now) if found is not None else None)
            raise
        self.book.acknowledged[sha] += 1
        self.note(f"{letter.what} {letter.message_id} of case {letter.case}: 250")
        if self.faults.strikes("250 is lost", more=3):
            self.post(letter, later, found + (later - now) if found is not None else None)

    # -- the next hop's book --------------------------------------------------------------------------------------------

    def offered(self, reader: str, data: bytes) -> int:
        """The row behind this attempt."""
        must(not self.held, f"a mail leaves to {reader} while everything is on hold")
        return self.store.read(partial(self.book.offer, reader=reader, data=data))

    def taken(self, row: int, data: bytes) -> None:
        """The next hop has it."""
        self.book.copies.setdefault(row, []).append(data)

    def answered(self, row: int, state: str) -> None:
        """What the next hop said."""
        self.note(f"outbox {row}: {state}")
        self.book.answers.setdefault(row, []).append(state)
        self.book.last[row] = self.wall.now

    # -- the daemon -----------------------------------------------------------------------------------------------------

    def _boot(self) -> None:
        self.up_at = None
        self.store.begin_life(self.faults, self.book.before, self.book.after)
        self.gateway = Gateway(self.store, self.house)
        self.timekeeper = Timekeeper(self.store, self.house, CATCH_UP)
        hops = {"": SeededHop(self.store, self.faults, self)}
        self.courier = Courier(self.store, self.house, hops, SCHEDULE, {"": Pace(self.rng.choice((1, 4)))})
        beat = self.store.read(lambda one: one.execute(select(flags.c.value).where(flags.c.name == HEARTBEAT)).scalar())
        self.since(datetime.fromisoformat(beat) if beat else None)
        self.note("the daemon starts")

    def since(self, alive: datetime | None) -> None:
        """The daemon was last alive then: after more than five minutes it must let mail come first."""
        if alive is not None and self.wall.now - alive > timedelta(minutes=5):
            self.book.quiet_until = self.wall.now + CATCH_UP

    def kill(self) -> None:
        """The process is gone; when another one starts, the seed knows."""
        self.up_at = self.wall.now + (0 if self.faults.calm else self.rng.choice(AWAY)) * MINUTE
        self.note("killed")

    def _lives_through(self, until: datetime) -> None:
        """The ticks of the minutes in which nothing happened."""
        last = self.timekeeper._last
        if last is not None and until - MINUTE > last and not self.slept:
            self.timekeeper._last = until - MINUTE
            value = self.timekeeper._last.isoformat()
            self.store.call(partial(memory.set_flag, name=HEARTBEAT, value=value))

    async def moment(self, jobs: list[Job]) -> None:
        """What happens now, side by side; then everything that follows from it."""
        if self.up_at is not None and self.wall.now >= self.up_at:
            self._boot()
        work: list[Coroutine[Any, Any, Any]] = [job() for job in jobs]
        if self.up_at is not None:
            await self._together(work)
            return None
        for _ in range(ROUNDS):
            loops = [
                self._over_again(one, self.rng.randrange(3) if work else 0)
                for one in (self.gateway.catch_up, self._ticks, self.courier.deliver)
            ]
            moved, quiet = await self._together([*work, *loops])
            self.slept = False
            if self.store.dead:
                return self.kill()
            if quiet and not moved and not work:
                self.store.read(partial(self.book.rests, held=self.held))
                return None
            work = []
        raise BrokenError(f"no rest after {ROUNDS} rounds")

    async def _ticks(self) -> Any:
        return await self.timekeeper.tick(self.wall.now)

    async def _over_again(self, loop: Callable[[], Coroutine[Any, Any, Any]], times: int) -> bool:
        """Did this loop find anything to do: at once, and again while others are still at work?"""
        done = bool(await loop())
        for _ in range(times):
            for _ in range(self.rng.randrange(12)):
                await asyncio.sleep(0)
            done = bool(await loop()) or done
        return done

    async def _together(self, work: list[Coroutine[Any, Any, Any]]) -> tuple[bool, bool]:
        """(did anything happen, did nothing fail) of these, begun in an order that the seed chooses."""
        self.rng.shuffle(work)
        results = await asyncio.gather(*work, return_exceptions=True)
        while rest := asyncio.all_tasks() - {asyncio.current_task()}:
            await asyncio.wait(rest)
        results += self.courier._failed if self.up_at is None else []
        broken = [one for one in results if isinstance(one, BaseException) and not isinstance(one, CrashError | StoreError)]
        if broken:
            raise broken[0]
        failed = any(isinstance(one, BaseException) for one in results)
        return any(one for one in results if not isinstance(one, BaseException)), not failed

    # -- time -----------------------------------------------------------------------------------------------------------

    async def passes(self, until: datetime) -> None:
        """Let everything happen that is planned, due or to be tried by `until`."""
        while (at := self._next()) is not None and at <= until:
            if self.up_at is None:
                self._lives_through(max(at, self.wall.now))
            self.wall.now = max(at, self.wall.now)
            jobs = []
            while self.planned and self.planned[0].at <= self.wall.now:
                jobs.append(heapq.heappop(self.planned).job)
            await self.moment(jobs)
        if self.up_at is None:
            self._lives_through(max(until, self.wall.now))
        self.wall.now = max(until, self.wall.now)

    def moments(self) -> list[datetime]:
        """When steps of running clocks are due and mail is to be tried, in order."""
        return sorted(self.store.read(_moments))

    def _next(self) -> datetime | None:
        moments = [self.up_at or self.wall.now, self.planned[0].at if self.planned else None]
        if self.up_at is None:
            moments = [*moments[1:], self.book.quiet_until, *self.store.read(_moments)]
        now, first = self.wall.now, self.planned[0].at if self.planned else None
        ahead = [one for one in moments if one is not None and (one > now or one in (first, self.up_at))]
        return min(ahead, default=None)

    async def ends(self) -> None:
        """Twelve days in which nothing fails; then all must be done."""
        self.faults.calm, self.held = True, False
        for scope in ("all", "desk:desk"):
            self.store.call(partial(memory.set_flag, name=f"hold:{scope}", value=None))
        self.note("calm")
        self.plan(self.wall.now, _nothing)
        await self.passes(self.wall.now + timedelta(days=12))
        must(self.up_at is None, "the daemon is away")
        self.store.read(self.book.ends)


async def _nothing() -> None:
    """Only the loops run."""


_ATTEMPTS = select(outbox.c.next_attempt_at).where(outbox.c.next_attempt_at.is_not(None))
_MARKS = select(clocks.c.marks).where(clocks.c.state == "running")


def _moments(connection: Any) -> set[datetime]:
    found = set(connection.execute(_ATTEMPTS).scalars())
    for marks in connection.execute(_MARKS).scalars():
        found |= {datetime.fromisoformat(at) for _, _, at, fired in marks if fired is None}
    return found


class Hands:
    """While it is held, the product's clock is `wall` and its threads are this one."""

    def __init__(self, wall: Wall) -> None:
        self.wall, self.ticks = wall, count(step=2)

    def __enter__(self) -> None:
        self.real = wire_clock.now, wire_clock.monotonic, courier.PAUSE
        wire_clock.now, wire_clock.monotonic = lambda: self.wall.now, lambda: float(next(self.ticks))
        courier.PAUSE = 0.0
        asyncio.get_running_loop().set_default_executor(Inline(1))

    def __exit__(self, *_: object) -> None:
        wire_clock.now, wire_clock.monotonic, courier.PAUSE = self.real
