"""What a ticket is: its state, its people, its clocks, and the entries of its history. Values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

ClockState = Literal["running", "paused", "stopped", "void"]


@dataclass(frozen=True)
class Mark:
    """One due instant of a clock: the `occurrence`-th firing of `step`, at `due` (aware UTC)."""

    step: str
    occurrence: int
    due: datetime
    fired_at: datetime | None = None


@dataclass(frozen=True)
class Clock:
    """One promise of time.

    `subject` says whose: `ticket:12`, `seller:DESK/SELLER`, `item:DESK/SELLER/ITEM`, `desk:DESK`.
    `episode` counts its starts. `due` is the limit itself; `marks` are the steps of its ladder.
    Instants are aware UTC; they are recorded when the clock starts and not recomputed when they come due.
    """

    subject: str
    name: str
    episode: int
    state: ClockState
    started_at: datetime
    due: datetime | None
    marks: tuple[Mark, ...] = ()
    stopped_at: datetime | None = None
    stopped_by: str | None = None
    pauses: tuple[tuple[datetime, datetime | None], ...] = ()
    for_message: str | None = None
    version: int = 0

    @property
    def running(self) -> bool:
        """True while steps may come due."""
        return self.state == "running"

    @property
    def next_due_at(self) -> datetime | None:
        """The earliest due instant that has not fired, or None when nothing can come due."""
        if not self.running:
            return None
        return min((mark.due for mark in self.marks if mark.fired_at is None), default=None)


@dataclass(frozen=True)
class Participant:
    """Someone on a ticket. `id` binds reply tokens to this person; `party` is desk, seller, customer or other."""

    address: str
    party: str
    name: str = ""
    id: int = 0


@dataclass(frozen=True)
class Spoken:
    """One message of a ticket as later decisions and notices need it.

    `audience` holds compared addresses (mail.address.key) of everyone it may be shown to (docs/rules.md G-14).
    `event` is what the pack made of it (`asked`, `answered`, ...); `missing` the rules it broke.
    """

    message_id: str
    author: str
    party: str
    at: datetime
    event: str
    text: str
    audience: frozenset[str]
    visible: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    spool_id: int = 0


@dataclass(frozen=True)
class Entry:
    """One line of a ticket's history (append-only). `at` is the instant it counts from, in aware UTC."""

    event: str
    at: datetime
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Ticket:
    """The case. `number` is 0 until it is stored; `policy` is the content hash of the pack it opened under."""

    number: int
    desk: str
    policy: str
    kind: str
    state: str
    subject: str
    opened_at: datetime
    seller: str | None = None
    entity: str | None = None
    tags: frozenset[str] = frozenset()
    facts: Mapping[str, Any] = field(default_factory=dict)
    participants: tuple[Participant, ...] = ()
    spoken: tuple[Spoken, ...] = ()
    clocks: tuple[Clock, ...] = ()
    version: int = 0

    @property
    def tag(self) -> str:
        """The name people see: `MG-42`."""
        return f"MG-{self.number}"

    @property
    def languages(self) -> Mapping[str, str]:
        """In which language each of its people last wrote, where that was sure: compared address -> BCP 47 (G-17)."""
        told = self.facts.get("languages")
        return told if isinstance(told, Mapping) else {}

    @property
    def customer(self) -> str:
        """The address of the customer whom the case is about: as told, else the first customer on it; empty for none."""
        told = self.facts.get("customer")
        first = next((one.address for one in self.participants if one.party == "customer"), "")
        return str(told) if isinstance(told, str) and "@" in told else first

    def clock(self, name: str) -> Clock | None:
        """The newest episode of the clock called `name`, or None."""
        mine = [clock for clock in self.clocks if clock.name == name]
        return max(mine, key=lambda clock: clock.episode, default=None)
