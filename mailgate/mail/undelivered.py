"""Tell the author of a mail that we took and could not hand on: a delivery report (RFC 3464) in plain English.

What it quotes of the mail is its header alone (text/rfc822-headers, RFC 6522 §4), cut at 16 KiB. It goes out from <>, so that
nothing comes back because of it; who sends it must not write one for mail that itself came from <> (RFC 5321 §6.1).
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime

HEADER_LIMIT = 16 * 1024

_END = re.compile(rb"\r?\n\r?\n")


@dataclass(frozen=True)
class Undelivered:
    """A mail that was given up: to whom it was, who sent it, the enhanced status and the words of the last answer."""

    raw: bytes
    recipient: str
    author: str
    status: str
    answer: str


def report(lost: Undelivered, host: str, message_id: str, now: datetime) -> bytes:
    """The bytes of the report, by `postmaster@host`."""
    mark = hashlib.sha256(message_id.encode()).hexdigest()[:24]
    answer = " ".join(c if c.isprintable() and c.isascii() else " " for c in lost.answer.split())[:400]
    head = _END.split(lost.raw, maxsplit=1)[0][:HEADER_LIMIT]
    lines = [
        f"From: Mail delivery <postmaster@{host}>", f"To: <{lost.author}>", "Subject: Your mail could not be delivered",
        f"Date: {format_datetime(now)}", f"Message-ID: <{message_id}>", "Auto-Submitted: auto-replied", "MIME-Version: 1.0",
        f'Content-Type: multipart/report; report-type=delivery-status; boundary="{mark}"', "",
        f"--{mark}", "Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: 8bit", "",
        f"Your mail to {lost.recipient} could not be delivered. The mail server behind", "that address said:", "",
        f"  {answer}", "", "Nobody has read it. Its header is below.", "",
        f"--{mark}", "Content-Type: message/delivery-status", "",
        f"Reporting-MTA: dns; {host}", "", f"Final-Recipient: rfc822; {lost.recipient}", "Action: failed",
        f"Status: {lost.status}", f"Diagnostic-Code: smtp; {answer}", "",
        f"--{mark}", "Content-Type: text/rfc822-headers", "Content-Transfer-Encoding: 8bit", "", "",
    ]  # fmt: skip
    return "\r\n".join(lines).encode() + head + f"\r\n\r\n--{mark}--\r\n".encode()
