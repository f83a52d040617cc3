"""Asks, reminders, the final window and the escalation (docs/rules.md D-18…D-22, D-28, DR-01, DR-02, DR-05, DR-06, DR-09)."""

from __future__ import annotations

import pytest
from exchange import Gate
from people import Person

FRIDAY = "2026-06-12T18:30"
SUNDAY, MONDAY, TUESDAY = "2026-06-14T18:30", "2026-06-15T18:30", "2026-06-16T18:30"


def test_seller_who_never_answers_is_reminded_twice_and_then_escalated(
    gate: Gate, inc: Person, acme: Person, manager: Person
) -> None:
    """D-18…D-22, DR-01 (a), DR-02 (a), worked example §7: 48 h, 72 h, and 24 h after the last reminder."""
    gate.at(FRIDAY)
    inc.writes([acme])
    gate.at("2026-06-14T18:29")
    gate.stays_silent()
    gate.at(SUNDAY)
    gate.sends("remind", [acme, inc], n=1)
    gate.at(MONDAY)
    gate.sends("remind", [acme, inc], n=2)
    gate.at("2026-06-16T18:29")
    gate.stays_silent()
    gate.at(TUESDAY)
    gate.sends("escalate", [manager, inc], tag="potential_chargeback")
    assert gate.ticket().tags == {"potential_chargeback"}  # D-28
    gate.later(days=60)
    gate.stays_silent()


def test_reply_at_the_very_instant_of_the_reminder_is_in_time(gate: Gate, inc: Person, acme: Person) -> None:
    """G-05, worked example §7: a mail stamped exactly at the due instant is in time."""
    gate.at(FRIDAY)
    ask = inc.writes([acme])
    gate.at(SUNDAY)
    acme.replies(ask)
    gate.stays_silent()
    assert gate.ticket().state == "answered"
    assert gate.clock().stopped_at == gate.clock().due
