"""T19: the Date header moves a clock."""

from __future__ import annotations

import pytest
from exchange import Gate
from forging import AUTHSERV, OURS, RELAY, comes
from people import Person

DATES = (
    "Thu, 01 Jan 1970 00:00:00 +0000", "Fri, 31 Dec 9999 23:59:59 +0000", "Mon, 01 Jun 2026 00:00:00 +2500", "garbage", "",
    "Mon, 31 Feb 2026 25:61:61 -0000", "Sun, 01 Jun 2036 12:00:00 +0000", "\x00",
)  # fmt: skip


@pytest.mark.parametrize("date", DATES)
def test_t19_question_counts_from_when_it_came(gate: Gate, inc: Person, acme: Person, date: str) -> None:
    """G-01: received_at, whatever the mail says of itself."""
    ask = inc.writes([acme], unseen=True)
    raw = ask.raw.split(b"\r\n")
    gate.stage.receive(b"\r\n".join([f"Date: {date}".encode(), *(one for one in raw if not one.startswith(b"Date:"))]), gate.now)
    assert gate.clock().started_at == gate.now
    due = gate.clock().due
    gate.later(hours=48)
    gate.sends("remind", [acme, inc])
    assert gate.clock().due == due
    gate.orders("no_answer_needed")
    gate.disregards()


@pytest.mark.parametrize("date", DATES[:4])
def test_t19_late_answer_is_late_whatever_its_date_says(gate: Gate, inc: Person, acme: Person, date: str) -> None:
    """G-01: a Date before the deadline takes no strike away."""
    gate.trusts(RELAY, AUTHSERV)
    ask = inc.writes([acme])
    gate.later(hours=100)
    head = ("From: support@acme.example", "To: helpdesk@digistore24.com", f"In-Reply-To: <{ask.message.message_id}>")
    done = comes(gate, f"Date: {date}", *head, top=(f"{OURS}dmarc=pass header.from=acme.example",))
    assert done.event == "answered"
    clock = gate.clock()
    assert clock.due is not None
    assert clock.stopped_at is not None
    assert clock.stopped_at > clock.due
    gate.disregards()
