"""T2: a forged command closes a ticket or moves money.

Links are in tests/exchanges/test_commands_links.py, words in …_words.py.
"""

from __future__ import annotations

import json

import pytest
from exchange import Gate
from forging import comes
from passage import Notice
from people import Person, threaded

PACK = "clickbank"
CLOSE, REFUND = "Close the ticket", "Turn it into a refund request"


def opened(gate: Gate, consumer: Person, vendor: Person) -> Notice:
    consumer.states("A-77", "It does not start.", Seller="shop", Request="support", Subscription="yes", Sale="2026-05-20T10:00")
    return gate.sends("mail_ticket_opened", [vendor, consumer])


def untouched(gate: Gate) -> bool:
    return (gate.ticket().state, gate.ticket().kind) == ("open", "support")


@pytest.mark.parametrize("word", ["CLOSE", "REFUND", "CANCEL", "Close the ticket", "CLOSE\n\nPlease.", "> CLOSE"])
@pytest.mark.parametrize("who", ["consumer", "vendor"])
def test_t02_word_of_an_unproven_author_does_nothing(gate: Gate, consumer: Person, vendor: Person, who: str, word: str) -> None:
    """Design §8: a word acts only in a signed mail, and never for what closes or moves money."""
    notice = opened(gate, consumer, vendor)
    someone = {"consumer": consumer, "vendor": vendor}[who]
    someone.writes([gate.stage.desk], subject="Re: A-77", text=word, headers=threaded(notice.message), proven=False)
    assert untouched(gate)
    gate.disregards()


@pytest.mark.parametrize("proven", [True, False])
def test_t02_word_that_closes_is_answered_with_a_link_even_where_its_author_is_proven(
    gate: Gate, consumer: Person, vendor: Person, proven: bool
) -> None:
    """Design §8: authenticated is not signed."""
    notice = opened(gate, consumer, vendor)
    consumer.writes([gate.stage.desk], subject="Re: A-77", text="CLOSE", headers=threaded(notice.message), proven=proven)
    assert untouched(gate)
    gate.disregards()


@pytest.mark.parametrize("reader", ["vendor", "stranger"])
@pytest.mark.parametrize("link", [CLOSE, REFUND])
def test_t02_link_of_another_does_nothing(
    gate: Gate, consumer: Person, vendor: Person, stranger: Person, reader: str, link: str
) -> None:
    """Design §5: bound to its party; whoever has it from a forwarded notice may look at it."""
    notice = opened(gate, consumer, vendor).copy(consumer)
    {"vendor": vendor, "stranger": stranger}[reader].follows(notice, link)
    assert untouched(gate)
    gate.disregards()


@pytest.mark.parametrize("action", ["close", "change", "acknowledge", "open"])
def test_t02_instruction_that_no_system_signed_is_not_followed(gate: Gate, consumer: Person, vendor: Person, action: str) -> None:
    """C-52: JSON with the right words and a made-up signature is an attachment like others."""
    opened(gate, consumer, vendor)
    said = {"system": "effects", "id": "1", "at": gate.now.isoformat(), "action": action, "ticket": 1, "signature": "0" * 64}
    head = ("From: erp@desk.example", "To: tickets@desk.example", "Subject: [MG-1] done", "MIME-Version: 1.0")
    kind = 'Content-Type: application/json; name="mailgate.json"'
    comes(gate, *head, kind, 'Content-Disposition: attachment; filename="mailgate.json"', body=json.dumps(said))
    assert untouched(gate)
    assert not [one for _, one in gate.stage.sent if one.notice == "effect"]
    gate.disregards()


def test_t02_forged_yes_opens_no_refund(gate: Gate, consumer: Person) -> None:
    """G-16: who forged the first mail can forge a second one, too; only a signed yes counts."""
    facts = {"Seller": "shop", "Request": "refund"}
    first = consumer.states("A-77", "I want my money back, please.", how={"proven": False}, **facts)
    gate.sends("did_you_write", consumer)
    for text in ("YES", "Yes", "Sim", "بله"):
        consumer.writes([gate.stage.desk], subject="Re: A-77", text=text, headers=threaded(first.message), proven=False)
    assert gate.ticket().tags == {"unconfirmed"}
    assert gate.ticket().clocks == ()
    gate.disregards()
