"""Reports: facts per recipient out of RFC 3464, RFC 5965 and RFC 8098 mail, and out of plain words; never a person's mail."""

from __future__ import annotations

import time

import pytest

from mailgate import config
from mailgate.mail import report
from mailgate.mail.message import parse
from mailgate.mail.report import Report

ORIGINAL = "Message-ID: <mg.42.x@desk.example>\nReferences: <ask@desk.example>\nTo: tom@gadgets.example\nSubject: x\n"


def dsn(*groups: str, header: str = "From: Mail Delivery System <MAILER-DAEMON@mx.example>", notice: str = "Sorry.") -> bytes:
    fields = "\n\n".join(("Reporting-MTA: dns; mx.example", *groups))
    return (
        f"{header}\nTo: help@desk.example\nSubject: Undelivered Mail\nMIME-Version: 1.0\n"
        f"Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n--b\n\n{notice}\n"
        f"--b\nContent-Type: message/delivery-status\n\n{fields}\n\n--b\nContent-Type: text/rfc822-headers\n\n{ORIGINAL}\n--b--\n"
    ).encode()


def group(address: str, action: str, status: str, code: str = "") -> str:
    diagnostic = f"\nDiagnostic-Code: smtp; {code}" if code else ""
    return f"Final-Recipient: rfc822; {address}\nAction: {action}\nStatus: {status}{diagnostic}"


def read(raw: bytes) -> Report:
    found = report.read(parse(raw), config.signatures())
    assert found is not None
    return found


def test_a_report_is_read_per_recipient() -> None:
    """One report can hold a refusal, a delay and a delivery; the gravest names the kind."""
    found = read(
        dsn(
            group("a@x.example", "failed", "5.1.1", "550 5.1.1 <a@x.example>: User unknown"),
            group("b@x.example", "delayed", "4.4.1", "connect timed out"),
            group("c@x.example", "relayed", "2.1.9"),
        )
    )
    assert (found.kind, found.form) == ("bounce", "dsn")
    assert [(r.address, r.action, r.status) for r in found.recipients] == [
        ("a@x.example", "failed", "5.1.1"),
        ("b@x.example", "delayed", "4.4.1"),
        ("c@x.example", "relayed", "2.1.9"),
    ]
    assert found.recipients[0].reason == "userunknown"
    assert found.original_id == "mg.42.x@desk.example"


def test_delays_and_deliveries_are_no_failures() -> None:
    """A warning is not a bounce."""
    assert read(dsn(group("b@x.example", "delayed", "4.4.1"))).kind == "delayed"
    assert read(dsn(group("b@x.example", "delivered", "2.0.0"))).kind == "delivered"


def test_the_suppression_list_is_seen_before_the_codes() -> None:
    """Relays give 5.1.1 for addresses that they will not even try."""
    group_ = (
        "Action: failed\nFinal-Recipient: rfc822; a@x.example\n"
        "Diagnostic-Code: The message was not sent because it is on the suppression list for your account\nStatus: 5.1.1"
    )
    found = read(dsn(group_))
    assert found.kind == "suppressed"
    assert (found.recipients[0].reason, found.recipients[0].where) == ("suppressed", "diagnostic-code")


@pytest.mark.parametrize(
    "fields",
    [
        "Final-Recipient : rfc/822;<a@x.example>\nStatus : 5.1.1 (bad)\nAction : Failed",
        "Original-Recipient: rfc822;a@x.example\n\nFinal-Recipient: rfc822;other@x.example\nAction: failure\n\nStatus: 5.1.1",
        "Action: failed\nStatus: 5.1.1\nFinal-Recipient: RFC822;\n a@x.example",
    ],
)
def test_crooked_fields_are_understood(fields: str) -> None:
    """Spaces before colons, blank lines inside a group, any order."""
    recipient = read(dsn(fields)).recipients[0]
    assert (recipient.address, recipient.status, recipient.action) == ("a@x.example", "5.1.1", "failed")


def test_a_complaint_is_not_a_bounce() -> None:
    """RFC 5965: who complained, and about which mail."""
    raw = (
        b"From: fbl@isp.example\nSubject: complaint\nContent-Type: multipart/report; report-type=feedback-report; boundary=b\n\n"
        b"--b\n\nAbuse.\n--b\nContent-Type: message/feedback-report\n\nFeedback-Type: abuse\nOriginal-Rcpt-To: <a@x.example>\n\n"
        b"--b\nContent-Type: message/rfc822\n\n" + ORIGINAL.encode() + b"\nhi\n--b--\n"
    )
    found = read(raw)
    assert (found.kind, found.form, found.original_id) == ("arf", "arf", "mg.42.x@desk.example")
    assert [r.address for r in found.recipients] == ["a@x.example"]


def test_a_receipt_is_neither() -> None:
    """RFC 8098 mail bears Final-Recipient too, and is no bounce."""
    raw = dsn("Final-Recipient: rfc822; a@x.example\nDisposition: manual-action/MDN-sent-manually; displayed")
    found = read(raw.replace(b"message/delivery-status", b"message/disposition-notification"))
    assert (found.kind, found.form, found.recipients) == ("mdn", "mdn", ())


PLAIN = """From: Mail Delivery Subsystem <mailer-daemon@mx.example>
To: help@desk.example
Subject: {subject}

{text}

----- Original message -----

{original}
Hi Bob <bob@other.example>
"""


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("Your message could not be delivered:\n\n<tom@gadgets.example>: 550 5.1.1 user unknown", "5.1.1"),
        ("The following address failed:\n\n  tom@gadgets.example\n    mailbox is full", None),
        ("Delivery to tom@gadgets.example failed permanently.", None),
        ("Delivery failed.", None),
    ],
)
def test_plain_words_are_understood(text: str, status: str | None) -> None:
    """The address comes from the notice, never from the returned mail's body; else it is the returned mail's To."""
    found = read(PLAIN.format(subject="Returned mail", text=text, original=ORIGINAL).encode())
    assert (found.kind, found.form, found.original_id) == ("bounce", "text", "mg.42.x@desk.example")
    assert [(r.address, r.status) for r in found.recipients] == [("tom@gadgets.example", status)]


def test_a_warning_in_plain_words_is_a_delay() -> None:
    """The mail is still under way."""
    text = "Your message has not yet been delivered to\n\n  tom@gadgets.example\n\nNo action is required on your part."
    assert (
        read(PLAIN.format(subject="Warning: message delayed 24 hours", text=text, original=ORIGINAL).encode()).kind == "delayed"
    )


@pytest.mark.parametrize(
    "header",
    [
        "From: Ann <ann@shop.example>\nIn-Reply-To: <1@desk.example>\nSubject: Re: Undelivered Mail Returned to Sender",
        "From: Ann <ann@shop.example>\nSubject: Fwd: Mail delivery failed",
        "From: Ann <ann@shop.example>\nSubject: Delivery problem with my parcel",
    ],
)
def test_people_who_quote_a_bounce_have_not_bounced(header: str) -> None:
    """A person's mail about a bounce is a person's mail."""
    text = "I got:\n\n<tom@gadgets.example>: 550 5.1.1 user unknown\nCould not be delivered.\n\n-----Original message-----\n"
    assert report.read(parse(f"{header}\nTo: help@desk.example\n\n{text}{ORIGINAL}".encode())) is None


def test_a_person_who_attaches_a_report_has_not_bounced() -> None:
    """The attached mail is never read for evidence."""
    raw = (
        b"From: Ann <ann@shop.example>\nSubject: see attached\nContent-Type: multipart/mixed; boundary=o\n\n--o\n\nWhat?\n"
        b"--o\nContent-Type: message/rfc822\n\n" + dsn(group("a@x.example", "failed", "5.1.1")) + b"\n--o--\n"
    )
    assert report.read(parse(raw)) is None


def test_line_ends_do_not_change_a_report() -> None:
    """CRLF, LF and CR say the same."""
    raw = dsn(group("a@x.example", "failed", "5.1.1", "550 5.1.1 User unknown"))
    assert len({report.read(parse(raw.replace(b"\n", end))) for end in (b"\n", b"\r\n", b"\r")}) == 1


@pytest.mark.parametrize("field", ["Final-Recipient: a{}b@c.example", "Final-Recipient: a@b.example\nDiagnostic-Code: a{}b"])
def test_blanks_in_a_report_cost_what_they_weigh(field: str) -> None:
    """A name of a hundred thousand blanks held up everybody for minutes."""
    head = "From: MAILER-DAEMON@x.example\nContent-Type: multipart/report; report-type=delivery-status; boundary=r\n\n--r\n\nno\n"
    status = (
        f"--r\nContent-Type: message/delivery-status\n\n{field.format(' ' * 100_000)}\nAction: failed\nStatus: 5.1.1\n\n--r--\n"
    )
    start = time.process_time()
    assert report.read(parse((head + status).encode())) is not None
    assert time.process_time() - start < 1
