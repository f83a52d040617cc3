"""What is no SMTP: N08 garbage, N12 and N16 what we do not offer."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator

from running import DESK

from attacks.field import Case, Field, expect, letter, verdict

HELLO = bytes.fromhex("1603010200010001fc0303") + bytes(range(200))
POST = f"POST / HTTP/1.1\r\nHost: x\r\n\r\nEHLO a\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<{DESK}>\r\nDATA\r\nx\r\n.\r\n".encode()
DICE = random.Random(8)
GARBAGE = {
    "TLS hello": HELLO,
    "SSLv2 hello": b"\x80\x2e\x01\x00\x02" + bytes(40),
    "HTTP GET": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "HTTP POST": POST,
    "HTTP POST with LF": POST.replace(b"\r\n", b"\n"),
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(30),
    "HTTP PUT late": b"EHLO a\r\nPUT / HTTP/1.1\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<"
    + DESK.encode()
    + b">\r\nDATA\r\nx\r\n.\r\n",
    "SSH": b"SSH-2.0-OpenSSH_9.0\r\n" + bytes(100),
    "Redis": b"*1\r\n$4\r\nPING\r\n" * 20,
    "SIP": b"OPTIONS sip:x SIP/2.0\r\nVia: y\r\n\r\n" * 5,
    "random bytes": DICE.randbytes(200_000),
    "random lines": b"\r\n".join(DICE.randbytes(30).replace(b"\n", b"") for _ in range(2000)),
    "NUL": bytes(100_000),
    "LF": b"\n" * 50_000,
    "CRLF": b"\r\n" * 50_000,
    "CR": b"\r" * 100_000,
    "dots": b".\r\n" * 5_000,
    "unknown verbs": b"FROB x\r\n" * 1_000,
    "high verbs": "NÖÖP\r\n".encode() * 1_000,
    "PROXY v1": b"PROXY TCP4 10.0.0.1 10.0.0.2 1 25\r\n" * 3,
    "PROXY v2": b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c" + bytes(12),
    "LF commands": f"EHLO a\nMAIL FROM:<a@b.test>\nRCPT TO:<{DESK}>\nDATA\n\nx\n.\n".encode(),
    "talk before the greeting": b"QUIT\r\n",
}


def garbage(field: Field) -> Iterator[Case]:
    """Whoever speaks no SMTP is sent away in a few replies, and no mail comes of it."""
    for name, data in GARBAGE.items():
        with field.wire() as wire:
            wire.gives(data)
            replies = wire.rest()
        said = [reply for reply in replies if not reply.startswith(("220", "250-"))]
        none = not any(reply.startswith("354") for reply in said) and sum(reply.startswith("250") for reply in said) <= 1
        yield verdict(name, none and len(said) <= 25 and "…" not in replies, "no 354, at most 25 replies, closed", said[-3:])
    with field.wire() as wire:
        wire.hears()
        wire.says("EHLO evil.test")
        wire.says("MAIL FROM:<a@evil.test>")
        wire.says(f"RCPT TO:<{DESK}>")
        wire.gives(b"BDAT 40 LAST\r\n" + letter("bdat")[:40] + b"QUIT\r\n")
        replies = wire.rest()
        yield verdict(
            "BDAT", replies and replies[0][0] in "45" and not any(one.startswith("250") for one in replies), "no 250", replies
        )


def absent(field: Field) -> Iterator[Case]:
    """AUTH, PROXY, XCLIENT and the like are neither offered nor taken, and a guesser is sent away."""
    with field.wire() as wire:
        wire.hears()
        offer = wire.says("EHLO evil.test")
        for word in ("AUTH", "CHUNKING", "BINARYMIME", "XCLIENT", "XFORWARD", "ETRN", "PROXY", "STARTTLS", "DSN"):
            yield verdict(f"{word} is not offered", word not in offer, "absent", offer)
    for line in (
        "AUTH PLAIN AGEAYg==",
        "AUTH LOGIN",
        "AUTH CRAM-MD5",
        "XCLIENT ADDR=10.0.0.1",
        "XFORWARD NAME=x",
        "ETRN shop.test",
        "STARTTLS",
        "PROXY UNKNOWN",
        "SEND FROM:<a@b.test>",
        "TURN",
        "LHLO x",
    ):
        with field.wire() as wire:
            wire.hears()
            wire.says("EHLO evil.test")
            yield expect(line, wire.says(line), "50", "454")
    with field.wire() as wire:
        wire.hears()
        wire.says("EHLO evil.test")
        begun = time.monotonic()
        wire.gives(b"".join(b"AUTH PLAIN AGV2ZQBzM2NyM3Q%d=\r\n" % n for n in range(1000)))
        replies = [one[:3] for one in wire.rest()]
        took = time.monotonic() - begun
        yield verdict(
            "a guesser", len(replies) <= 15 and replies[-1:] == ["421"], "at most 15, then 421", (len(replies), replies[-1:])
        )
        field.figures["guesses/s"] = f"{len(replies) / took:.1f}"
    yield verdict("no secret in the log", not any(b"s3cr3t" in line or b"AGV2Z" in line for line in field.log_lines()))
