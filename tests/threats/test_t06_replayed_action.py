"""T6: a signed action is used again: replayed, expired, changed, by others, many at once (S02)."""

from __future__ import annotations

import threading
from functools import partial
from pathlib import Path

import pytest
from exchange import Gate
from people import Person, written

from mailgate import gateway, understand
from mailgate.mail.message import Envelope
from mailgate.store import spool, tickets
from mailgate.store.engine import Store
from mailgate.store.tickets import ChangedError

PACK = "clickbank"
CLOSE, REFUND = "Close the ticket", "Turn it into a refund request"


def opens(gate: Gate, consumer: Person, vendor: Person, subject: str = "A-77") -> dict[str, str]:
    """The links of the consumer's copy."""
    consumer.states(subject, "It does not start.", Seller="shop", Request="support", Subscription="yes", Sale="2026-05-20T10:00")
    return gate.sends("mail_ticket_opened", [vendor, consumer]).copy(consumer).links


def address(link: str) -> str:
    return link.partition("?")[0].removeprefix("mailto:").replace("%2B", "+")


def changes(gate: Gate) -> int:
    return len([one for one in gate.logged("changed") if one["ticket"] == 1])


def test_t06_action_has_one_effect_however_often_it_is_sent(gate: Gate, consumer: Person, vendor: Person) -> None:
    """Design §5: single-use, in the transaction of its effect."""
    to = address(opens(gate, consumer, vendor)[REFUND])
    for number in range(5):
        consumer.writes([to], subject=f"Again {number}", text=f"Number {number}")
        gate.later(minutes=1)
    assert changes(gate) == 1
    gate.disregards()


@pytest.mark.parametrize("days", [31, 400])
def test_t06_expired_action_has_none(gate: Gate, consumer: Person, vendor: Person, days: int) -> None:
    """Design §5: it says until when."""
    to = address(opens(gate, consumer, vendor)[REFUND])
    gate.sleeps(days=days)
    consumer.writes([to], subject="At last", text="Now, please.")
    assert changes(gate) == 0
    gate.disregards()


def test_t06_every_changed_character_takes_an_action_its_force(gate: Gate, consumer: Person, vendor: Person) -> None:
    """S02: party, action, day, nonce and MAC are all signed; nothing of it stays (`would` undoes each trial)."""
    to = address(opens(gate, consumer, vendor)[REFUND])
    local, _, host = to.rpartition("@")
    tried = 0
    for at in range(local.index("+a") + 2, len(local)):
        for other in ("a", "2", "."):
            if local[at].lower() != other:
                head = {
                    "To": f"{local[:at]}{other}{local[at + 1 :]}@{host}",
                    "Subject": "Change",
                    "Message-ID": f"<{at}{other}@x>",
                }
                done = gate.would(written(consumer.address, head, "Please."))
                assert done.event not in ("changed", "closed"), head["To"]
                tried += 1
    assert tried > 80
    assert changes(gate) == 0
    gate.disregards()


def test_t06_action_of_one_ticket_does_nothing_to_another(gate: Gate, consumer: Person, vendor: Person) -> None:
    """Design §5: bound to its ticket, whatever thread, tag and token stand beside it."""
    to = address(opens(gate, consumer, vendor)[REFUND])
    opens(gate, consumer, vendor, "A-78")
    other = gate.mails[-1].message
    consumer.writes([to], subject="Re: [MG-2] A-78", text="It.", headers={"In-Reply-To": f"<{other.message_id}>"})
    assert (gate.ticket(1).kind, gate.ticket(2).kind) == ("refund", "support")
    gate.disregards()


def test_t06_forwarded_action_is_worth_nothing_to_who_gets_it(
    gate: Gate, consumer: Person, vendor: Person, stranger: Person
) -> None:
    """Design §5: bound to its party, also where the forger writes her name into Sender and Reply-To."""
    to = address(opens(gate, consumer, vendor)[REFUND])
    for who in (stranger, vendor, consumer.at("consumer@evil.example")):
        who.writes([to], subject="Mine", headers={"Sender": consumer.address, "Reply-To": consumer.address})
    assert changes(gate) == 0
    gate.disregards()


def test_t06_twenty_at_once_have_one_effect(gate: Gate, consumer: Person, vendor: Person, tmp_path: Path) -> None:
    """S02: twenty threads settle twenty mails with one link, each in a transaction of its own."""
    own, gate.stage.store = gate.stage.store, Store.open("sqlite:///once.db", tmp_path)
    to = address(opens(gate, consumer, vendor)[REFUND])
    for number in range(20):
        head = {"To": to, "Subject": f"Use {number}", "Message-ID": f"<{number}@use>"}
        envelope = Envelope("c@x.example", (to,), gate.now, "simulate")
        arrival = (envelope, written(consumer.address, head, f"{number}"), None)
        gate.stage.store.call(partial(spool.put, arrivals=[arrival]))
    rows = gate.stage.store.read(partial(spool.waiting, limit=50))
    assert len(rows) == 20
    start = threading.Barrier(20)

    def use(mail: spool.Spooled) -> None:
        start.wait()
        while True:
            try:
                read = understand.read(mail.raw, mail.envelope, gate.stage.house)
                gate.stage.store.call(partial(gateway.settle, mail=mail, got=read, house=gate.stage.house, now=gate.now))
                return
            except ChangedError:  # the ticket moved meanwhile: what the gateway does is try once more
                continue

    threads = [threading.Thread(target=use, args=(mail,)) for mail in rows]
    for one in threads:
        one.start()
    for one in threads:
        one.join(60)
    assert changes(gate) == 1
    assert gate.stage.store.read(partial(tickets.load, numbers=[1]))[1].kind == "refund"
    gate.disregards()
    gate.stage.store.close()
    gate.stage.store = own
