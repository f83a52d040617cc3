"""The database: how it is opened, and the ways to use it.

    run      one piece of work at a time, over all nodes: no other sees or changes anything meanwhile
    in_turn  the same, but only while this node has the turn (`fence`): settling, timers
    beside   whatever else is being written: rows that are nobody else's (arrivals, claims), and reading
    call     as run, but at once and without a group: verbs, simulations
    read     one state of everything, beside the writers

`run`, `in_turn` and `beside` go through a writing thread (writer.py); SQLite has one for all three, where `beside` goes first.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import URL, Connection, Engine
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from mailgate.store import migrate, postgres, sqlite
from mailgate.store.claim import claim, holds
from mailgate.store.copying import copy
from mailgate.store.schema import metadata, turns
from mailgate.store.trouble import FencedError, StoreError, damaged, named, unusable
from mailgate.store.writer import T, Work, Writer

__all__ = ["Connection", "FencedError", "Store", "StoreError", "wipe"]


def connect(url: str, root: Path, password: str = "") -> Engine:
    """An engine for `url`; a relative SQLite path starts at `root`. Raises StoreError for a database we can't use."""
    parsed = _parsed(url)
    match parsed.get_backend_name():
        case "sqlite":
            return sqlite.connect(parsed, root)
        case "postgresql":
            return postgres.connect(parsed.set(drivername="postgresql+psycopg"), password)
        case other:
            raise StoreError(f"store.url: expected sqlite:///FILE or postgresql+psycopg://HOST/DATABASE, got {other}")


def _parsed(url: str) -> URL:
    try:
        return make_url(url)
    except ArgumentError as error:
        raise StoreError(f"store.url: {error}") from error


def wipe(connection: Connection) -> None:
    """Empty every table, numbers and all: a scratch store is used again."""
    for table in (one for one in metadata.sorted_tables if one is not turns):
        connection.execute(table.delete())
    if connection.exec_driver_sql("SELECT 1 FROM sqlite_master WHERE name = 'sqlite_sequence'").first():
        connection.exec_driver_sql("DELETE FROM sqlite_sequence")


class Store:
    """The database with its writing threads. `fence` None: nobody else can have the turn, so nobody asks."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.many = engine.dialect.name == "postgresql"
        self.fence: int | None = None
        self._alone = Writer(lambda: self._engine, "alone")
        self._beside = Writer(lambda: self._engine, "beside") if self.many else self._alone
        self._claim: int | None = None
        self._served: tuple[int, int] | None = None
        self.read_whole = True  # False: too large to be read whole at the start

    @classmethod
    def open(cls, url: str, root: Path, password: str = "", *, claimed: bool = False) -> Store:
        """The store at `url`; SQLite's tables are brought up to date. Raises StoreError, SchemaError when it can't be used."""
        engine = connect(url, root, password)
        with _told(engine):
            if engine.dialect.name == "sqlite":
                _upgraded(engine, claimed=claimed)
            else:
                with engine.connect().execution_options(turn="read") as connection:
                    postgres.check(connection)
                    migrate.check(connection)
        return cls(engine)

    @classmethod
    def upgrade(cls, url: str, root: Path, password: str = "") -> bool:
        """Bring the tables at `url` up to date; True if they were not. Raises StoreError, SchemaError when it can't be used."""
        engine = connect(url, root, password)
        with _told(engine):
            if engine.dialect.name == "postgresql":
                with engine.connect().execution_options(turn="read") as connection:
                    postgres.check(connection)
            done = _upgraded(engine)
        engine.dispose()
        return done

    def copy_to(self, target: Store, told: Callable[[str, int], object]) -> None:
        """Copy everything from SQLite to an empty PostgreSQL; `told` hears of each table. Raises StoreError; then nothing is."""
        if self.many or not target.many:
            raise StoreError("only a SQLite store is copied, and only to PostgreSQL")
        with _told(target._engine):
            copy(self._engine, target._engine, told)

    @classmethod
    def serve(cls, url: str, root: Path, password: str = "") -> Store:
        """The store of the one daemon that serves it, looked at before anything is written. Raises as `open` and `claim`."""
        parsed = _parsed(url)
        file = sqlite.file_of(parsed, root)
        if file is None or not file.exists():
            store = cls.open(url, root, password)
            store.claim()
            return store
        held = _claimed(file)
        try:
            whole = _looked_at(parsed, file)
            store = cls.open(url, root, password, claimed=True)
        except BaseException:
            os.close(held)
            raise
        store._claim, store.read_whole = held, whole
        store._begin_log()
        return store

    async def check(self) -> str:
        """What is wrong with the database, read whole beside whoever uses it; empty if nothing."""
        file = sqlite.file_of(self._engine.url, Path())
        if file is None:
            return ""
        try:
            return (await asyncio.to_thread(sqlite.look, file, whole=True)).damage
        except sqlite3.Error as error:
            return str(error)

    def _begin_log(self) -> None:
        with _told(self._engine):
            sqlite.empty_log(self._engine)
            self._served = _inode(Path(str(self._engine.url.database)))

    def claim(self) -> None:
        """Be the one daemon of a SQLite store until `close`. Raises StoreError while another one is, and for a damaged store."""
        database = self._engine.url.database
        if self._claim is not None or self.many or database in (None, "", ":memory:"):
            return
        self._claim = _claimed(Path(str(database)))
        self.read_whole = _looked_at(self._engine.url, Path(str(database)))
        self._begin_log()

    def overtaken_by(self) -> str:
        """Who has the claim that was ours ("process 42"); empty while it is. One whose file was removed is taken anew."""
        if self._claim is None:
            return ""
        file = Path(str(self._engine.url.database))
        if holds(file, self._claim):
            return ""
        try:
            anew = claim(file)
        except OSError as error:
            raise StoreError(f"{file} can't be claimed anew ({error.strerror}); restart mailgate") from error
        if isinstance(anew, str):
            return anew
        os.close(self._claim)
        self._claim = anew
        return ""

    def free(self) -> int | None:
        """Octets that the disk below a SQLite file has room for; None where the store is not on a disk of ours.

        Raises StoreError when the file that is served has been removed or replaced: what it took would go with it.
        """
        file = sqlite.file_of(self._engine.url, Path())
        if file is None:
            return None
        try:
            if self._served not in (None, _inode(file)):
                raise StoreError(f"{file} is not the file that this daemon serves; restart mailgate")
            return shutil.disk_usage(file.parent).free
        except OSError as error:
            raise StoreError(f"{file} has gone ({error.strerror}); restart mailgate once it is back") from error

    def call(self, work: Work[T]) -> T:
        """What `work` returns, in a transaction of its own, committed on return."""
        try:
            with self._engine.begin() as connection:
                return work(connection)
        except Exception as error:
            raise named(error) from error

    def read(self, work: Work[T]) -> T:
        """What `work` returns, reading beside the writers; it must not write."""
        try:
            with self._engine.connect().execution_options(turn="read") as connection:
                return work(connection)
        except Exception as error:
            raise named(error) from error

    async def run(self, work: Work[T]) -> T:
        """What `work` returns once it is durable."""
        return await self._alone.run(work)

    async def in_turn(self, work: Work[T]) -> T:
        """What `work` returns once it is durable. Raises FencedError where another node has taken the turn."""
        return await self._alone.run(work, self.fence)

    async def beside(self, work: Work[T], *, heavy: bool = False) -> T:
        """What `work` returns once it is durable, whatever else is being written; `heavy` work lets the others go first."""
        return await self._beside.run(work, first=not heavy, heavy=heavy)

    def close(self) -> None:
        """Finish what waits, then close the database."""
        self._alone.close()
        self._beside.close()
        self._engine.dispose()
        if self._claim is not None:
            os.close(self._claim)
            self._claim = None


def _inode(file: Path) -> tuple[int, int]:
    found = file.stat()
    return found.st_dev, found.st_ino


def _claimed(database: Path) -> int:
    held = claim(database)
    if isinstance(held, str):
        raise StoreError(f"{held} serves {database} already; one daemon at a time, or PostgreSQL for many")
    return held


def _upgraded(engine: Engine, *, claimed: bool = False) -> bool:
    """Bring the tables up to date; True if they were not. Raises StoreError while another process goes on with older ones."""
    file = sqlite.file_of(engine.url, Path())
    if claimed or file is None or not migrate.is_behind(engine, made=True):
        return migrate.upgrade(engine)
    held = claim(file)
    if isinstance(held, str):
        raise StoreError(f"{held} serves {file}, whose tables are of an older version; stop it first")
    try:
        return migrate.upgrade(engine)
    finally:
        os.close(held)


def _looked_at(url: URL, database: Path) -> bool:
    """True if a SQLite file was read whole and is sound. Raises StoreError, SchemaError; nothing has been written then."""
    try:
        found = sqlite.look(database)
    except sqlite3.Error as error:
        raise StoreError(unusable(url.render_as_string(), error)) from error
    if found.damage:
        raise StoreError(damaged(str(database), found.damage))
    migrate.check_found(found.revision, found.tables)
    return found.whole


@contextmanager
def _told(engine: Engine) -> Iterator[None]:
    """What the database says against it, as a StoreError that names it."""
    try:
        yield
    except (DBAPIError, sqlite3.Error) as error:
        engine.dispose()
        raise StoreError(
            unusable(engine.url.render_as_string(), error.orig if isinstance(error, DBAPIError) else error)
        ) from error
    except BaseException:
        engine.dispose()
        raise
