"""What mending a ticket writes: mail that changes its ticket, ids that follow it, a ticket that is built anew."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from mailgate.desk.happening import FIRED, Happening, by_step
from mailgate.desk.premises import Premises, read
from mailgate.desk.ticket import Clock, Entry, Mark, Spoken, Ticket
from mailgate.store import clocks as clock_rows
from mailgate.store import clues, happenings
from mailgate.store import tickets as ticket_rows
from mailgate.store.schema import clocks, events, ids, messages, participants, spool, steps, tickets


def tickets_of(connection: Connection, spool_ids: Sequence[int]) -> dict[int, int]:
    """The ticket of each of these mails; mails without one are left out."""
    query = select(messages.c.spool_id, messages.c.ticket).where(messages.c.spool_id.in_(spool_ids))
    return {spool_id: ticket for spool_id, ticket in connection.execute(query) if ticket is not None}


def mails_of(connection: Connection, number: int) -> tuple[tuple[int, datetime], ...]:
    """The spool ids of a ticket's mail and when each came, in that order."""
    query = select(messages.c.spool_id, messages.c.at).where(messages.c.ticket == number).order_by(messages.c.at, messages.c.id)
    return tuple((row.spool_id, row.at) for row in connection.execute(query))


def blank(connection: Connection, like: Ticket, now: datetime) -> int:
    """The number of a new ticket at the desk, and under the policy, of `like`; it holds nothing yet."""
    values = {
        "desk": like.desk, "policy": like.policy, "kind": like.kind, "state": like.state, "subject": like.subject,
        "opened_at": now, "seller": None, "entity": None, "tags": (), "facts": {}, "version": 1,
    }  # fmt: skip
    return int(connection.execute(insert(tickets), values).inserted_primary_key[0])  # type: ignore[index]


def assign(connection: Connection, spool_ids: Sequence[int], number: int) -> None:
    """Put these mails on ticket `number`; the ids that they carry lead there from now on."""
    for table, column in ((messages, messages.c.spool_id), (spool, spool.c.id)):
        connection.execute(update(table).where(column.in_(spool_ids)).values(ticket=number))
    carried = select(messages.c.message_id).where(messages.c.spool_id.in_(spool_ids) & messages.c.message_id.is_not(None))
    names = list(connection.execute(carried).scalars())
    connection.execute(delete(ids).where(ids.c.message_id.in_(names) & ids.c.kind.in_(("received", "mentioned"))))
    for name in names:
        ticket_rows.know(connection, number, name, ())
    clues.move(connection, spool_ids, number)


def close_merged(connection: Connection, number: int, into: int) -> None:
    """The merged ticket keeps no clock and no mail; its own ids and its number lead to the other one, which knows what fired."""
    connection.execute(delete(clocks).where(clocks.c.subject == f"ticket:{number}"))
    own = connection.execute(select(ids.c.message_id).where(ids.c.ticket == number)).scalars().all()
    ticket_rows.know(connection, into, None, (), own)
    connection.execute(delete(ids).where(ids.c.ticket == number))
    clues.merge(connection, number, into)
    for row in connection.execute(_FIRED, {"subject": f"ticket:{number}"}):
        happenings.note(connection, by_step((row.clock, row.step, row.occurrence), row.due, row.fired_at, number))
    happenings.hand_over(connection, number, into)
    values = {"state": "merged", "facts": {"merged_into": into}, "version": tickets.c.version + 1}
    connection.execute(update(tickets).where(tickets.c.number == number).values(values))


@dataclass(frozen=True)
class FiredStep:
    """A step that fired. `came`: its place among the ticket's mail.

    `due`: of one that fired on a ticket which was merged into this one, where the clocks are counted otherwise: when it was due.
    """

    clock: str
    episode: int
    step: str
    occurrence: int
    fired_at: datetime
    came: datetime
    due: datetime | None = None

    def is_on(self, clock: Clock) -> bool:
        """Is this a step of `clock`?"""
        if self.due is None:
            return (clock.name, clock.episode) == (self.clock, self.episode)
        return clock.name == self.clock and any(map(self.is_of, clock.marks))

    def is_of(self, mark: Mark) -> bool:
        """Is this how `mark` fired?"""
        if self.due is None:
            return (mark.step, mark.occurrence) == (self.step, self.occurrence)
        return (mark.step, mark.due) == (self.step, self.due)

    def is_with(self, other: FiredStep) -> bool:
        """Did one mail name both (G-10)?"""
        mine, others = ((one.clock, one.episode, one.step, one.fired_at, one.due is None) for one in (self, other))
        return mine == others


_FIRED = select(steps).where(steps.c.subject == bindparam("subject"))


def fired_steps(connection: Connection, number: int) -> tuple[FiredStep, ...]:
    """What fired on the ticket's clocks, and on those of tickets merged into it, in the order in which it was due."""
    rows = connection.execute(_FIRED, {"subject": f"ticket:{number}"})
    own = [FiredStep(row.clock, row.episode, row.step, row.occurrence, row.fired_at, row.due) for row in rows]
    merged = [_fired(one) for one in happenings.of_ticket(connection, number) if one.kind == FIRED]
    return tuple(sorted((*own, *merged), key=lambda one: (one.came, one.fired_at, one.occurrence)))


def _fired(one: Happening) -> FiredStep:
    due = datetime.fromisoformat(one.data["due"])
    return FiredStep(one.data["clock"], 0, one.data["step"], one.data["occurrence"], one.at, due, due)


def doubted(connection: Connection, spool_id: int) -> set[tuple[str, str]]:
    """(Message-ID, recipient) that this report told of when it came, too weak to act upon."""
    query = select(events.c.data).where((events.c.spool_id == spool_id) & (events.c.event == "bounce_doubted"))
    return {(data["message_id"], data["recipient"]) for data in connection.execute(query).scalars()}


def premises(connection: Connection, spool_id: int) -> Premises | None:
    """What this mail was judged by when it came; None for one from before any were kept."""
    return read(connection.execute(select(messages.c.premises).where(messages.c.spool_id == spool_id)).scalar() or {})


def retell(connection: Connection, spool_id: int, said: Spoken) -> None:
    """Store what a mail means on the ticket that it is on now."""
    values = {"party": said.party, "event": said.event, "missing": said.missing}
    connection.execute(update(messages).where(messages.c.spool_id == spool_id).values(values))


def rewrite(connection: Connection, ticket: Ticket) -> None:
    """Put the ticket that was built anew in the place of the old one, its clocks and its people."""
    kept = [one.id for one in ticket.participants if one.id]
    mine = participants.c.ticket == ticket.number
    connection.execute(delete(participants).where(mine & participants.c.id.not_in(kept)))
    connection.execute(delete(clocks).where(clocks.c.subject == f"ticket:{ticket.number}"))
    ticket_rows.write(connection, ticket)
    clock_rows.write(connection, ticket.clocks)


def note(connection: Connection, number: int, entry: Entry) -> None:
    """Add a line to the ticket's history."""
    desk = connection.execute(select(tickets.c.desk).where(tickets.c.number == number)).scalar_one()
    about = {"desk": desk, "ticket": number, "seller": None, "spool_id": None}
    ticket_rows.record(connection, [entry], about, entry.at)
