"""The stage of the stories: simulate's own, with a next hop that may refuse, and a time that also wakes the courier."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any

from people import Mail, Person
from sqlalchemy import select

from mailgate import courier, timekeeper, verb
from mailgate.desk.command import Given
from mailgate.mail import address as addresses
from mailgate.mail.message import Message, parse
from mailgate.simulate.stage import SCHEDULE, Stage
from mailgate.store import outbox
from mailgate.store.outbox import Outgoing
from mailgate.store.schema import clocks
from mailgate.store.schema import outbox as outbox_table
from mailgate.wire.smtp_out import Sent

HANDING = (  # what gives its readers the mail that brought it about
    "mail_ticket_opened", "mail_reply", "opened", "message_relayed", "mail_customer", "route_senior", "route_claim",
    "mail_ticket_closed",
)  # fmt: skip
MARKS = dict.fromkeys(map(ord, "\u200f\u2066\u2067\u2068\u2069"))  # what only sets the direction of writing
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

    @property
    def text(self) -> str:
        """The text form, as a mail program shows it."""
        return self.message.text or ""

    @property
    def said(self) -> str:
        """Subject and text in one line, without what only sets the direction of writing."""
        return " ".join(f"{self.message.subject} {self.text}".translate(MARKS).split())

    @property
    def links(self) -> dict[str, str]:
        """The links that stand in the text form: what each is called -> mailto address."""
        paragraphs = (one.rpartition(":\n  mailto:") for one in self.text.replace("\r\n", "\n").split("\n\n"))
        return {" ".join(label.translate(MARKS).split()): f"mailto:{link.split()[0]}" for label, mark, link in paragraphs if mark}

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

    def orders(self, command: str, about: int | str, told: dict[str, Any], now: datetime) -> None:
        """The desk's staff gives a command by a verb, on a ticket or about a seller."""
        given = Given(command, "staff", "signed", told, cause=f"verb {command} {now.isoformat()}")
        if isinstance(about, int):
            self.carry_out(partial(verb.on_ticket, number=about, given=given, now=now), now)
        else:
            seller = self.house.roster.sellers[about]
            self.carry_out(partial(verb.on_seller, desk=self.desk, seller=seller, given=given, now=now), now)

    def outsiders(self, mail: Mail, mails: Sequence[Mail], notice: Outgoing) -> set[str]:
        """Readers of `notice` who are neither author nor addressed on `mail`, and to whom no notice handed it (G-14)."""
        holding = [one for one in mails if one.canary == mail.canary or mail.canary.encode() in one.raw]
        people = [one for each in holding for one in (each.message.author, *each.message.addressed) if one]
        handed = [one for _, row in self.sent for one in row.visible if _hands(row, mail, notice)]
        return {addresses.key(one) for one in notice.visible} - {addresses.key(one) for one in (*people, *handed)}

    def deliver(self, now: datetime) -> int:
        """How many attempts the courier made."""
        done = 0
        while rows := self.store.call(partial(courier.ready, house=self.house, now=now)).going:
            for row in rows:
                answer = self.hop(row)
                self.store.call(partial(courier.record, row=row, sent=answer, house=self.house, schedule=SCHEDULE, now=now))
                if answer.state == "sent":
                    self.sent.append((now, row))
            done += len(rows)
        return done


def _hands(one: Outgoing, mail: Mail, until: Outgoing) -> bool:
    """Did `one`, no later than `until`, give its readers `mail`?"""
    return one.notice in HANDING and one.created_at == mail.at and one.created_at <= until.created_at


def _moments(connection: Any) -> set[datetime]:
    waiting = outbox_table.c.state.in_(outbox.OPEN)
    attempts = connection.execute(select(outbox_table.c.next_attempt_at).where(waiting)).scalars()
    due = connection.execute(select(clocks.c.next_due_at).where(clocks.c.next_due_at.is_not(None))).scalars()
    return {one for one in (*attempts, *due) if one is not None}
