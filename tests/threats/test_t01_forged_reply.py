"""T1: a forged reply of the seller's stops the clock.

Sixty more shapes of the mail are in tests/exchanges/test_forged.py.
"""

from __future__ import annotations

import pytest
from exchange import RECEIVED, Gate
from forging import AUTHSERV, OURS, OUTSIDE, RELAY, comes, delivered
from people import Person

SELLER = "From: support@acme.example"
PASS = "dmarc=pass header.from=acme.example"
HIM = (SELLER, "To: helpdesk@digistore24.com, tickets@desk.example", "Subject: Re: Order 4711", "Message-ID: <x@evil.example>")
FORGED = {
    "our host did not look": ((), (), RELAY),
    "his own line below our Received": ((), (f"{OURS}{PASS}",), RELAY),
    "our line, but he came himself": ((f"{OURS}{PASS}",), (), OUTSIDE),
    "a second authserv-id behind ours": ((f"Authentication-Results: evil.example {AUTHSERV}; {PASS}",), (), RELAY),
    "ours in a comment": ((f"Authentication-Results: evil.example ({AUTHSERV}); {PASS}",), (), RELAY),
    "a version that is not 1": ((f"Authentication-Results: {AUTHSERV} 2; {PASS}",), (), RELAY),
    "the pass in a comment": ((f"{OURS}dmarc=fail (dmarc=pass header.from=acme.example) header.from=acme.example",), (), RELAY),
    "the pass in a reason": ((f'{OURS}dmarc=fail reason="x; {PASS}" header.from=acme.example',), (), RELAY),
    "a pass for another domain": ((f"{OURS}dkim=pass header.d=evil.example",), (), RELAY),
    "none, and a pass after it": ((f"{OURS}none; {PASS}x",), (), RELAY),
    "ours from an earlier hop": ((), (f"{OURS}{PASS}", "Received: from mx.desk.example (192.0.2.9) by y; x"), RELAY),
    "a pass for the subdomain": ((f"{OURS}dkim=pass header.d=mail.acme.example",), (), RELAY),
}


@pytest.mark.parametrize("shape", FORGED)
def test_t01_mail_in_the_sellers_name_stops_no_clock(gate: Gate, inc: Person, acme: Person, shape: str) -> None:
    """Design §5: signed or authenticated; anything else is kept, and the ladder goes on."""
    top, below, client = FORGED[shape]
    gate.trusts(RELAY, AUTHSERV)
    ask = inc.writes([acme])
    done = comes(gate, *below, *HIM, f"In-Reply-To: <{ask.message.message_id}>", top=top, client=client)
    assert (done.event, done.level, gate.clock().state) == ("unproven", "claimed", "running")
    gate.disregards()
    gate.later(hours=48)
    gate.sends("remind", [acme, inc])
    gate.disregards()


@pytest.mark.parametrize("space", ["", "\t", "  ", "\r\n "])
def test_t01_true_proof_counts_however_it_is_folded(gate: Gate, inc: Person, acme: Person, space: str) -> None:
    """RFC 8601 §2.2: what the shapes lack is the proof, not a way of writing it."""
    gate.trusts(RELAY, AUTHSERV)
    ask = inc.writes([acme])
    line = f"Authentication-Results:{space or ' '}{AUTHSERV}{space};{space or ' '}{PASS}"
    done = comes(gate, *HIM, f"In-Reply-To: <{ask.message.message_id}>", top=(line,))
    assert (done.event, gate.clock().state) == ("answered", "stopped")
    gate.disregards()


def test_t01_old_answer_sent_once_more_stops_nothing(gate: Gate, inc: Person, acme: Person) -> None:
    """G-07: his true answer to an earlier question, replayed with all its proofs, is the mail that we had."""
    gate.trusts(RELAY, AUTHSERV)
    ask = inc.writes([acme])
    lines = [f"{OURS}{PASS}", RECEIVED, *HIM, f"In-Reply-To: <{ask.message.message_id}>", "", "Yes.", ""]
    assert delivered(gate, "\r\n".join(lines).encode()).event == "answered"
    gate.later(hours=1)
    again = inc.follows_up(ask, "And the invoice?")
    assert gate.clock().running
    assert delivered(gate, "\r\n".join(lines).encode()).state == "duplicate"
    assert gate.clock().running
    acme.replies_to_all(again)
    gate.disregards()


@pytest.mark.parametrize("byte", ["\0", "\x0b", "\x1b", "\u2028", "\u202e"])
def test_t01_author_with_control_characters_is_nobody(gate: Gate, inc: Person, acme: Person, byte: str) -> None:
    """RFC 5322 §3.4: two readers may read it in two ways."""
    gate.trusts(RELAY, AUTHSERV)
    ask = inc.writes([acme])
    lines = (f"From: support@acme{byte}.example", *HIM[1:], f"In-Reply-To: <{ask.message.message_id}>")
    done = comes(gate, *lines, top=(f"{OURS}{PASS}",))
    assert done.event not in ("answered",)
    assert gate.clock().running
    acme.replies(ask)
    gate.disregards()
