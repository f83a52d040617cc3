"""Suppression lists and replies that bypass us: who is told, what waits, what starts again (DR-07, D-10, design: bounces)."""

from __future__ import annotations

import pytest
from exchange import Gate
from people import Person

SES = "Amazon SES did not send the message to this address because it is on the suppression list for your account."


@pytest.fixture(autouse=True)
def _from_friday(gate: Gate) -> None:
    gate.at("2026-06-12T18:30")


def test_suppressed_seller_is_not_blamed_and_the_owner_is_told_how_to_lift_it(
    gate: Gate, inc: Person, acme: Person, owner: Person, manager: Person
) -> None:
    """The ask's clock is void; the alert names the list; nothing else is sent."""
    ask = inc.writes([acme])
    gate.returns(ask, acme, "5.1.1", said=SES)
    alert = gate.sends("alert_delivery", [owner, manager], of="ask")
    assert b"Amazon SES" in alert.row.raw
    assert gate.unreachable() == {"support@acme.example": ("suppressed", "ses")}
    assert gate.clock().state == "void"
    gate.later(days=10)
    gate.stays_silent()


def test_status_of_a_suppression_list_lies(gate: Gate, inc: Person, acme: Person, owner: Person, manager: Person) -> None:
    """A 4.x.x that names a suppression list never delivers: it counts as lost (bounce notes: 4.7.1)."""
    ask = inc.writes([acme])
    gate.returns(ask, acme, "4.7.1", said=SES)
    gate.sends("alert_delivery", [owner, manager], of="ask")
    assert gate.clock().state == "void"


def test_seller_who_writes_again_proves_that_mail_flows_and_the_clock_starts_anew(
    gate: Gate, inc: Person, acme: Person, owner: Person, manager: Person, buyer: Person
) -> None:
    """Lifting is proven by an answer; the time to answer counts from then."""
    ask = inc.writes([acme])
    gate.returns(ask, acme, "5.1.1", said=SES)
    gate.sends("alert_delivery", [owner, manager])
    gate.later(hours=30)
    acme.writes([inc], subject="Our address works again")
    assert gate.unreachable() == {}
    assert (gate.clock().state, gate.clock().episode) == ("running", 2)
    gate.later(hours=48)
    gate.sends("remind", [acme, inc], n=1)
    acme.replies(ask)


def test_mail_forged_from_a_suppressed_address_lifts_nothing(
    gate: Gate, inc: Person, acme: Person, owner: Person, manager: Person
) -> None:
    """Whoever may not start a clock does not start one by seeming to be reachable either (design §5)."""
    ask = inc.writes([acme])
    gate.returns(ask, acme, "5.1.1", said=SES)
    gate.sends("alert_delivery", [owner, manager])
    acme.writes([inc], subject="Our address works again", proven=False)
    assert gate.unreachable() == {"support@acme.example": ("suppressed", "ses")}
    assert gate.clock().state == "void"


def test_address_that_is_merely_wrong_starts_no_clock_when_somebody_writes_from_it(
    gate: Gate, inc: Person, acme: Person, owner: Person, manager: Person
) -> None:
    """Only a suppression list leaves an ask waiting; a plain bounce waits until the ask is sent again (DR-07)."""
    ask = inc.writes([acme])
    gate.returns(ask, acme)
    gate.sends("alert_delivery", [owner, manager])
    acme.writes([inc], subject="Hello")
    assert gate.clock().state == "void"


def test_reminder_takes_the_next_living_address(gate: Gate, inc: Person, acme: Person, owner: Person, manager: Person) -> None:
    """A step keeps its role; the role's mail goes to an address that no list holds."""
    inc.writes([acme])
    gate.later(hours=48)
    first = gate.sends("remind", [acme, inc], n=1)
    gate.returns(first, acme, "5.1.1", by="path", said=SES)
    gate.sends("alert_delivery", [owner, manager], of="reminder")
    gate.later(hours=24)
    anna = acme.at("anna@acme.example")
    anna.replies_to_all(gate.sends("remind", [anna, inc], n=2))


def test_reply_that_others_quote_is_a_suspicion_and_no_letter(
    gate: Gate, inc: Person, acme: Person, buyer: Person, manager: Person
) -> None:
    """One sign is reported; the seller is not written to, and his clock runs on (design: ghost replies)."""
    ask = inc.writes([acme], cc=[buyer])
    unseen = acme.replies(ask, unseen=True)
    buyer.replies_to_all(unseen)
    assert gate.unreachable() == {"support@acme.example": ("suspected", "")}
    gate.stays_silent()
    assert gate.clock().running
    acme.replies_to_all(ask)


def test_seller_whose_own_mail_arrives_is_suspected_no_more(gate: Gate, inc: Person, acme: Person, buyer: Person) -> None:
    """What proves that mail flows ends the suspicion."""
    ask = inc.writes([acme], cc=[buyer])
    buyer.replies_to_all(acme.replies(ask, unseen=True))
    acme.replies_to_all(ask)
    assert gate.unreachable() == {}
