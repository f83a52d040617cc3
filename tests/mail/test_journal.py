"""The mail in an Exchange journal report (the report's form: multipart/mixed, a text that begins with Sender:, the original)."""

from __future__ import annotations

import base64

import pytest

from mailgate.mail import journal
from mailgate.mail.message import fingerprint, parse

ORIGINAL = (
    b"From: =?utf-8?q?Andr=C3=A9?= <andre@seller.example>\r\nTo: helpdesk@shop.test\r\nCc: support@shop.test\r\n"
    b"Subject: Re: Order 4711\r\nMessage-ID: <r1@seller.example>\r\nIn-Reply-To: <a1@shop.test>\r\n"
    b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n\xc3\xa9 voil\xc3\xa0\r\n\r\nbye \r\n"
)
SAID = b"Sender: andre@seller.example\r\nSubject: Re: Order 4711\r\nMessage-Id: <r1@seller.example>\r\nTo: helpdesk@shop.test\r\n"


def report(
    original: bytes = ORIGINAL, said: bytes = SAID, mark: bytes = b"X-MS-Journal-Report:", encoding: bytes = b"8bit"
) -> bytes:
    """A report as Exchange writes it."""
    return (
        b"From: Microsoft Outlook <MicrosoftExchange329e71ec88ae4615bbc36ab6ce41109e@shop.test>\r\nTo: journal@gate.internal\r\n"
        + b"Subject: Re: Order 4711\r\nMessage-ID: <j1@shop.test>\r\n"
        + (mark + b"\r\n" if mark else b"")
        + b'MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="_b_"\r\n\r\n--_b_\r\nContent-Type: text/plain\r\n\r\n'
        + said
        + b"\r\n--_b_\r\nContent-Type: message/rfc822\r\nContent-Transfer-Encoding: "
        + encoding
        + b"\r\n\r\n"
        + original
        + b"\r\n--_b_--\r\n"
    )


@pytest.mark.parametrize(
    "mark", [b"X-MS-Journal-Report:", b"x-ms-journal-report: application/ms-tnef", b"X-MS-Exchange-Organization-Journal-Report:"]
)
def test_report_gives_the_original_byte_for_byte(mark: bytes) -> None:
    """The mail counts as if it had come by itself: the same content by another way is recognised (G-07)."""
    found = journal.read(parse(report(mark=mark)))
    assert found is not None
    assert (found.raw, found.reverse_path) == (ORIGINAL, "andre@seller.example")
    assert fingerprint(parse(found.raw)) == fingerprint(parse(ORIGINAL))


def test_original_in_base64_is_decoded() -> None:
    """Some gateways re-encode the attached mail, against RFC 2046 §5.2.1."""
    coded = base64.encodebytes(ORIGINAL).replace(b"\n", b"\r\n")
    found = journal.read(parse(report(coded, encoding=b"base64")))
    assert found is not None
    assert found.raw == ORIGINAL


@pytest.mark.parametrize(
    ("said", "path"), [(b"Sender: <>\r\n", None), (b"Sender:\r\n", None), (b"Sender: <a@b.test>\r\n", "a@b.test")]
)
def test_reverse_path_is_what_the_report_says(said: bytes, path: str | None) -> None:
    """The report itself is sent by <>; that says nothing of the mail in it."""
    found = journal.read(parse(report(said=said)))
    assert found is not None
    assert found.reverse_path == path


def test_what_is_no_address_is_no_reverse_path() -> None:
    """Then the author of the report counts, as if it said nothing."""
    found = journal.read(parse(report(said=b"Sender: a@b.test <c@d.test>: unknown\r\n")))
    assert found is not None
    assert found.reverse_path == parse(report()).author


@pytest.mark.parametrize(
    "raw",
    [report(mark=b""), ORIGINAL, report().replace(b"message/rfc822", b"application/pdf"), b"X-MS-Journal-Report:\r\n\r\n", b""],
)
def test_other_mail_is_no_report(raw: bytes) -> None:
    """A forwarded mail without Exchange's line, and a line without a mail."""
    assert journal.read(parse(raw)) is None
