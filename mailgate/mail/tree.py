"""The MIME tree's leaves: parsed by the standard library's feed parser, opened no deeper than we read them.

A mail attached to a mail is a leaf here (RFC 2046 §5.2.1): its bytes stay exact, and a thousand mails in one another
are one part. Decodes transfer encodings (RFC 2045 §6) and forgives; charsets are words.py's affair.
"""

from __future__ import annotations

import binascii
from collections.abc import Iterator
from dataclasses import dataclass
from email.feedparser import BytesFeedParser
from email.message import Message as Tree

from mailgate.mail import words


@dataclass(frozen=True)
class Part:
    """A decoded leaf of the MIME tree, or a whole attached message."""

    content_type: str
    filename: str | None
    disposition: str | None
    content: bytes
    headers: tuple[tuple[str, str], ...]
    charset: str | None = None

    @property
    def is_body(self) -> bool:
        """True for unnamed inline text (RFC 2183 §2), and for a multipart that has no parts."""
        unmarked = self.filename is None and self.disposition != "attachment"
        return unmarked and self.content_type.startswith(("text/", "multipart/"))

    @property
    def text(self) -> str:
        """The content exactly as declared, with LF line ends; what its charset does not have is U+FFFD."""
        return _lines(words.declared(self.content, self.charset))

    @property
    def readable(self) -> str:
        """The content as its sender meant it, where he declared no charset or a wrong one: for people."""
        return _lines(words.decoded(self.content, self.charset))


def _lines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n").lstrip("\ufeff")


class Leafy(Tree):
    """A MIME part whose attached messages are leaves: nothing is read into them, so their bytes stay exact."""

    @property
    def source(self) -> bytes:
        """The content as it was on the wire: the standard library's own reader decodes it on the way out."""
        payload = self.__dict__.get("_payload")
        return payload.encode("utf-8", "surrogateescape") if isinstance(payload, str) else b""

    @property
    def own_type(self) -> str:
        return super().get_content_type()

    def get_content_type(self) -> str:
        own = super().get_content_type()
        return "application/octet-stream" if own.startswith("message/") else own

    def get_content_subtype(self) -> str:
        """html or plain only: mail-parser logs a warning for anything else that has no name."""
        return "html" if self.own_type == "text/html" else "plain"

    def get_content_maintype(self) -> str:
        return self.get_content_type().partition("/")[0]


def build(mail: bytes) -> Leafy:
    parser = BytesFeedParser(Leafy)
    parser.feed(mail)
    return parser.close()


def leaves(root: Leafy) -> Iterator[Leafy]:
    waiting = [root]
    while waiting:
        part = waiting.pop()
        payload = part.get_payload()
        if isinstance(payload, list):
            waiting.extend(child for child in reversed(payload) if isinstance(child, Leafy))
        else:
            yield part


def disposition(leaf: Leafy) -> str | None:
    value = str(leaf.get("content-disposition", "")).partition(";")[0].strip().lower()
    return value or None


def parameter(leaf: Leafy, header: str, name: str) -> str | None:
    try:
        value = leaf.get_param(name, None, header)
    except Exception:  # noqa: BLE001 - the standard library's parameter reader raises at will
        return None
    if isinstance(value, tuple):
        value = value[2]
    return str(value) if value else None


def decode(leaf: Leafy) -> bytes:
    """The decoded bytes of a leaf (RFC 2045 §6)."""
    raw = leaf.source
    encoding = str(leaf.get("content-transfer-encoding", "")).partition(";")[0].strip().lower()
    if encoding == "base64":
        return words.base64(raw)
    if encoding == "quoted-printable":
        return words.quoted_printable(raw)
    if encoding in ("x-uuencode", "uuencode", "uue", "x-uue"):
        return _uudecoded(raw)
    return raw


def _uudecoded(raw: bytes) -> bytes:
    lines = raw.splitlines()
    start = next((number for number, line in enumerate(lines) if line.startswith(b"begin ")), None)
    out: list[bytes] = []
    for line in lines[start + 1 :] if start is not None else []:
        if line.strip() == b"end":
            return b"".join(out)
        try:
            out.append(binascii.a2b_uu(line))
        except binascii.Error:
            out.append(binascii.a2b_uu(line[: (((line[0] - 32) & 63) * 4 + 5) // 3]))
    return b"".join(out) if start is not None else raw
