"""A mail as an immutable value: the only door to mail-parser.

Read in this order, each step only when somebody asks for it:

1. scan.py: header lines and limits, before any parser
2. identity (author, addressed, ids, date, subject) from the raw header lines, by our own strict readers
3. the MIME tree, of which we take the leaves; attached messages stay whole (RFC 2046 §5.2.1)
4. mail-parser for what is wrong with that tree: it costs as much as all the rest, so only when `defects` is asked for

Never raises on bad mail: where there is no tree the body is one text. What went wrong is in `defects`; `raw` stays the
evidence.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property, wraps
from itertools import dropwhile
from typing import TypeVar

from mailparser import MailParser
from mailparser.utils import decode_header_part, mime_header_view

from mailgate.mail import address, ids, words
from mailgate.mail.address import Mailbox
from mailgate.mail.scan import Scan, fields, scan
from mailgate.mail.tree import MAX_TEXT, Leafy, Part, build, decode, disposition, leaves, parameter, shown

__all__ = ["ORIGINALS", "Attachment", "Envelope", "Message", "Part", "fingerprint", "once", "parse"]

T = TypeVar("T")

ORIGINALS = (
    "message/rfc822",
    "text/rfc822-headers",
    "message/global",
    "message/global-headers",
    "message/rfc822-headers",
)
MAX_ORIGINALS = 50
_BIDI = dict.fromkeys([0x200E, 0x200F, 0x061C, *range(0x202A, 0x202F), *range(0x2066, 0x206A)])


@dataclass(frozen=True)
class Envelope:
    """What was said outside the mail: by SMTP or LMTP, or by the mailbox it lay in (RFC 5321 §2.3.1).

    `reverse_path` None is the null sender. `door` is smtp, lmtp, guard, imap, replay or simulate.
    """

    reverse_path: str | None
    forward_paths: tuple[str, ...]
    received_at: datetime
    door: str = "smtp"
    client: str = ""
    helo: str = ""


@dataclass(frozen=True)
class Attachment:
    """A leaf that is not the body: the sender's name for it (shown, never used), decoded size in bytes, SHA-256."""

    filename: str | None
    content_type: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Message:
    """A mail; every property is computed once, when first asked for."""

    raw: bytes
    scan: Scan = field(repr=False, compare=False)

    def headers(self, name: str) -> tuple[str, ...]:
        """Every value of the header `name`, unfolded and raw, in order."""
        return self._index.get(name.lower(), ())

    def header(self, name: str) -> str | None:
        """The first value of the header `name`, unfolded and raw, or None."""
        return next(iter(self.headers(name)), None)

    @cached_property
    def _index(self) -> dict[str, tuple[str, ...]]:
        index: dict[str, tuple[str, ...]] = {}
        for name, value in self.scan.fields:
            index[name] = (*index.get(name, ()), words.raw_text(value))
        return index

    @cached_property
    def message_id(self) -> str | None:
        """The Message-ID without angle brackets, of the first header that has one (RFC 5322 §3.6.4)."""
        return next(filter(None, map(ids.one, self.headers("message-id"))), None)

    @cached_property
    def subject(self) -> str:
        """The subject, decoded, in one line."""
        return " ".join(words.decode(self.header("subject") or "").translate(_LINE).split())

    @cached_property
    def thread_topic(self) -> str:
        """Outlook's Thread-Topic, decoded, in one line; empty where there is none."""
        return " ".join(words.decode(self.header("thread-topic") or "").translate(_LINE).split())

    @cached_property
    def from_(self) -> tuple[Mailbox, ...]:
        """The mailboxes of the first From line, read with tolerance: to show, not to trust."""
        return address.mailboxes(self.headers("from")[:1])

    @cached_property
    def author(self) -> str | None:
        """The address of the one author, or None where the From lines are not exactly one mailbox.

        Nor where it holds characters that had to be guessed: whoever guesses another charset sees another address. Nor where a
        fold tears a quoted name with an @ in it: the standard library begins anew there.
        """
        found = address.author(self.headers("from"))
        sure = found is None or found.isascii() or all(words.is_utf8(value) for name, value in self.scan.fields if name == "from")
        torn = found is not None and '"' in (self.header("from") or "") and _is_torn(self.scan.mail[: self.scan.body])
        return found if sure and not torn else None

    @cached_property
    def sender(self) -> tuple[Mailbox, ...]:
        """The mailbox of the Sender line (RFC 5322 §3.6.2)."""
        return address.mailboxes(self.headers("sender")[:1])

    @cached_property
    def reply_to(self) -> tuple[Mailbox, ...]:
        """The mailboxes of every Reply-To line."""
        return address.mailboxes(self.headers("reply-to"))

    @cached_property
    def to(self) -> tuple[Mailbox, ...]:
        """The mailboxes of every To line."""
        return address.mailboxes(self.headers("to"))

    @cached_property
    def cc(self) -> tuple[Mailbox, ...]:
        """The mailboxes of every Cc line: some senders write two (against RFC 5322 §3.6)."""
        return address.mailboxes(self.headers("cc"))

    @property
    def addressed(self) -> tuple[str, ...]:
        """The addresses of To, then Cc, as written (RFC 5322 §3.6.3)."""
        return tuple(box.address for box in (*self.to, *self.cc))

    @cached_property
    def date(self) -> datetime | None:
        """The instant of the Date line with its sender's offset, or None; to show, never to count from."""
        return next(filter(None, map(ids.date, self.headers("date"))), None)

    @cached_property
    def in_reply_to(self) -> tuple[str, ...]:
        """The ids of In-Reply-To, without angle brackets."""
        return ids.answered(self.headers("in-reply-to"))

    @cached_property
    def references(self) -> tuple[str, ...]:
        """The ids of References, oldest first, without angle brackets; the first and last 50."""
        return ids.referenced(self.headers("references"))

    @property
    def names(self) -> tuple[str, ...]:
        """Every id that this mail says it answers: In-Reply-To, then References from the newest, without doubles."""
        return tuple(dict.fromkeys((*self.in_reply_to, *reversed(self.references))))

    @cached_property
    def _tree(self) -> tuple[Leafy | None, tuple[Part, ...]]:
        return _read(self.scan)

    @property
    def parts(self) -> tuple[Part, ...]:
        """The leaves of the MIME tree in order; attached messages are leaves."""
        return self._tree[1]

    @cached_property
    def defects(self) -> tuple[str, ...]:
        """What is wrong with this mail: limits that it broke, then mail-parser's words."""
        tree = self._tree[0]
        told = _told_by_mail_parser(tree) if tree is not None else ("unreadable",)
        long = any(part.is_body and len(part.content) > MAX_TEXT for part in self.parts)
        return tuple(dict.fromkeys((*self.scan.defects, *(("text_too_long",) if long else ()), *told)))

    @cached_property
    def text(self) -> str | None:
        """The first unnamed inline text/plain part, decoded, or None; never made from HTML."""
        part = next(self._bodies("text/plain"), None)
        return part.text if part is not None else None

    @cached_property
    def readable(self) -> str | None:
        """What people and the splitter read: `text` with undeclared and wrongly declared charsets guessed.

        Where there is no text and no HTML, what a multipart without parts holds below the MIME lines that it begins with.
        """
        part = next(self._bodies("text/plain"), None)
        if part is not None or self.html is not None:
            return part.readable if part is not None else None
        broken = next((part for part in self._bodies("multipart/") if part.content.strip()), None)
        return _without_mime_lines(broken.readable) if broken is not None else None

    @cached_property
    def html(self) -> str | None:
        """The first unnamed inline text/html part, decoded, or None."""
        part = next(self._bodies("text/html"), None)
        return part.readable if part is not None else None

    def _bodies(self, content_type: str) -> Iterator[Part]:
        return (part for part in self.parts if part.is_body and part.content_type.startswith(content_type))

    @cached_property
    def attachments(self) -> tuple[Attachment, ...]:
        """Every leaf that is named, marked as an attachment or neither plain text nor HTML; an attached message is one."""
        return tuple(
            Attachment(part.filename, part.content_type, len(part.content), hashlib.sha256(part.content).hexdigest())
            for part in self.parts
            if not part.is_body
        )

    @cached_property
    def attached_ids(self) -> tuple[str, ...]:
        """The Message-IDs of attached originals, whole or headers only; of the first 50."""
        originals = [part for part in self.parts if part.content_type in ORIGINALS][:MAX_ORIGINALS]
        found = (
            ids.one(words.raw_text(value)) for part in originals for name, value in fields(part.content) if name == "message-id"
        )
        return tuple(dict.fromkeys(filter(None, found)))


_FROM = re.compile(rb"^from[ \t]*:[^\n]*(?:\n[ \t][^\n]*)*", re.IGNORECASE | re.MULTILINE)
_QUOTED = re.compile(rb'"(?:[^"\\]|\\.)*+"', re.DOTALL)
_MIME_LINE = re.compile(r"--|content-[a-z-]{2,30}:|\s{0,8}(?:boundary|charset|type)=", re.IGNORECASE)
_LINE = dict.fromkeys([*range(32), 0x7F, *range(0x80, 0xA0), 0x2028, 0x2029], " ")


def once(read: Callable[[Message], T]) -> Callable[[Message], T]:
    """`read`, done once for each message; what it found is kept as long as that message is."""
    name = f"{read.__module__}.{read.__qualname__}"

    @wraps(read)
    def kept(message: Message) -> T:
        known = vars(message)
        if name not in known:
            known[name] = read(message)
        found: T = known[name]
        return found

    return kept


def _is_torn(head: bytes) -> bool:
    line = _FROM.search(head)
    return line is not None and any(b"\n" in name and b"@" in name for name in _QUOTED.findall(line[0]))


def parse(raw: bytes) -> Message:
    """`raw` as a Message. Never raises."""
    return Message(bytes(raw), scan(bytes(raw)))


def fingerprint(message: Message) -> str:
    """SHA-256 in hex of what makes a mail the same mail: six header lines, unfolded, and the body's bytes."""
    digest = hashlib.sha256()
    for name in ("from", "to", "cc", "date", "subject", "message-id"):
        for value in message.headers(name):
            digest.update(f"{name}:{' '.join(value.split())}\n".encode("utf-8", "surrogateescape"))
    digest.update(b"\n")
    digest.update(memoryview(message.scan.mail)[message.scan.body :])
    return digest.hexdigest()


def _read(found: Scan) -> tuple[Leafy | None, tuple[Part, ...]]:
    """The MIME tree and its leaves; where it cannot be built, no tree, and the body as one text."""
    try:
        tree = build(tuple(_mime_fields(found)), found.mail[: found.end], found.body)  # usually all of it, and no copy
        return tree, tuple(_part(leaf) for leaf in leaves(tree))
    except Exception:  # noqa: BLE001 - no mail may stop us, whatever a parser does on it
        return None, (Part("text/plain", None, None, found.mail[found.body : found.end], ()),)


def _mime_fields(found: Scan) -> Iterator[tuple[str, bytes]]:
    """The first of each Content-* line: all that the tree needs, and all that its parser gets to see."""
    seen: set[str] = set()
    for name, value in found.fields:
        if name.startswith("content-") and name not in seen and b"\n" not in value and b"\r" not in value:
            seen.add(name)
            yield name, value


def _told_by_mail_parser(tree: Leafy) -> tuple[str, ...]:
    """The kinds of defects that mail-parser finds in the tree, else the standard library's."""
    try:
        told = MailParser(shown(tree)).defects_categories
    except Exception as error:  # noqa: BLE001 - mail-parser 4.8 raises AttributeError on epilogues, ValueError on charsets
        return ("mail_parser", *(type(defect).__name__ for defect in tree.defects), type(error).__name__)
    late = (type(defect).__name__ for leaf in leaves(tree) for defect in leaf.defects)  # seen only while it decodes
    return tuple(sorted({*told, *late}))


def _without_mime_lines(text: str) -> str:
    lines = text.split("\n")
    return "\n".join(dropwhile(lambda line: not line.strip() or _MIME_LINE.match(line) is not None, lines))


def _part(leaf: Leafy) -> Part:
    charset = parameter(leaf, "content-type", "charset")
    headers = tuple(
        (name.lower(), words.raw_text(str(value).encode("utf-8", "surrogateescape"))) for name, value in leaf.raw_items()
    )
    return Part(leaf.own_type, _filename(leaf), disposition(leaf), decode(leaf), headers, charset)


def _filename(leaf: Leafy) -> str | None:
    """The sender's file name, decoded (RFC 2231, and RFC 2047 against RFC 2047 §5), fit to be shown."""
    if not any("name" in str(leaf.get(header, "")).lower() for header in ("content-disposition", "content-type")):
        return None
    try:
        name = mime_header_view(leaf)[0].get_filename()
        name = decode_header_part(name) if name else None
    except Exception:  # noqa: BLE001 - as above
        return None
    if not name:
        return None
    return " ".join(str(name).translate(_BIDI).translate(_LINE).split()) or None
