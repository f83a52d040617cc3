"""Strikes, the alarm, and what a takeover changes (docs/rules.md D-28, D-29, DR-08, G-05, G-07)."""

from __future__ import annotations

from typing import Any

from exchange import Gate
from people import Mail, Person

START = "2026-06-01T09:00"


def _escalated(gate: Gate, inc: Person, acme: Person, manager: Person, order: str) -> None:
    """Nobody answers: a strike, 24 hours after the deadline (max_reminders = 0)."""
    inc.writes([acme], subject=order)
    gate.later(hours=72)
    gate.sends("escalate", [manager, inc])


def _chargeback(notifier: Person, inc: Person, **how: Any) -> Mail:
    return notifier.writes([inc], subject="Chargeback", text="Seller: acme\nChargeback: yes", **how)


def test_strikes_are_only_counted_by_default(gate: Gate, inc: Person, acme: Person, manager: Person, notifier: Person) -> None:
    """DR-08: takeover_strikes = 0 never proposes."""
    gate.under(max_reminders=0)
    gate.at(START)
    for order in ("1", "2", "3", "4"):
        _escalated(gate, inc, acme, manager, order)
        _chargeback(notifier, inc)
    gate.stays_silent()


def test_alarm_sounds_once_when_the_count_is_reached(
    gate: Gate, inc: Person, acme: Person, manager: Person, ops: Person, notifier: Person
) -> None:
    """D-29, DR-08: an escalation, a late answer, a chargeback; the fourth is silent while the count stays up."""
    gate.under(max_reminders=0, takeover_strikes=3)
    gate.at(START)
    _escalated(gate, inc, acme, manager, "1")
    ask = inc.writes([acme], subject="2")
    gate.later(hours=50)
    acme.replies(ask)  # two hours late, not escalated yet
    gate.stays_silent()
    _chargeback(notifier, inc)
    alarm = gate.sends("propose_takeover", [manager, ops])
    assert "Acme" in alarm.message.subject
    gate.later(days=1)
    _chargeback(notifier, inc)
    gate.stays_silent()


def test_alarm_sounds_again_after_the_count_has_fallen(
    gate: Gate, inc: Person, acme: Person, manager: Person, ops: Person, notifier: Person
) -> None:
    """DR-08: again only after falling below the number."""
    gate.under(takeover_strikes=2, takeover_window="10d")
    gate.at(START)
    _chargeback(notifier, inc)
    _chargeback(notifier, inc)
    gate.sends("propose_takeover", [manager, ops])
    gate.later(days=11)
    _chargeback(notifier, inc)
    gate.stays_silent()
    _chargeback(notifier, inc)
    gate.sends("propose_takeover", [manager, ops])


def test_strike_as_old_as_the_window_is_outside(gate: Gate, inc: Person, manager: Person, ops: Person, notifier: Person) -> None:
    """G-05, DR-08: age = N is outside; a minute less is inside."""
    gate.under(takeover_strikes=2, takeover_window="30d")
    gate.at(START)
    _chargeback(notifier, inc)
    gate.later(days=30)
    _chargeback(notifier, inc)
    gate.stays_silent()
    gate.later(days=30, minutes=-1)
    _chargeback(notifier, inc)
    gate.sends("propose_takeover", [manager, ops])


def test_late_answer_after_the_escalation_is_no_second_strike(gate: Gate, inc: Person, acme: Person, manager: Person) -> None:
    """DR-08: a compliant reply after the deadline, if not escalated."""
    gate.under(max_reminders=0, takeover_strikes=2)
    gate.at(START)
    ask = inc.writes([acme])
    gate.later(hours=72)
    gate.sends("escalate", [manager, inc])
    gate.later(minutes=1)
    acme.replies(ask)
    gate.stays_silent()


def test_answer_in_time_is_no_strike_and_another_sellers_does_not_count(
    gate: Gate, inc: Person, acme: Person, nova: Person, manager: Person, notifier: Person
) -> None:
    """DR-08: strikes are the seller's own."""
    gate.under(takeover_strikes=2)
    gate.at(START)
    acme.replies(inc.writes([acme]))
    _chargeback(notifier, inc)
    notifier.writes([inc], subject="Chargeback", text="Seller: nova\nChargeback: yes")
    gate.stays_silent()


def test_chargeback_that_the_notifier_did_not_send_is_no_strike(
    gate: Gate, inc: Person, notifier: Person, stranger: Person, acme: Person
) -> None:
    """G-07: only when it is authenticated and its author is among the desk's notifiers."""
    gate.under(takeover_strikes=1)
    gate.at(START)
    _chargeback(notifier, inc, proven=False)
    _chargeback(stranger, inc)
    _chargeback(acme, inc)
    gate.stays_silent()


def test_notifiers_mail_may_say_that_a_machine_wrote_it(
    gate: Gate, inc: Person, notifier: Person, manager: Person, ops: Person
) -> None:
    """G-07: auto-generated mail of a notifier counts; an auto-reply of his does not."""
    gate.under(takeover_strikes=1)
    gate.at(START)
    _chargeback(notifier, inc, headers={"Auto-Submitted": "auto-replied"})
    gate.stays_silent()
    _chargeback(notifier, inc, headers={"Auto-Submitted": "auto-generated"})
    gate.sends("propose_takeover", [manager, ops])


def test_seller_who_was_taken_over_is_not_asked(gate: Gate, inc: Person, acme: Person) -> None:
    """D-29: takeover = true; no clock, no reminder."""
    gate.registers("acme", takeover=True)
    gate.at(START)
    inc.writes([acme])
    gate.later(days=10)
    gate.stays_silent()
    assert gate.ticket().clocks == ()


def test_takeover_ends_what_was_being_asked(gate: Gate, inc: Person, acme: Person) -> None:
    """D-29: his running clock sends no reminder any more."""
    gate.at(START)
    inc.writes([acme])
    gate.later(hours=10)
    gate.registers("acme", takeover=True)
    gate.later(days=10)
    gate.stays_silent()
    assert gate.clock().state == "void"


def test_answer_after_a_takeover_still_stops_the_clock(gate: Gate, inc: Person, acme: Person) -> None:
    """D-29: what he owes no more he may still give."""
    gate.at(START)
    ask = inc.writes([acme])
    gate.registers("acme", takeover=True)
    acme.replies(ask)
    assert gate.ticket().state == "answered"


def test_customers_mail_to_a_seller_taken_over_goes_to_the_helpdesk(gate: Gate, inc: Person, nova: Person, buyer: Person) -> None:
    """D-29: new customer mail is routed to the reseller's helpdesk, unchanged; once it stands in copy nothing is needed."""
    gate.registers("nova", takeover=True)
    gate.at(START)
    gate.passes_on(buyer.writes([nova], subject="Broken"), inc)
    buyer.writes([nova], cc=[inc], subject="Broken, too")
    gate.stays_silent()


def test_customer_who_reaches_the_manager_is_a_potential_chargeback(
    gate: Gate, inc: Person, acme: Person, buyer: Person, manager: Person
) -> None:
    """D-28: the tag comes with the mail, not only with the escalation."""
    gate.at(START)
    ask = inc.writes([acme], cc=[buyer])
    acme.replies_to_all(ask)
    assert gate.ticket().tags == frozenset()
    buyer.replies_to_all(ask, "Nobody helps me!", adding=[manager])
    assert gate.ticket().tags == {"potential_chargeback"}


def test_manager_takes_over_by_the_link_of_the_proposal(
    gate: Gate, inc: Person, acme: Person, manager: Person, ops: Person
) -> None:
    """D-29: a human sets the takeover; the seller is no longer asked, and a clock that ran for him counts for nothing."""
    gate.under(max_reminders=0, takeover_strikes=1)
    inc.writes([acme])
    gate.later(hours=80)
    gate.sends("escalate", [manager, inc])
    proposal = gate.sends("propose_takeover", [manager, ops])
    manager.follows(proposal.copy(manager), "Take over this seller's support")
    gate.disregards()
    inc.writes([acme], subject="Another order")
    gate.later(days=5)
    gate.stays_silent()


def test_link_of_the_proposal_is_nobody_elses(gate: Gate, inc: Person, acme: Person, manager: Person, ops: Person) -> None:
    """Design §5: a signed link acts only in the hands that it was made for."""
    gate.under(max_reminders=0, takeover_strikes=1)
    inc.writes([acme])
    gate.later(hours=80)
    gate.sends("escalate", [manager, inc])
    proposal = gate.sends("propose_takeover", [manager, ops])
    acme.follows(proposal.copy(manager), "Take over this seller's support")
    gate.disregards()
    inc.writes([acme], subject="Another order")
    assert gate.ticket(2).state == "waiting"
