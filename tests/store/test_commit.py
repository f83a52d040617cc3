"""The writer: what waits together is committed together, and nobody's failure is anybody else's."""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from running import until
from sqlalchemy import event
from sqlalchemy.exc import IntegrityError

from mailgate.store import memory, spool
from mailgate.store.engine import Connection, Store, StoreError
from mailgate.store.schema import flags

from .conftest import arrival


def commits(store: Store) -> list[int]:
    """A list that grows by one with each commit."""
    seen: list[int] = []
    event.listen(store._engine, "commit", lambda _: seen.append(1))
    return seen


async def blocked(store: Store) -> threading.Event:
    """The writer is busy until this event is set; what comes meanwhile waits together."""
    entered, gate = threading.Event(), threading.Event()

    def wait(_: Connection) -> None:
        entered.set()
        gate.wait(10)

    task = asyncio.create_task(store.run(wait))
    await asyncio.to_thread(entered.wait, 10)
    task.add_done_callback(lambda _: None)
    return gate


def increment(connection: Connection, name: str = "count") -> int:
    """Read, add one, write: loses updates unless each has the database to itself."""
    value = int(memory.flag(connection, name) or 0) + 1
    memory.set_flag(connection, name, str(value))
    return value


async def together(store: Store, *works: Callable[[Connection], Any]) -> list[Any]:
    """The results, errors among them, of works that waited for the writer together."""
    gate = await blocked(store)
    tasks = [asyncio.create_task(store.run(work)) for work in works]
    await asyncio.sleep(0)
    gate.set()
    return await asyncio.gather(*tasks, return_exceptions=True)


async def test_writer_commits_what_waits_together_once(store: Store) -> None:
    """Fifteen callers, one commit (and one of the caller who kept the writer busy)."""
    await store.run(increment)
    seen = commits(store)
    assert await together(store, *[increment] * 15) == list(range(2, 17))
    assert len(seen) == 2


async def test_arrival_goes_before_what_is_settled(sqlite_store: Store) -> None:
    """A client waits for its 250 no longer than for what is under way: arrivals come first, and keep their order."""
    done: list[str] = []

    def mark(name: str) -> Callable[[Connection], None]:
        return lambda _: done.append(name)

    gate = await blocked(sqlite_store)
    later = [asyncio.create_task(sqlite_store.in_turn(mark(f"settled {n}"))) for n in (1, 2)]
    await asyncio.sleep(0)
    first = [asyncio.create_task(sqlite_store.beside(mark(f"arrived {n}"))) for n in (1, 2)]
    await asyncio.sleep(0)
    gate.set()
    await asyncio.gather(*later, *first)
    assert done == ["arrived 1", "arrived 2", "settled 1", "settled 2"]


async def test_nobody_waits_for_two_large_mails(sqlite_store: Store) -> None:
    """What is heavy comes after the light, and each is the last of its batch."""
    await sqlite_store.run(increment)
    seen, done = commits(sqlite_store), []
    gate = await blocked(sqlite_store)

    def mark(name: str) -> Callable[[Connection], None]:
        return lambda _: done.append((name, len(seen)))

    heavy = [asyncio.create_task(sqlite_store.beside(mark("heavy"), heavy=True)) for _ in range(2)]
    await asyncio.sleep(0)
    light = [asyncio.create_task(sqlite_store.beside(mark("light"))) for _ in range(2)]
    await asyncio.sleep(0)
    gate.set()
    await asyncio.gather(*heavy, *light)
    assert done == [("light", 1), ("light", 1), ("heavy", 1), ("heavy", 2)]


async def test_writer_undoes_a_failure_alone(store: Store) -> None:
    """The one that fails leaves nothing, its error is its caller's, the others are done as if it had never been there."""

    def fails(connection: Connection) -> None:
        increment(connection)
        raise RuntimeError("planted")

    def twice(connection: Connection) -> None:
        increment(connection)
        connection.execute(flags.insert(), [{"name": "same", "value": "1"}, {"name": "same", "value": "2"}])

    results = await together(store, increment, fails, increment, twice, increment)
    assert [results[0], results[2], results[4]] == [1, 2, 3]
    assert isinstance(results[1], RuntimeError)
    assert isinstance(results[3], IntegrityError)
    assert store.read(partial(memory.flag, name="same")) is None


async def test_writer_tries_each_alone_when_the_commit_fails(store: Store) -> None:
    """A commit that fails is nobody's result: each is run again by itself, and none is applied twice."""
    failures = iter([True])

    def refuse(_: Connection) -> None:
        if next(failures, False):
            raise RuntimeError("no commit")

    gate = await blocked(store)
    tasks = [asyncio.create_task(store.run(increment)) for _ in range(5)]
    await asyncio.sleep(0)
    gate_commit = []
    event.listen(store._engine, "commit", lambda one: gate_commit.append(1) or (len(gate_commit) == 2 and refuse(one)))
    gate.set()
    assert await asyncio.gather(*tasks) == [1, 2, 3, 4, 5]
    assert store.read(partial(memory.flag, name="count")) == "5"


async def test_writer_tells_only_the_one_whose_commit_fails_alone(store: Store) -> None:
    """When even alone a commit fails, its caller gets the error and the writer lives on."""

    def refuse(_: Connection) -> None:
        raise RuntimeError("no commit")

    event.listen(store._engine, "commit", refuse)
    with pytest.raises(RuntimeError, match="no commit"):
        await store.run(increment)
    event.remove(store._engine, "commit", refuse)
    assert await store.run(increment) == 1


async def test_caller_who_was_cancelled_does_no_harm(store: Store) -> None:
    """His work is done or not, the others' is; the writer lives on."""
    gate = await blocked(store)
    gone = asyncio.create_task(store.run(increment))
    stays = asyncio.create_task(store.run(increment))
    await asyncio.sleep(0)
    gone.cancel()
    gate.set()
    assert await stays == 2
    assert gone.cancelled()
    assert await store.run(increment) == 3


async def test_full_database_is_the_stores_trouble_and_passes(sqlite_store: Store) -> None:
    """A mail for which there is no room fails as StoreError, a smaller one beside it is kept; with room again all is well."""

    def cap(connection: Connection, pages: int) -> None:
        connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")

    def size(connection: Connection) -> int:
        return int(connection.exec_driver_sql("PRAGMA page_count").scalar_one())

    await sqlite_store.run(partial(cap, pages=await sqlite_store.run(size) + 4))
    large = partial(spool.put, arrivals=[arrival("x" * 200_000)])
    results = await together(sqlite_store, large, partial(spool.put, arrivals=[arrival("small")]))
    assert isinstance(results[0], StoreError)
    assert len(results[1]) == 1
    await sqlite_store.run(partial(cap, pages=10**6))
    assert len(await sqlite_store.run(large)) == 1
    assert [one.raw[:5] for one in sqlite_store.read(partial(spool.waiting, limit=9))] == [b"small", b"xxxxx"]


async def test_writer_without_a_connection_says_so(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """No connection is an error of whoever waits, not the end of the writer."""
    real = store._engine

    class Gone:
        def connect(self) -> None:
            raise OSError("no descriptors left")

    await store.run(increment)
    store._engine = Gone()  # type: ignore[assignment]
    with pytest.raises(OSError, match="no descriptors"):
        await store.run(increment)
    store._engine = real
    assert await store.run(increment) == 2


async def test_eight_tasks_lose_no_update(store: Store) -> None:
    """8 tasks x 50 increments = 400."""

    async def counts() -> None:
        for _ in range(50):
            await store.run(increment)

    await asyncio.gather(*(counts() for _ in range(8)))
    assert store.read(partial(memory.flag, name="count")) == "400"


PROCESS = """
import sys
from functools import partial
from pathlib import Path
from mailgate.store import memory
from mailgate.store.engine import Store

def increment(connection):
    memory.set_flag(connection, "count", str(int(memory.flag(connection, "count") or 0) + 1))

store = Store.open(sys.argv[2], Path(sys.argv[1]))
for _ in range(200):
    store.call(increment)
store.close()
"""


async def test_two_processes_lose_no_update(store: Store, store_url: str, tmp_path: Path) -> None:
    """Two processes with 200 increments each, and this one's 50 by the writer, on one database."""
    others = [subprocess.Popen([sys.executable, "-c", PROCESS, str(tmp_path), store_url]) for _ in range(2)]  # noqa: ASYNC220
    for _ in range(50):
        await store.run(increment)
    assert [await asyncio.to_thread(other.wait, 60) for other in others] == [0, 0]
    assert store.read(partial(memory.flag, name="count")) == "450"


def test_reading_does_not_wait_for_the_writer(store: Store) -> None:
    """A listing is read beside a writer that holds the database."""
    with store._engine.begin() as writing:
        memory.set_flag(writing, "count", "1")
        assert store.read(partial(memory.flag, name="count")) is None


def test_every_commit_is_synced(sqlite_store: Store) -> None:
    """WAL and synchronous=FULL, on the connections of the writer and of readers: a 250 outlives a power cut."""
    for ask in (sqlite_store.call, sqlite_store.read):
        assert ask(lambda one: one.exec_driver_sql("PRAGMA synchronous").scalar_one()) == 2
        assert ask(lambda one: one.exec_driver_sql("PRAGMA journal_mode").scalar_one()) == "wal"


def test_one_daemon_serves_a_store(sqlite_store: Store, tmp_path: Path) -> None:
    """A second claim names the holder; after the first is closed it succeeds."""
    second = Store.open("sqlite:///mailgate.db", tmp_path)
    sqlite_store.claim()
    sqlite_store.claim()
    with pytest.raises(StoreError, match="process .* serves .*mailgate.db already"):
        second.claim()
    sqlite_store.close()
    second.claim()
    second.close()


async def test_writer_keeps_nothing_of_what_it_did(sqlite_store: Store) -> None:
    """A mail of fifty MiB must not lie in memory until the next one comes."""

    class Large:
        def work(self, connection: Connection) -> None:
            pass

    large = Large()
    kept = weakref.ref(large)
    await sqlite_store.run(large.work)
    del large
    until(lambda: gc.collect() >= 0 and kept() is None, 5, "the work is forgotten")
