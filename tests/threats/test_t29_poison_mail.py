"""T29: a mail that breaks us stops the queue.

Mails made to break parsers: tests/mail/test_message.py, test_bombs.py.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from theatre import shipped_house

from mailgate import gateway as message_path
from mailgate.gateway import Gateway
from mailgate.mail.message import Envelope
from mailgate.store import spool
from mailgate.store.engine import Store

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
HEAD = b"From: a@b.example\r\nTo: tickets@desk.example\r\nMessage-ID: <%d@b>\r\n"
POISON = {
    "nothing": b"",
    "one byte": b"\0",
    "no header": b"\r\n\r\n\r\n",
    "no end": b"From: a@b.example",
    "only dots": b".\r\n" * 99,
    "every byte": bytes(range(256)) * 40,
    "From half open": b"From: <\r\n\r\nx",
    "To half open": b"To: a@[\r\n\r\nx",
    "id half open": b"Message-ID: <[\r\n\r\nx",
    "charset": HEAD + b"Content-Type: text/plain; charset=zlib_codec\r\n\r\nx",
    "charset undefined": HEAD + b"Content-Type: text/plain; charset=undefined\r\n\r\nx",
    "base64": HEAD + b"Content-Transfer-Encoding: base64\r\n\r\n=====" + b"A" * 999,
    "nested": HEAD + b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(900)),
    "one boundary": HEAD + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\n" * 9000,
    "headers": HEAD + b"a:\r\n" * 60_000 + b"\r\nx",
    "a long header": HEAD + b"Subject: " + b"=?utf-8?q?x?= " * 9000 + b"\r\n\r\nx",
    "parameters": HEAD + b"Content-Type: text/plain" + b"; a=b" * 20_000 + b"\r\n\r\nx",
    "quotes": HEAD + b"Cc: " + b'"' * 20_001 + b"\r\n\r\nx",
    "many ids": HEAD + b"References: " + b"<x@y> " * 50_000 + b"\r\n\r\nx",
    "a date": HEAD + b"Date: " + b"9" * 5000 + b"\r\n\r\nx",
    "addresses": HEAD + b"Cc: " + b"a@b.example, " * 30_000 + b"\r\n\r\nx",
    "quoted text": HEAD + b"\r\n" + b">" * 90_000,
    "html": HEAD + b"Content-Type: text/html\r\n\r\n" + b"<div>" * 60_000,
    "a report of nothing": HEAD
    + b"Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n"
    + b"--b\r\nContent-Type: message/delivery-status\r\n\r\n",
}


@pytest.fixture
def gateway(tmp_path: Path) -> Gateway:
    return Gateway(Store.open("sqlite:///mailgate.db", tmp_path), shipped_house())


async def comes(gateway: Gateway, raw: bytes) -> None:
    await gateway.accept(Envelope("a@b.example", ("tickets@desk.example",), NOW, "smtp"), raw)


async def test_t29_poison_is_kept_and_the_mail_behind_it_is_settled(gateway: Gateway) -> None:
    """Nothing a stranger sends stops the loop: each is settled or parked with its bytes, and the others go on."""
    for number, raw in enumerate(POISON.values()):
        await comes(gateway, raw.replace(b"%d", b"%d" % number, 1))
    await comes(gateway, HEAD % 999 + b"Subject: Hello\r\n\r\nA mail like others.\r\n")
    started = time.process_time()
    await gateway.catch_up()
    states = gateway.store.read(spool.counts)
    assert states.get("received", 0) == 0
    assert sum(states.values()) == len(POISON) + 1
    assert time.process_time() - started < 60
    gateway.store.close()


async def test_t29_mail_that_makes_our_own_code_fail_is_parked_and_the_next_one_is_not(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bug of ours, which one mail brings out: that one is parked, with its bytes; people let it go on later."""
    decide = message_path.decide

    def breaks(message: object, context: object, now: object) -> object:
        if "poison" in message.subject:  # type: ignore[attr-defined]
            raise ZeroDivisionError("a bug")
        return decide(message, context, now)  # type: ignore[arg-type]

    monkeypatch.setattr(message_path, "decide", breaks)
    for number, subject in enumerate((b"first", b"poison", b"last")):
        await comes(gateway, HEAD % number + b"Subject: " + subject + b"\r\n\r\nHello\r\n")
    await gateway.catch_up()
    assert gateway.store.read(spool.counts) == {"settled": 2, "parked": 1}
    (row,) = gateway.store.read(lambda one: spool.listed(one, state="parked"))
    mail = gateway.store.read(lambda one: spool.get(one, row["spool_id"]))
    assert mail is not None
    assert b"Subject: poison" in mail.raw
    monkeypatch.undo()
    gateway.store.call(lambda one: spool.retry(one, [row["spool_id"]]))
    await gateway.catch_up()
    assert gateway.store.read(spool.counts) == {"settled": 3}
    gateway.store.close()
