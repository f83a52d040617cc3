"""Write the mail of a simulated event: real headers, real MIME, ids that can be told apart. No rule is decided here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from mailgate.mail import address as addresses

LONG = SMTP.clone(max_line_length=None)


@dataclass(frozen=True)
class Written:
    """A mail to write. `extra` are further headers."""

    author: str
    to: Sequence[str]
    subject: str
    text: str
    at: datetime
    message_id: str
    cc: Sequence[str] = ()
    references: Sequence[str] = ()
    extra: Mapping[str, str] = ()  # type: ignore[assignment]
    files: int = 0


def mail(written: Written) -> bytes:
    """The bytes of a plain mail."""
    message = _headed(written)
    message.set_content(written.text, cte="8bit")
    for number in range(1, written.files + 1):
        content, named = "a document\n", f"document-{number}.txt"
        message.add_attachment(content, cte="8bit", filename=named)
    return message.as_bytes()


def _headed(written: Written) -> EmailMessage:
    message = EmailMessage(policy=LONG)
    message["From"] = written.author
    if written.to:
        message["To"] = ", ".join(written.to)
    if written.cc:
        message["Cc"] = ", ".join(written.cc)
    message["Subject"] = written.subject
    message["Date"] = format_datetime(written.at)
    message["Message-ID"] = f"<{written.message_id}>"
    if written.references:
        message["In-Reply-To"] = f"<{written.references[-1]}>"
        message["References"] = " ".join(f"<{one}>" for one in written.references)
    for name, value in dict(written.extra).items():
        message[name] = value
    return message


REFUSAL = "the mailbox does not take this mail"


def report(returned_id: str, recipient: str, to: str, status: str, at: datetime, message_id: str, said: str = REFUSAL) -> bytes:
    """The bytes of a delivery report (RFC 3464) that the recipient's mail system sends about `returned_id`."""
    system = f"mx.{addresses.domain(recipient)}"
    action = "failed" if status.startswith("5") else "delayed"
    about = (
        f"Reporting-MTA: dns; {system}\r\n\r\nFinal-Recipient: rfc822; {recipient}\r\nAction: {action}\r\nStatus: {status}\r\n"
    )
    about += f"Diagnostic-Code: smtp; {status[0]}50 {status} {said}\r\n"
    head = f"Message-ID: <{returned_id}>\r\nTo: {recipient}\r\nSubject: the mail that comes back\r\n"
    boundary = f"report-{message_id.partition('@')[0]}"
    top = [
        f"From: Mail Delivery System <MAILER-DAEMON@{addresses.domain(recipient)}>",
        f"To: {to}",
        "Subject: Undelivered Mail Returned to Sender",
        f"Date: {format_datetime(at)}",
        f"Message-ID: <{message_id}>",
        "Auto-Submitted: auto-replied",
        "MIME-Version: 1.0",
        f'Content-Type: multipart/report; report-type=delivery-status; boundary="{boundary}"',
        "",
    ]
    parts = [
        ("text/plain; charset=us-ascii", f"Your mail to {recipient} could not be delivered.\r\n"),
        ("message/delivery-status", about),
        ("text/rfc822-headers", head),
    ]
    body = "".join(f"--{boundary}\r\nContent-Type: {kind}\r\n\r\n{text}\r\n" for kind, text in parts)
    return ("\r\n".join(top) + "\r\n" + body + f"--{boundary}--\r\n").encode()
