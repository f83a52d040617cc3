"""Observing at a marketplace that carries the mail itself: nothing is handed over, refunded or asked of a customer (G-13)."""

from __future__ import annotations

import pytest
from exchange import Gate
from people import Person
from test_observing import _observes

PACK = "clickbank"
SOLD = "2026-05-20T12:00:00+00:00"


@pytest.fixture
def watcher(gate: Gate) -> Gate:
    """The vendor's own mailgate."""
    return _observes(gate)


def test_refund_runs_its_course_and_nobody_is_written_to(watcher: Gate, consumer: Person) -> None:
    """C-22, G-13: the ticket closes as the rules say; no effect, no confirmation, no question to the writer leaves here."""
    consumer.states("Refund, please", Seller="shop", Order="A7788991", Request="refund", Sale=SOLD, Subscription="yes")
    watcher.later(hours=25)
    watcher.stays_silent()
    assert watcher.ticket().state == "closed"
    assert {one["data"]["observed"] for one in watcher.logged("process_refund")} == {True}


def test_strangers_first_mail_is_a_ticket_like_any_other(watcher: Gate, consumer: Person) -> None:
    """G-16 asks the writer only where mailgate stands in for the marketplace."""
    consumer.states("Where is my order?", Seller="shop", Order="A7788991", how={"proven": False})
    watcher.stays_silent()
    assert "unconfirmed" not in watcher.ticket().tags
