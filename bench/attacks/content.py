"""Where a mail ends, and which bytes it may hold: N01 smuggling, N02 content bytes, N19 fidelity."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from running import DESK

from attacks.field import Case, Field, expect, letter, stuffed, verdict

DOTS = {
    "LF.LF": b"\n.\n",
    "LF.CRLF": b"\n.\r\n",
    "CRLF.LF": b"\r\n.\n",
    "CR.CR": b"\r.\r",
    "CR.CRLF": b"\r.\r\n",
    "CRLF.CR": b"\r\n.\r",
    "CR.LF": b"\r.\n",
    "LF.CR": b"\n.\r",
    "CRCRLF.CRCRLF": b"\r\r\n.\r\r\n",
    "CRLF.CRCRLF": b"\r\n.\r\r\n",
    "LFCRLF.LF": b"\n\r\n.\n",
    "LFLF.CRLF": b"\n\n.\r\n",
    "LFCR.LFCR": b"\n\r.\n\r",
    "CRLF NUL.CRLF": b"\r\n\0.\r\n",
    "CRLF.NUL CRLF": b"\r\n.\0\r\n",
    "NUL CRLF.CRLF": b"\0\n.\r\n",
    "CRLF.SP CRLF": b"\r\n. \r\n",
    "CRLF SP.CRLF": b"\r\n .\r\n",
    "CRLF.TAB CRLF": b"\r\n.\t\r\n",
    "CRLF..CRLF": b"\r\n..\r\n",
    "NEL.NEL": b"\x85.\x85",
    "CRLF.NEL": b"\r\n.\x85",
    "VT.VT": b"\x0b.\x0b",
}
STOLEN = f"MAIL FROM:<admin@shop.test>\r\nRCPT TO:<{DESK}>\r\nDATA\r\n".encode()
SOFT = (
    b"\x01",
    b"\x07",
    b"\x08",
    b"\x0b",
    b"\x0c",
    b"\x1a",
    b"\x1b[2J",
    b"\x7f",
    b"\x80",
    b"\x85",
    b"\xff\xfe",
    "\u2028".encode(),
    b"\xef\xbb\xbf",
    b"\xc0\xae",
)
HARD = {
    "bare CR": b"a\rb",
    "bare LF": b"a\nb",
    "NUL": b"a\0b",
    "CR at the end": b"a\r\r\n",
    "LF first": b"\nb",
    "CR first": b"\rb",
    "two LF": b"a\n\nb",
    "bare CR before the dot": b"a\r",
    "NUL before CRLF": b"a\0",
    "CR NUL LF": b"a\r\0\nb",
    "bare CR in a header": b"",
}
WAYS = (False, True)  # whole, and byte by byte
LENGTHS = (997, 998, 999, 1000, 1001, 2046, 4094, 4096, 8190, 8192, 65534, 65535, 65536)


def smuggling(field: Field) -> Iterator[Case]:
    """23 look-alikes of the end, whole and byte by byte: one mail in is one reply, and nobody's second mail is stored."""
    for (name, dot), bytewise in itertools.product(DOTS.items(), WAYS):
        marked = f"{name} {'bytewise' if bytewise else 'whole'}"
        inner = letter(f"stolen-{name}-{bytewise}".replace(" ", "-"))
        raw = letter(f"outer-{name}-{bytewise}".replace(" ", "-"), b"x" + dot + STOLEN + inner)
        yield from _one_reply(field, marked, raw, bytewise)
    for length in LENGTHS:
        head = letter(f"cut-{length}", b"")
        raw = head + b"x" * length + b".\r\n" + STOLEN + letter(f"stolen-cut-{length}")
        yield from _one_reply(field, f"a line cut at {length}", raw, False)


def _one_reply(field: Field, name: str, wired: bytes, bytewise: bool) -> Iterator[Case]:
    """`wired` goes out as it is, a true dot and QUIT after it."""
    with field.wire() as wire:
        if not wire.begins().startswith("354"):
            yield verdict(name, False, "354", "no DATA")
            return
        data = wired + b".\r\nQUIT\r\n"
        for start in range(0, len(data), 1 if bytewise else len(data)):
            wire.gives(data[start : start + 1] if bytewise else data)
        replies = wire.rest()
    codes = [reply[:3] for reply in replies]
    field.note(wired.replace(b"\r\n.", b"\r\n"), replies[0] if replies else "")
    yield verdict(name, codes in (["250", "221"], ["554", "221"]), "one reply, then 221", codes)


def content_bytes(field: Field) -> Iterator[Case]:
    """Bare CR, bare LF and NUL are refused after the true dot; other odd bytes are kept as they came, or refused."""
    for number, (name, text) in enumerate(HARD.items()):
        raw = letter(f"hard-{number}", text + b"\r\n", extra=b"X-A: a\rBcc: victim@else.test\r\n" if not text else b"")
        yield expect(name, field.sends(raw), "554 5.6.0")
    for text in SOFT:
        yield expect(f"byte {text!r}", field.sends(letter(f"soft-{text.hex()}", b"a" + text + b"b\r\n")), "250", "554")


def fidelity(field: Field) -> Iterator[Case]:
    """What is stored is what was sent: dots, blanks, no text, no header, no end of line, whatever the packets were."""
    shapes = {
        "empty": b"",
        "one blank line": b"\r\n",
        "a dot alone": b".\r\n",
        "dots": b".\r\n..\r\n...\r\n.a\r\n",
        "headers only": b"Subject: headers only\r\n",
        "headers and blank line": b"Subject: headers\r\n\r\n",
        "no header": b"hello there\r\n",
        "no header, blank first": b"\r\nhello\r\n",
        "trailing blanks": b"Subject: x\r\n\r\na \t \r\n \r\n\r\n\r\n",
        "mbox From": b"From eve Mon Jun  1\r\nSubject: x\r\n\r\nx\r\n",
        "long line": letter("long", b"x" * 65536 + b"\r\n"),
        "8 bit": letter("eight", bytes(range(128, 256)) + b"\r\n"),
    }
    for name, raw in shapes.items():
        yield expect(name, field.sends(raw), "250")
        for step in (1, 2, 3):
            with field.wire() as wire:
                wire.begins()
                wired = stuffed(raw) if len(raw) < 1000 else stuffed(raw)[-200:]
                wire.gives(stuffed(raw)[: -len(wired)])
                for start in range(0, len(wired), step):
                    wire.gives(wired[start : start + step])
                reply = wire.hears()
            field.note(raw, reply)
            yield expect(f"{name} in pieces of {step}", reply, "250")
