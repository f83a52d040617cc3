"""Take the mail out of the report that an Exchange journal rule makes of it.

Such a report is a mail of its own: a text with the envelope (`Sender:`, then who got it), and the original attached whole. It
is known by a header line that Exchange gives to nothing else, and that anybody else can write too: only ask where nobody but
the mail system may send (`[copied] journals`). The first attached mail is the one; a decrypted second copy is left alone.
What the text says of recipients is not read: who was addressed stands in the mail.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from mailgate.mail.address import is_address
from mailgate.mail.message import Message

MARKS = ("x-ms-journal-report", "x-ms-exchange-organization-journal-report")
TEXT_LIMIT = 4096  # `Sender:` is the first line

_SENDER = re.compile(r"^[ \t]*+Sender:[ \t]*+(.*?)[ \t]*$", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True)
class Journaled:
    """What a journal report carries: the original's bytes, and its reverse path (None: the null sender)."""

    raw: bytes
    reverse_path: str | None


def read(message: Message) -> Journaled | None:
    """The mail in a journal report, or None if `message` is none or has none in it."""
    if not any(message.headers(mark) for mark in MARKS):
        return None
    original = next((part.content for part in message.parts if part.content_type == "message/rfc822" and part.content), None)
    if original is None:
        return None
    said = _SENDER.search((message.readable or "")[:TEXT_LIMIT])
    sender = said[1].strip("<>") if said else "unsaid"
    return Journaled(original, sender if is_address(sender) else message.author if sender else None)
