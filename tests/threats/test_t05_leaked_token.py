"""T5: a token leaks in quoted or forwarded mail, and somebody else uses it."""

from __future__ import annotations

import pytest
from exchange import Gate
from passage import Notice
from people import Person, threaded


def reminder(gate: Gate, inc: Person, acme: Person) -> Notice:
    inc.writes([acme])
    gate.later(hours=48)
    return gate.sends("remind", [acme, inc])


@pytest.mark.parametrize("where", ["the text", "the subject", "References", "a header of his own", "the attached notice"])
def test_t05_token_that_is_only_quoted_raises_no_trust(gate: Gate, inc: Person, acme: Person, where: str) -> None:
    """Design §5: it locates; the seller's name above it stays a claim."""
    notice = reminder(gate, inc, acme)
    leaked = notice.message.reply_to[0].address
    how: dict[str, object] = {
        "the text": {"text": f"See below.\n\n> Reply-To: {leaked}\n> {notice.text}"},
        "the subject": {"subject": f"Re: Order 4711 {leaked}"},
        "References": {"headers": threaded(notice.message)},
        "a header of his own": {"headers": {"X-Original-To": leaked, "Delivered-To": leaked, **threaded(notice.message)}},
        "the attached notice": {"attaching": notice.row.raw},
    }[where]
    done = acme.writes([inc, gate.stage.desk], **{"subject": "Re: Order 4711", "proven": False, **how})
    assert done.settled is not None
    assert done.settled.level == "claimed"
    assert gate.clock().running
    gate.disregards()


@pytest.mark.parametrize("who", ["a stranger", "his colleague", "the other reader"])
def test_t05_token_in_other_hands_is_a_claim_at_best(gate: Gate, inc: Person, acme: Person, stranger: Person, who: str) -> None:
    """Design §5: written to by its owner alone it signs."""
    notice = reminder(gate, inc, acme)
    writer = {"a stranger": stranger, "his colleague": acme.at("anna@acme.example"), "the other reader": inc}[who]
    done = writer.writes([notice.message.reply_to[0].address], subject="Re: Order 4711", proven=False)
    assert done.settled is not None
    assert done.settled.level != "signed"
    assert gate.clock().running
    gate.disregards()


def test_t05_each_reader_has_a_token_of_his_own_and_no_copy_shows_anothers(gate: Gate, inc: Person, acme: Person) -> None:
    """Design §2: per person, in Reply-To and the return path; never in a text that all share."""
    notice = reminder(gate, inc, acme)
    tokens = {row.reader: notice.copy(Person(row.reader, gate)).message.reply_to[0].address for row in notice.copies}
    assert len(set(tokens.values())) == 2
    for row in notice.copies:
        others = [one for reader, one in tokens.items() if reader != row.reader]
        assert not any(one.encode() in row.raw for one in others)
    gate.disregards()
