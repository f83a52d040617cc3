"""The copied set-up of docs/postfix.md with a real Postfix: it delivers as before and sends us a copy of both ways."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from nursery import Nursery
from postfix import Postfix
from running import DESK, HELPDESK, SELLER, Running, ask, house, mail, quiet, rows, until

sys.path.insert(0, str(Path(__file__).parents[1] / "mail"))
from test_journal import report

pytestmark = pytest.mark.real

COPIES, JOURNAL = "copies@mailgate.internal", "journal@mailgate.internal"
ASK = mail(HELPDESK, SELLER, "ask", "Order 4711", text="Please send the tracking link.")
ANSWER = mail(SELLER, HELPDESK, "answer", "Re: Order 4711", answers="ask", text="Here it is: 1Z999.")


@pytest.fixture
def beside(tmp_path: Path, nursery: Nursery) -> Running:
    """A mailgate that gets copies alone, by LMTP from this machine."""
    words = ['lmtp.listen=["127.0.0.1:0"]', f'copied.addresses=["{COPIES}"]', f'copied.journals=["{JOURNAL}"]']
    return nursery.start(house(tmp_path), *words, 'trust.relays=["127.0.0.1"]', "smarthost.url=maildir:outgoing").wait_ready()


@pytest.fixture
def mx(postfix: Callable[..., Postfix], beside: Running) -> Postfix:
    """The Postfix of docs/postfix.md: the desk's mailbox is there, its mail is copied both ways, sellers are elsewhere."""
    hop = f"mailgate:inet:{beside.ready['lmtp'][0]}"
    return postfix(
        lambda made: {
            "recipient_bcc_maps": made.table("mailgate_in", {DESK: COPIES}),
            "sender_bcc_maps": made.table("mailgate_out", {DESK: COPIES, HELPDESK: COPIES}),
            "transport_maps": made.table("transport", {"mailgate.internal": hop, "example-seller.example": "discard:"}),
        },
        ["mailgate unix - - n - - lmtp -o soft_bounce=yes"],
        mailboxes=[DESK, HELPDESK],
    )


def clock(directory: Path) -> str:
    """How the clock of the only ticket stands."""
    (ticket,) = ask(directory, "ticket", "list")
    return str(ticket["clocks"][0]["state"])


def settled(running: Running, count: int) -> None:
    """Wait until so many mails are there and settled."""
    until(lambda: rows(running.directory, "SELECT count(*) FROM spool")[0][0] == count and quiet(running.directory))


def test_ask_and_answer_by_bcc_maps(mx: Postfix, beside: Running) -> None:
    """The agent's ask opens the clock, the seller's reply stops it; everybody's mail is delivered as if there were no copies."""
    assert mx.sends(ASK, HELPDESK, [SELLER, DESK]) == {}
    settled(beside, 1)
    assert clock(beside.directory) == "running"
    assert mx.sends(ANSWER, SELLER, [HELPDESK, DESK]) == {}
    settled(beside, 2)
    assert [(row["message_id"], row["ticket"], row["door"]) for row in ask(beside.directory, "message", "list")] == [
        ("ask@mail.test", "MG-1", "lmtp"), ("answer@mail.test", "MG-1", "lmtp"),
    ]  # fmt: skip
    assert clock(beside.directory) == "stopped"
    assert [one["Message-ID"] for one in mx.delivered(DESK, 2)] == ["<ask@mail.test>", "<answer@mail.test>"]
    assert ask(beside.directory, "outbox", "list") == []
    mx.drained()


def test_ask_and_answer_by_journal(mx: Postfix, beside: Running) -> None:
    """Exchange wraps the same mails into reports from <>: the mails in them count, each once, whoever else brings them."""
    said = b"Sender: %s\r\nTo: someone.else@shop.test\r\n"
    mx.sends(report(ASK, said % HELPDESK.encode()), "", [JOURNAL])
    settled(beside, 1)
    assert clock(beside.directory) == "running"
    mx.sends(report(ANSWER, said % SELLER.encode()), "", [JOURNAL])
    mx.sends(ANSWER, SELLER, [HELPDESK, DESK])
    settled(beside, 3)
    assert [row["message_id"] for row in ask(beside.directory, "message", "list")] == [
        "ask@mail.test",
        "answer@mail.test",
        "answer@mail.test",
    ]
    assert clock(beside.directory) == "stopped"


def test_forged_report_to_the_copied_address_proves_nothing(mx: Postfix, beside: Running) -> None:
    """Anybody can write Exchange's line and attach a mail: where bcc maps send, a report is what its author sent."""
    mx.sends(ASK, HELPDESK, [SELLER, DESK])
    settled(beside, 1)
    forged = report(ANSWER, b"Sender: " + SELLER.encode() + b"\r\n").replace(
        b"MicrosoftExchange329e71ec88ae4615bbc36ab6ce41109e", b"eve"
    )
    mx.sends(forged, "eve@evil.test", [DESK])
    settled(beside, 2)
    assert "stopped" not in {one["state"] for row in ask(beside.directory, "ticket", "list") for one in row["clocks"]}


@pytest.mark.parametrize("dirt", [b"a\rb \xff\xfe \x80", b"nul\0here", b"x" * 70_000])
def test_copy_is_never_refused_for_what_it_says(mx: Postfix, beside: Running, dirt: bytes) -> None:
    """A refusal would reach the author of a mail that had nothing to do with us."""
    mx.sends(ASK + dirt + b"\r\n", HELPDESK, [SELLER, DESK])
    settled(beside, 1)
    assert clock(beside.directory) == "running"
    mx.drained()
    assert "status=bounced" not in mx.log
    assert "status=deferred" not in mx.log
