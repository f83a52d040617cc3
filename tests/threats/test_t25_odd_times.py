"""T25: summer time, leap days, clocks that jump, a host that slept.

All zones and rules: tests/desk/test_calendar.py, test_clock*.py.
"""

from __future__ import annotations

import pytest
from exchange import Gate
from people import Person

TURNS = {  # local start of the question, and when New York's clocks change within the 48 hours
    "spring forward": "2027-03-13T01:30",
    "fall back": "2026-10-31T01:30",
    "in the hour that comes twice": "2026-10-30T01:30",
    "leap day": "2028-02-27T23:30",
    "new year": "2026-12-30T23:59",
}


@pytest.mark.parametrize("turn", TURNS)
def test_t25_forty_eight_hours_are_elapsed_hours_and_one_reminder(gate: Gate, inc: Person, acme: Person, turn: str) -> None:
    """G-02: a promise in hours does not move with the clocks; nothing twice, nothing lost."""
    gate.at(TURNS[turn])
    inc.writes([acme])
    started = gate.now
    gate.later(hours=47, minutes=59)
    gate.stays_silent()
    gate.later(minutes=1)
    reminder = gate.sends("remind", [acme, inc], n=1)
    assert (reminder.at - started).total_seconds() == 48 * 3600
    gate.later(hours=2)
    gate.stays_silent()
    acme.replies_to_all(reminder)


@pytest.mark.parametrize("hours", [60, 75, 24 * 30])
def test_t25_host_that_slept_says_everything_once(gate: Gate, inc: Person, acme: Person, manager: Person, hours: int) -> None:
    """G-10: what is overdue comes at once, the reminders of one ticket as one mail."""
    inc.writes([acme])
    gate.sleeps(hours=hours)
    gate.later(minutes=1)
    readers = [row.notice for _, row in gate.stage.sent if row.reader == acme.address]
    assert readers == ["remind"]
    assert [row.notice for _, row in gate.stage.sent].count("escalate") <= 2
    gate.orders("no_answer_needed")
    gate.disregards()


@pytest.mark.differs("a clock that is built anew goes by the holidays of today")
def test_t25_due_instants_are_kept_when_the_holiday_list_is_corrected(gate: Gate, inc: Person, acme: Person) -> None:
    """What was promised does not move, though days off count; tests/exchanges/test_changes_meanwhile.py has the others."""
    gate.under(pause_on=["holidays"])
    inc.writes([acme])
    due = gate.clock().due
    gate.registers("acme", holidays=["2026-06-02", "2026-06-03"])
    gate.winds()
    gate.later(hours=1)
    assert gate.clock().due == due
    gate.orders("no_answer_needed")
    gate.disregards()
