"""The thread that writes: what waits together is committed together (many messages, one fsync).

It takes all that waits, gives each its own savepoint in one transaction, commits once, and only then answers. One that fails is
rolled back alone; when the commit itself fails each is tried again by itself, so that only the bad one gets the error. When the
connection is lost nobody knows what the commit did: all are told so, and none is tried again here.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
from collections.abc import Callable
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine

from mailgate.store.trouble import FencedError, named

T = TypeVar("T")
BATCH = 128
Work = Callable[[Connection], T]


class Writer:
    """One thread with one connection. `turn` is the execution option that says how its transactions begin."""

    def __init__(self, engine: Callable[[], Engine], turn: str) -> None:
        self._engine, self._turn = engine, turn
        self._waiting: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    async def run(self, work: Work[T], fence: int | None = None) -> T:
        """What `work` returns once it is durable. `work` may be run again if the batch around it fails.

        Raises FencedError, and does nothing, where the store's fence has moved on from `fence`.
        """
        if self._thread is None:
            self._thread = threading.Thread(target=self._write, name=f"store {self._turn}", daemon=True)
            self._thread.start()
        job = _Job(work, fence)
        self._waiting.put(job)
        result: T = await job.future
        return result

    def close(self) -> None:
        """Finish what waits."""
        if self._thread is not None:
            self._waiting.put(None)
            self._thread.join(timeout=30)
            self._thread = None

    def _write(self) -> None:
        last = False
        while not last and (job := self._waiting.get()) is not None:
            batch, last = self._taken(job)
            try:
                with self._engine().connect().execution_options(turn=self._turn) as connection:
                    self._commit(connection, batch)
            except Exception as error:  # no connection, or it was lost
                for one in batch:
                    one.error = one.error if one.done else error
            _answer(batch)  # once the connection is free: whoever is woken may use the same one

    def _taken(self, first: _Job) -> tuple[list[_Job], bool]:
        batch = [first]
        while len(batch) < BATCH:
            try:
                job = self._waiting.get_nowait()
            except queue.Empty:
                break
            if job is None:
                return batch, True
            batch.append(job)
        return batch, False

    def _commit(self, connection: Connection, batch: list[_Job]) -> None:
        """Raises only where the connection is lost: nobody knows then what became of those that are not `done`."""
        try:
            with connection.begin():
                fence = connection.info.get("fence")
                for job in batch:
                    job.attempt(connection, fence)
        except Exception as error:  # the writer must outlive whatever the database says
            if connection.invalidated or connection.closed:
                raise
            connection.connection.rollback()  # after a failed COMMIT the transaction may be open still
            if len(batch) == 1:
                batch[0].error = batch[0].error or error
            else:
                for job in batch:
                    self._commit(connection, [job])
        for job in batch:
            job.done = True


class _Job:
    """One piece of work for the writer, and the future of whoever waits for it."""

    def __init__(self, work: Callable[[Connection], Any], fence: int | None) -> None:
        self.work, self.fence, self.loop = work, fence, asyncio.get_running_loop()
        self.future: asyncio.Future[Any] = self.loop.create_future()
        self.result: Any = None
        self.error: BaseException | None = None
        self.done = False

    def attempt(self, connection: Connection, fence: int | None) -> None:
        """Run in a savepoint: a failure undoes this job alone, or raises when it has ended the whole transaction (disk full)."""
        self.error = None
        if self.fence not in (None, fence):
            self.error = FencedError("another node settles now")
            return
        savepoint = connection.begin_nested()
        try:
            self.result = self.work(connection)
        except Exception as error:
            self.error = error
            if connection.invalidated:
                raise
            savepoint.rollback()
        else:
            savepoint.commit()

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
