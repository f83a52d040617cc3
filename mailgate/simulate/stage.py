"""A scratch house on a virtual clock: mail goes in, time moves, notices come out.

Every mail is a real RFC 5322 message that goes through `gateway.settle`, every due step through `timekeeper.fire`, every notice
through the outbox and `courier.record`: the functions that the daemon runs. Only the clock and the next hop are made up.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache, partial
from pathlib import Path
from typing import Any

from mailgate import config, courier, gateway, timekeeper, understand
from mailgate.desk import retry
from mailgate.desk.clock import view
from mailgate.desk.facts import holds
from mailgate.desk.house import House, Source
from mailgate.desk.pack import Policy
from mailgate.desk.party import Desk, Seller
from mailgate.desk.route import Roster
from mailgate.desk.ticket import Ticket
from mailgate.mail.message import Envelope
from mailgate.mail.token import Keys
from mailgate.store import clocks, outbox, spool, tickets
from mailgate.store.engine import Store, wipe
from mailgate.store.outbox import Outgoing
from mailgate.wire.smtp_out import Sent

PROVEN, UNPROVEN = "simulate", "smtp"
SCHEDULE = courier.Schedule(retry.WAITS, retry.LIFETIME)


@dataclass
class Stage:
    """One scratch store and one house. `sent` collects what left, in order; `settled` what became of each mail."""

    house: House
    desk: Desk
    store: Store = field(default_factory=lambda: Store.open("sqlite:///:memory:", Path()))
    sent: list[tuple[datetime, Outgoing]] = field(default_factory=list)
    now: datetime | None = None

    def receive(
        self, raw: bytes, at: datetime, *, proven: bool = True, also_to: Sequence[str] = (), null: bool = False
    ) -> gateway.Settled:
        """What became of a mail that is accepted at `at`, after everything that was due before it."""
        self.pass_until(at, inclusive=False)
        self.now = at
        path = None if null else "sender@simulated.example"
        door = PROVEN if proven else UNPROVEN
        envelope = Envelope(path, (*also_to,) if null and also_to else (self.desk.address, *also_to), at, door)
        self.store.call(partial(spool.put, arrivals=[(envelope, raw, None)]))
        done = self.store.call(partial(self._settle, now=at))
        self._deliver(at)
        return done

    def _settle(self, connection: Any, now: datetime) -> gateway.Settled:
        mail = spool.waiting(connection, 1)[0]
        return gateway.settle(connection, mail, understand.read(mail.raw, mail.envelope, self.house), self.house, now)

    def carry_out(self, work: Any, at: datetime) -> None:
        """Do what a verb orders at `at`, and let its letters leave."""
        self.store.call(partial(work, house=self.house))
        self._deliver(at)

    def pass_until(self, end: datetime, *, inclusive: bool) -> None:
        """Let time pass up to `end`: every step fires at its due instant, one that a revived clock brings back at once (G-10)."""
        while (upcoming := self.store.read(clocks.next_due_at)) is not None:
            if upcoming > end or (upcoming == end and not inclusive):
                return
            fired = self._tick(max(upcoming, self.now or upcoming))
            if not fired and self.store.read(clocks.next_due_at) == upcoming:
                return

    def _tick(self, now: datetime) -> int:
        fired = 0
        for one in self.store.call(partial(timekeeper.due, now=now)):
            fired += self.store.call(partial(timekeeper.fire, clock=one, house=self.house, now=now)) is not None
        self._deliver(now)
        return fired

    def _deliver(self, now: datetime) -> None:
        while rows := self.store.call(partial(courier.ready, house=self.house, now=now)).going:
            for row in rows:
                taken = Sent("sent", 250, "2.0.0 taken", {})
                self.store.call(partial(courier.record, row=row, sent=taken, house=self.house, schedule=SCHEDULE, now=now))
                self.sent.append((now, row))

    def ticket(self, number: int) -> Ticket:
        """The ticket as it stands."""
        return self.store.read(partial(tickets.load, numbers=[number]))[number]

    def history(self) -> tuple[dict[str, Any], ...]:
        """Every entry of the audit log."""
        return self.store.read(tickets.history)

    def last_sent(self, step: str, reader: str) -> Outgoing | None:
        """The newest notice of the ladder's `step` to `reader`, or None."""
        rows = [row for _, row in self.sent if row.step == step and row.reader == reader]
        return next((self.store.read(partial(outbox.get, outbox_id=row.id)) for row in reversed(rows)), None)


@cache
def _memory() -> Store:
    return Store.open("sqlite:///:memory:", Path())


def recycled() -> Store:
    """The process's one store in memory, wiped: for one stage after the other, as opening another costs as much as a case."""
    store = _memory()
    store.call(wipe)
    return store


def shown(ticket: Ticket, policy: Policy) -> dict[str, Any]:
    """The ticket in the words of the pack's `[shows]`."""
    seen: dict[str, Any] = {"state": ticket.state, "kind": ticket.kind, **ticket.facts}
    for name in {clock.name for clock in ticket.clocks}:
        newest = ticket.clock(name)
        seen |= view(newest) if newest else {}
    return {name: _shown(source, seen) for name, source in policy.shows.items()}


def _shown(source: Any, seen: Mapping[str, Any]) -> Any:
    """The value that `source` names; a table of sources as a table, without what is not there."""
    if isinstance(source, str):
        return seen.get(source, _absent(source))
    return {name: seen[one] for name, one in source.items() if seen.get(one) is not None}


def shown_together(stage: Stage, policy: Policy, labels: Mapping[int, str]) -> dict[str, Any]:
    """The pack's `[shows_all]`: for each list, the labels of the tickets for which its conditions hold."""
    found: dict[str, Any] = {}
    now = [(label, stage.ticket(number)) for number, label in labels.items()]
    for name, given in policy.shows_all.items():
        held = {label for label, one in now if holds(given, {"state": one.state, "kind": one.kind, **one.facts})}
        found[name] = sorted(held)
    return found


def _absent(source: str) -> Any:
    return False if ".reached." in source or source.endswith(".lapsed") else 0 if ".fired." in source else None


def scratch_house(policy: Policy, source: Source, desk: Desk, sellers: Mapping[str, Seller], templates: Any) -> House:
    """A house with one desk, for simulation: fixed keys, and mail that counts as authenticated unless it says otherwise."""
    every = ("add", "start", "stop")
    allowed = {
        "stranger": ("add",),
        "claimed": ("add",),
        "authenticated": every,
        "signed": (*every, "close", "change", "request"),
    }
    return House(
        roster=Roster.of({desk.name: desk}, sellers),
        policies={desk.name: policy},
        sources={desk.name: source},
        templates=templates,
        keys=Keys(b"a key for simulation, not a secret"),
        allowed=allowed,
        proven_doors=frozenset({PROVEN}),
        signatures=config.signatures(),
    )
