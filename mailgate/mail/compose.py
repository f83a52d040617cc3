"""Turn a draft into the bytes that leave.

The header block and the bodies are written here, from text that was cleaned first; files as the standard library does:
text/plain first and complete, then the HTML with the same words (multipart/alternative, RFC 2046 §5.1.4), then the files
that go along and last what we sign for machines, as mailgate.json (multipart/mixed, §5.1.3). In this order:

1. clean: control characters, line separators, bidirectional controls and lone surrogates never reach a header
2. write: text as RFC 2047 words only where ASCII does not do; addresses one a line; ids one a line and never
   encoded (RFC 5322 §3.6.4: readers compare them byte for byte)
3. verify: the finished bytes carry exactly the header names that we set, in 7-bit lines of at most 998 octets that
   end in CRLF (RFC 5322 §2.1.1)

Everything is 7-bit, so no next hop needs 8BITMIME or SMTPUTF8; an address with a non-ASCII local part is shown as an
empty group (RFC 6857 §3.1.8). The same draft always gives the same bytes: the boundaries come from the Message-ID.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from email import policy
from email.header import Header
from email.message import MIMEPart
from email.utils import format_datetime

from mailgate.mail import address as addresses
from mailgate.mail.address import Mailbox
from mailgate.mail.attach import BINARY, INSTRUCTION, MAIL, Attachment, file_name

LINE_LIMIT = 998  # RFC 5322 §2.1.1
FOLD = 76
SUBJECT_LIMIT, NAME_LIMIT, EXTRA_LIMIT = 200, 100, 900
IDS_LIMIT = 20
NOT_EXTRA = re.compile(
    "from|to|cc|bcc|reply-to|sender|subject|date|message-id|in-reply-to|references|auto-submitted|precedence|received|"
    "x-auto-response-suppress|x-mailgate-kind|mime-version|content-.*|resent-.*|return-path|dkim-signature",
    re.IGNORECASE,
)

_PART = policy.SMTP.clone(max_line_length=FOLD)
_BIDI = dict.fromkeys(map(ord, "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"))
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]+")
_ID = re.compile(r"[!-;=?-~]{1,900}")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,39}")
_TYPE = re.compile(r"(?!multipart/|message/)[a-z]{1,20}/[a-z0-9][a-z0-9!#$&^_.+-]{0,99}")
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_HIGH = bytes(range(128, 256))
_CHARSET = re.compile(r"[A-Za-z0-9._-]{1,40}")


@dataclass(frozen=True)
class Draft:
    """A mail before it has bytes. Ids carry no brackets; `date` is aware; `automatic` is the Auto-Submitted value.

    `automatic` "" leaves Auto-Submitted and Precedence off (a seller with machine_headers = "quiet"). `data` is JSON that
    a machine is to read (instruction.signed); empty, there is no such part.
    """

    author: Mailbox
    to: tuple[Mailbox, ...]
    cc: tuple[Mailbox, ...]
    reply_to: str
    subject: str
    text: str
    html: str
    message_id: str
    in_reply_to: str | None
    references: tuple[str, ...]
    date: datetime
    language: str
    kind: str
    automatic: str = "auto-generated"
    precedence: bool = True
    extra: tuple[tuple[str, str], ...] = ()
    attachments: tuple[Attachment, ...] = ()
    data: bytes = b""


def compose(draft: Draft) -> bytes:
    """The whole mail, CRLF, 7-bit.

    Raises ValueError for a draft that we built wrongly: an unusable author or Message-ID, a header of `extra` that is
    not ours to set. Hostile text from a mail never raises; it is cleaned.
    """
    fields = [*_fields(draft), *_extra(draft.extra), ("MIME-Version", "1.0")]
    head = "".join(f"{name}: {value}\r\n" for name, value in fields).encode("ascii")
    mail = head + _entity(draft)
    one_body = not (draft.html or draft.attachments or draft.data)
    _verify(mail, [*(name for name, _ in fields), "Content-Type", *(["Content-Transfer-Encoding"] if one_body else [])])
    return mail


def one_line(text: str, limit: int = SUBJECT_LIMIT) -> str:
    """`text` fit for a header or one line of a notice: at most `limit` characters, no controls or bidi marks."""
    flat = text[: 20 * limit]
    if not (flat.isascii() and flat.isprintable()):
        flat = "".join(" " if unicodedata.category(char) in ("Cc", "Zl", "Zp") else char for char in flat)
        flat = flat.translate(_BIDI).encode("utf-8", "replace").decode("utf-8")
    clean = " ".join(flat.split())
    return clean if len(clean) <= limit else clean[: limit - 1].rstrip() + "…"


def body(text: str) -> str:
    """`text` fit for a body: LF line ends, no control characters but tab, no lone surrogates. Bidi isolates stay."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    kept = _CONTROLS.sub("", lines)
    return kept.encode("utf-8", "replace").decode("utf-8").rstrip("\n") + "\n"


def _fields(draft: Draft) -> list[tuple[str, str]]:
    """The header fields in the order people read them; values are folded and ASCII."""
    machine = bool(draft.automatic)
    fields = [
        ("From", _people("From", (draft.author,))),
        ("To", _people("To", draft.to) or "undisclosed-recipients:;"),
        ("Cc", _people("Cc", draft.cc)),
        ("Reply-To", _people("Reply-To", (Mailbox("", draft.reply_to),))),
        ("Subject", _words("Subject", one_line(draft.subject))),
        ("Date", format_datetime(draft.date)),
        ("Message-ID", _ids((draft.message_id,))),
        ("In-Reply-To", _ids((draft.in_reply_to or "",))),
        ("References", _ids(draft.references)),
        ("Auto-Submitted", _token(draft.automatic)),
        ("Precedence", "bulk" if machine and draft.precedence else ""),
        ("X-Auto-Response-Suppress", "OOF, AutoReply"),
        ("Content-Language", _token(draft.language)),
        ("X-Mailgate-Kind", _token(draft.kind)),
    ]
    written = {name for name, value in fields if value}
    if not {"From", "Message-ID"} <= written:
        raise ValueError("a draft needs an author with an address and a Message-ID")
    return [(name, value) for name, value in fields if value or name == "Subject"]


def _extra(extra: Iterable[tuple[str, str]]) -> Iterable[tuple[str, str]]:
    for name, value in extra:
        if not _NAME.fullmatch(name) or NOT_EXTRA.fullmatch(name):
            raise ValueError(f"{name!r} is not a header that a draft may add")
        yield name, _words(name, one_line(value, EXTRA_LIMIT))


def _people(name: str, mailboxes: Sequence[Mailbox]) -> str:
    return ",\r\n ".join(filter(None, (_mailbox(name, mailbox) for mailbox in mailboxes)))


def _mailbox(field: str, mailbox: Mailbox) -> str:
    """`Name <address>`, or "" for what is no address. Unreadable without SMTPUTF8: an empty group, RFC 6857 §3.1.8."""
    if not addresses.is_address(mailbox.address):
        return ""
    local, _, host = mailbox.address.rpartition("@")
    name = one_line(mailbox.name, NAME_LIMIT)
    if not local.isascii():
        return _words(field, f"{name} {mailbox.address}".strip(), encode=True) + " :;"
    address = f"<{local}@{host if host.isascii() else addresses.domain(mailbox.address)}>"
    return f"{_phrase(field, name)}\r\n {address}" if len(name) > 40 else f"{_phrase(field, name)} {address}".strip()


def _phrase(field: str, name: str) -> str:
    """A display name: atoms, else a quoted string, else encoded words (RFC 5322 §3.2.5, RFC 2047 §5)."""
    if not name.isascii() or "=?" in name:
        return _words(field, name, encode=True)
    if not name or _ATOMS.fullmatch(name):
        return name
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _words(name: str, text: str, *, encode: bool = False) -> str:
    """Unstructured text, folded. What already looks like an encoded word is encoded: readers must see it as it is."""
    if encode or not text.isascii() or "=?" in text:
        return Header(text, "utf-8", maxlinelen=FOLD, header_name=name).encode(linesep="\r\n")
    lines, room = [""], FOLD - len(name) - 2
    for word in text.split():
        if lines[-1] and len(lines[-1]) + 1 + len(word) > room:
            lines.append("")
            room = FOLD - 1
        lines[-1] = f"{lines[-1]} {word}".strip()
    return "\r\n ".join(lines)


def _ids(ids: Sequence[str]) -> str:
    """Message-IDs in brackets, one a line; of many the first and the newest; what no header can carry is left out."""
    usable = list(dict.fromkeys(one for one in (name.strip("<> \t\r\n") for name in ids) if _ID.fullmatch(one)))
    if len(usable) > IDS_LIMIT:
        usable = [usable[0], *usable[1 - IDS_LIMIT :]]
    return "\r\n ".join(f"<{one}>" for one in usable)


def _token(value: str) -> str:
    return re.sub(r"[^A-Za-z0-9._;=-]", "", value)[:60]


def _entity(draft: Draft) -> bytes:
    """The MIME entity below the header block: one body, two of the same words, or those with files beside them."""
    text = _leaf("plain", draft.text)
    files = [_file(one) for one in draft.attachments]
    if draft.data:
        files.append(_attached(draft.data, "application/json", INSTRUCTION))
    inner = f"{draft.message_id}\n{1 if files else 0}"
    both = _multipart("alternative", [text, _leaf("html", draft.html)], inner) if draft.html else text
    return _multipart("mixed", [both, *files], f"{draft.message_id}\n0") if files else both


def _leaf(subtype: str, words: str) -> bytes:
    """One body as an entity, CRLF."""
    text = body(words)
    encoding, octets = _encoding(text), text.encode()
    if encoding == "quoted-printable":
        octets = binascii.b2a_qp(octets)
    elif encoding == "base64":
        octets = base64.encodebytes(octets.replace(b"\n", b"\r\n"))
    head = f'Content-Type: text/{subtype}; charset="utf-8"\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n'
    return head.encode() + octets.replace(b"\n", b"\r\n")


def _multipart(subtype: str, entities: Sequence[bytes], seed: str) -> bytes:
    """The entities between boundaries that `seed` decides and that none of them contains (RFC 2046 §5.1.1)."""
    salt = 0
    while any((boundary := _boundary(seed, salt)) in one for one in entities):
        salt += 1
    head = b'Content-Type: multipart/%b;\r\n boundary="%b"\r\n\r\n' % (subtype.encode(), boundary)
    return head + b"".join(b"--%b\r\n%b\r\n" % (boundary, one) for one in entities) + b"--%b--\r\n" % boundary


def _file(file: Attachment) -> bytes:
    """One file as an entity, in base64, never inline, its name by RFC 2231. A mail goes as a plain file: no mail may be encoded
    (RFC 2046 §5.2.1), and its lines may be longer than ours."""
    wanted = file.content_type.lower()
    kind = wanted if _TYPE.fullmatch(wanted) else BINARY
    name = file_name(file.filename) or ("message.eml" if wanted in MAIL else "attachment")
    charset = file.charset if kind.startswith("text/") and file.charset and _CHARSET.fullmatch(file.charset) else None
    return _attached(file.content, kind, name, {"charset": charset} if charset else None)


def _attached(content: bytes, kind: str, name: str, params: dict[str, str] | None = None) -> bytes:
    part, (main, _, sub) = MIMEPart(policy=_PART), kind.partition("/")
    part.set_content(content, main, sub, cte="base64", disposition="attachment", filename=name, params=params)
    return part.as_bytes()


def _encoding(text: str) -> str:
    """The transfer encoding that keeps a body 7-bit and, where that is possible, readable in its source."""
    octets = text.encode()
    if text.isascii() and all(len(line) <= FOLD for line in octets.split(b"\n")):
        return "7bit"
    plain = len(octets.translate(None, _HIGH))
    return "base64" if (len(octets) - plain) * 3 > len(octets) else "quoted-printable"


def _boundary(seed: str, salt: int) -> bytes:
    said = f"{seed}\n{salt}".encode("utf-8", "surrogatepass")
    return b"mailgate-" + hashlib.sha256(said).hexdigest()[:32].encode()


def _verify(mail: bytes, names: Sequence[str]) -> None:
    """Raise ValueError unless the bytes say what we meant; a last wall, in case a library folds differently one day."""
    head, _, _ = mail.partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    found = [line.partition(b":")[0].decode("latin-1").lower() for line in lines if line[:1] not in (b" ", b"\t")]
    rest = mail.replace(b"\r\n", b"")
    if Counter(found) != Counter(name.lower() for name in names):
        raise ValueError("the composed mail carries other headers than those we set")
    if any(not line.strip() for line in lines) or max(map(len, mail.split(b"\r\n"))) > LINE_LIMIT:
        raise ValueError("the composed mail has an empty or an overlong line")
    if b"\r" in rest or b"\n" in rest or b"\0" in rest or not mail.isascii():
        raise ValueError("the composed mail is not clean 7-bit text with CRLF line ends")
