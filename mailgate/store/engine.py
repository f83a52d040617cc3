"""The database: how it is opened, and the one thread that writes to it.

Every write goes through `run`: the thread takes all that waits, gives each its own savepoint in one transaction, commits once,
and only then answers (many messages, one fsync). One that fails is rolled back alone; when the commit itself fails each is
tried again by itself, so that only the bad one gets the error. SQLite runs in WAL with synchronous=FULL, always.
"""

from __future__ import annotations

import asyncio
import os
import queue
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.pool import StaticPool

from mailgate.store import migrate
from mailgate.store.claim import claim
from mailgate.store.schema import metadata

__all__ = ["Connection", "Store", "StoreError", "wipe"]

T = TypeVar("T")
BATCH = 128


class StoreError(Exception):
    """The database can't be used; the text says why and what to do."""


def connect(url: str, root: Path) -> Engine:
    """An engine for `url`; a relative SQLite path starts at `root`. Raises StoreError for a database we can't use."""
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite":
        raise StoreError(f"store.url: expected sqlite:///FILE, got {parsed.get_backend_name()}")
    memory = parsed.database in (None, "", ":memory:")
    if not memory:
        path = root / str(parsed.database)
        path.parent.mkdir(parents=True, exist_ok=True)
        parsed = parsed.set(database=str(path))
    options: dict[str, Any] = {"connect_args": {"isolation_level": None, "check_same_thread": False}}
    if memory:
        options["poolclass"] = StaticPool
    engine = create_engine(parsed, hide_parameters=True, **options)
    event.listen(engine, "connect", _pragmas)
    event.listen(engine, "begin", _begin)
    return engine


def wipe(connection: Connection) -> None:
    """Empty every table, numbers and all: a scratch store is used again."""
    for table in metadata.sorted_tables:
        connection.execute(table.delete())
    if connection.exec_driver_sql("SELECT 1 FROM sqlite_master WHERE name = 'sqlite_sequence'").first():
        connection.exec_driver_sql("DELETE FROM sqlite_sequence")


def _pragmas(connection: Any, _: Any) -> None:
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=10000", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN" if connection.get_execution_options().get("reads") else "BEGIN IMMEDIATE")


class Store:
    """The database with its writer thread. `call` and `read` work at once; `run` awaits the group commit."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._waiting: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._claim: int | None = None

    @classmethod
    def open(cls, url: str, root: Path) -> Store:
        """The store at `url`, its tables brought up to date. Raises StoreError when that can't be done."""
        engine = connect(url, root)
        try:
            migrate.upgrade(engine)
        except DBAPIError as error:
            raise StoreError(f"store.url {url}: {error.orig}") from error
        return cls(engine)

    def claim(self) -> None:
        """Be the one daemon of this store until `close`. Raises StoreError while another one is."""
        database = self._engine.url.database
        if self._claim is not None or database in (None, "", ":memory:"):
            return
        held = claim(Path(str(database)))
        if isinstance(held, str):
            raise StoreError(f"{held} serves {database} already; one daemon at a time, or PostgreSQL for many")
        self._claim = held

    def call(self, work: Callable[[Connection], T]) -> T:
        """What `work` returns, in a transaction of its own, committed on return."""
        try:
            with self._engine.begin() as connection:
                return work(connection)
        except Exception as error:
            raise _named(error) from error

    def read(self, work: Callable[[Connection], T]) -> T:
        """What `work` returns, reading beside the writer; it must not write."""
        try:
            with self._engine.connect().execution_options(reads=True) as connection:
                return work(connection)
        except Exception as error:
            raise _named(error) from error

    async def run(self, work: Callable[[Connection], T]) -> T:
        """What `work` returns once it is durable. `work` may be run again if the batch around it fails."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._write, name="store", daemon=True)
            self._thread.start()
        job = _Job(work, asyncio.get_running_loop())
        self._waiting.put(job)
        result: T = await job.future
        return result

    def close(self) -> None:
        """Finish what waits, then close the database."""
        if self._thread is not None:
            self._waiting.put(None)
            self._thread.join(timeout=30)
            self._thread = None
        self._engine.dispose()
        if self._claim is not None:
            os.close(self._claim)
            self._claim = None

    def _write(self) -> None:
        last = False
        while not last and (job := self._waiting.get()) is not None:
            batch, last = self._taken(job)
            try:
                with self._engine.connect() as connection:
                    self._commit(connection, batch)
            except Exception as error:  # no connection: nothing of the batch was done
                for one in batch:
                    one.error = error
                _answer(batch)

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
        try:
            with connection.begin():
                for job in batch:
                    job.attempt(connection)
        except Exception as error:  # the writer must outlive whatever the database says
            connection.connection.rollback()  # after a failed COMMIT the transaction may be open still
            if len(batch) == 1:
                batch[0].error = batch[0].error or error
            else:
                for job in batch:
                    self._commit(connection, [job])
                return
        _answer(batch)


def _named(error: BaseException) -> BaseException:
    """A StoreError for trouble of the database itself, which may pass (full, locked, gone); any other error as it is."""
    if not isinstance(error, OperationalError):
        return error
    number = getattr(error.orig, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    return error if number == sqlite3.SQLITE_ERROR else StoreError(f"the database can't be used now: {error.orig}")


class _Job:
    """One piece of work for the writer, and the future of whoever waits for it."""

    def __init__(self, work: Callable[[Connection], Any], loop: asyncio.AbstractEventLoop) -> None:
        self.work, self.loop = work, loop
        self.future: asyncio.Future[Any] = loop.create_future()
        self.result: Any = None
        self.error: BaseException | None = None

    def attempt(self, connection: Connection) -> None:
        """Run in a savepoint: a failure undoes this job alone, or raises when it has ended the whole transaction (disk full)."""
        self.error = None
        savepoint = connection.begin_nested()
        try:
            self.result = self.work(connection)
        except Exception as error:
            self.error = error
            savepoint.rollback()
        else:
            savepoint.commit()

    def answer(self) -> None:
        """Wake whoever waits; he may have gone."""
        if self.future.done():
            return
        if self.error is not None:
            self.future.set_exception(_named(self.error))
        else:
            self.future.set_result(self.result)


def _answer(batch: list[_Job]) -> None:
    """One wake-up a loop for the whole batch."""
    by_loop: dict[asyncio.AbstractEventLoop, list[_Job]] = {}
    for job in batch:
        by_loop.setdefault(job.loop, []).append(job)
    for loop, jobs in by_loop.items():
        if not loop.is_closed():
            loop.call_soon_threadsafe(_wake, jobs)


def _wake(jobs: list[_Job]) -> None:
    for job in jobs:
        job.answer()
