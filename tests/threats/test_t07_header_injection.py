"""T7: a header of ours is broken open by somebody's subject, name, file name or id.

Any text at all: tests/mail/test_compose.py.
"""

from __future__ import annotations

import re

import pytest
from exchange import Gate
from people import Person

PACK = "clickbank"
EVIL = "Bcc: victim@mail.example"
BREAKS = {
    "folded": f"Order\r\n\r\n {EVIL}",
    "encoded CRLF": "=?utf-8?q?Order=0D=0ABcc=3A_victim=40mail.example?=",
    "encoded bare LF": "=?utf-8?b?T3JkZXIKQmNjOiB2aWN0aW1AbWFpbC5leGFtcGxl?=",
    "encoded bare CR": "=?utf-8?q?Order=0DBcc=3A_victim=40mail.example?=",
    "next line": f"Order\u0085{EVIL}",
    "line separator": f"Order\u2028{EVIL}",
    "vertical tab": f"Order\x0b{EVIL}",
    "lone surrogate": f"Order\ud800\r{EVIL}",
    "an encoded word in ours": "=?utf-8?q?=3D=3Futf-8=3Fq=3F=0D=0ABcc=3A?=",
    "thousands of characters": "Order " + "x" * 3000 + f" {EVIL}",
}
NAMES = {
    "from",
    "to",
    "cc",
    "reply-to",
    "subject",
    "date",
    "message-id",
    "in-reply-to",
    "references",
    "auto-submitted",
    "precedence",
    "x-auto-response-suppress",
    "content-language",
    "x-mailgate-kind",
    "mime-version",
    "content-type",
    "content-transfer-encoding",
}


def is_whole(raw: bytes) -> bool:
    """Only the header names that we set, in CRLF lines of at most 998 octets, no bare CR or LF, 7 bit (RFC 5322 §2.1.1)."""
    head, _, _ = raw.partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    names = {line.partition(b":")[0].decode().lower() for line in lines if line[:1] not in (b" ", b"\t")}
    bare = re.search(rb"(?<!\r)\n|\r(?!\n)|\0", raw)
    return names <= NAMES and not bare and raw.isascii() and max(map(len, raw.split(b"\r\n"))) <= 998


def raw_mail(place: str, text: str) -> bytes:
    """A first mail with this text in this place, written as an attacker writes it: by hand."""
    said = text.encode("utf-8", "surrogatepass").replace(b"\r\n", b"\r\n ") if place != "file" else b""
    name = said if place == "name" else b"Ann"
    subject = said if place == "subject" else b"A-77"
    ids = said.replace(b" ", b"") if place == "id" else b"first@mail.example"
    file_name = text.encode("utf-8", "surrogatepass").replace(b"\r\n", b"%0D%0A")
    lines = [
        b'From: "' + name.replace(b'"', b"") + b'" <consumer@mail.example>',
        b"To: tickets@desk.example",
        b"Subject: " + subject,
        b"Message-ID: <" + ids + b">",
        b"MIME-Version: 1.0",
        b'Content-Type: multipart/mixed; boundary="b"',
        b"",
        b"--b",
        b"Content-Type: text/plain; charset=utf-8",
        b"",
        b"Seller: shop\r\nRequest: support\r\n\r\nIt does not start.",
        b"--b",
        b"Content-Type: application/pdf",
        b"Content-Disposition: attachment; filename*=utf-8''" + file_name,
        b"",
        b"%PDF-1.4",
        b"--b--",
        b"",
    ]
    return b"\r\n".join(lines)


@pytest.mark.parametrize("shape", BREAKS)
@pytest.mark.parametrize("place", ["subject", "name", "id", "file"])
def test_t07_hostile_text_adds_no_header_to_any_notice(
    gate: Gate, consumer: Person, vendor: Person, place: str, shape: str
) -> None:
    """O04: what a mail brings is text; our own writer sets every name, and looks at the bytes once more."""
    done = gate.stage.receive(raw_mail(place, BREAKS[shape]), gate.now)
    assert done.ticket == 1
    if place != "name":  # a name that breaks the line makes its author nobody, whom nothing is sent to
        first = gate.stage.sent[0][1].message_id
        vendor.writes([gate.stage.desk], subject="Re: A-77", headers={"In-Reply-To": f"<{first}>"})
        assert len(gate.stage.sent) >= 2
    for _, row in gate.stage.sent:
        assert is_whole(row.raw), row.raw[:2000]
        assert row.reader != "victim@mail.example"
    gate.orders("close")
    gate.disregards()
