"""Everyone at ClickBank reads, and orders, in a language of his own (G-17), and what a mail states is his to state or not."""

from __future__ import annotations

import pytest
from exchange import Gate
from people import Mail, Person

PACK = "clickbank"
PORTUGUESE = "Olá, não consegui usar o curso e quero ajuda, por favor. Obrigada, você pode me dizer com que programa?"
ITALIAN = "Buongiorno, non riesco a vedere il corso che ho comprato. Vorrei sapere con che programma si apre, grazie."


def _asks(consumer: Person, text: str = "It does not start.", **facts: str) -> Mail:
    return consumer.states("A-77", text, **{"Seller": "shop", "Order": "A-77", **facts})


@pytest.mark.parametrize(
    ("language", "opened", "close", "closed"),
    [
        ("pt-BR", "Chamado aberto", "Encerrar o chamado", "Chamado encerrado"),
        ("it", "Ticket aperto", "Chiudere il ticket", "Ticket chiuso"),
        ("fa", "تیکت باز شد", "بستن تیکت", "تیکت بسته شد"),
    ],
)
def test_vendor_reads_and_closes_in_the_language_of_the_directory(
    gate: Gate, consumer: Person, vendor: Person, language: str, opened: str, close: str, closed: str
) -> None:
    """G-17: each copy in its reader's language, one Message-ID for those of one language; his own link works."""
    gate.registers("shop", language=language)
    _asks(consumer)
    notice = gate.sends("mail_ticket_opened", [vendor, consumer])
    assert "Ticket opened" in notice.copy(consumer).said
    assert close in notice.copy(vendor).links
    assert vendor.follows(notice.copy(vendor), close).event == "closed"
    end = gate.sends("mail_ticket_closed", [vendor, consumer])
    assert "Ticket closed" in end.copy(consumer).said
    assert (opened in notice.copy(vendor).said, closed in end.copy(vendor).said) == (True, True)


@pytest.mark.parametrize(("text", "close"), [(PORTUGUESE, "Encerrar o chamado"), (ITALIAN, "Chiudere il ticket")])
def test_consumer_reads_the_language_that_he_wrote(gate: Gate, consumer: Person, vendor: Person, text: str, close: str) -> None:
    """G-17: else what he last wrote in, if that is sure; the vendor's copy stays English."""
    _asks(consumer, text)
    notice = gate.sends("mail_ticket_opened", [vendor, consumer])
    assert "Close the ticket" in notice.copy(vendor).links
    assert close in notice.copy(consumer).links


def test_refusals_come_once_and_in_the_authors_language(gate: Gate, consumer: Person, vendor: Person) -> None:
    """C-54, G-17: reject_window goes to the vendor alone, in Portuguese; the same mail again changes nothing."""
    gate.registers("shop", language="pt-BR")
    late = vendor.states("A-77", "Por favor.", Cliente=consumer.address, Solicitação="refund", Venda="2025-01-01T10:00")
    assert late.event == "too_late"
    assert "O prazo para isso já passou" in gate.sends("reject_window", vendor).said
    gate.again(late)
    gate.stays_silent()


def test_vendor_writes_portuguese_facts_and_they_are_read(gate: Gate, consumer: Person, vendor: Person) -> None:
    """C-26: a request in Portuguese opens the same vendor ticket, and the details show the order."""
    gate.registers("shop", language="pt-BR")
    facts = {"Cliente": consumer.address, "Solicitação": "cancel", "Assinatura": "sim", "Pedido": "A-77", "Produto": "Curso"}
    assert vendor.states("A-77", "Por favor.", **facts).event == "opened"
    opened = gate.sends("mail_ticket_opened", [vendor, consumer])
    assert "Curso" in opened.copy(vendor).said
    assert gate.ticket().kind == "cancel"
    vendor.follows(opened.copy(vendor), "Encerrar o chamado")
    gate.sends("mail_ticket_closed", [vendor, consumer])


@pytest.mark.parametrize(
    ("subject", "kind"),
    [("Quero meu reembolso", "refund"), ("Chiedo un rimborso", "refund"), ("Disdetta", "cancel"), ("Aiuto", "support")],
)
def test_subject_says_what_a_first_mail_asks_for(gate: Gate, consumer: Person, vendor: Person, subject: str, kind: str) -> None:
    """C-05: where no line does, the pack's words of the subject."""
    consumer.states(subject, "Bitte.", Seller="shop", Subscription="yes")
    opened = gate.sends("mail_ticket_opened", [vendor, consumer])
    assert gate.ticket().kind == kind
    consumer.follows(opened.copy(consumer), "Close the ticket")
    gate.sends("mail_ticket_closed", [vendor, consumer])


def test_vendor_cannot_put_somebody_else_in_the_consumers_place(
    gate: Gate, consumer: Person, vendor: Person, stranger: Person
) -> None:
    """C-04, C-39: the mails go to vendor and consumer; only the consumer's own change of address moves his role."""
    _asks(consumer)
    opened = gate.sends("mail_ticket_opened", [vendor, consumer])
    vendor.replies(opened.copy(vendor), f"Customer: {stranger.address}\n\nWe look into it.")
    gate.disregards()
    readers = {row.reader for _, row in gate.stage.sent if row.notice == "mail_reply"}
    assert readers == {vendor.address, consumer.address}


def test_consumer_cannot_make_his_purchase_younger(gate: Gate, consumer: Person, vendor: Person) -> None:
    """C-53, CR-08: a line in a later reply is not the sale or the billing that the window counts from."""
    _asks(consumer, Sale="2026-01-05T10:00")
    opened = gate.sends("mail_ticket_opened", [vendor, consumer])
    consumer.replies(opened.copy(consumer), "Billed: 2026-05-31T10:00\n\nThis is it.")
    reply = gate.sends("mail_reply", [vendor, consumer])
    gate.disregards()
    assert "Turn it into a refund request" not in opened.copy(consumer).links
    assert "Turn it into a refund request" not in reply.copy(consumer).links
