"""In which language a person reads us: the directory, else what he last wrote in, else the desk's (docs/rules.md G-17)."""

from __future__ import annotations

import pytest
from exchange import Gate
from people import Mail, Person

PACK = "clickbank"
ITALIAN = "Buongiorno, il corso che ho comprato non si apre. Vorrei sapere che cosa posso fare, grazie."
ENGLISH = "Thank you for the answer. It does not work, and I would like to have my money back."
SPANISH = "Hola, no puedo abrir el curso que he comprado. Gracias por su ayuda, pero ya está muy tarde para mí."
CLOSE, CHIUDI = "Close the ticket", "Chiudere il ticket"


def asks(consumer: Person, text: str) -> Mail:
    """A support ticket."""
    return consumer.states("A-77", text, Seller="shop")


@pytest.fixture(autouse=True)
def _to_the_end(gate: Gate) -> object:
    yield
    gate.disregards()


def test_italian_at_an_english_desk_reads_italian(gate: Gate, consumer: Person, vendor: Person) -> None:
    """G-17: per reader; the vendor's copy of the same notice is the desk's English."""
    asks(consumer, ITALIAN)
    opened = gate.sends("mail_ticket_opened", [vendor, consumer])
    assert CHIUDI in opened.copy(consumer).links
    assert CLOSE in opened.copy(vendor).links


@pytest.mark.parametrize("text", ["Grazie", "ok", "👍", "A-77 12.50 EUR"])
def test_one_word_changes_nothing(gate: Gate, consumer: Person, vendor: Person, text: str) -> None:
    """G-17: only what is sure."""
    asks(consumer, ITALIAN)
    opened = gate.sends("mail_ticket_opened", [vendor, consumer])
    consumer.replies(opened.copy(consumer), text)
    assert CHIUDI in gate.sends("mail_reply", [vendor, consumer]).copy(consumer).links


@pytest.mark.parametrize("text", ["Grazie", "بازپرداخت", "Obrigado"])
def test_one_word_at_the_start_leaves_the_desks_language(gate: Gate, consumer: Person, vendor: Person, text: str) -> None:
    """G-17: else the desk's."""
    asks(consumer, text)
    assert CLOSE in gate.sends("mail_ticket_opened", [vendor, consumer]).copy(consumer).links


def test_last_mail_counts(gate: Gate, consumer: Person, vendor: Person) -> None:
    """G-17: what he last wrote in."""
    asks(consumer, ITALIAN)
    opened = gate.sends("mail_ticket_opened", [vendor, consumer])
    consumer.replies(opened.copy(consumer), ENGLISH)
    assert CLOSE in gate.sends("mail_reply", [vendor, consumer]).copy(consumer).links


def test_seller_reads_what_he_writes_unless_the_directory_says_otherwise(gate: Gate, consumer: Person, vendor: Person) -> None:
    """G-17: the directory goes first."""
    asks(consumer, ENGLISH)
    opened = gate.sends("mail_ticket_opened", [vendor, consumer])
    vendor.replies(opened.copy(vendor), ITALIAN)
    assert CHIUDI in gate.sends("mail_reply", [vendor, consumer]).copy(vendor).links
    gate.registers("shop", language="en")
    vendor.replies(opened.copy(vendor), ITALIAN)
    assert CLOSE in gate.sends("mail_reply", [vendor, consumer]).copy(vendor).links


def test_language_that_we_have_no_words_for_is_the_desks(gate: Gate, consumer: Person, vendor: Person) -> None:
    """G-17: a Spanish customer of an Italian desk reads Italian, not English."""
    gate.moves_to(gate.stage.desk.model_copy(update={"language": "it"}))
    asks(consumer, SPANISH)
    assert CHIUDI in gate.sends("mail_ticket_opened", [vendor, consumer]).copy(consumer).links


def test_automatic_mail_says_nothing_of_a_persons_language(gate: Gate, consumer: Person, vendor: Person) -> None:
    """G-07: a responder is not the person."""
    asks(consumer, ITALIAN)
    opened = gate.sends("mail_ticket_opened", [vendor, consumer])
    consumer.auto_replies(opened.copy(consumer), "I am away and will be back on Monday. For help, please write to my colleagues.")
    assert list(gate.ticket().languages.values()) == ["it"]
