"""Amazon Pay's checklist: each item asked for when it is due, and confirmed by the link of that mail (A-02…A-09, AR-02)."""

from __future__ import annotations

import pytest
from exchange import Gate
from passage import Notice
from people import Person

PACK = "amazonpay"
RIGHT = "It is still right"
ITEMS = (
    "contact_info", "notification_prefs", "claims_process", "message_check", "returns_page", "site_contact", "order_details",
    "decision_model",
)  # fmt: skip


def _asked(gate: Gate, merchant: Person, rival: Person) -> dict[str, Notice]:
    """The reminders to `merchant` on the first morning; those to the other shop are of no interest."""
    gate.winds()
    gate.at("2026-06-02T09:00")
    found = [gate.sends("remind_checklist", merchant) for _ in ITEMS]
    gate.disregards()
    return {one.row.step.removesuffix("-ask"): one for one in found}


def test_every_item_is_asked_for_and_bears_a_link(gate: Gate, merchant: Person, rival: Person) -> None:
    """A-02…A-09: eight items, each in a mail of its own to the merchant, at 09:00 in his zone."""
    asked = _asked(gate, merchant, rival)
    assert set(asked) == set(ITEMS)
    assert all(set(one.links) == {RIGHT} for one in asked.values())
    assert len({one.links[RIGHT] for one in asked.values()}) == len(ITEMS)


def test_merchant_confirms_by_the_link_and_is_left_alone_for_ninety_days(gate: Gate, merchant: Person, rival: Person) -> None:
    """AR-02: 90 calendar days after the confirmation, at 09:00; the other items keep their own time."""
    asked = _asked(gate, merchant, rival)
    gate.at("2026-06-12T10:00")
    assert merchant.follows(asked["returns_page"], RIGHT).event == "confirmed"
    gate.at("2026-08-31T09:00")
    gate.disregards()
    assert "remind_checklist" in {row.notice for _, row in gate.stage.sent}
    gate.at("2026-09-10T08:59")
    gate.disregards()
    gate.at("2026-09-10T09:00")
    again = gate.sends("remind_checklist", merchant, item="returns_page")
    assert "12 Jun 2026" in again.said


@pytest.mark.parametrize("item", ITEMS)
def test_link_confirms_its_own_item_alone(gate: Gate, merchant: Person, rival: Person, item: str) -> None:
    """AR-02: per item."""
    asked = _asked(gate, merchant, rival)
    merchant.follows(asked[item], RIGHT)
    confirmed = [one["data"]["item"] for one in gate.logged("confirmed")]
    assert confirmed == [item]


def test_other_shop_cannot_confirm_by_a_forwarded_link(gate: Gate, merchant: Person, rival: Person, stranger: Person) -> None:
    """Design §5: bound to its reader; neither another seller nor a stranger moves the clock."""
    asked = _asked(gate, merchant, rival)
    for thief in (rival, stranger):
        thief.follows(asked["returns_page"], RIGHT)
    gate.disregards()
    assert not gate.logged("confirmed")


def test_unproven_link_of_the_right_address_confirms(gate: Gate, merchant: Person, rival: Person) -> None:
    """Design §5: the signed address is the proof."""
    asked = _asked(gate, merchant, rival)
    assert merchant.follows(asked["returns_page"], RIGHT, proven=False).event == "confirmed"


def test_expired_link_confirms_nothing(gate: Gate, merchant: Person, rival: Person) -> None:
    """Design §5: 30 days."""
    asked = _asked(gate, merchant, rival)
    gate.at("2026-07-10T09:00")
    merchant.follows(asked["returns_page"], RIGHT)
    gate.disregards()
    assert not gate.logged("confirmed")


def test_away_message_to_the_link_confirms_nothing(gate: Gate, merchant: Person, rival: Person) -> None:
    """G-07: an automatic reply is no confirmation."""
    asked = _asked(gate, merchant, rival)
    merchant.follows(asked["returns_page"], RIGHT, headers={"Auto-Submitted": "auto-replied"})
    gate.stays_silent()
    assert not gate.logged("confirmed")


def test_merchant_who_answers_ok_has_confirmed(gate: Gate, merchant: Person, rival: Person) -> None:
    """AR-02: the letter says 'reply with OK'; a plain reply of his counts as the link does."""
    asked = _asked(gate, merchant, rival)
    merchant.replies(asked["returns_page"], "OK")
    gate.disregards()
    assert [one["data"]["item"] for one in gate.logged("confirmed")] == ["returns_page"]
