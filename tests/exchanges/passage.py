"""The stage of the stories: simulate's own, with a next hop that may refuse, and a time that also wakes the courier."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any

from people import Person
from sqlalchemy import select

from mailgate import courier, timekeeper
from mailgate.mail.message import Message, parse
from mailgate.simulate.stage import SCHEDULE, Stage
from mailgate.store import outbox
from mailgate.store.outbox import Outgoing
from mailgate.store.schema import clocks
from mailgate.store.schema import outbox as outbox_table
from mailgate.wire.smtp_out import Sent

TAKEN = Sent("sent", 250, "2.0.0 taken", {})


@dataclass(frozen=True, eq=False)
class Notice:
    """A notice that left: the copy of its first reader, and every other copy."""

    row: Outgoing
    copies: tuple[Outgoing, ...]
    at: datetime

    @property
    def message(self) -> Message:
        """The first reader's copy."""
        return parse(self.row.raw)

    def copy(self, person: Person) -> Notice:
        """The copy that `person` got."""
        return replace(self, row=next(one for one in self.copies if one.reader == person.address))


@dataclass
class Exchange(Stage):
    """A stage whose next hop may refuse, and whose time also wakes the courier."""

    hop: Callable[[Outgoing], Sent] = lambda row: TAKEN

    def pass_until(self, end: datetime, *, inclusive: bool) -> None:
        """Let time pass: every due step and every due attempt, each at its instant."""
        tried: set[datetime] = set()
        while (moment := self._next(end, inclusive, tried)) is not None:
            now = max(moment, self.now or moment)
            if self._tick(now):
                self.now = now
                tried.clear()
            else:
                tried.add(moment)

    def _next(self, end: datetime, inclusive: bool, tried: set[datetime]) -> datetime | None:
        moments = self.store.read(_moments) - tried
        due = [one for one in moments if one < end or (inclusive and one == end)]
        return min(due, default=None)

    def _tick(self, now: datetime) -> int:
        fired = 0
        for one in self.store.call(partial(timekeeper.due, now=now)):
            fired += self.store.call(partial(timekeeper.fire, clock=one, house=self.house, now=now)) is not None
        return fired + self.deliver(now)

    def _deliver(self, now: datetime) -> None:
        self.deliver(now)

    def deliver(self, now: datetime) -> int:
        """How many attempts the courier made."""
        done = 0
        while rows := self.store.call(partial(courier.ready, now=now)):
            for row in rows:
                answer = self.hop(row)
                self.store.call(partial(courier.record, row=row, sent=answer, house=self.house, schedule=SCHEDULE, now=now))
                if answer.state == "sent":
                    self.sent.append((now, row))
            done += len(rows)
        return done


def _moments(connection: Any) -> set[datetime]:
    waiting = outbox_table.c.state.in_(outbox.OPEN)
    attempts = connection.execute(select(outbox_table.c.next_attempt_at).where(waiting)).scalars()
    due = connection.execute(select(clocks.c.next_due_at).where(clocks.c.next_due_at.is_not(None))).scalars()
    return {one for one in (*attempts, *due) if one is not None}
