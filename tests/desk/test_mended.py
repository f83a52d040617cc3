"""What mending changes of a ticket: where two builds agree, what is stored stands."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from mailgate.desk.mended import mended
from mailgate.desk.ticket import Clock, Mark, Spoken, Ticket

AT = datetime(2026, 6, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def clock(asked: str, episode: int = 1, at: datetime = AT, **how: object) -> Clock:
    marks = (Mark("reminder", 1, at + DAY), Mark("reminder", 2, at + 2 * DAY))
    return replace(Clock("ticket:1", "respond", episode, "running", at, at + DAY, marks, for_message=asked), **how)  # type: ignore[arg-type]


def said(name: str) -> Spoken:
    return Spoken(name, "a@b.example", "desk", AT, "asked", "", frozenset())


def ticket(*clocks: Clock, **how: object) -> Ticket:
    spoken = tuple(said(one.for_message or "") for one in clocks)
    return replace(Ticket(1, "desk", "", "support", "waiting", "Order", AT, spoken=spoken, clocks=clocks), **how)  # type: ignore[arg-type]


def test_what_no_build_knows_stands() -> None:
    """A promise by the hours of then, a closing, a tag and a fact that nobody kept the reason of."""
    old = ticket(clock("a", due=AT + 9 * DAY), state="closed", tags=frozenset({"kept"}), facts={"old": 1})
    built = ticket(clock("a"))
    assert mended(old, built, built) == replace(old, spoken=built.spoken)


def test_what_the_second_build_says_otherwise_is_taken_and_no_more() -> None:
    """The answer that was moved here stops the clock; its promise stays what it was."""
    old = ticket(clock("a", due=AT + 9 * DAY), facts={"old": 1})
    before, after = ticket(clock("a")), ticket(clock("a", state="stopped", stopped_at=AT), state="answered", facts={"new": 2})
    done = mended(old, before, after)
    assert done.clocks == (clock("a", due=AT + 9 * DAY, state="stopped", stopped_at=AT),)
    assert (done.state, done.facts) == ("answered", {"old": 1, "new": 2})


def test_clock_goes_with_the_mail_that_it_runs_for() -> None:
    """Though no build knew of it; that of a mail which stays is kept."""
    old = ticket(clock("a"), clock("b", 2), clock("a", 3, AT + DAY))
    before = ticket(clock("b"), spoken=(said("a"), said("b")))
    assert mended(old, before, ticket(clock("b"))).clocks == (clock("b", 2),)
    assert mended(old, before, ticket()).clocks == ()


def test_two_clocks_of_one_number_are_counted_anew() -> None:
    """As they started: the older ask of another ticket comes first."""
    old, new = clock("b", at=AT + DAY), clock("a")
    done = mended(ticket(old), ticket(), ticket(new, spoken=(said("a"), said("b"))))
    assert done.clocks == (new, replace(old, episode=2))
