"""T15, S08: a forged delivery report makes an address unreachable, or frees a seller of his deadline."""

from __future__ import annotations

from functools import partial

import pytest
from exchange import RECEIVED, Gate
from forging import AUTHSERV, OURS, RELAY, delivered
from people import Mail, Person

from mailgate import mend
from mailgate.desk.reporter import may_report
from mailgate.simulate import mails

SAID = (
    "5.1.1 user unknown",
    "5.7.1 address is on the suppression list",
    "Recipient is on the Amazon SES suppression list",
    "5.2.1 mailbox disabled",
)


def forged(gate: Gate, ask: Mail, number: int, author: str = "", said: str = "5.1.1 nobody here") -> bytes:
    """A report about `ask` that somebody wrote by hand, with the right Message-ID."""
    raw = mails.report(
        ask.message.message_id or "",
        "support@acme.example",
        "helpdesk@digistore24.com",
        "5.1.1",
        gate.now,
        f"{number}.forged@evil.example",
        said,
    )
    return raw.replace(b"MAILER-DAEMON@acme.example", author.encode()) if author else raw


def still(gate: Gate) -> None:
    assert gate.clock().running
    assert gate.unreachable() == {}
    gate.stays_silent()


def test_t15_hundred_forged_reports_suppress_nobody_and_void_nothing(gate: Gate, inc: Person, acme: Person) -> None:
    """Design §5: any other report needs a second one that can act by itself; hours and days apart they are no better."""
    asks = [inc.writes([acme], subject=f"Order {number}") for number in range(10)]
    for number in range(100):
        delivered(gate, forged(gate, asks[number % 10], number, said=SAID[number % 4]), reverse_path=None)
        if number % 25 == 0:
            gate.later(hours=1)
    assert all(gate.clock(ask.ticket).running for ask in asks)
    still(gate)
    gate.later(hours=48)
    assert [row.notice for _, row in gate.stage.sent if row.reader == acme.address] == ["remind"] * 10
    for ask in asks:
        gate.orders("no_answer_needed", ask.ticket)
    gate.disregards()


@pytest.mark.parametrize(
    "author",
    [
        "postmaster@evil.example",
        "MAILER-DAEMON@evil.example",
        "support@acme.example",
        "mailer-daemon@acme.example.evil.example",
        "somebody@googlemail.com",
        "mailer-daemon@tenant.onmicrosoft.com",
        "west@digistore24.com",
    ],
)
def test_t15_report_that_its_own_author_signs_proves_nothing(gate: Gate, inc: Person, acme: Person, author: str) -> None:
    """Everybody has a domain to sign with: only a mail system that had the mail can know (desk/reporter.py)."""
    gate.trusts(RELAY, AUTHSERV)
    ask = inc.writes([acme])
    for number in range(3):
        passed = f"{OURS}dmarc=pass header.from={author.partition('@')[2]}\r\n{RECEIVED}\r\n".encode()
        delivered(gate, passed + forged(gate, ask, number, author), reverse_path=None)
    still(gate)
    acme.replies_to_all(ask)
    gate.disregards()


@pytest.mark.parametrize(
    "author",
    ["MAILER-DAEMON@acme.example", "postmaster@mx1.acme.example", "MAILER-DAEMON@digistore24.com", "MAILER-DAEMON@amazonses.com"],
)
def test_t15_report_of_a_mail_system_that_can_know_acts(
    gate: Gate, inc: Person, acme: Person, owner: Person, manager: Person, author: str
) -> None:
    """The recipient's, the sender's, a provider's that nobody else writes from."""
    gate.trusts(RELAY, AUTHSERV)
    ask = inc.writes([acme])
    passed = f"{OURS}dmarc=pass header.from={author.partition('@')[2]}\r\n{RECEIVED}\r\n".encode()
    delivered(gate, passed + forged(gate, ask, 1, author), reverse_path=None)
    gate.sends("alert_delivery", [owner, manager], of="ask")
    assert gate.clock().state == "void"


@pytest.mark.parametrize("number", [1, 4])
def test_t15_mending_a_ticket_does_not_believe_what_was_doubted(gate: Gate, inc: Person, acme: Person, number: int) -> None:
    """A merge settles its mail anew; a report that proved nothing then proves nothing now."""
    ask = inc.writes([acme])
    for one in range(number):
        delivered(gate, forged(gate, ask, one), reverse_path=None)
    other = inc.writes([acme], subject="Order 4712")
    gate.stage.store.call(partial(mend.merge, house=gate.stage.house, number=other.ticket, into=1, now=gate.now))
    still(gate)
    acme.replies_to_all(ask)
    gate.disregards()


def test_t15_forged_report_revives_no_clock(gate: Gate, inc: Person, acme: Person) -> None:
    """D-14: nobody takes an answer back by saying that it was not delivered."""
    answer = acme.replies(inc.writes([acme]))
    for _ in range(3):
        gate.returns(answer, inc, by="unproven")
    assert gate.clock().state == "stopped"
    gate.stays_silent()


def test_t15_forged_report_of_arrival_ends_no_suppression(
    gate: Gate, inc: Person, acme: Person, owner: Person, manager: Person
) -> None:
    """docs/security.md: what ends a suppression starts a clock, so it takes what may start clocks."""
    ask = inc.writes([acme])
    gate.returns(ask, acme, said="address is on the suppression list")
    gate.sends("alert_delivery", [owner, manager])
    assert gate.unreachable()[acme.address][0] == "suppressed"
    raw = forged(gate, ask, 9).replace(b"Action: failed", b"Action: delivered").replace(b"5.1.1", b"2.1.5")
    delivered(gate, raw, reverse_path=None)
    assert gate.unreachable()[acme.address][0] == "suppressed"
    assert gate.clock().state == "void"
    gate.disregards()


def test_t15_whose_reports_count() -> None:
    """A shared domain's people are not its mail system; a name below a free-mail house is nobody's."""
    assert may_report("mailer-daemon@googlemail.com", "a@x.example", "b@y.example")
    assert not may_report("mailer-daemon@x.googlemail.com", "a@googlemail.com", "b@y.example")
    assert not may_report("west@agency.example", "east@agency.example", "b@y.example")
    assert may_report("postmaster@agency.example", "east@agency.example", "b@y.example")
