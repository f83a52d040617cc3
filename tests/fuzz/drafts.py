"""What leaves us, read by a reader of its own: strict, line by line, with nothing of our code or of the library that wrote it."""

from __future__ import annotations

import base64
import quopri
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from mailgate.mail import address, words
from mailgate.mail.address import Mailbox
from mailgate.mail.attach import Attachment
from mailgate.mail.cc import with_reader
from mailgate.mail.compose import Draft, compose
from mailgate.mail.undelivered import Undelivered, report

ALLOWED = frozenset(
    [
        "from", "to", "cc", "reply-to", "subject", "date", "message-id", "in-reply-to", "references", "auto-submitted",
        "precedence", "x-auto-response-suppress", "content-language", "x-mailgate-kind", "mime-version", "content-type",
        "content-transfer-encoding",
    ]
)  # fmt: skip
IN_PARTS = frozenset({"content-type", "content-transfer-encoding", "content-disposition", "mime-version"})
HIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\u2028\u2029\ud800-\udfff]")
_WORD = re.compile(r"=\?utf-8\?([bq])\?([!-<>@-~]*)\?=", re.IGNORECASE)
_GAP = re.compile(r"(\?=)[ \t]+(=\?)")
AT = datetime(2026, 6, 14, 22, 30, tzinfo=UTC)


@dataclass(frozen=True)
class Part:
    """A header by lower-case names, unfolded, and what follows it."""

    header: dict[str, str]
    body: bytes


def read(raw: bytes, allowed: Iterable[str]) -> Part:
    """A mail or part whose header has only these names, each once; AssertionError for anything else."""
    assert raw.isascii()
    rest = raw.replace(b"\r\n", b"")
    assert b"\r" not in rest
    assert b"\n" not in rest
    assert b"\0" not in raw
    head, blank, body = raw.partition(b"\r\n\r\n")
    assert blank
    header: dict[str, str] = {}
    last = ""
    for line in head.decode("ascii").split("\r\n"):
        assert 0 < len(line) <= 998
        assert line.strip(), line
        if line[0] in " \t":
            assert last
            header[last] += " " + line.strip()
            continue
        name, colon, value = line.partition(":")
        last = name.lower()
        assert colon, line
        assert re.fullmatch(r"[A-Za-z0-9-]+", name), line
        assert last in allowed, line
        assert last not in header, line
        header[last] = value.strip()
    return Part(header, body)


def shown(value: str) -> str:
    """A header value as people see it (RFC 2047)."""

    def one(found: re.Match[str]) -> str:
        text = found[2].encode()
        return (base64.b64decode(text) if found[1] in "bB" else quopri.decodestring(text, header=True)).decode("utf-8")

    return _WORD.sub(one, _GAP.sub(r"\1\2", value))


def parts(whole: Part) -> list[Part]:
    """The leaves below a multipart, in order."""
    kind = whole.header.get("content-type", "")
    if not kind.lower().startswith("multipart/"):
        return [whole]
    found = re.search(r'boundary="([^"]+)"', kind)
    assert found
    pieces = re.split(rb"(?:\r\n|\A)--" + re.escape(found[1].encode()) + rb"(--)?[ \t]*(?:\r\n|\Z)", whole.body)
    assert pieces[-2] == b"--"
    assert not any(pieces[1:-2:2])
    return [leaf for piece in pieces[2:-2:2] for leaf in parts(read(piece, IN_PARTS))]


def content(part: Part) -> bytes:
    """What a leaf holds."""
    coding = part.header.get("content-transfer-encoding", "7bit").lower()
    assert coding in ("7bit", "base64", "quoted-printable")
    if coding == "base64":
        return base64.b64decode(part.body, validate=False)
    return quopri.decodestring(part.body) if coding == "quoted-printable" else part.body


def boxes(value: str) -> list[str]:
    """The addresses of a field as we write it: atoms, one quoted string or encoded words, then an address in angles."""
    plain = re.sub(r'"(?:[^"\\]|\\.)*"', "q", value)
    assert plain.count("<") == plain.count(">") == plain.count("@"), value
    return re.findall(r"<([^<>@\s]+@[^<>@\s]+)>", plain) or []


def plain(text: str) -> str:
    """`text` as it must arrive."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    kept = re.sub(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", "", lines)
    return kept.encode("utf-8", "replace").decode().rstrip("\n") + "\n"


def check_draft(said: bytes) -> None:
    """Pieces of `said`, apart at 0x1E, go to every place of a draft that somebody outside can fill."""
    pieces = [words.raw_text(one) for one in said.split(b"\x1e")] or [""]

    def piece(number: int) -> str:
        return pieces[number % len(pieces)]

    people = tuple(Mailbox(piece(n), f"p{n}@b.example" if n % 2 else piece(n + 1)) for n in range(4))
    draft = Draft(
        author=Mailbox(piece(0), "desk@shop.example"), to=people[:2], cc=people[2:], reply_to=piece(2), subject=piece(3),
        text=piece(4), html=f"<p>{piece(5)}</p>", message_id="mg.1.a.b@shop.example", in_reply_to=piece(6),
        references=tuple(pieces), date=AT, language=piece(7), kind=piece(8), extra=(("X-Order", piece(9)),),
        attachments=(Attachment(piece(10), piece(11), said[:500], piece(12)),), data=said[:100],
    )  # fmt: skip
    whole = read(compose(draft), ALLOWED | {"x-order"})
    for name, value in whole.header.items():
        assert not HIDDEN.search(shown(value)), (name, value)
    intended = [
        address.key(one.address) for one in people if address.is_address(one.address) and one.address.rpartition("@")[0].isascii()
    ]
    assert [address.key(one) for name in ("to", "cc") for one in boxes(whole.header.get(name, ""))] == intended
    assert boxes(whole.header["from"]) == ["desk@shop.example"]
    text, html, *files = parts(whole)
    assert content(text).decode().replace("\r\n", "\n") == plain(draft.text)
    assert content(html).decode().replace("\r\n", "\n") == plain(draft.html)
    assert [content(one) for one in files] == [said[:500], said[:100]][: len(files)]
    assert len(files) == 1 + bool(said)
    _passing(said)


def _passing(said: bytes) -> None:
    """A reader put into Cc of a passing mail changes nothing but that; a report on a lost one is a mail of ours."""
    added = with_reader(said, "desk@shop.example")
    if added is not None:
        before, _, body = said.partition(b"\r\n\r\n")
        after, _, same = added.partition(b"\r\n\r\n")
        assert same == body
        assert after.count(b"desk@shop.example") == before.count(b"desk@shop.example") + 1
        names = [
            [line.partition(b":")[0].lower() for line in head.split(b"\r\n") if line[:1] not in b" \t"]
            for head in (before, after)
        ]
        assert names[1] in (names[0], [*names[0], b"cc"])
    lost = Undelivered(said, "a@b.example", "ann@client.example", "5.1.1", words.raw_text(said[:300]))
    raw = report(lost, "shop.example", "r1@shop.example", AT)
    head = raw.partition(b"\r\n\r\n")[0]
    assert head.isascii()
    assert len(head.split(b"\r\n")) == 8
    mark = re.search(rb'boundary="(\w+)"', head)
    assert mark
    assert raw.count(b"\r\n--" + mark[1]) == 4
