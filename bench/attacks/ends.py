"""How a session ends: N09 STARTTLS, N10 half close, RST and QUIT around the dot."""

from __future__ import annotations

import ssl
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from running import DESK, Running, serve

from attacks.field import Case, Field, expect, letter, stuffed, verdict
from attacks.wire import Wire

ROUNDS = 40
STALLED = 20  # handshakes
SHAKEN = {"text": b"EHLO a\r\n" * 20, "bytes": bytes(range(256)) * 8, "half a record": b"\x16\x03\x01\x20\0" + b"x" * 100}


def with_tls(directory: Path, words: Sequence[str]) -> Running:
    """A daemon with a certificate of its own making."""
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost"
    files = ["-keyout", str(directory / "key.pem"), "-out", str(directory / "cert.pem")]
    subprocess.run([*command.split(), *files], check=True, capture_output=True)
    sets = [f"tls.certificate={directory}/cert.pem", f"tls.key={directory}/key.pem"]
    return serve(directory, *words, *[each for one in sets for each in ("--set", one)])


def starttls(field: Field) -> Iterator[Case]:
    """Nothing said in clear counts under TLS; a handshake that fails or stalls ends the session, and no other."""
    injections = {"NOOP": b"NOOP\r\n", "EHLO and MAIL": b"EHLO evil\r\nMAIL FROM:<evil@evil.test>\r\n", "RSET": b"RSET\r\n" * 3}
    for name, injected in injections.items():
        with field.wire() as wire:
            wire.hears()
            wire.says("EHLO a")
            yield expect(f"injected {name}: STARTTLS", wire.says(b"STARTTLS\r\n" + injected), "220")
            _secure(wire)
            yield expect(f"injected {name}: forgotten", wire.says("MAIL FROM:<a@evil.test>"), "503")
    with field.wire() as wire:
        wire.hears()
        wire.says("EHLO a")
        wire.says("MAIL FROM:<a@evil.test>")
        wire.says(f"RCPT TO:<{DESK}>")
        wire.says("STARTTLS")
        _secure(wire)
        yield expect("the mail begun in clear is forgotten", wire.says("DATA"), "503")
        offer = wire.says("EHLO a")
        yield verdict("STARTTLS is offered once", offer.startswith("250") and "STARTTLS" not in offer, "absent", offer)
        yield expect("STARTTLS twice", wire.says("STARTTLS"), "503", "554")
        yield expect(
            "and the session goes on",
            field.sends(letter("under-tls"), wire) if wire.begins(hello="").startswith("354") else "",
            "250",
        )
    with field.wire() as wire:
        wire.hears()
        wire.says("EHLO a")
        yield expect("STARTTLS with an argument", wire.says("STARTTLS now"), "501")
    for name, data in SHAKEN.items():
        with field.wire() as wire:
            wire.hears()
            wire.says("EHLO a")
            wire.says("STARTTLS")
            wire.gives(data)
            begun = time.monotonic()
            wire.rest(20)
            yield verdict(
                f"a handshake of {name}", time.monotonic() - begun < 15, "closed in 15 s", f"{time.monotonic() - begun:.0f} s"
            )
    stalled = [field.wire() for _ in range(STALLED)]
    for wire in stalled:
        wire.hears()
        wire.says("EHLO a")
        wire.says("STARTTLS")
    begun = time.monotonic()
    for wire in stalled:
        wire.rest(20)
    yield verdict("20 stalled handshakes", time.monotonic() - begun < 15, "closed in 15 s", f"{time.monotonic() - begun:.0f} s")
    for wire in stalled:
        wire.close()


def _secure(wire: Wire) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    wire.socket = context.wrap_socket(wire.socket)


def endings(field: Field) -> Iterator[Case]:
    """Whoever leaves around the dot: his mail is stored whole or not at all, and who still listens is answered."""
    heard = {"half close after the dot": 0, "QUIT with the dot": 0, "QUIT and half close": 0}
    for n in range(ROUNDS):
        raw = letter(f"half-{n}")
        with field.wire() as wire:
            wire.begins()
            wire.gives(stuffed(raw))
            wire.half_close()
            heard["half close after the dot"] += _answered(field, raw, wire.rest(10), "250")
        raw = letter(f"quit-{n}")
        with field.wire() as wire:
            wire.begins()
            wire.gives(stuffed(raw) + b"QUIT\r\n")
            heard["QUIT with the dot"] += _answered(field, raw, wire.rest(10), "250 221")
        raw = letter(f"quit-half-{n}")
        with field.wire() as wire:
            wire.begins()
            wire.gives(stuffed(raw) + b"QUIT\r\n")
            wire.half_close()
            heard["QUIT and half close"] += _answered(field, raw, wire.rest(10), "250 221")
        raw = letter(f"reset-{n}")
        wire = field.wire()
        wire.begins()
        wire.gives(stuffed(raw))
        wire.reset()
        field.note(raw, "")
        cut = stuffed(letter(f"unfinished-{n}", b"x" * 200 + b"\r\n"))
        for end in (lambda wire: wire.half_close(), lambda wire: wire.reset(), lambda wire: wire.close()):
            wire = field.wire()
            wire.begins()
            wire.gives(cut[: -1 - n % 30])
            end(wire)
            if end is not None and wire.socket.fileno() >= 0:
                wire.rest(10)
                wire.close()
    for name, count in heard.items():
        yield verdict(name, count == ROUNDS, ROUNDS, count)
    field.figures["unheard but stored"] = str(len(field.unheard & {row["sha256"] for row in field.stored()}))
    cuts = [row for row in field.stored() if (row["message_id"] or "").startswith("unfinished-")]
    yield verdict("what had no dot is not stored", not cuts, "none", len(cuts))


def _answered(field: Field, raw: bytes, lines: list[str], wanted: str) -> bool:
    codes = [line[:3] for line in lines]
    field.note(raw, codes[0] if codes else "")
    return codes == wanted.split()
