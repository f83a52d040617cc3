"""The whole circle with real servers: Postfix → LMTP → ticket → notice → Postfix → a mailbox, read over IMAP from Dovecot."""

from __future__ import annotations

import email
import imaplib
import os
from collections.abc import Callable
from email.message import Message
from pathlib import Path

import dovecot as dovecots
import pytest
from nursery import Nursery
from postfix import Postfix, free_port
from running import DESK, HELPDESK, SELLER, ask, house, mail, rows, until

pytestmark = pytest.mark.real

PASSWORD = "seller-secret"
ASK = mail(HELPDESK, SELLER, "ask", "Order 4711", text="Please send the tracking link.")
LACKING = mail(SELLER, "buyer@mail.test", "lacking", "Re: Order 4711", cc="", answers="ask")


def read(box: dovecots.Dovecot) -> list[Message]:
    """What the seller's mail program shows."""
    with imaplib.IMAP4("127.0.0.1", box.port) as client:
        client.login(SELLER, PASSWORD)
        _, (count,) = client.select("INBOX", readonly=True)
        fetched = [client.fetch(str(n + 1), "(BODY.PEEK[])")[1][0] for n in range(int(count or b"0"))]
    return [email.message_from_bytes(one[1]) for one in fetched if isinstance(one, tuple)]


def test_round_trip(tmp_path: Path, nursery: Nursery, postfix: Callable[..., Postfix]) -> None:
    """An ask, a reply that keeps no rule, the notice about it in the seller's mailbox, and the answer to it: the clock stops."""
    if reason := dovecots.missing():
        (pytest.fail if os.environ.get("MAILGATE_REAL") == "1" else pytest.skip)(reason)
    with dovecots.running(users={SELLER: PASSWORD}) as box:
        door = free_port()
        mx = postfix(
            lambda made: {
                "transport_maps": made.table("transport", {"shop.test": f"lmtp:inet:127.0.0.1:{door}"}),
                "virtual_mailbox_domains": SELLER.partition("@")[2],
                "virtual_mailbox_base": str(box.root / "mail"),
                "virtual_mailbox_maps": made.table("boxes", {SELLER: f"{SELLER}/Maildir/"}),
            }
        )
        words = [f'lmtp.listen=["127.0.0.1:{door}"]', 'trust.relays=["127.0.0.1"]', f"smarthost.url=smtp://127.0.0.1:{mx.port}"]
        running = nursery.start(house(tmp_path), *words).wait_ready()
        mx.sends(ASK, HELPDESK, [DESK, SELLER])
        until(lambda: len(running.lines("message.settled")) == 1)
        mx.sends(LACKING, SELLER, [DESK])
        until(lambda: len(read(box)) == 2)
        notice = next(one for one in read(box) if one["Message-ID"] != "<ask@mail.test>")
        assert rows(tmp_path, f"SELECT state FROM outbox WHERE message_id = '{notice['Message-ID'].strip('<>')}'") == [("sent",)]
        assert "<lacking@mail.test>" in notice["References"] + notice["In-Reply-To"]
        assert notice["Return-Path"].startswith("<bounces+")
        back = email.utils.parseaddr(notice["Reply-To"] or notice["From"])[1]
        answer = mail(SELLER, f"{HELPDESK}, {back}", "answer", "Re: Order 4711", answers="ask", text="Here it is: 1Z999.")
        mx.sends(answer, SELLER, [back, DESK])
        until(lambda: len(running.lines("message.settled")) == 3)
        (ticket,) = ask(tmp_path, "ticket", "list")
        assert (ticket["messages"], ticket["clocks"][0]["state"]) == (3, "stopped")
        mx.drained()
