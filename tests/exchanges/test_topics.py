"""What sellers tell of their own accord: topics, delays, who hears of them (docs/rules.md D-30…D-36)."""

from __future__ import annotations

import pytest
from exchange import Gate
from people import Person


@pytest.fixture(autouse=True)
def _from_june(gate: Gate) -> None:
    gate.at("2026-06-01T09:00")


@pytest.mark.parametrize(
    ("subject", "topic"),
    [
        ("Shipping takes longer", "shipping"),
        ("Atraso na entrega", "shipping"),
        ("We are out of stock", "stock"),
        ("Estoque esgotado", "stock"),
        ("Zendesk loses your mails", "delivery"),
        ("E-mails não recebidos", "delivery"),
        ("Our new support address", "vendor_data"),
        ("Novo endereço de devolução", "vendor_data"),
        ("Announcement: new course", "other"),
    ],
)
def test_topic_goes_to_the_account_manager(
    gate: Gate, inc: Person, acme: Person, manager: Person, subject: str, topic: str
) -> None:
    """D-30, D-31, D-33…D-36: he is the first contact."""
    mail = acme.writes([inc], subject=subject)
    assert mail.event == "topic"
    gate.sends("forward_topic", manager, topic=topic)
    gate.later(days=10)
    gate.stays_silent()


def test_topic_of_a_seller_without_a_manager_goes_to_the_helpdesk(gate: Gate, inc: Person, east: Person) -> None:
    """D-30, DR-09."""
    east.writes([inc], subject="Shipping takes longer")
    gate.sends("forward_topic", inc, topic="shipping")


def test_topic_goes_to_the_helpdesk_where_there_are_no_managers(gate: Gate, inc: Person, acme: Person) -> None:
    """DR-09 account_manager = false."""
    gate.under(account_manager=False)
    acme.writes([inc], subject="Shipping takes longer")
    gate.sends("forward_topic", inc)


@pytest.mark.parametrize(("days", "reminded"), [(9, False), (10, False), (11, True), (60, True)])
@pytest.mark.parametrize(("subject", "topic"), [("Shipping takes longer", "shipping"), ("Out of stock", "stock")])
def test_delay_of_more_than_ten_days_belongs_on_the_thank_you_page(
    gate: Gate, inc: Person, acme: Person, manager: Person, subject: str, topic: str, days: int, reminded: bool
) -> None:
    """D-32, D-33: 10 is not more than 10."""
    acme.writes([inc], subject=subject, text=f"Delay in days: {days}")
    gate.sends("forward_topic", manager, topic=topic)
    if reminded:
        gate.sends("remind_thank_you_page", acme)


@pytest.mark.parametrize("text", ["We expect a delay of 14 days.", "Há um atraso de 14 dias úteis.", "Atraso em dias: 14"])
def test_delay_is_read_from_plain_words(gate: Gate, inc: Person, acme: Person, manager: Person, text: str) -> None:
    """D-32: a number of days in a line that speaks of a delay."""
    acme.writes([inc], subject="Shipping takes longer", text=text)
    gate.sends("forward_topic", manager)
    gate.sends("remind_thank_you_page", acme)


def test_delay_in_another_topic_asks_for_no_page(gate: Gate, inc: Person, acme: Person, manager: Person) -> None:
    """D-32: shipping and stock only."""
    acme.writes([inc], subject="Zendesk loses your mails", text="Delay in days: 30")
    gate.sends("forward_topic", manager, topic="delivery")


def test_answer_in_a_ticket_is_an_answer_whatever_its_subject(gate: Gate, inc: Person, acme: Person) -> None:
    """D-30: topics are what a seller writes of his own accord."""
    ask = inc.writes([acme], subject="Shipping of order 4711")
    assert acme.replies(ask).event == "answered"


def test_customer_who_writes_about_shipping_is_no_topic(gate: Gate, inc: Person, buyer: Person) -> None:
    """D-30: classified vendor mail."""
    assert buyer.writes([inc], subject="Shipping takes longer").event == "customer_wrote"


def test_plain_mail_of_a_seller_is_kept(gate: Gate, inc: Person, acme: Person) -> None:
    """D-30: no topic, no notice, nothing is lost."""
    mail = acme.writes([inc], subject="Hello")
    assert (mail.event, mail.ticket) == ("wrote", 1)
