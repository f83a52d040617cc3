"""What is counted of sellers: open promises, and the figures of a span of time. Aggregates only; no ticket is loaded.

Every count starts from the tickets of a desk or of one seller (an index), and looks at no entry of the history that was recorded
before the span: entries are appended in order, so the first of them is found by halving. What a seller's answers took is read
from the clocks, which also know what was paused and what a bounced answer took back.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, Text, and_, cast, distinct, func, literal, or_, select, type_coerce

from mailgate.desk.agenda import Promise, is_promised
from mailgate.desk.heading import shown
from mailgate.desk.house import House
from mailgate.desk.party import Desk, Seller
from mailgate.desk.report import DECIDED, POTENTIAL, Answer, Counted, Span
from mailgate.mail import address as addresses
from mailgate.store.act import policy_of
from mailgate.store.schema import clocks, events, marks, messages, strikes, tickets

MARGIN = timedelta(hours=1)  # what the clocks of a machine may have been set back
_SUBJECT = literal("ticket:") + cast(tickets.c.number, Text)


@dataclass(frozen=True)
class Sought:
    """What to count: at which desk, of which seller (None: of each), by which clock and which entries; `mails` too, or not."""

    desk: str
    span: Span
    clock: str
    events: Collection[str]
    seller: str | None = None
    mails: bool = False


def promises(connection: Connection, house: House, desk: Desk, whose: str, seller: Seller | None = None) -> tuple[Promise, ...]:
    """The promises that are open for `whose` (seller, desk) on the tickets of this desk, or of one seller there.

    What he is told they are called is what he may see of their subjects (G-14).
    """
    wanted = (
        select(tickets.c.number, tickets.c.subject, tickets.c.facts, tickets.c.policy)
        .add_columns(clocks.c.name, clocks.c.due, clocks.c.next_due_at)
        .join(clocks, clocks.c.subject == _SUBJECT)
        .where(_of(desk.name, seller.id if seller else None) & (clocks.c.state == "running"))
        .order_by(tickets.c.number)
    )
    outside = [addresses.key(seller.support)] if seller else []
    found = []
    for row in connection.execute(wanted):
        due = row.due or row.next_due_at
        if due is not None and is_promised(policy_of(connection, house, desk, row.policy), row.name, whose):
            subject = shown(row.subject, row.facts, outside) if outside else row.subject
            found.append(Promise(row.number, subject or "", row.name, due))
    return tuple(found)


def decided_at(connection: Connection, desk: str, seller: str) -> datetime | None:
    """When somebody last decided whether to take over this seller's support (D-29); None for never."""
    query = select(marks.c.at).where((marks.c.desk == desk) & (marks.c.seller == seller) & (marks.c.name == DECIDED))
    found: datetime | None = connection.execute(query).scalar()
    return found


def counted(connection: Connection, sought: Sought) -> dict[str, Counted]:
    """The counts of each seller of whom there is anything to count, by his id."""
    found: defaultdict[str, _Sums] = defaultdict(_Sums)
    first = first_since(connection, sought.span.since - MARGIN)
    for seller, event, number in connection.execute(_entries(sought, first)):
        found[seller].events[event] = number
    for seller, number in connection.execute(_opened(sought)):
        found[seller].numbers["tickets"] = number
    for seller, number in connection.execute(_marked(sought, first)):
        found[seller].numbers["potential"] = number
    for seller, number, spoken_on in connection.execute(_spoken(sought)) if sought.mails else ():
        found[seller].numbers |= {"messages": number, "spoken_on": spoken_on}
    for seller, kind, number in connection.execute(_strikes(sought)):
        found[seller].strikes[kind] = number
    for row in connection.execute(_promised(sought)) if sought.clock else ():
        found[row.seller].numbers["asks"] += _within(row.started_at, sought.span)
        if row.state == "stopped" and _within(row.stopped_at, sought.span):
            found[row.seller].answers.append(_answer(row))
    return {seller: sums.told() for seller, sums in found.items()}


@dataclass
class _Sums:
    numbers: Counter[str] = field(default_factory=Counter)
    events: dict[str, int] = field(default_factory=dict)
    strikes: dict[str, int] = field(default_factory=dict)
    answers: list[Answer] = field(default_factory=list)

    def told(self) -> Counted:
        return Counted(**self.numbers, answers=tuple(self.answers), events=self.events, strikes=self.strikes)


def first_since(connection: Connection, since: datetime) -> int:
    """The id of the first entry of the history that was recorded at `since` or later; one more than the last if there is none."""
    low, high = 1, (connection.execute(select(func.max(events.c.id))).scalar() or 0) + 1
    while low < high:
        middle = (low + high) // 2
        query = select(events.c.id, events.c.recorded_at).where(events.c.id >= middle).order_by(events.c.id).limit(1)
        row = connection.execute(query).one()
        if row.recorded_at >= since:
            high = middle
        else:
            low = row.id + 1
    return low


def _of(desk: str, seller: str | None) -> ColumnElement[bool]:
    mine = tickets.c.desk == desk
    return mine & (tickets.c.seller == seller if seller is not None else tickets.c.seller.is_not(None))


def _in(column: Any, span: Span) -> ColumnElement[bool]:
    return and_(column >= span.since, column < span.until)


def _within(instant: datetime | None, span: Span) -> bool:
    return instant is not None and span.since <= instant < span.until


def _entries(sought: Sought, first: int) -> Select[Any]:
    """(seller, event, how many) of the entries that are asked for."""
    mine = _of(sought.desk, sought.seller) & (events.c.id >= first) & _in(events.c.at, sought.span)
    return (
        select(tickets.c.seller, events.c.event, func.count())
        .join(events, events.c.ticket == tickets.c.number)
        .where(mine & events.c.event.in_(sorted(sought.events)))
        .group_by(tickets.c.seller, events.c.event)
    )


def _opened(sought: Sought) -> Select[Any]:
    """(seller, how many tickets were opened)."""
    mine = _of(sought.desk, sought.seller) & _in(tickets.c.opened_at, sought.span)
    return select(tickets.c.seller, func.count()).where(mine).group_by(tickets.c.seller)


def _marked(sought: Sought, first: int) -> Select[Any]:
    """(seller, how many tickets that may become chargebacks had anything happen on them) (D-28)."""
    tagged = type_coerce(tickets.c.tags, Text).like(f'%"{POTENTIAL}"%')
    happened = select(events.c.id).where(
        (events.c.ticket == tickets.c.number) & (events.c.id >= first) & _in(events.c.at, sought.span)
    )
    mine = _of(sought.desk, sought.seller) & tagged & happened.exists()
    return select(tickets.c.seller, func.count()).where(mine).group_by(tickets.c.seller)


def _spoken(sought: Sought) -> Select[Any]:
    """(seller, how many mails that people wrote, on how many tickets) (M-22)."""
    mine = _of(sought.desk, sought.seller) & _in(messages.c.at, sought.span) & (messages.c["class"] == "human")
    return (
        select(tickets.c.seller, func.count(), func.count(distinct(tickets.c.number)))
        .join(messages, messages.c.ticket == tickets.c.number)
        .where(mine)
        .group_by(tickets.c.seller)
    )


def _strikes(sought: Sought) -> Select[Any]:
    """(seller, kind, how many strikes)."""
    mine = (strikes.c.desk == sought.desk) & _in(strikes.c.at, sought.span)
    mine = mine & (strikes.c.seller == sought.seller) if sought.seller is not None else mine
    return select(strikes.c.seller, strikes.c.kind, func.count()).where(mine).group_by(strikes.c.seller, strikes.c.kind)


def _promised(sought: Sought) -> Select[Any]:
    """The clocks that measure the seller's answers, started or stopped in the span."""
    happened = or_(_in(clocks.c.started_at, sought.span), _in(clocks.c.stopped_at, sought.span))
    columns = (clocks.c.state, clocks.c.started_at, clocks.c.stopped_at, clocks.c.due, clocks.c.pauses)
    return (
        select(tickets.c.seller, *columns)
        .join(clocks, (clocks.c.subject == _SUBJECT) & (clocks.c.name == sought.clock))
        .where(_of(sought.desk, sought.seller) & happened)
        .order_by(tickets.c.number, clocks.c.episode)
    )


def _answer(row: Any) -> Answer:
    took = row.stopped_at - row.started_at - sum(_spans(row.pauses), timedelta())
    return Answer(max(took, timedelta()), row.due is not None and row.stopped_at > row.due)


def _spans(pauses: Iterable[Any]) -> Iterable[timedelta]:
    """How long each pause was; one that never ended ended with the clock."""
    return (datetime.fromisoformat(ends) - datetime.fromisoformat(begins) for begins, ends in pauses if ends)
