"""What must hold, whatever the seed does: looked at in every transaction, at every attempt, and whenever all is quiet.

It knows the letters that were written and reads the tables with statements of its own. Nothing here asks the product's opinion.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from cast import STAFF, Letter
from faults import Wall
from sqlalchemy import and_, bindparam, func, literal, select

from mailgate.mail.message import parse
from mailgate.store.engine import Connection
from mailgate.store.schema import clocks, events, messages, outbox, sightings, spool, steps, unreachable

SILENT = ("noncompliant", "auto", "forged", "buyer", "tampered", "bounced notice", "forged report")
OPEN = ("queued", "deferred", "uncertain")
LIFETIME, LONGEST_WAIT = timedelta(days=5), timedelta(hours=4)  # no attempt later than that, nor later than that after another
CANARY = re.compile(r"canary\d+x")
SHOWS = ("pass_on", "did_you_write")  # mail that is handed on as it came, and what asks its own author about it


class BrokenError(BaseException):
    """Something that must hold does not. No product code catches it."""


def must(holds: object, said: str) -> None:
    """Raise BrokenError with `said` unless it holds."""
    if not holds:
        raise BrokenError(said)


@dataclass
class Book:
    """Letters, tickets of the cases, what was stored, answered, fired and delivered."""

    wall: Wall
    letters: dict[str, Letter] = field(default_factory=dict)
    by_canary: dict[str, Letter] = field(default_factory=dict)
    tickets: dict[int, int] = field(default_factory=dict)
    out_of_order: set[int] = field(default_factory=set)
    settled: set[str] = field(default_factory=set)
    acknowledged: Counter[str] = field(default_factory=Counter)
    fired: set[tuple[Any, ...]] = field(default_factory=set)
    copies: dict[int, list[bytes]] = field(default_factory=dict)
    answers: dict[int, list[str]] = field(default_factory=dict)
    last: dict[int, datetime] = field(default_factory=dict)
    cleared: dict[int, datetime] = field(default_factory=dict)  # when the courier asked last whether a mail still holds
    quiet_until: datetime | None = None
    looked: int = 0

    def write(self, letter: Letter) -> None:
        """A letter that somebody wrote."""
        self.letters[letter.message_id] = letter
        self.by_canary[letter.canary] = letter

    # -- in each transaction --------------------------------------------------------------------------------------------

    def before(self, connection: Connection, name: str) -> Any:
        """How things stood."""
        return _standing(connection) if name in ("settle", "fire") else None

    def after(self, connection: Connection, name: str, seen: Any, result: Any) -> Callable[[], None] | None:
        """Look at what this piece of work did; what comes back is called when it is committed."""
        self.looked += 1
        if name == "settle":
            return self._settles(connection, seen, result)
        if name == "fire" and result is not None:
            return self._fires(connection, seen, result)
        return self._readies(connection, result) if name == "ready" else None

    def _readies(self, connection: Connection, turn: Any) -> Callable[[], None]:
        """What goes must hold now; what is answered between this and the attempt crosses it on the way, as mails do."""
        for row in turn.superseded:
            must(not _stands(connection, row), f"{row.notice} {row.id} was superseded, although it still held")
            must(row.state != "uncertain", f"{row.notice} {row.id}: the next hop may have it, and it is superseded")
        for row in turn.going:
            stands = row.state == "uncertain" or _stands(connection, row)
            must(stands, f"{row.notice} {row.id} is to leave although its clock has stopped, or a later step has fired")
        now = self.wall.now
        return lambda: self.cleared.update((row.id, now) for row in turn.going)

    def _settles(self, connection: Connection, seen: Any, done: Any) -> Callable[[], None] | None:
        now = _standing(connection)
        moved = {key for key in {*seen["clocks"], *now["clocks"]} if seen["clocks"].get(key) != now["clocks"].get(key)}
        must(done.state not in ("parked", "held"), f"mail {done.spool_id} was {done.state}: {done.reason}")
        if done.state in ("gone", "duplicate"):
            must(done.state == "gone" or done.message_id in self.settled, f"{done.message_id} is nobody's duplicate")
            must(seen == now, f"{done.message_id} came again, and something followed from it")
            return None
        letter = self.letters[done.message_id]
        must(done.message_id not in self.settled, f"{letter.message_id} ({letter.what}) was settled twice")
        others = {number for case, number in self.tickets.items() if case != letter.case}
        must(done.ticket not in others, f"{letter.message_id} ({letter.what}) joined {done.ticket}, the ticket of another case")
        mine = {f"ticket:{done.ticket}", f"ticket:{self.tickets.get(letter.case)}"}
        strange = {key for key in moved if key[0].startswith("ticket:") and key[0] not in mine}
        must(not strange, f"{letter.message_id} ({letter.what}) moved clocks of others: {strange}")
        known = letter.case in self.tickets and letter.case not in self.out_of_order
        known = known and (letter.what != "bounce" or letter.returned in self.settled)
        if known or letter.what in ("forged", "tampered", "forged report"):
            self._follows(connection, letter, done, (seen["clocks"], now["clocks"], moved))
        return lambda: self._noted(letter, done)

    def _noted(self, letter: Letter, done: Any) -> None:
        self.settled.add(letter.message_id)
        if letter.what == "ask" and letter.case not in self.out_of_order:
            self.tickets[letter.case] = done.ticket
        elif letter.case not in self.tickets:
            self.out_of_order.add(letter.case)

    def _follows(self, connection: Connection, letter: Letter, done: Any, clocks_: tuple[Any, Any, set[Any]]) -> None:
        """What this kind of letter must and must not do to the clock of its case."""
        old, new, moved = clocks_
        said = f"{letter.message_id} ({letter.what})"
        reports = ("bounce", "bounced notice", "forged report")
        second = letter.what in reports[1:] and any(
            self.letters[one].case == letter.case and self.letters[one].what in reports for one in self.settled
        )
        dead = letter.what == "forged report" and self._meant_for_the_dead(connection, letter)
        if second or dead:  # what was said unproven counts where something proven says so too (desk/bounce.py)
            return
        if letter.what in SILENT:
            must(not moved, f"{said} moved a clock")
            return
        must(done.ticket == self.tickets[letter.case], f"{said} joined {done.ticket}, not {self.tickets[letter.case]}")
        newest = max((key for key in old if key[0] == f"ticket:{done.ticket}"), key=lambda key: key[2], default=None)
        if letter.what == "answer":
            must(done.event == "answered", f"{said} counted as {done.event}: {done.decision.violations}")
        if letter.what == "answer" and newest and old[newest].state != "stopped":
            came = connection.execute(select(spool.c.received_at).where(spool.c.id == done.spool_id)).scalar_one()
            after = new[newest]
            must((after.state, after.stopped_by) == ("stopped", letter.message_id), f"{said} left its clock {after.state}")
            must(after.stopped_at == came, f"{said}: stopped at {after.stopped_at}, it came at {came}")

    def _fires(self, connection: Connection, seen: Any, done: Any) -> Callable[[], None]:
        now = self.wall.now
        said = f"{done.clock} {done.episode} {done.step} {done.occurrences} of {done.subject}"
        keys = {(done.subject, done.clock, done.episode, done.step, one) for one in done.occurrences}
        must(not keys & self.fired, f"{said} fired twice")
        was = seen["clocks"][(done.subject, done.clock, done.episode)]
        must(was.state == "running", f"{said} fired on a clock that was {was.state}")
        due = {(step, number): datetime.fromisoformat(at) for step, number, at, _ in was.marks}
        for number in done.occurrences:
            must(due[(done.step, number)] <= now, f"{said} fired before it was due")
        last = max(due[(done.step, number)] for number in done.occurrences)
        in_hand = select(func.count()).select_from(spool).where((spool.c.state == "received") & (spool.c.received_at <= last))
        must(connection.execute(in_hand).scalar() == 0, f"{said} fired while mail that came before it was in hand")
        must(self.quiet_until is None or now >= self.quiet_until, f"{said} fired while the daemon caught up")
        earlier = [row for row in seen["open"] if (row.clock, row.episode, f"ticket:{row.ticket}") == (
            done.clock, done.episode, done.subject)]  # fmt: skip
        must(not earlier, f"{said} fired before the notice of an earlier step had left")
        return lambda: self.fired.update(keys)

    def _meant_for_the_dead(self, connection: Connection, report: Letter) -> bool:
        """Is it about mail to an address that the next hop has refused?"""
        return not self.letters[report.returned].people.isdisjoint(connection.execute(_DEAD).scalars())

    # -- at the next hop ------------------------------------------------------------------------------------------------

    def offer(self, connection: Connection, reader: str, data: bytes) -> int:
        """The id of the row that is being sent; it must still hold, and show nobody what is not for him."""
        message = parse(data)
        mine = _OF_ID
        if message.message_id in self.letters:  # passed on as it came, under its author's id
            mine = _OF_BYTES
        row = connection.execute(mine, {"id": message.message_id, "data": data, "reader": reader}).first()
        must(row is not None, f"what goes to {reader} as {message.message_id} is no row of the outbox")
        assert row is not None
        said = f"{row.notice} {row.id} to {reader}"
        must(row.state in OPEN, f"{said} leaves although it is {row.state}")
        must(
            row.state == "uncertain" or self.cleared.get(row.id) == self.wall.now or _stands(connection, row),
            f"{said} leaves although its clock has stopped, or a later step has fired",
        )
        must(all(one == data for one in self.copies.get(row.id, ())), f"{said} leaves with other bytes than before")
        self._shows(row, f"{message.subject} {message.text} {message.html}", said)
        return int(row.id)

    def _shows(self, row: Any, text: str, said: str) -> None:
        for letter in {self.by_canary[one] for one in CANARY.findall(text) if row.notice not in SHOWS}:
            number = self.tickets.get(letter.case)
            if number is None or letter.case in self.out_of_order:
                continue
            must(row.ticket == number, f"{said}, ticket {row.ticket}, shows {letter.message_id} of ticket {number}")
            outside = set(row.visible) - letter.people - {STAFF}
            must(not outside, f"{said} shows {letter.message_id} to {outside}, to whom it was not written (G-14)")

    # -- when all is quiet ----------------------------------------------------------------------------------------------

    def rests(self, connection: Connection, held: bool) -> None:
        """Nothing that is due waits, unless it may."""
        now = self.wall.now
        waiting = connection.execute(_WAITING).scalar()
        must(waiting == 0, f"{waiting} mails are not settled")
        row = connection.execute(_LATE, {"now": now}).first()
        must(held or row is None, f"{row.notice if row else ''} {row.id if row else ''} is due at the courier and stays")
        if self.quiet_until is not None and now < self.quiet_until:
            return
        open_ = {(f"ticket:{one.ticket}", one.clock, one.episode) for one in _open(connection)}
        for one in connection.execute(_RUNNING):
            due = [at for _, _, at, fired in one.marks if fired is None and datetime.fromisoformat(at) <= now]
            excused = (one.subject, one.name, one.episode) in open_
            must(not due or excused, f"{one.name} {one.episode} of {one.subject}: due {due}, it is {now}, and nothing fired")

    def ends(self, connection: Connection) -> None:
        """After days without faults: everything that was promised has happened, once."""
        self._mail_is_kept(connection)
        self._steps_are_told(connection)
        for row in connection.execute(select(outbox)):
            self._row_ended(row)
        stops = select(clocks.c.subject, clocks.c.stopped_by).where(clocks.c.stopped_by.is_not(None))
        for subject, cause in connection.execute(stops):
            must(cause in self.letters and self.letters[cause].proven, f"{subject} was stopped by unproven {cause}")

    def _mail_is_kept(self, connection: Connection) -> None:
        rows = connection.execute(select(spool.c.sha256, spool.c.raw, spool.c.state)).all()
        kept = Counter(row.sha256 for row in rows)
        must(all(row.state == "settled" for row in rows), "a mail was not settled")
        must(all(hashlib.sha256(row.raw).hexdigest() == row.sha256 for row in rows), "a mail is not kept as it came")
        seen = select(spool.c.sha256, func.count()).join(sightings, sightings.c.spool_id == spool.c.id).group_by(spool.c.sha256)
        again = dict(connection.execute(seen).all())
        for sha, number in self.acknowledged.items():
            must(kept[sha] == 1, f"of {number} x 250 for {sha[:8]} {kept[sha]} mails are kept")
            must(1 + again.get(sha, 0) >= number, f"{number} x 250 for {sha[:8]}, and {1 + again.get(sha, 0)} arrivals are noted")
        said = Counter(connection.execute(select(messages.c.message_id)).scalars())
        must(set(said.values()) <= {1}, f"heard twice: {[one for one, number in said.items() if number > 1]}")

    def _steps_are_told(self, connection: Connection) -> None:
        rows = {(one.subject, one.clock, one.episode, one.step, one.occurrence): one for one in connection.execute(select(steps))}
        must(set(rows) == self.fired, f"steps in the store, steps seen: {set(rows) ^ self.fired}")
        told: Counter[Any] = Counter()
        moves: Counter[Any] = Counter()
        for one in connection.execute(select(events)):
            if "occurrence" in one.data:
                key = (f"ticket:{one.ticket}", one.data["clock"], one.data["episode"], one.data["step"], one.data["occurrence"])
                told[key] += 1
            elif one.event.startswith("clock_"):
                moves[(one.ticket, one.event, one.data["episode"], one.data["cause"], one.at)] += 1
        must(all(told[key] == 1 for key in rows), f"not once in the history: {[key for key in rows if told[key] != 1]}")
        must(set(moves.values()) <= {1}, f"moved twice by one cause: {[key for key, n in moves.items() if n > 1]}")
        for one in connection.execute(select(clocks).where(clocks.c.state == "running")):
            left = [mark for mark in one.marks if mark[3] is None and (one.subject, one.name, one.episode, *mark[:2]) not in rows]
            must(not left, f"{one.name} {one.episode} of {one.subject} never fired {left}")

    def _row_ended(self, row: Any) -> None:
        said, answers = f"{row.notice} {row.id}", self.answers.get(row.id, [])
        must(row.state not in OPEN, f"{said} is {row.state} for ever")
        old = row.id in self.last and row.created_at + LIFETIME - LONGEST_WAIT <= self.last[row.id]
        if row.state == "sent":
            must("sent" in answers and self.copies.get(row.id), f"{said} is said to be sent; the next hop said {answers}")
        elif row.state == "refused":
            must("refused" in answers or old, f"{said} was given up; the next hop said {answers}")
        else:
            must(row.state == "superseded", f"{said} ended as {row.state}")


_IS_OPEN = outbox.c.state.in_([literal(one) for one in OPEN])
_READ_BY = select(outbox).where(outbox.c.reader == bindparam("reader")).order_by(outbox.c.id)
_OF_ID = _READ_BY.where(outbox.c.message_id == bindparam("id"))
_OF_BYTES = _READ_BY.where(outbox.c.raw == bindparam("data"))
_DEAD = select(unreachable.c.address).where(unreachable.c.lifted_at.is_(None))
_CLOCKS = select(clocks)
_RUNNING = select(clocks).where(clocks.c.state == "running")
_COUNTS = select(
    select(func.count()).select_from(events).scalar_subquery(), select(func.count()).select_from(outbox).scalar_subquery()
)
_OPEN_STEPS = select(outbox.c.id, outbox.c.ticket, outbox.c.clock, outbox.c.episode, outbox.c.step).where(
    _IS_OPEN & (outbox.c.step != "")
)
_WAITING = select(func.count()).select_from(spool).where(spool.c.state == "received")
_LATE = select(outbox).where(_IS_OPEN & (outbox.c.next_attempt_at <= bindparam("now")))
_CLOCK = select(clocks).where(
    and_(clocks.c.subject == bindparam("subject"), clocks.c.name == bindparam("name"), clocks.c.episode == bindparam("episode"))
)


def _standing(connection: Connection) -> dict[str, Any]:
    found = {(one.subject, one.name, one.episode): one for one in connection.execute(_CLOCKS)}
    count, letters = connection.execute(_COUNTS).one()
    return {"clocks": found, "events": count, "letters": letters, "open": _open(connection)}


def _open(connection: Connection) -> list[Any]:
    return list(connection.execute(_OPEN_STEPS))


def _stands(connection: Connection, row: Any) -> bool:
    """True unless the notice's clock does not run, or a later step of it has fired."""
    if not row.clock or row.ticket is None:
        return True
    key = {"subject": f"ticket:{row.ticket}", "name": row.clock, "episode": row.episode}
    mine = connection.execute(_CLOCK, key).first()
    if mine is None or mine.state != "running":
        return False
    own = next((at for step, number, at, _ in mine.marks if (step, number) == (row.step, row.occurrence)), None)
    return not any(fired and own and at > own for _, _, at, fired in mine.marks)
