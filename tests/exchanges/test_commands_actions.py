"""The seller's actions at MadeiraMadeira by link and by word: a word does what is harmless, in any of the four languages."""

from __future__ import annotations

import pytest
from exchange import Gate
from passage import Notice
from people import Person

PACK = "madeiramadeira"
REPLY, SUSPENDED = "Responder ao cliente", "A entrega foi suspensa"


def _opened(gate: Gate, customer: Person, seller: Person, reason: str = "atraso_na_entrega") -> Notice:
    customer.states("Guarda-roupa", "Não chegou.", Lojista="shop", Motivo=reason)
    his = gate.sends("opened", seller)
    gate.sends("opened", customer)
    return his


def _runs(gate: Gate, name: str = "first_response") -> bool:
    clock = gate.ticket().clock(name)
    return clock is not None and clock.running


@pytest.mark.parametrize(
    "line",
    [
        "Nova data 2026-07-10", "NOVA DATA DE ENTREGA: 10/07/2026", "new date 2026-07-10", "nuova data di consegna 10/07/2026",
        "تاریخ جدید ۱۴۰۵/۰۴/۱۹", "تاريخ جديد 1405/04/19",
    ],
)  # fmt: skip
def test_new_date_by_a_word_stops_the_clock(gate: Gate, customer: Person, seller: Person, line: str) -> None:
    """M-20, design §8: harmless, so a signed reply's first line does it."""
    opened = _opened(gate, customer, seller)
    assert seller.replies(opened, f"{line}\n").event == "rescheduled"
    assert not _runs(gate)
    gate.stays_silent()


def test_word_without_a_signed_address_does_nothing(gate: Gate, customer: Person, seller: Person) -> None:
    """Design §8: only a mail to the address that was made for its author is signed; the thread alone is not."""
    opened = _opened(gate, customer, seller)
    head = {"To": "tickets@desk.example", "Subject": "Re: Guarda-roupa", "In-Reply-To": f"<{opened.message.message_id}>"}
    said = gate.receives(seller, head, "Nova data 2026-07-10")
    assert said.ticket == 1
    gate.disregards()
    assert _runs(gate)


@pytest.mark.parametrize(
    "line", ["entrega suspensa", "A entrega foi suspensa.", "delivery stopped", "consegna sospesa", "تحویل متوقف شد"]
)
def test_obligation_is_confirmed_by_a_word(gate: Gate, customer: Person, seller: Person, line: str) -> None:
    """M-29: the suspension confirmed; no breach follows, whatever the first response does."""
    opened = _opened(gate, customer, seller, "cancelamento_antes_da_entrega")
    assert seller.replies(opened, line).event == "delivery_suspended"
    assert not _runs(gate, "suspend_delivery")
    seller.follows(opened, REPLY, "Suspensa.")
    gate.sends("mail_customer", customer)
    gate.later(days=20)
    gate.stays_silent()


def test_confirming_what_was_never_owed_is_refused(gate: Gate, customer: Person, seller: Person) -> None:
    """M-29: no link is offered for it, and the word does nothing."""
    opened = _opened(gate, customer, seller)
    assert SUSPENDED not in opened.links
    seller.replies(opened, "entrega suspensa")
    gate.disregards()
    assert _runs(gate)


@pytest.mark.parametrize("line", ["responder ao cliente", "confirmar devolução", "iniciar cancelamento", "cancel order", "بستن"])
def test_word_that_ends_or_cancels_needs_the_link(gate: Gate, customer: Person, seller: Person, line: str) -> None:
    """Design §8: no order is cancelled and no protocol finished by a word; the clock runs on."""
    opened = _opened(gate, customer, seller)
    seller.replies(opened, f"{line}\n")
    gate.disregards()
    assert _runs(gate)
    assert gate.ticket().state == "open"
    assert not gate.logged("cancel_order")
    assert not gate.logged("start_order_cancellation")
    assert not [row for _, row in gate.stage.sent if row.notice == "mail_customer"]


def test_customer_cannot_give_the_sellers_words(gate: Gate, customer: Person, seller: Person) -> None:
    """M-15: actions are the seller's; the customer's mail with such a word is refused and handed on as a message."""
    customer.states("Guarda-roupa", "Não chegou.", Lojista="shop", Motivo="atraso_na_entrega")
    gate.sends("opened", seller)
    hers = gate.sends("opened", customer)
    customer.replies(hers, "Nova data 2026-07-10")
    gate.sends("command_refused", customer)
    gate.sends("message_relayed", seller)
    assert _runs(gate)


def test_link_after_the_end_still_reaches_the_customer(gate: Gate, customer: Person, seller: Person) -> None:
    """MR-04, M-18: an action on a finished protocol is carried out; the same link twice is not."""
    opened = _opened(gate, customer, seller)
    seller.follows(opened, REPLY, "Amanhã.")
    told = gate.sends("mail_customer", customer)
    seller.follows(opened, REPLY, "E outra vez.")
    gate.sends("command_refused", seller)
    customer.replies(told, "Obrigado, mas não chegou.")
    again = gate.sends("message_relayed", seller)
    assert seller.follows(again, REPLY, "Hoje mesmo.").event == "finalised"
    gate.sends("mail_customer", customer)


def test_seller_asks_for_help_and_status_in_portuguese(gate: Gate, customer: Person, seller: Person) -> None:
    """G-15, G-17: in the reader's language; the words are those that he may write."""
    opened = _opened(gate, customer, seller)
    seller.replies(opened, "ajuda")
    told = gate.sends("help", seller).said
    assert "NOVA DATA" in told
    assert "SITUAÇÃO" in told or "STATUS" in told
    seller.replies(opened, "andamento")
    assert "horário de Brasília" in gate.sends("status", seller).said


def test_customer_reads_what_was_promised_and_two_words(gate: Gate, customer: Person, seller: Person) -> None:
    """G-15: STATUS names each promise with its time; HELP lists what a customer may write, and nothing of the seller's."""
    customer.states("Guarda-roupa", "Não chegou.", Lojista="shop", Motivo="cancelamento_antes_da_entrega")
    gate.sends("opened", seller)
    hers = gate.sends("opened", customer)
    customer.replies(hers, "status")
    told = gate.sends("status", customer).said
    assert "Primeira ação do vendedor: até 3 de junho de 2026" in told
    assert "Suspensão da entrega: até 12 de junho de 2026" in told
    customer.replies(hers, "AJUDA")
    words = gate.sends("help", customer).said
    assert "STATUS" in words
    assert "AJUDA" in words
    assert "RESPONDER CLIENTE" not in words


def test_refusal_names_what_was_written(gate: Gate, customer: Person, seller: Person) -> None:
    """G-17: in the reader's language; the template's own comment says 'command: as it was written'."""
    opened = _opened(gate, customer, seller)
    seller.replies(opened, "confirmar devolução")
    gate.disregards()
    refused = next(row for _, row in gate.stage.sent if row.notice == "command_refused")
    assert "confirm_return" not in Notice(refused, (refused,), gate.now).said


def test_help_lists_the_words_that_act(gate: Gate, customer: Person, seller: Person) -> None:
    """G-15, design §8: 'write one of these words alone on the first line' is true of each word that it lists."""
    opened = _opened(gate, customer, seller)
    seller.replies(opened, "ajuda")
    told = gate.sends("help", seller)
    listed = told.text.partition("- ")[2].partition("\n\n")[0]
    assert "NOVA DATA" in listed
    assert "RESPONDER CLIENTE" not in listed


@pytest.mark.parametrize("reason", ["cancelamento_antes_da_entrega", "cancelamento_depois_da_entrega"])
def test_seller_reads_the_deadline_of_his_first_response(gate: Gate, customer: Person, seller: Person, reason: str) -> None:
    """M-11, M-12, M-23: 'take the first step by' is the 48 hours, not the ten days to suspend the delivery."""
    opened = _opened(gate, customer, seller, reason)
    assert "dê o primeiro passo até 3 de junho de 2026" in opened.said
