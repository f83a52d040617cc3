"""Put one more reader into the Cc of a mail that passes through us, every other byte as it was.

It goes to the end of the last Cc field, or into a new field at the end of the header. A mail whose signature covers Cc
must stay as it is (RFC 6376 §5.4), and the caller looks with `signs_cc`.
"""

from __future__ import annotations

import re

from mailgate.mail.message import Message

_CC = re.compile(rb"^cc[ \t]*:([^\r\n]*(?:\r\n[ \t][^\r\n]*)*)\r\n", re.IGNORECASE | re.MULTILINE)
_SIGNED = re.compile(r"(?:^|;)\s*h\s*=([^;]*)", re.IGNORECASE)
_SIGNATURES = ("DKIM-Signature", "ARC-Message-Signature")


def with_reader(raw: bytes, address: str) -> bytes | None:
    """`raw` (CRLF line ends) with `address` in Cc; None for a mail without an end of its header, or an address beyond ASCII."""
    end = raw.find(b"\r\n\r\n")
    if end < 0 or not address.isascii():
        return None
    header, rest = raw[: end + 2], raw[end + 2 :]
    fields = list(_CC.finditer(header))
    if not fields:
        return header + b"Cc: " + address.encode() + b"\r\n" + rest
    value = fields[-1]
    kept = header[: value.end(1)].rstrip()
    if not value[1].strip():
        return kept + b" " + address.encode() + header[value.end(1) :] + rest
    comma = b"" if kept.endswith(b",") else b","
    return kept + comma + b"\r\n " + address.encode() + header[value.end(1) :] + rest


def signs_cc(message: Message) -> bool:
    """True if a signature of the mail names Cc among what it covers, be it there or not (RFC 6376 §3.5, §5.4.2)."""
    covered = (_SIGNED.search(value) for name in _SIGNATURES for value in message.headers(name))
    return any("cc" in (one.strip().lower() for one in found[1].split(":")) for found in covered if found)
