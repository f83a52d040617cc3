"""What staff has ordered stands when people mend a ticket: an extension, a hold, a closing, by a verb, a link or a word."""

from __future__ import annotations

from dataclasses import replace

import pytest
from exchange import Gate
from passage import Notice
from people import Mail, Person
from sqlalchemy import delete, update
from test_mending import merge, move

from mailgate.desk.ticket import Clock, Ticket
from mailgate.store.engine import Connection
from mailgate.store.schema import happenings, messages

LABELS = {
    "extend": "Give more time",
    "hold": "Pause the clock",
    "no_answer_needed": "No answer needed",
    "close": "Close the ticket",
}
WORDS = {"extend": "EXTEND 2026-06-30", "hold": "HOLD", "no_answer_needed": "NO ANSWER NEEDED"}
TOLD = {"extend": "extended", "no_answer_needed": "answer_needed_not"}
BY = [(by, name) for by in ("verb", "link", "word") for name in LABELS if by != "word" or name in WORDS]


@pytest.fixture(autouse=True)
def _from_friday(gate: Gate) -> None:
    gate.at("2026-06-12T18:30")


def reminded(gate: Gate, inc: Person, acme: Person) -> tuple[Mail, Notice]:
    """An ask, and the first reminder of it."""
    ask = inc.writes([acme])
    gate.later(hours=48)
    return ask, gate.sends("remind", [inc, acme], n=1)


def orders(gate: Gate, inc: Person, acme: Person, reminder: Notice, by: str, name: str) -> None:
    """The desk gives the order, two hours after the reminder."""
    gate.later(hours=2)
    if by == "verb":
        gate.orders(name, 1, **({"until": "2026-06-30"} if name == "extend" else {}))
    elif by == "link":
        inc.follows(reminder, LABELS[name], "2026-06-30" if name == "extend" else "")
    else:
        inc.replies(reminder, WORDS[name])
    if told := TOLD.get(name):
        gate.sends(told, acme)
    gate.later(hours=1)


def ends(gate: Gate, ticket: int = 1) -> None:
    """The rest of the story is of no interest."""
    gate.orders("no_answer_needed", ticket)
    gate.disregards()


def stands(ticket: Ticket) -> tuple[str, tuple[Clock, ...]]:
    return ticket.state, tuple(replace(one, version=0) for one in ticket.clocks)


@pytest.mark.parametrize(("by", "name"), BY)
def test_staffs_order_stands_after_a_mail_is_moved_to_the_ticket(
    gate: Gate, inc: Person, acme: Person, nova: Person, by: str, name: str
) -> None:
    """DR-11: a deadline that was extended stays extended, a closed ticket closed, whoever gave the order and however."""
    ask, reminder = reminded(gate, inc, acme)
    orders(gate, inc, acme, reminder, by, name)
    before = stands(gate.ticket())
    assert before[1][0].due != ask.at or before[1][0].state != "running"
    stray = nova.writes([inc], subject="Something else")
    move(gate, stray.settled.spool_id, to=1)
    assert stands(gate.ticket()) == before
    gate.at("2026-06-29T12:00")
    gate.stays_silent()
    ends(gate)


@pytest.mark.parametrize(("by", "name"), BY)
def test_staffs_order_stands_on_the_ticket_that_another_is_merged_into(
    gate: Gate, inc: Person, acme: Person, nova: Person, by: str, name: str
) -> None:
    """DR-11: the other ticket's mail changes nothing about it."""
    _, reminder = reminded(gate, inc, acme)
    orders(gate, inc, acme, reminder, by, name)
    before = stands(gate.ticket())
    other = nova.writes([inc], subject="Something else")
    merge(gate, other.ticket, into=1)
    assert stands(gate.ticket()) == before
    gate.at("2026-06-29T12:00")
    gate.stays_silent()
    ends(gate)


def test_hold_that_staff_has_ended_is_over_after_a_move(gate: Gate, inc: Person, acme: Person, nova: Person) -> None:
    """Orders happen again in the order in which they were given."""
    inc.writes([acme])
    gate.later(hours=10)
    gate.orders("hold", 1)
    gate.later(hours=20)
    gate.orders("resume", 1)
    before = stands(gate.ticket())
    stray = nova.writes([inc], subject="Something else")
    move(gate, stray.settled.spool_id, to=1)
    assert stands(gate.ticket()) == before
    gate.later(hours=37)
    gate.stays_silent()
    gate.later(hours=1)
    gate.sends("remind", [inc, acme], n=1)
    ends(gate)


def test_extension_goes_along_with_the_ask_that_it_was_given_for(gate: Gate, inc: Person, acme: Person) -> None:
    """The extended ticket is merged into a newer one: its ask is the older one there, and its time is what it was."""
    inc.writes([acme], subject="Order 1")
    gate.later(hours=1)
    gate.orders("extend", 1, until="2026-06-30")
    gate.sends("extended", acme)
    due = gate.clock(1).due
    gate.later(hours=1)
    again = inc.writes([acme], subject="Order 1 again")
    merge(gate, 1, into=again.ticket)
    assert gate.clock(again.ticket).due == due
    gate.at("2026-06-29T12:00")
    gate.stays_silent()
    ends(gate, again.ticket)


@pytest.mark.parametrize("by", ["verb", "link"])
def test_closing_the_second_ticket_of_a_case_does_not_close_the_first(gate: Gate, inc: Person, acme: Person, by: str) -> None:
    """What waits on the ticket that stays was not meant: it waits on."""
    first = inc.writes([acme], subject="Order 1")
    gate.later(hours=1)
    second = inc.writes([acme], subject="Order 1 again")
    gate.later(hours=48)
    gate.sends("remind", [inc, acme], n=1)
    twice = gate.sends("remind", [inc, acme], n=1)
    gate.later(hours=1)
    if by == "verb":
        gate.orders("close", second.ticket)
    else:
        inc.follows(twice, LABELS["close"])
    assert gate.clock(second.ticket).state == "void"
    merge(gate, second.ticket, into=first.ticket)
    assert gate.clock(first.ticket).state == "running"
    acme.replies(first)


def test_link_that_was_used_stays_used_after_a_merge(gate: Gate, inc: Person, acme: Person, nova: Person) -> None:
    """A ticket that is built anew reads the mail of a link once more, and spends nothing twice; the link acts no more."""
    _, reminder = reminded(gate, inc, acme)
    inc.follows(reminder, LABELS["close"])
    other = nova.writes([inc], subject="Something else")
    merge(gate, other.ticket, into=1)
    again = inc.follows(reminder, LABELS["close"])
    gate.sends("command_refused", inc)
    assert again.event == "commanded"


def test_sellers_strike_counts_once_however_often_his_ticket_is_mended(
    gate: Gate, inc: Person, acme: Person, nova: Person
) -> None:
    """Letters of the past are not written again, and strikes are not repeated."""
    inc.writes([acme])
    gate.later(days=8)
    gate.disregards()
    strikes = gate.strikes("acme")
    assert strikes
    for number in (1, 2):
        stray = nova.writes([inc], subject=f"Something else {number}")
        move(gate, stray.settled.spool_id, to=1)
    assert gate.strikes("acme") == strikes
    gate.stays_silent()


def test_reminder_is_not_sent_twice_when_its_ticket_is_merged_into_a_newer_one(gate: Gate, inc: Person, acme: Person) -> None:
    """What was sent stays sent: the older ask goes on where it was, with the next reminder."""
    inc.writes([acme], subject="Order 1")
    gate.later(hours=47)
    again = inc.writes([acme], subject="Order 1 again")
    gate.later(hours=1)
    gate.sends("remind", [inc, acme], n=1)
    gate.later(hours=1)
    merge(gate, 1, into=again.ticket)
    gate.later(hours=22)
    gate.stays_silent()
    gate.later(hours=1)
    gate.sends("remind", [inc, acme], n=2)
    ends(gate, again.ticket)


def test_escalation_is_not_told_twice_when_its_ticket_is_merged_into_a_newer_one(
    gate: Gate, inc: Person, acme: Person, nova: Person
) -> None:
    """D-28, D-29: the ticket that stays bears its mark, and the seller one strike."""
    inc.writes([acme], subject="Order 1")
    gate.later(hours=95)
    again = inc.writes([acme], subject="Order 1 again")
    gate.later(hours=2)
    gate.disregards()
    strikes = gate.strikes("acme")
    assert (len(strikes), gate.ticket(again.ticket).tags) == (1, frozenset())
    merge(gate, 1, into=again.ticket)
    gate.later(days=5)
    gate.stays_silent()
    assert gate.ticket(again.ticket).tags == {"potential_chargeback"}
    assert gate.strikes("acme") == strikes
    stray = nova.writes([inc], subject="Something else")
    move(gate, stray.settled.spool_id, to=again.ticket)
    gate.stays_silent()
    ends(gate, again.ticket)


@pytest.mark.differs("a clock that is built anew goes by the holidays of today")
def test_promise_of_before_stands_after_a_move_though_the_holidays_are_others(
    gate: Gate, inc: Person, acme: Person, nova: Person
) -> None:
    """What was promised does not move: mending changes only what the moved mail changes."""
    gate.under(pause_on=["holidays"])
    inc.writes([acme])
    before = stands(gate.ticket())
    gate.registers("acme", holidays=["2026-06-13", "2026-06-14"])
    stray = nova.writes([inc], subject="Something else")
    move(gate, stray.settled.spool_id, to=1)
    assert stands(gate.ticket()) == before
    gate.later(hours=48)
    gate.sends("remind", [inc, acme], n=1)
    ends(gate)


def forgets(connection: Connection) -> None:
    """A store of an earlier version: of its orders, and of what its mail was judged by, nothing was kept."""
    connection.execute(delete(happenings))
    connection.execute(update(messages).values(premises={}))


@pytest.mark.differs("what was not kept is not known")
def test_order_of_before_orders_were_kept_stands_too(gate: Gate, inc: Person, acme: Person, nova: Person) -> None:
    """Two builds that know nothing of the closing say the same: so it stands."""
    inc.writes([acme])
    gate.later(hours=1)
    gate.orders("close", 1)
    before = stands(gate.ticket())
    gate.stage.store.call(forgets)
    stray = nova.writes([inc], subject="Something else")
    move(gate, stray.settled.spool_id, to=1)
    assert stands(gate.ticket()) == before
    gate.later(days=9)
    gate.stays_silent()
