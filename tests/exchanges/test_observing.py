"""A desk on the seller's side (docs/rules.md G-13): the same clocks, warnings to own staff, nothing to the other party."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from exchange import Gate
from people import Person

from mailgate.desk.observe import as_seen_by
from mailgate.desk.party import Desk

FRIDAY = "2026-06-12T18:30"


@pytest.fixture
def watcher(gate: Gate) -> Gate:
    """Acme's own mailgate, which sees the mail that Digistore24 and Acme exchange."""
    return _observes(gate)


def _observes(gate: Gate, **changes: Any) -> Gate:
    desk = Desk.model_validate({**gate.stage.desk.model_dump(), "mode": "observe", **changes})
    raw = dict(as_seen_by(desk, gate.raw_pack))
    gate.raw_pack = raw
    source = replace(gate.stage.house.sources["desk"], raw=raw)
    gate.stage.house = replace(gate.stage.house, sources={"desk": source})
    gate.moves_to(desk)
    gate.under()
    return gate


def test_staff_is_warned_before_the_limit_and_at_each_step_and_nobody_else_hears(
    watcher: Gate, inc: Person, acme: Person, staff: Person
) -> None:
    """G-13, D-19…D-22: four hours before, at both reminders and at the escalation of the other side."""
    watcher.at(FRIDAY)
    inc.writes([acme])
    watcher.at("2026-06-14T14:29")
    watcher.stays_silent()
    watcher.at("2026-06-14T14:30")
    soon = watcher.sends("warn_due", staff)
    assert soon.message.subject.endswith("Due soon: Order 4711")
    for local in ("2026-06-14T18:30", "2026-06-15T18:30", "2026-06-16T18:30"):
        watcher.at(local)
        assert "Overdue" in watcher.sends("warn_due", staff).message.subject
    watcher.later(days=30)
    watcher.stays_silent()
    assert watcher.ticket().tags == {"potential_chargeback"}


def test_history_says_what_the_other_side_asks_for_and_what_was_done_here(
    watcher: Gate, inc: Person, acme: Person, staff: Person
) -> None:
    """G-13: the audit log is written; what this desk did not do is not in it as done."""
    watcher.at(FRIDAY)
    inc.writes([acme])
    watcher.later(hours=48)
    watcher.sends("warn_due", staff)
    watcher.sends("warn_due", staff)
    (asked,) = watcher.logged("remind")
    assert (asked["data"]["observed"], asked["data"]["action"]) == (True, False)
    assert [one["data"]["roles"] for one in watcher.logged("warn_due") if one["data"]["action"]] == [["desk.staff"]] * 2


def test_answer_that_counts_ends_the_warnings(watcher: Gate, inc: Person, acme: Person) -> None:
    """D-27: the same judgement of an answer as on the other side."""
    watcher.at(FRIDAY)
    ask = inc.writes([acme])
    watcher.later(hours=5)
    acme.replies_to_all(ask)
    assert watcher.ticket().state == "answered"
    watcher.later(days=30)
    watcher.stays_silent()


def test_answer_that_will_not_count_is_told_to_staff(
    watcher: Gate, inc: Person, acme: Person, buyer: Person, staff: Person
) -> None:
    """D-25, G-13: the seller's own people hear that the copy is missing; the other side hears nothing from us."""
    watcher.at(FRIDAY)
    ask = inc.writes([acme], [buyer])
    watcher.later(hours=5)
    acme.replies_to_all(ask, without=[inc])
    warned = watcher.sends("warn_violation", staff)
    assert acme.address in (warned.message.text or "")
    assert inc.address in (warned.message.text or "")
    assert watcher.ticket().state == "waiting"


def test_own_mail_that_a_suppression_list_stops_is_told_to_staff(watcher: Gate, inc: Person, acme: Person, staff: Person) -> None:
    """D-14, G-13: our answer never reached the helpdesk, and the clock runs on."""
    watcher.at(FRIDAY)
    ask = inc.writes([acme])
    watcher.later(hours=5)
    answer = acme.replies_to_all(ask)
    listed = "550 5.1.1 The recipient is on the Amazon SES account-level suppression list"
    watcher.returns(answer, inc, said=listed)
    warned = watcher.sends("warn_suppressed", staff)
    assert inc.address in warned.message.subject
    assert watcher.ticket().state == "waiting"


def test_own_mail_that_bounces_without_a_list_is_told_to_staff(watcher: Gate, inc: Person, acme: Person, staff: Person) -> None:
    """D-14: an address that does not exist is no suppression list, and the alert says so."""
    watcher.at(FRIDAY)
    answer = acme.replies_to_all(inc.writes([acme]))
    watcher.returns(answer, inc)
    assert "suppression list, so mail" not in (watcher.sends("alert_delivery", staff).message.text or "")


def test_desk_without_a_lead_time_warns_when_a_step_is_due(gate: Gate, inc: Person, acme: Person, staff: Person) -> None:
    """`warn_before = ""`: the first warning comes with the other side's first reminder."""
    watcher = _observes(gate, warn_before="")
    watcher.at(FRIDAY)
    inc.writes([acme])
    watcher.at("2026-06-14T18:29")
    watcher.stays_silent()
    watcher.later(minutes=1)
    watcher.sends("warn_due", staff)


def test_sellers_word_is_answered_to_him(watcher: Gate, inc: Person, acme: Person) -> None:
    """G-15: STATUS from the seller's own people gets its answer; they are this desk's side."""
    watcher.at(FRIDAY)
    ask = inc.writes([acme])
    acme.replies(ask, "STATUS", adding=[watcher.stage.desk.address])
    watcher.sends("status", acme)
