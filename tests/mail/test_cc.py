"""One reader more in Cc, and not another byte."""

from __future__ import annotations

import pytest

from mailgate.mail.cc import signs_cc, with_reader
from mailgate.mail.message import parse

BODY = b"\r\n\r\nCc: not@a.header\r\n\r\nbody \xff\x80 \r\n"


@pytest.mark.parametrize(
    ("header", "after"),
    [
        (b"From: a@x.test\r\nSubject: hi", b"From: a@x.test\r\nSubject: hi\r\nCc: new@y.test"),
        (b"CC: b@x.test\r\nSubject: hi", b"CC: b@x.test,\r\n new@y.test\r\nSubject: hi"),
        (b"Cc: b@x.test,\r\n\tC <c@x.test>\r\nSubject: hi", b"Cc: b@x.test,\r\n\tC <c@x.test>,\r\n new@y.test\r\nSubject: hi"),
        (b"Cc: b@x.test, \r\nSubject: hi", b"Cc: b@x.test,\r\n new@y.test\r\nSubject: hi"),
        (b"Cc:\r\nSubject: hi", b"Cc: new@y.test\r\nSubject: hi"),
        (b"cc : b@x.test\r\nCc: c@x.test\r\nSubject: hi", b"cc : b@x.test\r\nCc: c@x.test,\r\n new@y.test\r\nSubject: hi"),
        (b"Subject: Cc: no\r\nX-Cc: no", b"Subject: Cc: no\r\nX-Cc: no\r\nCc: new@y.test"),
    ],
)
def test_a_reader_is_put_at_the_end_of_cc(header: bytes, after: bytes) -> None:
    """Into the last Cc field, else into one of its own; the body and all else stay."""
    made = with_reader(header + BODY, "new@y.test")
    assert made == after + BODY
    assert "new@y.test" in [one.address for one in parse(made).cc]


def test_a_mail_without_an_end_of_its_header_stays() -> None:
    """Nobody knows where a field would go."""
    assert with_reader(b"Subject: hi\r\n", "new@y.test") is None
    assert with_reader(b"Subject: hi\r\n\r\n", "n\u00e9w@y.test") is None


@pytest.mark.parametrize(
    ("line", "covered"),
    [
        ("DKIM-Signature: v=1; h=From:To:Cc; b=x", True),
        ("DKIM-Signature: v=1; b=x; h=from : to :\r\n  cc", True),
        ("ARC-Message-Signature: i=1; h=CC:From", True),
        ("DKIM-Signature: v=1; h=From:To:Subject; bh=cc", False),
        ("DKIM-Signature: v=1; h=From:X-Cc", False),
        ("X-Signature: h=Cc", False),
    ],
)
def test_a_signature_over_cc_is_seen(line: str, covered: bool) -> None:
    """RFC 6376 §3.5: what h= names, in any case and folded, be the field there or not."""
    assert signs_cc(parse(line.encode() + b"\r\nSubject: hi\r\n\r\n")) is covered
