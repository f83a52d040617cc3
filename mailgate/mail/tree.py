"""The MIME tree's leaves: parsed by the standard library's feed parser, opened no deeper than we read them.

A mail attached to a mail is a leaf here (RFC 2046 §5.2.1): its bytes stay exact, and a thousand mails in one another
are one part. Decodes transfer encodings (RFC 2045 §6) and forgives; charsets are words.py's affair.

The parser reads line by line, which costs a hundred times what a line of two letters weighs. So it is shown only the lines at
which a part can begin or end, and the header lines below them; what lies between is a mark to it, and the leaf gives the bytes.
They stay where they lie in the mail until a leaf is decoded: of a large one there is no second copy.

Forgiven are also a Content-Type without its semicolon, and a boundary that goes on after its closing line.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from email.feedparser import FeedParser
from email.message import Message as Tree
from typing import Any

from mailgate.mail import words
from mailgate.mail.scan import header_end

MAX_REOPENED = 3
MAX_TEXT = 2**20  # octets of a part that are read as text
MAX_CODED_LINES = 500_000
SHORT = 2048
SHOWN = 128 * 1024

_MARK = "\ue000"  # no byte of a mail becomes this: ASCII and surrogates are all that the parser sees of them
Octets = bytes | memoryview
_LOOSE_TYPE = re.compile(r"\s*([\w.+-]+/[\w.+-]+)\s+(?=[^\s;])")


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
    def is_inline(self) -> bool:
        """True for unnamed inline text of any kind (RFC 2183 §2), and for a multipart that has no parts."""
        unmarked = self.filename is None and self.disposition != "attachment"
        return unmarked and self.content_type.startswith(("text/", "multipart/"))

    @property
    def is_body(self) -> bool:
        """True for what can be shown as the mail itself: inline plain text or HTML, or a multipart that has no parts."""
        return self.is_inline and self.content_type.startswith(("text/plain", "text/html", "multipart/"))

    @property
    def text(self) -> str:
        """The content exactly as declared, with LF line ends; what its charset does not have is U+FFFD. At most 1 MiB of it."""
        return _lines(words.declared(words.start(self.content, MAX_TEXT), self.charset))

    @property
    def readable(self) -> str:
        """The content as its sender meant it, where he declared no charset or a wrong one: for people. At most 1 MiB of it."""
        return _lines(words.decoded(words.start(self.content, MAX_TEXT), self.charset))


def _lines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n").lstrip("\ufeff")


class Leafy(Tree):
    """A MIME part whose attached messages are leaves: nothing is read into them, so their bytes stay exact.

    `hidden`: what stands in the place of each mark.
    """

    _payload: Any
    hidden: Sequence[Octets] = ()

    def set_raw(self, name: str, value: str) -> None:
        """Add a header line as the parser found it; a Content-Type without its semicolon gets it (RFC 2045 §5.1)."""
        if name.lower() == "content-type":
            value = _LOOSE_TYPE.sub(r"\1; ", value, count=1) if _LOOSE_TYPE.match(value) else value
        super().set_raw(name, value)

    @property
    def source(self) -> Octets:
        """The content as it was on the wire: the standard library's own reader decodes it on the way out."""
        payload = self.__dict__.get("_payload")
        return _unmarked(payload, self.hidden) if isinstance(payload, str) else b""

    def is_leaf(self) -> bool:
        """True for a part that has no parts."""
        return not isinstance(self._payload, list)

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


def build(fields: Sequence[tuple[str, bytes]], mail: bytes, body: int) -> Leafy:
    """The tree of a mail with these fields, unfolded, its body from `body` on; one without parts is not read line by line."""
    root = Leafy()
    for name, value in fields:
        root.set_raw(name, value.decode("ascii", "surrogateescape"))
    if root.get_content_maintype() == "multipart":
        return _parsed(b"".join(b"%b: %b\n" % (name.encode(), value) for name, value in fields), mail, body)
    root.hidden, root._payload = [memoryview(mail)[body:]], _marked(0)
    return root


def _parsed(head: bytes, mail: bytes, body: int) -> Leafy:
    """The tree of a multipart, whose body begins at `body`."""
    hidden: list[Octets] = []
    parser = FeedParser(Leafy)
    parser.feed(head.decode("ascii", "surrogateescape") + "\n")
    for piece in _skeleton(mail, body, hidden):
        parser.feed(piece)
    root = parser.close()
    for part in _every(root):
        part.hidden = hidden
    return root


def _skeleton(mail: bytes, at: int, hidden: list[Octets]) -> Iterator[str]:
    """The body from `at` on, with a mark for each long stretch in which no part can begin or end; they are added to `hidden`."""
    dashes = at if mail.startswith(b"--", at) else mail.find(b"\n--", at) + 1 or len(mail)
    while True:
        if dashes - at > SHORT:
            end = dashes - mail.endswith(b"\n", at, dashes)
            end -= mail.endswith(b"\r", at, end)
            hidden.append(memoryview(mail)[at:end])
            yield _marked(len(hidden) - 1)
            at = end
        yield mail[at:dashes].decode("ascii", "surrogateescape")
        if dashes == len(mail):
            return
        at = header_end(mail, dashes)
        yield mail[dashes:at].decode("ascii", "surrogateescape")
        dashes = mail.find(b"\n--", at - 1) + 1 or len(mail)


def _marked(number: int) -> str:
    return f"{_MARK}{number}{_MARK}"


def _unmarked(text: str, hidden: Sequence[Octets], limit: int | None = None) -> Octets:
    """`text` as bytes, with what stands behind its marks: all of that, or the first `limit` octets of each."""
    found: list[Octets] = []
    for number, piece in enumerate(text.split(_MARK)):
        behind = hidden[int(piece)] if number % 2 else piece.encode("utf-8", "surrogateescape")
        found.append(behind if limit is None else words.start(bytes(behind[: limit + 1]), limit))
    found = [one for one in found if one]
    return found[0] if len(found) == 1 else b"".join(found)


def _every(root: Leafy) -> Iterator[Leafy]:
    waiting = [root]
    while waiting:
        part = waiting.pop()
        yield part
        if not part.is_leaf():
            waiting.extend(child for child in reversed(part._payload) if isinstance(child, Leafy))


def shown(root: Leafy) -> Leafy:
    """`root` as other readers of trees want it, with the start of what was hidden in its place; `source` knows only that then."""
    for part in _every(root):
        if part.is_leaf():
            start = bytes(_unmarked(part._payload or "", part.hidden, SHOWN))
            part._payload = start.decode("ascii", "surrogateescape")
    return root


def leaves(root: Leafy) -> Iterator[Leafy]:
    """The leaves below `root` in order, then those that stand behind its closing line."""
    for tree in (root, *_reopened(root)):
        yield from (part for part in _every(tree) if part.is_leaf())


def _reopened(root: Leafy) -> list[Leafy]:
    """What stands behind the closing line where the boundary goes on: two multiparts share it (against RFC 2046 §5.1.2)."""
    found: list[Leafy] = []
    boundary, rest = root.get_boundary(), _behind(root)
    while (
        rest and boundary and f"\n--{boundary}".encode("utf-8", "surrogateescape") in b"\n" + rest and len(found) < MAX_REOPENED
    ):
        again = _parsed(f'Content-Type: multipart/mixed; boundary="{boundary}"\n'.encode("utf-8", "surrogateescape"), rest, 0)
        if not again.is_multipart():
            break
        found.append(again)
        rest = _behind(again)
    return found


def _behind(root: Leafy) -> bytes:
    return bytes(_unmarked(root.epilogue or "", root.hidden))


def disposition(leaf: Leafy) -> str | None:
    """The word of Content-Disposition, in lower case (RFC 2183 §2)."""
    value = str(leaf.get("content-disposition", "")).partition(";")[0].strip().lower()
    return value or None


def parameter(leaf: Leafy, header: str, name: str) -> str | None:
    """The value of a parameter of `header`, decoded (RFC 2231)."""
    if name not in str(leaf.get(header, "")).lower():
        return None
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
    raw = bytes(raw)
    if encoding == "quoted-printable":
        return words.quoted_printable(raw)
    if encoding in ("x-uuencode", "uuencode", "uue", "x-uue"):
        return _uudecoded(raw)
    return raw


def _uudecoded(raw: bytes) -> bytes:
    """The bytes between ``begin`` and ``end``; a line that is none is passed over. `raw` where nothing begins, or too much."""
    start = 0 if raw.startswith(b"begin ") else raw.find(b"\nbegin ") + 1
    if not raw.startswith(b"begin ", start) or raw.count(b"\n") > MAX_CODED_LINES:
        return raw
    out: list[bytes] = []
    for line in raw[start:].splitlines()[1:]:
        if line.strip() == b"end":
            break
        out.append(_uu_line(line))
    return b"".join(out)


def _uu_line(line: bytes) -> bytes:
    for attempt in (line, line[: (((line[0] - 32) & 63) * 4 + 5) // 3] if line else b""):
        try:
            return binascii.a2b_uu(attempt)
        except binascii.Error:
            continue
    return b""
