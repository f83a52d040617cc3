"""T8: two readers read one From in two ways.

The grammar and its corners: tests/mail/test_address.py; stories: test_forged.py.
"""

from __future__ import annotations

import pytest
from exchange import Gate
from forging import AUTHSERV, OURS, RELAY, comes
from people import Person

SELLER, EVIL = "support@acme.example", "x@evil.example"
TWO_WAYS = {
    "two From": (f"From: {SELLER}", f"From: {EVIL}"),
    "two From, in capitals": (f"FROM: {SELLER}", f"from: {EVIL}"),
    "glued": (f"From: {SELLER}<{EVIL}>",),
    "the other way round": (f"From: {EVIL}<{SELLER}>",),
    "a list": (f"From: {EVIL}, {SELLER}",),
    "a group": (f"From: Acme: {SELLER};",),
    "an empty group and him": (f"From: Undisclosed:;, {SELLER}",),
    "quoted": (f'From: "{SELLER} <" <{EVIL}>',),
    "an escaped quote": (f'From: "x\\" <{SELLER}>" <{EVIL}>',),
    "encoded address": ("From: =?utf-8?q?Acme_=3Csupport=40acme=2Eexample=3E?=",),
    "encoded around an angle": (f"From: =?utf-8?q?=3C{SELLER.replace('@', '=40')}=3E?= <{EVIL}>",),
    "an address literal": ("From: support@[acme.example]",),
    "full-width at": ("From: support\uff20acme.example",),
    "a homograph": ("From: support@\u0430cme.example",),
    "a null byte": (f"From: {SELLER}\0{EVIL}",),
    "a tab inside": ("From: support@acme\t.example",),
    "a semicolon": (f"From: {SELLER};{EVIL}",),
}


@pytest.mark.parametrize("shape", TWO_WAYS)
def test_t08_author_that_can_be_read_in_two_ways_is_nobody(gate: Gate, inc: Person, acme: Person, shape: str) -> None:
    """Design §8: exactly one mailbox by the grammar, or it is not he; even under our own host's pass for the seller."""
    gate.trusts(RELAY, AUTHSERV)
    ask = inc.writes([acme])
    thread = (f"In-Reply-To: <{ask.message.message_id}>", "Message-ID: <x@evil.example>")
    done = comes(gate, *TWO_WAYS[shape], *thread, top=(f"{OURS}dmarc=pass header.from=acme.example",))
    assert (done.event == "answered", gate.clock().state) == (False, "running")
    assert done.level in ("stranger", "claimed")
    acme.replies_to_all(ask)
    gate.disregards()


@pytest.mark.parametrize(
    "author", [SELLER, f"<{SELLER}>", f"Acme (support) <{SELLER}>", f'"Acme, Inc." <{SELLER}>', SELLER.upper()]
)
def test_t08_author_that_can_be_read_in_one_way_is_he(gate: Gate, inc: Person, acme: Person, author: str) -> None:
    """The same, said plainly."""
    gate.trusts(RELAY, AUTHSERV)
    ask = inc.writes([acme])
    head = (f"From: {author}", "To: helpdesk@digistore24.com", f"In-Reply-To: <{ask.message.message_id}>")
    assert comes(gate, *head, top=(f"{OURS}dmarc=pass header.from=acme.example",)).event == "answered"
    gate.disregards()
