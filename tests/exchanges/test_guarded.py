"""What the guard makes of a mail before it leaves, by the desk's own rules; nothing of the look stays."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from mailgate import guard, understand
from mailgate.desk.guard import Verdict
from mailgate.desk.party import Guarding
from mailgate.gateway import Gateway
from mailgate.mail.message import Envelope
from mailgate.store import spool
from mailgate.store.engine import Store
from mailgate.wire.guard_out import Relayed, Reply

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


@dataclass
class Beyond:
    """A next hop in a word: what it was sent, what it says to that."""

    answer: Relayed = Relayed("sent", "250 2.0.0 queued")
    sent: list[bytes] = field(default_factory=list)

    async def says(self, line: str) -> Reply:
        return Reply(250, ("ok",))

    async def sends(self, content: bytes) -> Relayed:
        self.sent.append(content)
        return self.answer


@pytest.mark.parametrize(
    ("answer", "kept"),
    [
        (Relayed("sent", "250 2.0.0 queued"), (1, "")),
        (Relayed("unsent", "550 5.7.1 no"), (0, "not sent: 550 5.7.1 no")),
        (Relayed("uncertain", "451 4.4.2 who knows"), (0, "uncertain: nobody knows whether the next hop took it")),
    ],
)
async def test_a_store_that_takes_long_holds_nobody_up(
    gate: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: Relayed, kept: tuple[int, str]
) -> None:
    """The client has its answer while the store still thinks; what became of the mail is written down as soon as it can be."""
    store, counted = Store.open("sqlite:///slow.db", tmp_path), list[str]()
    gateway = Gateway(store, gate.stage.house)
    passing, beyond = guard.Guard(gateway, False, counted.append), Beyond(answer)
    run, look, awake = store.run, passing._look, asyncio.Event()

    async def slow(work: Any) -> Any:
        await awake.wait()
        return await run(work)

    def looked(*mail: Any) -> Any:
        found = look(*mail)
        monkeypatch.setattr(guard, "PATIENCE", 0.01)
        return found

    monkeypatch.setattr(store, "run", slow)
    monkeypatch.setattr(passing, "_look", looked)
    raw = b"From: seller@shop.example\r\nTo: tickets@desk.example\r\nMessage-ID: <s@shop.example>\r\n\r\nhello\r\n"
    envelope = Envelope("seller@shop.example", ("tickets@desk.example",), datetime(2026, 6, 1, tzinfo=UTC), "guard", "unix")
    assert await passing.passing(envelope, raw, beyond) == answer.reply  # type: ignore[arg-type]
    assert beyond.sent == [raw]
    assert "unchecked" in counted
    awake.set()
    await asyncio.gather(*passing._late)
    waiting = store.read(partial(spool.waiting, limit=9))
    rows = store.read(spool.listed)
    assert (len(waiting), rows[0]["reason"] or "") == kept
    store.close()


async def test_what_a_dead_daemon_left_on_its_way_counts_for_nothing(gate: Any, tmp_path: Path) -> None:
    """Nobody knows whether the next hop took it; its client tries again, and the timers no longer wait for it."""
    store = Store.open("sqlite:///left.db", tmp_path)
    gateway = Gateway(store, gate.stage.house)
    envelope = Envelope("seller@shop.example", ("tickets@desk.example",), datetime(2026, 6, 1, tzinfo=UTC), "guard", "unix")
    store.call(partial(guard.passage.begin, envelope=envelope, raw=b"x", desks=("desk",), message_id="s@shop.example"))
    assert store.read(spool.oldest_waiting) == envelope.received_at
    await guard.Guard(gateway, False, lambda _: None).left_over(timedelta(minutes=10))
    assert store.read(spool.oldest_waiting) is None
    assert store.read(partial(spool.waiting, limit=9)) == ()
    store.close()
