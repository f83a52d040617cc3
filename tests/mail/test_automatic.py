"""Who speaks: machines are told by what they say of themselves, people never by accident."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from mailgate.mail import automatic, report
from mailgate.mail.message import Envelope, parse

NOW = datetime(2026, 3, 2, tzinfo=UTC)


def classified(header: str, text: str = "Hello.", *, ours: bool = False, envelope: Envelope | None = None) -> str:
    mail = parse(f"From: Ann <ann@shop.example>\nTo: help@desk.example\n{header}\n\n{text}\n".encode())
    return automatic.classify(mail, envelope, report.read(mail), ours)


@pytest.mark.parametrize(
    "header",
    [
        "Subject: Away\nAuto-Submitted: auto-replied (vacation)",
        "Subject: Re: x\nAuto-Submitted: auto-replied; owner-email=ann@shop.example",
        "Subject: x\nX-Autoreply: yes",
        "Subject: x\nPrecedence: auto_reply",
        "Subject: Out of Office: Re: [MG-42] x",
        "Subject: Abwesenheitsnotiz: x\nIn-Reply-To: <1@desk.example>",
        "Subject: پاسخ خودکار: x",
        "Subject: I am on vacation\nPrecedence: junk",
        "Subject: x\nReturn-Path: <>\nIn-Reply-To: <1@desk.example>",
    ],
)
def test_auto_replies(header: str) -> None:
    """By RFC 3834, by older headers, by a subject that is an absence."""
    assert classified(header) == "auto_reply"


@pytest.mark.parametrize(
    "header",
    [
        "Subject: Re: Automatic reply: x",
        "Subject: Our vacation in Italy",
        "Subject: x\nX-Auto-Response-Suppress: All",
        "Subject: x\nList-Unsubscribe: <mailto:u@shop.example>",
        "Subject: Re: x\nAuto-Submitted: auto-generated\nIn-Reply-To: <1@desk.example>",
        "Subject: Fwd: Out of office rules\nPrecedence: bulk",
        "Subject: x\nAuto-Submitted: no",
    ],
)
def test_people_are_people(header: str) -> None:
    """Helpdesks mark their agents' answers as generated; that makes them no auto-reply."""
    assert classified(header) == "human"


def test_a_helpdesks_receipt_is_an_auto_reply() -> None:
    """Generated, in reply, and it says that a request has arrived."""
    header = "Subject: [Ticket 7] x\nAuto-Submitted: auto-generated\nIn-Reply-To: <1@desk.example>"
    assert classified(header, "We have received your request and will answer soon.") == "auto_reply"


def test_lists_own_mail_and_loops() -> None:
    """A list names itself; own is told by the caller, never by a header; too many hops are a loop."""
    assert classified("Subject: x\nList-Id: <news.shop.example>") == "list"
    assert classified("Subject: x\nX-Mailgate-Loop: yes") == "human"
    assert classified("Subject: x", ours=True) == "own"
    assert classified("Received: by a\n" * 60 + "Subject: x") == "loop"


def test_the_null_sender_on_the_wire_counts_more_than_a_header() -> None:
    """What SMTP said is known; a Return-Path line can be anybody's."""
    header = "Subject: x\nIn-Reply-To: <1@desk.example>"
    assert classified(header, envelope=Envelope(None, ("help@desk.example",), NOW)) == "auto_reply"
    assert classified(f"Return-Path: <>\n{header}", envelope=Envelope("ann@shop.example", (), NOW)) == "human"


def test_generated_mail_is_never_to_be_answered_by_a_machine() -> None:
    """RFC 3834 §2: nothing automatic answers it."""
    assert automatic.is_generated(parse(b"Auto-Submitted: auto-generated\n\n"))
    assert automatic.is_generated(parse(b"Precedence: bulk\n\n"))
    assert not automatic.is_generated(parse(b"Auto-Submitted: no\n\n"))
