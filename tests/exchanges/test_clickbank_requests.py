"""Refunds and cancellations at ClickBank: when they are processed, who may stop them, and until when they may be asked for."""

from __future__ import annotations

import pytest
from exchange import Gate
from passage import Notice
from people import Mail, Person

PACK = "clickbank"
CLOSE, AGREE, REVIEW = "Close the ticket", "Yes, I agree", "Ask the platform for a review"
REFUND, CANCEL, SUPPORT = (f"Turn it into a {one} request" for one in ("refund", "cancellation", "support"))


def _asks(person: Person, request: str = "refund", sale: str = "2026-05-20T10:00", subscription: str = "yes") -> Mail:
    facts = {"Sale": sale, "Subscription": subscription, "Customer": "consumer@mail.example"}
    return person.states(f"About order A-77 ({request})", "Please.", Seller="shop", Order="A-77", Request=request, **facts)


def _opened(gate: Gate, by: Person, request: str = "refund", **how: str) -> Notice:
    _asks(by, request, **how)
    return gate.sends("mail_ticket_opened", [Person(one, gate) for one in ("vendor@shop.example", "consumer@mail.example")])


def _processing(gate: Gate) -> bool:
    clock = gate.ticket().clock("process")
    return clock is not None and clock.running


def test_consumers_refund_is_processed_after_a_day(gate: Gate, consumer: Person, vendor: Person) -> None:
    """C-10, C-22, C-24: after 24 hours refunded and cancelled by effect, confirmed to both, closed to both; no reminder."""
    gate.at("2026-06-09T10:00")
    _opened(gate, consumer)
    gate.at("2026-06-10T10:00")
    confirmed = gate.sends("mail_refund_confirmation", [vendor, consumer])
    assert "Only the latest invoice is refunded" in confirmed.copy(consumer).said
    gate.sends("mail_ticket_closed", [vendor, consumer])
    assert [len(gate.logged(one)) for one in ("process_refund", "cancel_subscription")] == [1, 1]
    assert gate.ticket().facts["closed_by"] == "refund_processed"


def test_consumers_cancellation_refunds_nothing(gate: Gate, consumer: Person, vendor: Person) -> None:
    """C-25: the subscription is cancelled and the ticket closed; there is no refund and no confirmation mail."""
    gate.at("2026-06-09T10:00")
    _opened(gate, consumer, "cancel")
    gate.at("2026-06-10T10:00")
    assert "nothing more will be charged" in gate.sends("mail_ticket_closed", [vendor, consumer]).copy(consumer).text
    assert [len(gate.logged(one)) for one in ("process_refund", "cancel_subscription")] == [0, 1]


def test_opened_refund_promises_no_reminder(gate: Gate, consumer: Person, vendor: Person) -> None:
    """C-17: no reminder is sent on refund and cancellation tickets; the mail that opens one says nothing else."""
    gate.at("2026-06-09T10:00")
    opened = _opened(gate, consumer)
    assert "remind" not in opened.copy(vendor).text
    assert "remind" not in opened.copy(consumer).text


def test_answers_do_not_stop_a_refund(gate: Gate, consumer: Person, vendor: Person) -> None:
    """C-56: a reply by anyone to a refund ticket changes no clock, and says when the refund comes."""
    gate.at("2026-06-09T10:00")
    opened = _opened(gate, consumer)
    gate.at("2026-06-10T09:00")
    vendor.replies(opened.copy(vendor), "May we help you first?")
    reply = gate.sends("mail_reply", [vendor, consumer])
    assert "the refund will be processed on Wed 10 Jun 2026, 10:00" in reply.copy(consumer).said
    gate.at("2026-06-10T10:00")
    gate.sends("mail_refund_confirmation", [vendor, consumer])
    gate.sends("mail_ticket_closed", [vendor, consumer])


def test_consumer_closes_and_no_refund_occurs(gate: Gate, consumer: Person, vendor: Person) -> None:
    """C-14: closed before it is due, nothing is refunded."""
    opened = _opened(gate, consumer)
    consumer.follows(opened.copy(consumer), CLOSE)
    gate.sends("mail_ticket_closed", [vendor, consumer])
    gate.later(days=5)
    gate.stays_silent()
    assert not gate.logged("process_refund")


def test_vendor_closes_without_consent_and_the_platform_reviews(
    gate: Gate, consumer: Person, vendor: Person, platform: Person
) -> None:
    """CR-05 record: carried out, flagged for review to the platform alone."""
    opened = _opened(gate, consumer)
    assert vendor.follows(opened.copy(vendor), CLOSE).event == "closed_unasked"
    gate.sends("mail_ticket_closed", [vendor, consumer])
    assert "closed this ticket" in gate.sends("flag_review", platform).said


def test_vendor_changes_to_support_without_consent_and_the_platform_reviews(
    gate: Gate, consumer: Person, vendor: Person, platform: Person
) -> None:
    """CR-05, C-15, C-20: the refund is dropped, both are told; the consumer finds the link for a review in that mail."""
    opened = _opened(gate, consumer)
    assert vendor.follows(opened.copy(vendor), SUPPORT).event == "changed_unasked"
    changed = gate.sends("mail_ticket_changed", [vendor, consumer])
    assert "If you have not agreed" in changed.copy(consumer).text
    assert "from refund to support" in gate.sends("flag_review", platform).said
    assert not _processing(gate)
    consumer.follows(changed.copy(consumer), REVIEW)
    gate.sends("refer_to_platform", platform)


def test_vendor_needs_the_consumers_yes(gate: Gate, consumer: Person, vendor: Person) -> None:
    """CR-05 block, C-19: refused and the consumer asked; her signed yes lets the vendor close, without a review."""
    gate.under(vendor_without_consent="block")
    opened = _opened(gate, consumer)
    assert vendor.follows(opened.copy(vendor), CLOSE).event == "refused_permission"
    refused = gate.sends("reject_permission", vendor)
    asked = gate.sends("ask_consent", consumer)
    assert _processing(gate)
    gate.later(hours=1)
    assert consumer.follows(asked, AGREE).event == "consented"
    gate.stays_silent()
    vendor.replies(refused, "Thank you for your permission.")
    again = gate.sends("mail_reply", [vendor, consumer])
    assert vendor.follows(again.copy(vendor), CLOSE).event == "closed"
    gate.sends("mail_ticket_closed", [vendor, consumer])
    assert "permission is missing" in refused.said


def test_refused_link_can_be_used_once_the_consumer_has_agreed(gate: Gate, consumer: Person, vendor: Person) -> None:
    """G-11, CR-05: a refused request is no edit; the same link closes the ticket after the consumer's yes."""
    gate.under(vendor_without_consent="block")
    opened = _opened(gate, consumer)
    vendor.follows(opened.copy(vendor), CLOSE)
    gate.sends("reject_permission", vendor)
    consumer.follows(gate.sends("ask_consent", consumer), AGREE)
    again = vendor.follows(opened.copy(vendor), CLOSE)
    gate.disregards()
    assert again.event == "closed"


def test_consumer_agrees_by_a_reply(gate: Gate, consumer: Person, vendor: Person) -> None:
    """C-19: his recorded yes is a signed link or a reply; reject_permission says so too."""
    gate.under(vendor_without_consent="block")
    opened = _opened(gate, consumer)
    vendor.follows(opened.copy(vendor), CLOSE)
    gate.sends("reject_permission", vendor)
    agreed = consumer.replies(gate.sends("ask_consent", consumer), "Yes, I agree.")
    gate.disregards()
    assert agreed.event == "consented"


def test_consumer_who_says_nothing_gets_his_refund(gate: Gate, consumer: Person, vendor: Person) -> None:
    """CR-05 block: without a permission the clock runs on, and the refund is processed as announced."""
    gate.at("2026-06-09T10:00")
    gate.under(vendor_without_consent="block")
    opened = _opened(gate, consumer)
    vendor.follows(opened.copy(vendor), SUPPORT)
    gate.sends("reject_permission", vendor)
    assert "support" in gate.sends("ask_consent", consumer).text
    gate.at("2026-06-10T10:00")
    gate.sends("mail_refund_confirmation", [vendor, consumer])
    gate.sends("mail_ticket_closed", [vendor, consumer])


def test_consumer_may_say_no_by_a_link(gate: Gate, consumer: Person, vendor: Person) -> None:
    """C-19: ask_consent asks for yes or no "with one of the links below"; both are there."""
    gate.under(vendor_without_consent="block")
    opened = _opened(gate, consumer)
    vendor.follows(opened.copy(vendor), CLOSE)
    gate.sends("reject_permission", vendor)
    assert {AGREE, "No, I do not agree"} <= set(gate.sends("ask_consent", consumer).links)


def test_consumer_turns_support_into_a_refund(gate: Gate, consumer: Person, vendor: Person) -> None:
    """C-36, C-37: always, by the link of any mail; processed 24 hours from the change."""
    gate.at("2026-06-09T10:00")
    opened = _opened(gate, consumer, "support")
    gate.at("2026-06-10T12:00")
    consumer.follows(opened.copy(consumer), REFUND)
    changed = gate.sends("mail_ticket_changed", [vendor, consumer])
    assert "Before: support. Now: refund." in changed.copy(consumer).said
    assert "Thu 11 Jun 2026, 12:00" in changed.text
    gate.at("2026-06-11T12:00")
    gate.sends("mail_refund_confirmation", [vendor, consumer])
    gate.sends("mail_ticket_closed", [vendor, consumer])


def test_vendor_turns_support_into_his_own_refund(gate: Gate, consumer: Person, vendor: Person) -> None:
    """CR-08 (a), C-27: a vendor's change is a vendor request; it is processed after five minutes, and he may undo it."""
    gate.at("2026-06-09T10:00")
    opened = _opened(gate, consumer, "support")
    vendor.follows(opened.copy(vendor), REFUND)
    changed = gate.sends("mail_ticket_changed", [vendor, consumer])
    gate.later(minutes=4)
    assert vendor.follows(changed.copy(vendor), CLOSE).event == "closed"
    gate.sends("mail_ticket_closed", [vendor, consumer])
    gate.later(days=2)
    assert not gate.logged("process_refund")


def test_refund_does_not_become_a_cancellation(gate: Gate, consumer: Person, vendor: Person) -> None:
    """CR-10 refuse: no link offers it."""
    opened = _opened(gate, consumer)
    assert CANCEL not in opened.copy(consumer).links
    assert SUPPORT in opened.copy(consumer).links


def test_refund_of_a_single_payment_offers_no_cancellation(gate: Gate, consumer: Person, vendor: Person) -> None:
    """C-04: what is not recurring cannot be cancelled; the link is not offered, and a first mail is rejected, once."""
    opened = _opened(gate, consumer, "support", subscription="no")
    assert CANCEL not in opened.copy(consumer).links
    assert _asks(consumer, "cancel", subscription="no").event == "not_recurring"
    assert "nothing to cancel" in gate.sends("reject_not_recurring", consumer).text
    assert gate.ticket(2).state == "rejected"


def test_vendors_own_refund_takes_five_minutes(gate: Gate, consumer: Person, vendor: Person) -> None:
    """C-26…C-28: opened by the vendor for a consumer who wrote to him; no consent is needed to close it in time."""
    gate.at("2026-06-09T10:00")
    opened = _opened(gate, vendor)
    assert "close it before that time" in opened.copy(vendor).said
    assert AGREE not in opened.copy(vendor).links
    gate.later(minutes=5)
    gate.sends("mail_refund_confirmation", [vendor, consumer])
    gate.sends("mail_ticket_closed", [vendor, consumer])


@pytest.mark.parametrize(("request_", "address"), [("refund", "refunds@clickbank.com"), ("cancel", "cancel@clickbank.com")])
def test_vendor_writes_to_an_old_address(gate: Gate, consumer: Person, vendor: Person, request_: str, address: str) -> None:
    """C-50, C-51: it still opens a vendor ticket of that type, and the vendor alone hears of the better way."""
    gate.at("2026-06-09T10:00")
    facts = {"Order": "A-77", "Customer": consumer.address, "Subscription": "yes", "Sale": "2026-05-20T10:00"}
    mail = vendor.states("Order A-77", "Please.", to=[address, "tickets@desk.example"], **facts)
    assert (mail.event, gate.ticket().kind) == ("opened", request_)
    opened = gate.sends("mail_ticket_opened", [vendor, consumer])
    assert address in gate.sends("notice_legacy", vendor).text
    vendor.follows(opened.copy(vendor), CLOSE)
    gate.sends("mail_ticket_closed", [vendor, consumer])


@pytest.mark.parametrize(
    ("asker", "days", "event"),
    [("consumer", 60, "too_late"), ("consumer", 59, "opened"), ("vendor", 90, "too_late"), ("vendor", 89, "opened")],
)
def test_windows_end_at_the_very_instant(gate: Gate, consumer: Person, vendor: Person, asker: str, days: int, event: str) -> None:
    """C-53, C-54, G-05: less than 60, less than 90 days old; an age of exactly that is outside."""
    gate.at("2026-06-09T10:00")
    sale = {60: "2026-04-10", 59: "2026-04-11", 90: "2026-03-11", 89: "2026-03-12"}[days]
    person = {"consumer": consumer, "vendor": vendor}[asker]
    assert _asks(person, sale=f"{sale}T10:00-04:00").event == event
    if event == "too_late":
        assert f"less than {60 if asker == 'consumer' else 90} days old" in gate.sends("reject_window", person).said
        return
    opened = gate.sends("mail_ticket_opened", [vendor, consumer])
    person.follows(opened.copy(person), CLOSE)
    gate.sends("mail_ticket_closed", [vendor, consumer])


def test_late_change_to_refund_is_rejected_and_stays_support(gate: Gate, consumer: Person, vendor: Person) -> None:
    """CR-08 check: the window is tested at the change, though the link was offered in time."""
    gate.at("2026-06-09T10:00")
    opened = _opened(gate, consumer, "support", sale="2026-04-10T12:00-04:00")
    gate.at("2026-06-09T12:00")
    assert consumer.follows(opened.copy(consumer), REFUND).event == "change_too_late"
    assert "Too late" in gate.sends("reject_window", consumer).message.subject
    assert gate.ticket().kind == "support"


def test_abuse_ruling_processes_every_open_request_at_once(gate: Gate, consumer: Person, vendor: Person) -> None:
    """C-21, CR-06: open requests at the ruling, later ones at their opening, support tickets not at all."""
    gate.at("2026-06-09T10:00")
    for request in ("refund", "cancel", "support"):
        _opened(gate, consumer, request)
    gate.later(hours=1)
    gate.orders("abuse_ruling", seller="shop")
    gate.sends("mail_refund_confirmation", [vendor, consumer])
    gate.sends("mail_ticket_closed", [vendor, consumer])
    gate.sends("mail_ticket_closed", [vendor, consumer])
    assert [gate.ticket(one).state for one in (1, 2, 3)] == ["closed", "closed", "open"]
    gate.later(hours=1)
    _opened(gate, consumer)
    gate.sends("mail_refund_confirmation", [vendor, consumer])
    gate.sends("mail_ticket_closed", [vendor, consumer])
