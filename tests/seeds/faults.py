"""A store and a next hop that fail where a seed says, at every boundary of a transaction and of an attempt.

The store runs one piece of work at a time, in the order in which it was asked, as the daemon's does; who asks first is the
seed's choice. A crash ends everything that the process had in hand: what was committed stays, the rest never was.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from typing import Any

from mailgate.store.engine import Connection, Store, StoreError
from mailgate.wire.smtp_out import Sent


class CrashError(BaseException):
    """The process is killed here."""


@dataclass
class Faults:
    """What goes wrong, how often (a share of the boundaries), and what did. `calm` at the end of a story."""

    rng: Random
    share: float = 0.0
    calm: bool = False
    done: Counter[str] = field(default_factory=Counter)

    def strikes(self, *kinds: str, more: float = 1.0) -> str:
        """One of `kinds`, or nothing; `more`: how much likelier than usual."""
        if self.calm or self.rng.random() >= self.share * more:
            return ""
        kind = self.rng.choice(kinds)
        self.done[kind] += 1
        return kind


Watch = Callable[[Connection, str, Any, Any], Callable[[], None] | None]


class SeededStore(Store):
    """The scratch store. `watch` sees each piece of work in its transaction; what it returns is called once that is committed."""

    faults: Faults
    before: Callable[[Connection, str], Any]
    after: Watch

    def begin_life(self, faults: Faults, before: Callable[[Connection, str], Any], after: Watch) -> None:
        """A process starts."""
        self.faults, self.before, self.after = faults, before, after
        self.order = asyncio.Lock()
        self.dead = False

    async def run(self, work: Any, *, heavy: bool = False) -> Any:
        """What `work` returns once it is committed."""
        async with self.order:
            for _ in range(self.faults.rng.randrange(3)):
                await asyncio.sleep(0)
            return self._attempt(work)

    in_turn = beside = run

    def _attempt(self, work: Any) -> Any:
        name = getattr(work, "func", work).__name__
        if self.dead:
            raise CrashError
        fault = self.faults.strikes("crash before commit", "crash after commit", "commit fails", "batch is tried again")
        if fault == "batch is tried again":
            with self._engine.connect() as connection:  # as the writer does when the commit of a batch has failed
                work(connection)
                connection.rollback()
        with self._engine.begin() as connection:
            seen = self.before(connection, name)
            result = work(connection)
            committed = self.after(connection, name, seen, result)
            if fault == "crash before commit":
                self.die()
            if fault == "commit fails":
                raise StoreError("disk full (planted)")
        if committed is not None:
            committed()
        if fault == "crash after commit":
            self.die()
        return result

    def die(self) -> None:
        """Nothing that this process still has in hand reaches the store."""
        self.dead = True
        raise CrashError


Offered = Callable[[str, bytes], Any]


class SeededHop:
    """A next hop. `offered` is asked before each attempt; `taken` is told when the mail is there, `answered` what it said."""

    name = "next hop"

    def __init__(self, store: SeededStore, faults: Faults, book: Any) -> None:
        self.store, self.faults, self.book = store, faults, book

    async def send(self, reverse_path: str | None, forward_paths: tuple[str, ...], data: bytes, envid: str = "") -> Sent:
        """What became of it; a crash may come before, while and after the mail is handed over."""
        if self.store.dead:
            raise CrashError
        row = self.book.offered(forward_paths[0], data)
        for _ in range(self.faults.rng.choice((0, 1, 3, 20))):
            await asyncio.sleep(0)
        if self.store.dead:
            raise CrashError
        fault = self.faults.strikes(
            "next hop defers", "next hop defers", "next hop refuses", "uncertain, taken", "uncertain, not taken",
            "crash before the dot", "crash after the dot", more=4,
        )  # fmt: skip
        if fault == "crash before the dot":
            self.store.die()
        if fault in ("", "uncertain, taken", "crash after the dot"):
            self.book.taken(row, data)
        if fault == "crash after the dot":
            self.store.die()
        answer = _ANSWERS.get(fault.partition(",")[0], _ANSWERS[""])
        self.book.answered(row, answer.state)
        return answer

    async def close(self) -> None:
        """Nothing to let go of."""


_ANSWERS = {
    "": Sent("sent", 250, "2.0.0 taken"),
    "next hop defers": Sent("deferred", 451, "4.3.0 later"),
    "next hop refuses": Sent("refused", 550, "5.1.1 nobody of that name"),
    "uncertain": Sent("uncertain", None, "the line failed after the dot"),
}


class Inline(ThreadPoolExecutor):
    """An executor that does the work at once, in this thread."""

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Any:
        """A future that is done."""
        done: Future[Any] = Future()
        try:
            done.set_result(fn(*args, **kwargs))
        except Exception as error:
            done.set_exception(error)
        return done


@dataclass
class Wall:
    """The clock on the wall, which the seed moves."""

    now: datetime
