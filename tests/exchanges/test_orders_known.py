"""What the marketplace told us of an order goes over what a mail says of it (C-03, C-04, CR-07)."""

from __future__ import annotations

from exchange import Gate
from people import Mail, Person

PACK = "clickbank"


def _sale(notifier: Person, day: str, customer: str) -> Mail:
    facts = {
        "Receipt": "8QX2N4KD",
        "Customer": customer,
        "Sale": f"{day}T12:00:00+00:00",
        "Subscription": "no",
        "Amount": "24.90",
    }
    return notifier.states("Sale notification", **facts)


def test_customers_word_about_the_day_of_sale_is_not_the_proof(
    gate: Gate, notifier: Person, consumer: Person, vendor: Person
) -> None:
    """C-03, C-53: the sale notice says when it was; a request that claims a later day is still too late."""
    _sale(notifier, "2026-02-01", consumer.address)
    gate.stays_silent()
    asked = {"Seller": "shop", "Receipt": "8QX2N4KD", "Request": "refund", "Sale": "2026-05-31T12:00:00+00:00"}
    consumer.states("My money back", **asked)
    gate.sends("reject_window", consumer)
    assert gate.ticket().state == "rejected"


def test_order_named_in_plain_words_tells_its_details(gate: Gate, notifier: Person, consumer: Person, vendor: Person) -> None:
    """C-48: order details come from the order, found by its number in the customer's words."""
    _sale(notifier, "2026-05-20", consumer.address)
    consumer.states("Refund for receipt 8QX2N4KD", "It does not start.", Seller="shop", Request="refund")
    opened = gate.sends("mail_ticket_opened", [vendor, consumer])
    assert "24.90" in opened.copy(vendor).text
    assert gate.ticket().facts["sale_at"].startswith("2026-05-20")


def test_changed_address_of_the_receipt_page_is_where_the_customer_reads(
    gate: Gate, notifier: Person, consumer: Person, vendor: Person
) -> None:
    """C-04: an address change updates the consumer role, on open tickets too."""
    _sale(notifier, "2026-05-20", consumer.address)
    consumer.states("Refund for receipt 8QX2N4KD", Seller="shop", Request="refund")
    opened = gate.sends("mail_ticket_opened", [vendor, consumer])
    notifier.states("Address changed", Receipt="8QX2N4KD", New_address="new@mail.example")
    gate.stays_silent()
    vendor.replies(opened.copy(vendor), "On its way.")
    gate.sends("mail_reply", [vendor, consumer.at("new@mail.example")])
    gate.disregards()


def test_stranger_who_writes_like_the_marketplace_changes_no_order(
    gate: Gate, notifier: Person, consumer: Person, vendor: Person
) -> None:
    """Design §5: a forged notice is kept and tells nothing."""
    _sale(notifier, "2026-05-20", consumer.address)
    notifier.states("Sale notification", Receipt="8QX2N4KD", Sale="2020-01-01T00:00:00+00:00", how={"proven": False})
    consumer.states("Refund for receipt 8QX2N4KD", Seller="shop", Request="refund")
    gate.sends("mail_ticket_opened", [vendor, consumer])
    gate.disregards()
