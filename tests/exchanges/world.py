"""A world of gateways and machines that answer mail: what leaves one arrives at the next, half a minute later.

The gateways are simulate's own stages, each with a store of its own; the machines are functions from a mail to its answers. Time
is virtual: `passes` lets it go by until nothing moves any more or the time is over, and never longer than `MOST` mails.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from mailgate.mail import address as addresses
from mailgate.mail.message import Message, parse
from mailgate.simulate.stage import Stage
from mailgate.store import clocks
from mailgate.store.outbox import Outgoing

TRANSIT = timedelta(seconds=30)
MOST = 3000


@dataclass(frozen=True)
class Sent:
    """A mail on its way: its bytes, its return path (None: the null sender), and where it goes."""

    raw: bytes
    reverse_path: str | None
    to: str


@dataclass(frozen=True)
class Arrived:
    """A mail as a machine gets it; `number` counts all that this world has carried."""

    message: Message
    reverse_path: str | None
    me: str
    at: datetime
    number: int


Machine = Callable[[Arrived], Iterator[Sent]]


@dataclass
class World:
    """Stages by the domain of their desk, machines by their address; `carried` holds what each gateway sent, with its reader."""

    stages: dict[str, Stage]
    machines: dict[str, Machine]
    proven: bool = True
    carried: list[tuple[datetime, Outgoing]] = field(default_factory=list)
    _queue: list[tuple[datetime, int, Sent]] = field(default_factory=list)
    _count: Iterator[int] = field(default_factory=itertools.count)
    _seen: dict[str, int] = field(default_factory=dict)

    def posts(self, mail: Sent, at: datetime) -> None:
        """A mail sets out."""
        heapq.heappush(self._queue, (at, next(self._count), mail))

    def passes(self, end: datetime) -> None:
        """Everything that arrives, and everything that falls due, before `end`."""
        while len(self.carried) < MOST:
            due = [one for stage in self.stages.values() if (one := stage.store.read(clocks.next_due_at))]
            upcoming = min([*due, *(at for at, _, _ in self._queue[:1])], default=end)
            if upcoming >= end:
                return
            for stage in self.stages.values():
                stage.pass_until(upcoming, inclusive=False)
            if self._queue and self._queue[0][0] <= upcoming:
                at, _, mail = heapq.heappop(self._queue)
                self._arrives(mail, at)
            else:
                for stage in self.stages.values():
                    stage.pass_until(upcoming, inclusive=True)
            self._collect()

    def _arrives(self, mail: Sent, at: datetime) -> None:
        stage = self.stages.get(addresses.domain(mail.to))
        if stage is not None:
            stage.receive(mail.raw, at, proven=self.proven, also_to=(mail.to,), null=mail.reverse_path is None)
        elif machine := self.machines.get(addresses.key(mail.to)):
            arrived = Arrived(parse(mail.raw), mail.reverse_path, mail.to, at, next(self._count))
            for answer in machine(arrived):
                self.posts(answer, at + TRANSIT)

    def _collect(self) -> None:
        for name, stage in self.stages.items():
            for at, row in stage.sent[self._seen.get(name, 0) :]:
                self.carried.append((at, row))
                self.posts(Sent(row.raw, row.reverse_path, row.reader), at + TRANSIT)
            self._seen[name] = len(stage.sent)


def answer(
    got: Arrived, subject: str, text: str, *, to: str = "", null: bool = False, refers: bool = True, **headers: str
) -> Sent:
    """What a machine writes: to Reply-To, else From, unless `to` says otherwise."""
    first = next(iter((*got.message.reply_to, *got.message.from_)), None)
    target = to or (first.address if first else "")
    head = {
        "From": got.me, "To": target, "Subject": subject, "Message-ID": f"<{got.number}.{got.me}>",
        "Date": got.at.strftime("%a, %d %b %Y %H:%M:%S +0000"),
        **({"In-Reply-To": f"<{got.message.message_id}>"} if refers and got.message.message_id else {}),
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }  # fmt: skip
    lines = [f"{name}: {value}" for name, value in head.items()]
    return Sent("\r\n".join([*lines, "", text, ""]).encode(), None if null else got.me, target)
