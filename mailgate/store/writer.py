"""The thread that writes: what waits together is committed together (many messages, one fsync).

It takes what waits, does it in one transaction, commits once, and only then answers. When one fails, all is rolled back: those
before it are done again together, it alone, and so on with the rest, so that only the bad one gets the error. When the commit
itself fails each is tried again by itself. When the connection is lost nobody knows what the commit did: all are told so, and
none is tried again here.

What is `first` goes before what came earlier and is not: a client that waits for its 250 does not wait for all that is settled.
What is `heavy`, as is a large mail, is the last of its batch: nobody waits for more than one of them.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import queue
import threading
from collections.abc import Callable
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine

from mailgate.store.trouble import FencedError, named

T = TypeVar("T")
BATCH = 128
FIRST, IN_TURN, LAST = range(3)
AT_ONCE = 16  # of those that are not first: nobody who is waits longer than these take
Work = Callable[[Connection], T]


class Writer:
    """One thread with one connection. `turn` is the execution option that says how its transactions begin."""

    def __init__(self, engine: Callable[[], Engine], turn: str) -> None:
        self._engine, self._turn = engine, turn
        self._waiting: queue.PriorityQueue[tuple[int, int, _Job | None]] = queue.PriorityQueue()
        self._numbers = itertools.count()
        self._thread: threading.Thread | None = None

    async def run(self, work: Work[T], fence: int | None = None, *, first: bool = False, heavy: bool = False) -> T:
        """What `work` returns once it is durable. `work` may be run again if the batch around it fails.

        Raises FencedError, and does nothing, where the store's fence has moved on from `fence`.
        """
        if self._thread is None:
            self._thread = threading.Thread(target=self._write, name=f"store {self._turn}", daemon=True)
            self._thread.start()
        job = _Job(work, fence, heavy)
        self._waiting.put((FIRST if first else IN_TURN, next(self._numbers), job))
        result: T = await job.future
        return result

    def close(self) -> None:
        """Finish what waits."""
        if self._thread is not None:
            self._waiting.put((LAST, next(self._numbers), None))
            self._thread.join(timeout=30)
            self._thread = None

    def _write(self) -> None:
        while batch := self._taken():
            try:
                with self._engine().connect().execution_options(turn=self._turn) as connection:
                    self._commit(connection, batch)
            except Exception as error:  # no connection, or it was lost
                for one in batch:
                    one.error = one.error if one.done else error
            _answer(batch)  # once the connection is free: whoever is woken may use the same one
            batch.clear()  # its mails need not wait in memory for the next batch

    def _taken(self) -> list[_Job]:
        """What is done together next, after a wait if nothing is there; nothing once the end has come."""
        order, number, job = self._waiting.get()
        batch: list[_Job] = []
        later = 0
        while job is not None:
            batch.append(job)
            later += order != FIRST
            if job.heavy or len(batch) == BATCH or later == AT_ONCE:
                return batch
            try:
                order, number, job = self._waiting.get_nowait()
            except queue.Empty:
                return batch
        if batch:
            self._waiting.put((order, number, job))  # the end, once more
        return batch

    def _commit(self, connection: Connection, batch: list[_Job]) -> None:
        """Raises only where the connection is lost: nobody knows then what became of those that are not `done`."""
        at = len(batch)
        try:
            with connection.begin():
                fence = connection.info.get("fence")
                for at, job in enumerate(batch):  # noqa: B007
                    job.attempt(connection, fence)
                at = len(batch)
        except Exception as error:  # the writer must outlive whatever the database says
            if connection.invalidated or connection.closed:
                raise
            connection.connection.rollback()  # after a failed COMMIT the transaction may be open still
            if len(batch) == 1:
                batch[0].error = error
            else:
                for some in _apart(batch, at):
                    self._commit(connection, some)
        for job in batch:
            job.done = True


def _apart(batch: list[_Job], at: int) -> list[list[_Job]]:
    """The batch in parts, of which the one that failed is one; each alone, where none of them did but their commit."""
    if at == len(batch):
        return [[job] for job in batch]
    return [some for some in (batch[:at], [batch[at]], batch[at + 1 :]) if some]


class _Job:
    """One piece of work for the writer, and the future of whoever waits for it."""

    def __init__(self, work: Callable[[Connection], Any], fence: int | None, heavy: bool) -> None:
        self.work, self.fence, self.heavy, self.loop = work, fence, heavy, asyncio.get_running_loop()
        self.future: asyncio.Future[Any] = self.loop.create_future()
        self.result: Any = None
        self.error: BaseException | None = None
        self.done = False

    def attempt(self, connection: Connection, fence: int | None) -> None:
        """Do the work; raises what it raises. Where the turn has passed on nothing is done, and that is the error."""
        self.error = FencedError("another node settles now") if self.fence not in (None, fence) else None
        if self.error is None:
            self.result = self.work(connection)

    def answer(self) -> None:
        """Wake whoever waits; he may have gone."""
        if self.future.done():
            return
        if self.error is not None:
            self.future.set_exception(named(self.error))
        else:
            self.future.set_result(self.result)


def _answer(batch: list[_Job]) -> None:
    """One wake-up a loop for the whole batch."""
    by_loop: dict[asyncio.AbstractEventLoop, list[_Job]] = {}
    for job in batch:
        by_loop.setdefault(job.loop, []).append(job)
    for loop, jobs in by_loop.items():
        with contextlib.suppress(RuntimeError):  # its loop has ended
            loop.call_soon_threadsafe(_wake, jobs)


def _wake(jobs: list[_Job]) -> None:
    for job in jobs:
        job.answer()
