"""A desk that receives its mail hands it on unchanged; the next hop is a real Postfix with the people's mailbox."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from nursery import Nursery, Sink
from postfix import Postfix
from running import DESK, HELPDESK, SELLER, Running, house, mail, quiet, rows, until

ASK = mail(HELPDESK, SELLER, "ask", "Order 4711", text="Please send the tracking link.")
ODD = (
    mail(HELPDESK, SELLER, "odd", "Order 4712").replace(b"\r\n\r\n", b"\r\nX-Odd: \x80\xff raw\r\n\tfolded  \r\n\r\n", 1)
    + b".\r\n..two dots\r\n  trailing blanks  \r\n\xc3\xa9 \xff\xfe\x80\r\n" + b"x" * 990 + b"\r\n\r\n\r\nno end of line"
)  # fmt: skip


def receiving(shop: Path, hop: str, words: str = "") -> Path:
    """The configuration of a desk that receives its own mail and hands it on to `hop`."""
    house(shop)
    desks = shop / "desks.toml"
    desks.write_text(desks.read_text("utf-8").replace("[desk.support]\n", f'[desk.support]\nhand_on = "{hop}"\n{words}'), "utf-8")
    return shop


def sent(running: Running, count: int, state: str = "sent") -> list[Any]:
    """(notice, reader, answer) of what left, once there is so much."""
    query = f"SELECT notice, reader, answer FROM outbox WHERE state = '{state}' ORDER BY id"
    until(lambda: len(rows(running.directory, query)) >= count)
    return rows(running.directory, query)


@pytest.fixture
def hop(sink: tuple[Sink, str]) -> tuple[Sink, str]:
    """A next hop in this process, and its URL."""
    return sink[0], sink[1].removeprefix("smarthost.url=")


def test_bytes_go_on_unchanged(tmp_path: Path, nursery: Nursery, hop: tuple[Sink, str]) -> None:
    """Not a byte is added, removed or encoded, and the envelope is the same; only the last line gets its end."""
    running = nursery.start(receiving(tmp_path, hop[1]), "smarthost.url=maildir:outgoing").wait_ready()
    assert running.sends(ODD, "", ["support+tag@shop.test"])
    assert [row[:2] for row in sent(running, 1)] == [("hand_on", DESK)]
    assert hop[0].taken == [(DESK, ODD + b"\r\n")]


def test_mail_that_we_cannot_judge_reaches_its_people(tmp_path: Path, nursery: Nursery, hop: tuple[Sink, str]) -> None:
    """It goes on in the transaction that takes it in: a fault of ours parks the mail for us, not for them."""
    words = "smarthost.url=maildir:outgoing"
    running = nursery.start(receiving(tmp_path, hop[1]), words, raises="mailgate.gateway:decide").wait_ready()
    assert running.sends(ASK)
    sent(running, 1)
    until(lambda: running.lines("message.parked"))
    assert hop[0].taken == [(DESK, ASK)]


def test_mail_that_was_copied_before_is_handed_on(tmp_path: Path, nursery: Nursery, hop: tuple[Sink, str]) -> None:
    """We know it already; its people do not."""
    words = ["smarthost.url=maildir:outgoing", 'copied.addresses=["copies@gate.test"]']
    running = nursery.start(receiving(tmp_path, hop[1]), *words).wait_ready()
    assert running.sends(ASK, to=["copies@gate.test"])
    until(lambda: running.lines("message.settled"))
    assert running.sends(ASK)
    sent(running, 1)
    assert hop[0].taken == [(DESK, ASK)]


@pytest.mark.parametrize(
    ("where", "when"),
    [
        ("mailgate.gateway:take", "after"),  # written for them and for us, not committed
        ("mailgate.gateway:Gateway.accept", "after"),  # durable, no 250
        ("mailgate.courier:record", "before"),  # their server has it, nobody noted it
    ],
)
def test_daemon_that_dies_hands_each_mail_on(
    tmp_path: Path, nursery: Nursery, hop: tuple[Sink, str], where: str, when: str
) -> None:
    """Its people have it whatever died, twice only if nobody knew that it had left; and we have it once."""
    shop = receiving(tmp_path, hop[1])
    doomed = nursery.start(shop, "smarthost.url=maildir:outgoing", kill=(where, when, 1)).wait_ready()
    answered = doomed.sends(ASK)
    assert answered == where.endswith("record")
    until(lambda: doomed.ended() == -9)
    running = nursery.start(shop, "smarthost.url=maildir:outgoing").wait_ready()
    assert answered or running.sends(ASK)
    sent(running, 1)
    until(lambda: quiet(shop))
    assert set(hop[0].taken) == {(DESK, ASK)}
    assert len(hop[0].taken) == (2 if where.endswith("record") else 1)
    assert rows(shop, "SELECT count(*) FROM messages") == [(1,)]
    assert running.kill(15) == 0


def test_mail_that_comes_back_goes_no_further(tmp_path: Path, nursery: Nursery, hop: tuple[Sink, str]) -> None:
    """Whatever the hop put on top: the same content goes on once, and what has gone round for long does not go on at all."""
    running = nursery.start(receiving(tmp_path, hop[1]), "smarthost.url=maildir:outgoing").wait_ready()
    received = b"Received: from gate.shop.test by mx.shop.test; Mon, 01 Jun 2026 10:00:01 +0000\r\n"
    for raw in (ASK, received + ASK, received * 60 + ODD):
        assert running.sends(raw)
    until(lambda: len(running.lines("hand_on.stopped")) == 2)
    assert [line["reason"] for line in running.lines("hand_on.stopped")] == ["again", "hops"]
    assert sent(running, 1) == rows(running.directory, "SELECT notice, reader, answer FROM outbox WHERE notice = 'hand_on'")


@pytest.mark.real
def test_real_hop_delivers_and_a_refusal_goes_back_to_the_author(
    tmp_path: Path, nursery: Nursery, postfix: Callable[..., Postfix]
) -> None:
    """What the people's server refuses is returned by mail to whoever sent it, by the smarthost (RFC 5321 §6.1, RFC 3464)."""
    boxes = postfix(mailboxes=[DESK, "a@client.test"])
    url = f"smtp://127.0.0.1:{boxes.port}"
    running = nursery.start(receiving(tmp_path, url, 'aliases = ["gone@shop.test"]\n'), f"smarthost.url={url}").wait_ready()
    assert running.sends(ODD, "a@client.test", [DESK])
    boxes.delivered(DESK)
    (raw,) = boxes.raw_mails(DESK)
    kept = re.sub(rb"^.*?(?=From: )", b"", raw, count=1, flags=re.DOTALL)
    assert kept == ODD.replace(b"\r\n", b"\n") + b"\n"
    assert running.sends(ASK, "a@client.test", ["gone@shop.test"])
    (report,) = boxes.delivered("a@client.test")
    assert report.get_content_type() == "multipart/report"
    status = report.get_payload(1).as_string()
    assert "Final-Recipient: rfc822; gone@shop.test" in status
    assert "Status: 5.1.1" in status
    assert "<ask@mail.test>" in report.get_payload(2).as_string()
    assert report["Return-Path"] == "<>"
    assert running.sends(ASK.replace(b"ask@", b"two@"), "", ["gone@shop.test"])
    sent(running, 2, "refused")
    assert rows(running.directory, "SELECT count(*) FROM outbox WHERE notice = 'undelivered'") == [(1,)]
    assert rows(running.directory, "SELECT count(*) FROM unreachable") == [(0,)]
