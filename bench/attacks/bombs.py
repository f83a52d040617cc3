"""N11: mail that costs its reader far more than its sender, through the door and the whole message path."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from running import until

from attacks.field import Case, Field, expect, letter, stuffed, verdict

MIXED = b'Content-Type: multipart/mixed; boundary="b"\r\n'
GROWN = 64 * 2**20  # octets that reading a bomb may take beyond three times its size


def _header(line: bytes) -> Callable[[], bytes]:
    return lambda: letter("bomb", extra=line + b"\r\n")


def _nested(depth: int) -> bytes:
    body = b"".join(b'Content-Type: multipart/mixed; boundary="b%d"\r\n\r\n--b%d\r\n' % (n, n) for n in range(depth))
    return letter("bomb")[: -len(b"\r\nWhere is it?\r\n")] + body


def _folded(name: bytes, words: bytes, count: int) -> Callable[[], bytes]:
    return _header(name + b": " + b"\r\n ".join([words] * count))


def _whole(raw: bytes) -> bytes:
    return raw if raw.endswith(b"\r\n") else raw + b"\r\n"


BOMBS: dict[str, Callable[[], bytes]] = {
    "multiparts in one another": lambda: _nested(10_000),
    "mails in one another": lambda: b"Content-Type: message/rfc822\r\n\r\n" * 20_000,
    "one boundary for all": lambda: letter("bomb", (MIXED + b"\r\n--b\r\n") * 20_000, extra=MIXED),
    "100,000 parts": lambda: letter("bomb", b"--b\r\n\r\nx\r\n" * 100_000, extra=MIXED),
    "10,000 attachments": lambda: letter(
        "bomb", b'--b\r\nContent-Disposition: attachment; filename="a.png"\r\n\r\nx\r\n' * 10_000, extra=MIXED
    ),
    "a boundary of nothing": lambda: letter(
        "bomb", b"--\r\n" * 1_000_000, extra=b'Content-Type: multipart/mixed; boundary=""\r\n'
    ),
    "dashes in a multipart": lambda: letter("bomb", b"--\r\n" * 1_000_000, extra=MIXED),
    "empty lines in a multipart": lambda: letter("bomb", b"--b\r\n\r\n" + b"\r\n" * 5_000_000, extra=MIXED),
    "1,000,000 headers": lambda: b"a:\r\n" * 1_000_000 + b"\r\nx\r\n",
    "a folded header without end": lambda: b"Subject: x\r\n" + b" x\r\n" * 1_000_000 + b"\r\nx\r\n",
    "100,000 references": _folded(b"References", b"<aaaaaaaa@bbbbbb.test>", 100_000),
    "a References of one word": _header(b"References: " + b"<" * 60_000),
    "20,000 encoded words": _folded(b"Subject", b"=?utf-8?q?a?=", 20_000),
    "20,000 encoded words, adjacent": _header(b"Subject: " + b"=?utf-8?q?a?=" * 4_000),
    "RFC 2231 in 10,000 pieces": _header(
        b"Content-Type: text/plain;\r\n " + b";\r\n ".join(b"name*%d=a" % n for n in range(10_000))
    ),
    "50,000 parameters": _header(b"Content-Type: text/plain;\r\n " + b";\r\n ".join([b"a=b"] * 50_000)),
    "100,000 addresses": _folded(b"Cc", b"a@b.test,", 100_000),
    "quotes in Cc": _header(b"Cc: " + b'"' * 60_001),
    "@. in Cc": _header(b"Cc: " + b"@." * 30_000),
    "comments in Cc": _header(b"Cc: " + b"(" * 60_000),
    "comments in Date": _header(b"Date: " + b"(" * 60_000),
    "groups in From": _header(b"From: " + b"a:" * 30_000),
    "angles in To": _header(b"To: " + b"<" * 60_000),
    "1,000 Received": lambda: letter("bomb", extra=b"Received: from a by b; Mon, 1 Jun 2026 10:00:00 +0000\r\n" * 1000),
    "a charset of zlib": lambda: letter("bomb", b"x" * 1000, extra=b"Content-Type: text/plain; charset=zlib_codec\r\n"),
    "a charset of idna": lambda: letter("bomb", b"x" * 60_000, extra=b"Content-Type: text/plain; charset=idna\r\n"),
    "utf-7": lambda: letter("bomb", b"+AA-" * 15_000 + b"\r\n", extra=b"Content-Type: text/plain; charset=utf-7\r\n"),
    "base64 of rubbish": lambda: letter("bomb", b"=\r\n" * 1_000_000, extra=b"Content-Transfer-Encoding: base64\r\n"),
    "quoted-printable of blanks": lambda: letter(
        "bomb", (b" " * 60_000 + b"x\r\n") * 40, extra=b"Content-Transfer-Encoding: quoted-printable\r\n"
    ),
    "uuencode without end": lambda: letter(
        "bomb", b"begin 644 a\r\n" * 300_000, extra=b"Content-Transfer-Encoding: x-uuencode\r\n"
    ),
    "quotes as far as one sees": lambda: letter("bomb", b">" * 60_000 + b"\r\n" + b"> a\r\n" * 500_000),
    "attributions": lambda: letter("bomb", b"On Mon, 1 Jun 2026 at 10:00, A <a@b.test> wrote:\r\n" * 50_000),
    "rules": lambda: letter("bomb", (b"-" * 60_000 + b"\r\n") * 20),
    "blanks": lambda: letter("bomb", (b" " * 60_000 + b"\r\n") * 40),
    "tables in tables": lambda: letter("bomb", b"<table><tr><td>\r\n" * 100_000, extra=b"Content-Type: text/html\r\n"),
    "tags without end": lambda: letter("bomb", b"<a\r\n" * 500_000, extra=b"Content-Type: text/html\r\n"),
    "entities": lambda: letter("bomb", b"&lt;&amp;\r\n" * 300_000, extra=b"Content-Type: text/html\r\n"),
    "a report of nothing": lambda: letter(
        "bomb",
        b"Final-Recipient: rfc822; a@b.test\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n" * 30_000,
        extra=b"Content-Type: message/delivery-status\r\n",
    ),
    "words of bounces": lambda: letter("bomb", b"550 5.1.1 <a@b.test>: user unknown\r\n" * 50_000, author="MAILER-DAEMON@b.test"),
    "message tokens": lambda: letter(
        "bomb", b"[MG-1] MG-aaaaaaaaaaaaaaaaaaaaaaaaaa-1 #4711 " * 1_000 + b"\r\n" + b"4711-0815 " * 6_000 + b"\r\n"
    ),
    "From without an end": _header(b"From: <"),
    "To of an open bracket": _header(b"To: a@["),
    "Message-ID of an open bracket": _header(b"Message-ID: <["),
    "nothing but dots": lambda: b"." * 60_000 + b"\r\n" + b".\r\n" * 100_000,
}


def bombs(field: Field) -> Iterator[Case]:
    """Each is stored and dealt with, in bounded memory; the good client waits for none of them."""
    slowest, largest = ("", 0.0), ("", 0.0)
    for number, (name, made) in enumerate(BOMBS.items()):
        raw = _whole(f"X-Number: {number}\r\n".encode() + made())
        field.growth()
        begun = time.monotonic()
        reply = field.sends(raw, wired=stuffed(raw) if b"\r\n." in raw else b"")
        yield expect(name, reply, "250")
        if not reply.startswith("250"):
            continue
        until(field.is_settled, 60)
        slowest = max(slowest, (name, time.monotonic() - begun), key=lambda one: one[1])
        grown = (field.growth() - 3 * len(raw)) / 2**20
        largest = max(largest, (name, grown), key=lambda one: one[1])
        yield verdict(f"{name}: memory", grown * 2**20 <= GROWN, "64 MB beyond three times its size", f"{grown:.0f} MB")
    field.figures["slowest"] = f"{slowest[0]} {slowest[1]:.1f} s"
    field.figures["largest"] = f"{largest[0]} {largest[1]:.0f} MB more"
