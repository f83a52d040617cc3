"""What `mailgate inspect` says about one mail: every stage of this room in one JSON row (interfaces: inspect).

Pure: needs no store and no configuration, so nothing can be recognised as our own.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from mailgate.mail import automatic, message, report, subject, visible
from mailgate.mail.address import Mailbox
from mailgate.mail.language import language
from mailgate.mail.signature import NONE, Signatures


def row(raw: bytes, file: str, signatures: Signatures = NONE) -> dict[str, Any]:
    """The row of the mail `raw`, read from `file`. Never raises on bad mail."""
    mail = message.parse(raw)
    found = report.read(mail, signatures)
    kind = automatic.classify(mail, None, found, False)
    seen = visible.visible(mail.readable, mail.html)
    return {
        "file": file,
        "message_id": mail.message_id,
        "subject": mail.subject,
        "from": _people(mail.from_),
        "reply_to": _people(mail.reply_to),
        "to": _people(mail.to),
        "cc": _people(mail.cc),
        "date": mail.date.isoformat() if mail.date is not None else None,
        "in_reply_to": list(mail.in_reply_to),
        "references": list(mail.references),
        "base_subject": subject.read(mail.subject).base,
        "language": language(seen),
        "class": kind,
        "text": mail.text,
        "html": mail.html,
        "visible": seen,
        "attachments": [vars(attachment) for attachment in mail.attachments],
        "defects": list(mail.defects),
        "kind": _kind(kind, found),
        "recipients": _recipients(found),
    }


def _people(boxes: Iterable[Mailbox]) -> list[dict[str, str]]:
    return [{"name": box.name, "address": box.address} for box in boxes]


def _kind(kind: str, found: report.Report | None) -> str:
    if found is None:
        return "auto_reply" if kind == "auto_reply" else "none"
    return "none" if found.kind == "mdn" else found.kind


def _recipients(found: report.Report | None) -> list[dict[str, Any]]:
    return [vars(recipient) for recipient in found.recipients] if found is not None else []
