"""The report about a mail that could not be handed on, read back by our own reader of reports."""

from __future__ import annotations

from datetime import UTC, datetime

from mailgate.mail import report
from mailgate.mail.message import parse
from mailgate.mail.signature import Signatures
from mailgate.mail.undelivered import Undelivered
from mailgate.mail.undelivered import report as written

RAW = b"From: =?utf-8?q?J=C3=B6rg?= <a@client.test>\r\nSubject: \xff raw\r\nMessage-ID: <m1@client.test>\r\n\r\nsecret text\r\n"
LOST = Undelivered(RAW, "gone@shop.test", "a@client.test", "5.1.1", "550 5.1.1 no such\r\nuser \x07 here")


def test_author_reads_who_and_why() -> None:
    """RFC 3464: one recipient, failed, with the next hop's words in one line; of the mail its header alone."""
    raw = written(LOST, "shop.test", "undelivered.7@shop.test", datetime(2026, 6, 1, tzinfo=UTC))
    message = parse(raw)
    told = report.read(message, Signatures())
    assert told is not None
    assert (told.form, [(one.address, one.action, one.status) for one in told.recipients]) == (
        "dsn", [("gone@shop.test", "failed", "5.1.1")],
    )  # fmt: skip
    assert b"550 5.1.1 no such user" in raw
    assert b"secret text" not in raw
    assert message.attached_ids == ("m1@client.test",)
    assert "gone@shop.test could not be delivered" in (message.text or "")
