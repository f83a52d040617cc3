"""T3: a spoofed reply brings an attacker into a thread by its Cc or Reply-To (as at a helpdesk provider in 2024)."""

from __future__ import annotations

import pytest
from exchange import Gate
from forging import AUTHSERV, RELAY, comes, everything
from people import Person, threaded

EVIL = "eve@evil.example"


@pytest.mark.parametrize("field", ["Cc", "To", "Reply-To", "Bcc", "Resent-To", "Disposition-Notification-To", "Errors-To"])
def test_t03_whoever_a_forger_copies_is_never_written_to(gate: Gate, inc: Person, acme: Person, field: str) -> None:
    """Design §5: readers are roles of the case, not whoever a mail names."""
    gate.trusts(RELAY, AUTHSERV)
    secret = inc.writes([acme], text="The customer's number is 555-0199.")
    head = ["From: support@acme.example", "Subject: Re: Order 4711", f"In-Reply-To: <{secret.message.message_id}>"]
    other = [] if field == "To" else ["To: tickets@desk.example"]
    comes(gate, *head, *other, f"{field}: {EVIL}")
    gate.later(hours=100)
    assert EVIL not in {row.reader for _, row in gate.stage.sent}
    assert EVIL not in everything(gate)
    gate.disregards()


def test_t03_newcomer_sees_nothing_older_than_himself(gate: Gate, inc: Person, acme: Person, stranger: Person) -> None:
    """G-14: what he asks for as a member of the case shows him his own mails alone."""
    before = inc.writes([acme], text="Between us.")
    after = inc.writes([acme], cc=[stranger], subject="Re: Order 4711", headers=threaded(before.message))
    stranger.replies_to_all(after, "STATUS")
    said = "\n".join(row.raw.decode() for _, row in gate.stage.sent if row.reader == stranger.address)
    assert before.canary not in said
    acme.replies_to_all(after)
    gate.disregards()


@pytest.mark.parametrize("evidence", ["our id", "our tag", "our token in the text", "our reply address"])
def test_t03_stranger_who_knows_how_we_are_reached_opens_a_ticket_of_his_own(
    gate: Gate, inc: Person, acme: Person, stranger: Person, evidence: str
) -> None:
    """Design §5: every evidence needs an author who belongs to the case; doubt splits."""
    inc.writes([acme])
    gate.later(hours=48)
    notice = gate.sends("remind", [acme, inc])
    how = {
        "our id": {"headers": threaded(notice.message)},
        "our tag": {"subject": f"Re: {notice.message.subject}"},
        "our token in the text": {"text": notice.text},
        "our reply address": {"to": notice.message.reply_to[0].address},
    }[evidence]
    mail = stranger.writes([how.pop("to", gate.stage.desk)], **{"subject": "Hello", **how})
    assert mail.ticket == 2
    assert stranger.address not in {one.address for one in gate.ticket(1).participants}
    gate.disregards()
