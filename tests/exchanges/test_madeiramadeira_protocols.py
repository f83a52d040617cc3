"""Protocols at MadeiraMadeira: what is asked of the seller, what his actions do, and when the platform steps in."""

from __future__ import annotations

import pytest
from exchange import Gate
from passage import Notice
from people import Mail, Person

PACK = "madeiramadeira"
REPLY, RETURN, CANCEL = "Responder ao cliente", "Confirmar a devolução", "Iniciar o cancelamento do pedido"
NEW_DATE, SUSPENDED = "Informar nova data de entrega", "A entrega foi suspensa"
COLLECTED, POSTED = "O produto foi coletado", "O código de postagem foi enviado"
WRONG = "entrega_errada_produto_errado"


def _asks(customer: Person, reason: str = WRONG, text: str = "Veio o produto errado.", **facts: str) -> Mail:
    return customer.states("Guarda-roupa", text, **{"Lojista": "shop", "Pedido": "77", "Motivo": reason, **facts})


def _opened(gate: Gate, customer: Person, seller: Person, reason: str = WRONG, **facts: str) -> Notice:
    _asks(customer, reason, **facts)
    his = gate.sends("opened", seller)
    gate.sends("opened", customer)
    return his


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        (WRONG, "trocar pelo produto certo"),
        ("cancelamento_antes_da_entrega", "10 dias corridos"),
        ("cancelamento_depois_da_entrega", "15 dias"),
        ("envio_de_nota_fiscal", "nota fiscal"),
        ("manual_de_montagem", "manual"),
        ("sem_acesso_ao_rastreio", "rastreio"),
    ],
)
def test_seller_gets_the_expected_action_and_the_links_for_it(
    gate: Gate, customer: Person, seller: Person, reason: str, expected: str
) -> None:
    """M-23…M-45, M-16…M-20: the opening mail quotes what the reason asks for, and carries a link for each action."""
    opened = _opened(gate, customer, seller, reason)
    assert expected in opened.said
    assert {REPLY, RETURN, CANCEL, NEW_DATE} <= set(opened.links)
    assert "Guarda-roupa" in opened.message.subject


def test_customer_is_told_the_number_and_asked_nothing(gate: Gate, customer: Person, seller: Person) -> None:
    """G-15, M-23: what the reason expects is the seller's to do; the customer reads the number and what happens next."""
    _asks(customer)
    gate.sends("opened", seller)
    told = gate.sends("opened", customer)
    assert "MG-1" in told.said
    assert "O que se espera de você" not in told.said


def test_seller_bears_his_name_of_the_directory(gate: Gate, customer: Person, seller: Person) -> None:
    """G-17, M-18: whatever a mail calls him, letters call him by his registered name."""
    opened = _opened(gate, customer, seller)
    seller.follows(opened, REPLY, "Enviamos amanhã.")
    assert "Shop respondeu a você" in gate.sends("mail_customer", customer).said


def test_sellers_answer_reaches_the_customer_and_finishes(gate: Gate, customer: Person, seller: Person) -> None:
    """M-18: the message goes to the customer by mail, and the protocol is finalised; the clock stands."""
    opened = _opened(gate, customer, seller)
    answer = seller.follows(opened, REPLY, "Enviamos a peça certa amanhã.")
    assert answer.event == "finalised"
    told = gate.sends("mail_customer", customer)
    assert "> Enviamos a peça certa amanhã." in told.text
    assert answer.canary in told.text
    assert gate.ticket().state == "finalised"
    gate.later(days=5)
    gate.stays_silent()


def test_sellers_attachment_reaches_the_customer(gate: Gate, customer: Person, seller: Person) -> None:
    """M-38, M-18: the invoice that he attaches to his answer goes with it."""
    opened = _opened(gate, customer, seller, "envio_de_nota_fiscal")
    seller.follows(opened, REPLY, "Segue a nota.", attaching="nota.pdf")
    assert [one.filename for one in gate.sends("mail_customer", customer).message.attachments] == ["nota.pdf"]


def test_answer_without_a_word_is_refused(gate: Gate, customer: Person, seller: Person) -> None:
    """M-18, G-11: reply_customer needs a text; without one nothing goes out, the clock runs on, and the seller is told."""
    opened = _opened(gate, customer, seller)
    empty = seller.follows(opened, REPLY, instead="-- \nShop\n")
    gate.sends("command_refused", seller)
    assert empty.event == "commanded"
    assert gate.ticket().state == "open"
    assert seller.follows(opened, REPLY, "Enviamos amanhã.").event == "finalised"
    gate.sends("mail_customer", customer)


def test_refusal_of_an_empty_answer_says_what_is_missing(gate: Gate, customer: Person, seller: Person) -> None:
    """G-17, M-18: in the seller's language, not in our code's."""
    opened = _opened(gate, customer, seller)
    seller.follows(opened, REPLY, instead="-- \nShop\n")
    assert "incomplete" not in gate.sends("command_refused", seller).said


def test_return_cancels_the_order_and_tells_the_customer(gate: Gate, customer: Person, seller: Person) -> None:
    """M-19: the order is cancelled by effect, the protocol finalised with a mail."""
    opened = _opened(gate, customer, seller)
    assert seller.follows(opened, RETURN).event == "returned"
    assert "devolução" in gate.sends("mail_customer", customer).message.subject
    assert len(gate.logged("cancel_order")) == 1
    assert gate.ticket().state == "finalised"


@pytest.mark.parametrize(("link", "event"), [(CANCEL, "cancelling"), (NEW_DATE, "rescheduled")])
def test_action_that_does_not_finish_stops_the_clock_and_writes_to_nobody(
    gate: Gate, customer: Person, seller: Person, link: str, event: str
) -> None:
    """M-16, M-20, MR-01: a first response, and the protocol stays open."""
    opened = _opened(gate, customer, seller)
    assert seller.follows(opened, link, "10/07/2026").event == event
    gate.later(days=5)
    gate.stays_silent()
    assert gate.ticket().state == "open"


def test_note_stays_inside(gate: Gate, customer: Person, seller: Person) -> None:
    """M-17: a note by a word reaches no customer, stops no clock, and the seller is told so."""
    opened = _opened(gate, customer, seller)
    note = seller.replies(opened, "Nota interna estoque baixo\nVamos ver com o fornecedor.")
    assert note.event == "noted"
    gate.sends("notice_note_not_sent", seller)
    clock = gate.ticket().clock("first_response")
    assert clock is not None
    assert clock.running
    seller.follows(opened, REPLY, "Enviamos amanhã.")
    assert note.canary not in gate.sends("mail_customer", customer).text


def test_platform_takes_a_silent_protocol_over(gate: Gate, customer: Person, seller: Person, sac: Person) -> None:
    """M-09, M-11, MR-04 auto: at 48 hours, to platform and seller, and the mail says that it is taken over."""
    _opened(gate, customer, seller)
    gate.later(hours=48)
    mediated = gate.sends("mediate", [sac, seller])
    assert gate.ticket().facts["mediated"] is True
    assert "mediação" in mediated.message.subject


def test_platform_is_alerted_at_the_deadline_and_not_before(gate: Gate, customer: Person, seller: Person, sac: Person) -> None:
    """M-09, M-11, G-11: 48 hours, 24 for a critical case; the customer hears nothing of it."""
    _opened(gate, customer, seller)
    gate.later(hours=47, minutes=59)
    gate.stays_silent()
    gate.later(minutes=1)
    mediated = gate.sends("mediate", [sac, seller])
    assert REPLY in mediated.copy(seller).links
    assert not mediated.copy(sac).links


def test_critical_case_has_a_day(gate: Gate, customer: Person, seller: Person, sac: Person) -> None:
    """M-13: said in the opening mail; 24 hours."""
    _opened(gate, customer, seller, Crítico="sim")
    gate.later(hours=24)
    assert "crítico" in gate.sends("mediate", [sac, seller]).said


def test_case_that_goes_public_turns_critical(
    gate: Gate, customer: Person, seller: Person, sac: Person, notifier: Person
) -> None:
    """MR-03: from a complaint marketplace's notice on, 24 hours, no later than the first 48."""
    _opened(gate, customer, seller)
    first = gate.mails[0]
    gate.later(hours=10)
    turned = notifier.replies(first, "O cliente abriu uma reclamação no Reclame Aqui.", adding=[gate.stage.desk])
    assert turned.event == "turned_critical"
    gate.later(hours=24)
    gate.sends("mediate", [sac, seller])


@pytest.mark.parametrize(
    ("reason", "facts", "days", "link", "obligation"),
    [
        ("cancelamento_antes_da_entrega", {}, 10, SUSPENDED, "suspend_delivery"),
        ("cancelamento_depois_da_entrega", {}, 15, COLLECTED, "pickup"),
        ("cancelamento_depois_da_entrega", {"Entrega": "correios"}, 2, POSTED, "posting_code"),
    ],
)
def test_obligation_is_kept_by_its_link_or_breached(
    gate: Gate, customer: Person, seller: Person, sac: Person,
    reason: str, facts: dict[str, str], days: int, link: str, obligation: str,
) -> None:  # fmt: skip
    """M-29…M-31, MR-05: the link confirms it; without it the seller and the platform hear, never the customer (G-11)."""
    kept, broken = (_opened(gate, customer, seller, reason, **facts) for _ in range(2))
    for notice in (kept, broken):
        seller.follows(notice, REPLY, "Providenciamos.")
        gate.sends("mail_customer", customer)
    gate.later(hours=2)
    seller.follows(kept, link, "QB123456785BR")
    gate.stays_silent()
    gate.later(days=days + 1)
    breach = gate.sends("breach", [seller, sac], obligation=obligation)
    assert breach.row.ticket == 2
    assert link in breach.copy(seller).links


def test_seller_is_reminded_before_where_the_desk_wants_it(gate: Gate, customer: Person, seller: Person) -> None:
    """MR-07: remind_before = ["6h"], to the seller alone, with the expected action and the links."""
    gate.under(remind_before=["6h"])
    _opened(gate, customer, seller)
    gate.later(hours=42)
    reminder = gate.sends("remind", seller, before="6h")
    assert "trocar pelo produto certo" in reminder.said
    seller.follows(reminder, REPLY, "Enviamos amanhã.")
    gate.sends("mail_customer", customer)
    gate.later(days=3)
    gate.stays_silent()


def test_customers_reply_reopens_a_finished_protocol(gate: Gate, customer: Person, seller: Person, sac: Person) -> None:
    """MR-08: the seller gets his words, and a new first-response clock."""
    opened = _opened(gate, customer, seller)
    seller.follows(opened, REPLY, "Enviamos amanhã.")
    told = gate.sends("mail_customer", customer)
    gate.later(days=3)
    assert customer.replies(told, "Não chegou.").event == "reopened"
    again = gate.sends("message_relayed", seller)
    assert "> Não chegou." in again.text
    assert REPLY in again.links
    gate.later(hours=48)
    gate.sends("mediate", [sac, seller])


def test_shipment_without_tracking_is_followed_up(gate: Gate, customer: Person, seller: Person) -> None:
    """M-45: answered that there is no tracking, the seller is asked once more for the news; the customer is not (G-11)."""
    opened = _opened(gate, customer, seller, "sem_acesso_ao_rastreio")
    seller.follows(opened, REPLY, "O envio não tem rastreio.")
    gate.sends("mail_customer", customer)
    gate.later(days=5)
    gate.sends("remind_follow_up", seller)


def test_mismatching_action_is_told_to_the_seller(gate: Gate, customer: Person, seller: Person, sac: Person) -> None:
    """MR-01 matching_action: carried out, but the clock runs on; he reads which action fits."""
    gate.under(stop_on="matching_action")
    opened = _opened(gate, customer, seller)
    seller.follows(opened, CANCEL)
    told = gate.sends("notice_action_mismatch", seller)
    assert "Responder ao cliente" in told.said
    assert REPLY in told.links
    gate.later(hours=48)
    gate.sends("mediate", [sac, seller])
