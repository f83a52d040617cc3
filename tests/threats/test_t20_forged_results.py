"""T20: forged Authentication-Results, Received, X- and Resent- lines.

The reader of the lines: tests/mail/test_results.py.
"""

from __future__ import annotations

import pytest
from exchange import Gate
from forging import AUTHSERV, OURS, OUTSIDE, RELAY, comes
from people import Person

PASS = "dmarc=pass header.from=acme.example"
BELOW = {
    "the very line": (f"{OURS}{PASS}",),
    "twice": (f"{OURS}{PASS}", f"{OURS}{PASS}"),
    "in capitals": (f"AUTHENTICATION-RESULTS: {AUTHSERV.upper()}; {PASS}",),
    "folded": (f"Authentication-Results:\r\n {AUTHSERV};\r\n\t{PASS}",),
    "under a Received of ours": (f"Received: from x by {AUTHSERV}; Mon, 1 Jun 2026 12:00:00 +0000", f"{OURS}{PASS}"),
    "under one from our relay": (f"Received: from {AUTHSERV} ([{RELAY}]) by {AUTHSERV}; x", f"{OURS}{PASS}"),
    "as old results": (
        f"X-Original-Authentication-Results: {AUTHSERV}; {PASS}",
        f"Old-Authentication-Results: {AUTHSERV}; {PASS}",
    ),
    "sealed": (f"ARC-Authentication-Results: i=1; {AUTHSERV}; {PASS}", "ARC-Seal: i=1; cv=pass; d=desk.example; b=x"),
    "as a header of a provider": ("X-MS-Exchange-Organization-AuthAs: Internal", "X-Google-DKIM-Signature: v=1; d=acme.example"),
    "a spam filter's word": ("X-Spam-Status: No", "X-Mailgate-Level: signed"),
    "Received-SPF": ("Received-SPF: pass (x) client-ip=1.2.3.4; envelope-from=support@acme.example",),
    "resent": ("Resent-From: support@acme.example", f"{OURS}{PASS}"),
}


@pytest.mark.parametrize("shape", BELOW)
def test_t20_lines_that_a_sender_brought_along_are_not_read(gate: Gate, inc: Person, acme: Person, shape: str) -> None:
    """RFC 8601 §5: what stands below the Received of the host that handed it over is the sender's."""
    gate.trusts(RELAY, AUTHSERV)
    ask = inc.writes([acme])
    head = ("From: support@acme.example", "To: helpdesk@digistore24.com", f"In-Reply-To: <{ask.message.message_id}>")
    done = comes(gate, *BELOW[shape], *head)
    assert (done.level, gate.clock().state) == ("claimed", "running")
    gate.disregards()
    acme.replies_to_all(ask)
    gate.disregards()


@pytest.mark.parametrize("client", [OUTSIDE, "2001:db8::1", "", "unix:x", "192.0.2.90", "imap/junk"])
def test_t20_lines_on_top_count_from_our_relay_alone(gate: Gate, inc: Person, acme: Person, client: str) -> None:
    """`[trust] relays`: nobody else's mail is looked at for them."""
    gate.trusts(RELAY, AUTHSERV)
    ask = inc.writes([acme])
    head = ("From: support@acme.example", "To: helpdesk@digistore24.com", f"In-Reply-To: <{ask.message.message_id}>")
    assert comes(gate, *head, top=(f"{OURS}{PASS}",), client=client).level == "claimed"
    gate.disregards()
    acme.replies_to_all(ask)
    gate.disregards()
