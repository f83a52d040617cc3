"""The channel between customer and seller at MadeiraMadeira: handed on both ways, watched for what is forbidden."""

from __future__ import annotations

import pytest
from exchange import Gate
from passage import Notice
from people import Person

PACK = "madeiramadeira"
REPLY = "Responder ao cliente"


def _opened(gate: Gate, customer: Person, seller: Person) -> tuple[Notice, Notice]:
    """The copies of the seller and of the customer."""
    customer.states("Guarda-roupa", "Veio errado.", Lojista="shop", Pedido="77", Motivo="entrega_errada_produto_errado")
    return gate.sends("opened", seller), gate.sends("opened", customer)


def test_messages_go_both_ways_with_their_words(gate: Gate, customer: Person, seller: Person) -> None:
    """M-01, M-21: what one side writes the other reads; neither sees more than was handed to him (G-14)."""
    his, _ = _opened(gate, customer, seller)
    asked = seller.replies(his, "Qual é a cor que chegou?")
    relayed = gate.sends("message_relayed", customer)
    assert asked.canary in relayed.text
    said = customer.replies(relayed, "Chegou branco.")
    back = gate.sends("message_relayed", seller)
    assert said.canary in back.text
    assert REPLY in back.links
    assert not relayed.links


def test_two_different_mails_have_two_ids(gate: Gate, customer: Person, seller: Person) -> None:
    """RFC 5322 §3.6.4: what goes to the seller and what goes to the customer are two mails, with other words and another To."""
    his, hers = _opened(gate, customer, seller)
    assert hers.message.message_id != his.message.message_id


def test_message_is_no_action(gate: Gate, customer: Person, seller: Person, sac: Person) -> None:
    """M-15, M-21: to write in the channel is not enough; the clock runs on to the mediation."""
    his, _ = _opened(gate, customer, seller)
    seller.replies(his, "Já vamos ver.")
    gate.sends("message_relayed", customer)
    gate.later(hours=48)
    gate.sends("mediate", [sac, seller])


def test_seller_and_customer_never_read_each_others_addresses(gate: Gate, customer: Person, seller: Person) -> None:
    """M-04: contact stays in the channel; each answers to an address of the desk's, and is the only one on his copy."""
    his, hers = _opened(gate, customer, seller)
    seller.replies(his, "Qual é a cor?")
    relayed = gate.sends("message_relayed", customer)
    for notice, reader in ((his, seller), (hers, customer), (relayed, customer)):
        assert notice.message.addressed == (reader.address,)
        assert [one.address.partition("@")[2] for one in notice.message.reply_to] == ["desk.example"]


def test_pictures_go_with_a_message(gate: Gate, customer: Person, seller: Person) -> None:
    """M-23: all that is needed in one contact, the customer's pictures among it (design §8)."""
    his, hers = _opened(gate, customer, seller)
    customer.replies(hers, "Segue a foto.", attaching="foto.pdf")
    assert [one.filename for one in gate.sends("message_relayed", seller).message.attachments] == ["foto.pdf"]
    assert his.links


def test_program_stays_behind_and_is_named(gate: Gate, customer: Person, seller: Person) -> None:
    """Design §8: programs are not handed on; the reader is told that one was left out."""
    _, hers = _opened(gate, customer, seller)
    customer.replies(hers, "Segue o programa.", attaching="fatura.exe")
    relayed = gate.sends("message_relayed", seller)
    assert not relayed.message.attachments
    assert "fatura.exe" in relayed.said


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("Bom dia. Me chama no WhatsApp, por favor. Obrigado.", "whatsapp"), ("Olá! Fale no ZAP.", "whatsapp"),
        ("Veja wa.me/5511999 para falar.", "whatsapp"), ("Bom dia. É preciso um PIX de R$ 20. Obrigado.", "charge"),
        ("Há uma taxa extra de entrega.", "charge"), ("TAXA EXTRA!", "charge"), ("Faça um deposito.", "charge"),
    ],
)  # fmt: skip
def test_platform_alone_hears_of_what_is_forbidden(
    gate: Gate, customer: Person, seller: Person, sac: Person, text: str, what: str
) -> None:
    """M-03, M-07, G-11: platform_sac only; neither customer nor seller reads the alert; it counts against the seller (M-08)."""
    his, _ = _opened(gate, customer, seller)
    seller.replies(his, text)
    gate.sends("message_relayed", customer)
    gate.sends("alert_prohibited", sac, what=what)
    assert [one.kind for one in gate.strikes("shop")] == ["prohibited"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("Bom dia. Me chama no WhatsApp, por favor. Obrigado.", "Me chama no WhatsApp, por favor."),
        ("Bom dia. É preciso um PIX de R$ 20. Obrigado.", "É preciso um PIX de R$ 20."),
    ],
)
def test_alert_quotes_the_sentence(gate: Gate, customer: Person, seller: Person, sac: Person, text: str, sentence: str) -> None:
    """M-03, M-07: the sentence is quoted in the alert, and no other (G-14)."""
    his, _ = _opened(gate, customer, seller)
    seller.replies(his, text)
    gate.sends("message_relayed", customer)
    told = gate.sends("alert_prohibited", sac).said
    assert sentence in told
    assert "Bom dia" not in told


def test_two_offences_in_one_message_are_two_alerts(gate: Gate, customer: Person, seller: Person, sac: Person) -> None:
    """M-03 and M-07: each is told to the platform."""
    his, _ = _opened(gate, customer, seller)
    seller.replies(his, "Fale comigo pelo WhatsApp. Precisamos de um PIX.")
    gate.sends("message_relayed", customer)
    gate.disregards()
    assert len([row for _, row in gate.stage.sent if row.notice == "alert_prohibited"]) == 2


@pytest.mark.parametrize(
    "text",
    ["O armário é da linha Zapata.", "A caixa postal está cheia.", "> Me chama no WhatsApp\n\nO cliente escreveu isso acima?"],
)
def test_innocent_and_quoted_words_alert_nobody(gate: Gate, customer: Person, seller: Person, text: str) -> None:
    """M-03, M-07: whole words of the newly written text only."""
    his, _ = _opened(gate, customer, seller)
    seller.replies(his, text)
    gate.sends("message_relayed", customer)
    gate.stays_silent()


def test_customer_may_speak_of_whatsapp(gate: Gate, customer: Person, seller: Person) -> None:
    """M-03: the seller's contact is prohibited, not the customer's words."""
    _, hers = _opened(gate, customer, seller)
    customer.replies(hers, "Posso falar por WhatsApp?")
    gate.sends("message_relayed", seller)


def test_forbidden_words_in_an_action_are_told_too(gate: Gate, customer: Person, seller: Person, sac: Person) -> None:
    """M-03, M-07: independently of the channel, in what an action sends as well."""
    his, _ = _opened(gate, customer, seller)
    seller.follows(his, REPLY, "Pague a taxa adicional.")
    gate.sends("mail_customer", customer)
    gate.sends("alert_prohibited", sac, what="charge")


def test_answer_to_an_alert_stays_inside(gate: Gate, customer: Person, seller: Person, sac: Person) -> None:
    """G-14: replies to internal notices are never relayed, and never quoted outside."""
    his, _ = _opened(gate, customer, seller)
    seller.replies(his, "Fale no WhatsApp.")
    relayed = gate.sends("message_relayed", customer)
    said = sac.replies(gate.sends("alert_prohibited", sac), "Vamos suspender esta loja.")
    gate.stays_silent()
    customer.replies(relayed, "Não uso WhatsApp.")
    assert said.canary not in gate.sends("message_relayed", seller).text


def test_unproven_seller_reaches_nobody(gate: Gate, customer: Person, seller: Person) -> None:
    """Trust: who only claims to be the seller is not handed on to the customer, in the channel or by a stolen subject."""
    _opened(gate, customer, seller)
    first = gate.mails[0].message
    head = {"To": "tickets@desk.example", "Subject": "Re: Guarda-roupa", "In-Reply-To": f"<{first.message_id}>"}
    forged = gate.receives(seller, head, "Um PIX, já.", proven=False)
    assert forged.ticket == 1
    gate.stays_silent()


def test_stranger_in_the_thread_is_handed_to_nobody(gate: Gate, customer: Person, seller: Person, rival: Person) -> None:
    """G-14: another shop that answers into the protocol reaches neither side."""
    _opened(gate, customer, seller)
    rival.replies(gate.mails[0], "Comigo é mais barato.", adding=[gate.stage.desk])
    gate.disregards()
    assert not [row for _, row in gate.stage.sent if row.notice == "message_relayed" and row.ticket == 1]
