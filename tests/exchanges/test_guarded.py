"""What the guard makes of a mail before it leaves, by the desk's own rules; nothing of the look stays."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from mailgate import guard, understand
from mailgate.desk.guard import Verdict
from mailgate.desk.party import Guarding
from mailgate.mail.message import Envelope

PACK = "madeiramadeira"


@pytest.fixture
def asked(gate: Any, customer: Any) -> Any:
    """A case that the seller has been told of."""
    opened = customer.states("Guarda-roupa", "N\u00e3o chegou.", Lojista="shop", Motivo="atraso_na_entrega")
    gate.disregards()
    return opened


def looked(gate: Any, raw: bytes, sender: str, **wishes: str) -> Verdict:
    """The guard's verdict on this mail by `sender`."""
    gate.moves_to(gate.stage.desk.model_copy(update={"guard": Guarding.model_validate(wishes)}))
    envelope = Envelope(sender, ("tickets@desk.example",), gate.now, "guard", "127.0.0.1")
    house = gate.stage.house
    got = understand.read(raw, envelope, house)
    found = gate.stage.store.read(partial(guard.looked_at, envelope=envelope, got=got, house=house))
    assert found is not None
    return found.verdict


def reply(gate: Any, asked: Any, text: str) -> bytes:
    """A mail of the seller's to the desk, in the thread."""
    lines = [
        "From: seller@shop.example", "To: tickets@desk.example", "Subject: Re: Guarda-roupa", "Message-ID: <r@shop.example>",
        f"In-Reply-To: <{asked.message.message_id}>", "Date: Mon, 01 Jun 2026 12:00:00 +0000",
        "Content-Type: text/plain; charset=utf-8", "", text, "",
    ]  # fmt: skip
    return "\r\n".join(lines).encode()


def test_a_seller_asks_for_whatsapp_and_hears_what_to_take_out(gate: Any, asked: Any, seller: Any) -> None:
    """M-03: what the marketplace forbids to say is refused before it is said; no strike, no alert."""
    raw = reply(gate, asked, "Fale comigo no WhatsApp, por favor.")
    verdict = looked(gate, raw, seller.address, prohibited="refuse")
    assert verdict.reply.endswith("Please take out what the marketplace prohibits (whatsapp). Then send it again.")
    assert looked(gate, raw, seller.address, prohibited="warn").warned == ("prohibited",)
    assert looked(gate, raw, seller.address, prohibited="off") == Verdict(1)
    assert gate.strikes("shop") == ()


def test_a_seller_writes_well_and_passes(gate: Any, asked: Any, seller: Any) -> None:
    """Nothing to say about it."""
    raw = reply(gate, asked, "O guarda-roupa chega amanh\u00e3.")
    assert looked(gate, raw, seller.address, prohibited="refuse") == Verdict(1)


def test_someone_writes_in_his_name_and_nothing_is_held_against_it(gate: Any, asked: Any, seller: Any) -> None:
    """A sender of another domain proves no author: his mail is not refused, so that nobody learns who is on a ticket."""
    raw = reply(gate, asked, "Fale comigo no WhatsApp, por favor.")
    gate.stage.house = replace(gate.stage.house, allowed={**gate.stage.house.allowed, "claimed": ("add",)})
    assert looked(gate, raw, "mallory@else.example", prohibited="refuse").refused == ()
