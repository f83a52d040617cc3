"""THIS NODE AMONG OTHERS: it says that it lives, takes the turn when nobody has it, and keeps the database's time.

Every node takes mail and sends mail. One at a time has the turn: it settles what is in the spool, in order, and fires the timers.
A node that is killed, or stopped for longer than store.nodes.ALIVE, loses the turn to another one; when it wakes, the database
refuses what it still wants to write in its turn (its fence is old), and it goes on as a node without the turn.

A SQLite store has one daemon, which has the turn always.
"""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from mailgate import events
from mailgate.store import nodes
from mailgate.store.engine import FencedError, Store
from mailgate.store.nodes import Beat
from mailgate.wire import clock

EVERY = 2.0
NEVER = -1  # no turn has this fence
QUICK = 1.0  # seconds that an answer may take if it shall tell the time
OFF = timedelta(seconds=2)  # what a clock may be off before it is worth a word


class Node:
    """This node. `ours` is set while it has the turn, `lost` while it has not; `failed` is told why it must end."""

    def __init__(self, store: Store, host: str, failed: Callable[[str], None]) -> None:
        self.store, self._failed = store, failed
        self.name = f"{host}.{os.getpid()}.{secrets.token_hex(3)}" if store.many else ""
        self.ours, self.lost = asyncio.Event(), asyncio.Event()
        self._alive_until = 0.0
        self._beat: Beat | None = None
        self.taken: tuple[int, datetime] | None = None  # the last mail that was answered with 250: its spool id, and when it came
        self._doubt: clock.Doubt | None = None
        if store.many:
            store.fence = NEVER
            self.lost.set()
        else:
            self.ours.set()

    @property
    def alive(self) -> bool:
        """False when the others may think that this node is dead, and take up what it has in hand."""
        return not self.store.many or clock.monotonic() < self._alive_until

    async def work(self) -> None:
        """Live, for ever."""
        while True:
            if self.store.many:
                await self.beat()
            self._look_at_the_clock()
            await asyncio.sleep(EVERY)

    def _look_at_the_clock(self) -> None:
        """Tell when it is not believed, and when it is again."""
        before, ours, doubt = self._doubt, clock.now(), clock.steady.doubt
        if doubt is not None and (before is None or before.since != doubt.since):
            events.clock_doubted(node=self.name or None, seconds=round(doubt.off.total_seconds()), now=ours, far=doubt.far)
        elif doubt is None and before is not None:
            events.clock_believed(node=self.name or None, now=ours)
        self._doubt = doubt

    async def beat(self) -> None:
        """Say that we live, set our clock by the database's, and look whose turn it is."""
        asked = clock.monotonic()
        first = self._beat is None
        self._beat = await self.store.beside(partial(nodes.beat, name=self.name, before=self._beat, taken=self.taken))
        self._alive_until = asked + nodes.ALIVE.total_seconds()
        if self._beat.went_back:
            events.store_went_back(node=self.name)
            self._failed("the database has forgotten what it had confirmed")
            return
        if self._beat.replaced:
            events.store_replaced(node=self.name)
        took = clock.monotonic() - asked
        if took < QUICK:
            off = clock.steady.follow(self._beat.at + timedelta(seconds=took / 2), at_once=first)
            if abs(off) > OFF and clock.now() and clock.steady.doubt is None:
                events.clock_corrected(node=self.name, seconds=round(off.total_seconds(), 3))
        self._have(await self.store.run(partial(nodes.fence, name=self.name)))

    def _have(self, fence: int | None) -> None:
        """Begin or end our turn; one that we got back after another had it ends first, and begins with the next beat."""
        if self.ours.is_set() and fence != self.store.fence:
            self.store.fence = NEVER
            self.ours.clear()
            self.lost.set()
            events.turn_lost(node=self.name)
        elif fence is not None and not self.ours.is_set():
            self.store.fence = fence
            self.lost.clear()
            self.ours.set()
            events.turn_taken(node=self.name, fence=fence)

    async def in_turn(self, work: Callable[[], Awaitable[None]]) -> None:
        """Run this loop while we have the turn, anew each time that we get it. Raises what the loop raises."""
        while True:
            await self.ours.wait()
            fence = self.store.fence
            running, lost = asyncio.ensure_future(work()), asyncio.ensure_future(self.lost.wait())
            try:
                await asyncio.wait({running, lost}, return_when=asyncio.FIRST_COMPLETED)
                if running.done():
                    running.result()
            except FencedError:
                if fence == self.store.fence:
                    self._have(None)
            finally:
                await _ended(running, lost)

    async def leave(self) -> None:
        """Tell the others that we go: they need not wait until we are found dead."""
        if self.store.many:
            await self.store.run(partial(nodes.leave, name=self.name))


async def _ended(*tasks: asyncio.Future[Any]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
