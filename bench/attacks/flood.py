"""Too many of everything: N05 recipients and verbs, N06 connections, R21 too few descriptors."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Callable, Iterator

from running import DESK, until

from attacks.field import Case, Field, expect, letter, verdict
from attacks.wire import EVIL, Wire

MANY = 10_000
FLOOD = 2_000
CHURN = 3_000
FLOODS: dict[str, Callable[[int], str]] = {
    "forms of the desk": lambda n: f"RCPT TO:<{DESK.replace('@', f'+f{n}@')}>",
    "the desk again": lambda n: f"RCPT TO:<{DESK}>",
    "nobody here": lambda n: f"RCPT TO:<nobody{n}@{DESK.partition('@')[2]}>",
    "foreign": lambda n: f"RCPT TO:<a{n}@else{n}.test>",
    "malformed": lambda n: f"RCPT TO:<@{n}",
    "NOOP": lambda n: "NOOP",
    "RSET": lambda n: "RSET",
    "EHLO": lambda n: f"EHLO e{n}.test",
    "VRFY": lambda n: f"VRFY u{n}",
    "MAIL and RSET": lambda n: ("MAIL FROM:<a@evil.test>", "RSET")[n % 2],
    "HELP": lambda n: "HELP",
}


def recipients(field: Field) -> Iterator[Case]:
    """10,000 of one verb do not get 10,000 answers, and no recipient beyond the limit is taken."""
    for name, line in FLOODS.items():
        with field.wire() as wire:
            wire.hears()
            wire.says("EHLO evil.test")
            wire.says("MAIL FROM:<evil@evil.test>" if "R" not in name[:1] else "RSET")
            replies = _flooded(wire, [line(n) for n in range(MANY)])
        codes = [reply[:3] for reply in replies]
        yield verdict(
            f"{name}: cut", replies and codes[-1] == "421" and len(codes) < 1500, "421 before 1500", (len(codes), codes[-1:])
        )
        taken = sum(reply.startswith("250 2.1.5") for reply in replies)
        yield verdict(f"{name}: recipients taken", taken <= 100, "at most 100", taken)
    with field.wire() as wire:
        wire.hears()
        wire.says("EHLO evil.test")
        wire.says("MAIL FROM:<evil@evil.test>")
        codes = [wire.says(f"RCPT TO:<{DESK.replace('@', f'+g{n}@')}>")[:3] for n in range(300)]
        yield verdict(
            "100 are taken, 200 are for later", codes == ["250"] * 100 + ["452"] * 200, "100 × 250, 200 × 452", set(codes)
        )
        wire.says("DATA")
        yield expect("and the mail goes", field.sends(letter("to-100"), wire), "250")


def _flooded(wire: Wire, lines: list[str]) -> list[str]:
    """Everything that came back to these lines, sent ahead without waiting."""
    wire.socket.settimeout(0.2)
    heard, data, at = b"", "".join(f"{line}\r\n" for line in lines).encode(), 0
    end = time.monotonic() + 60
    while time.monotonic() < end:
        with contextlib.suppress(TimeoutError):
            try:
                if at < len(data):
                    at += wire.socket.send(data[at : at + 65536])
            except (ConnectionError, BrokenPipeError):
                at = len(data)
        try:
            piece = wire.socket.recv(65536)
        except TimeoutError:
            continue
        except OSError:
            break
        if not piece:
            break
        heard += piece
    return heard.decode("latin-1").splitlines()


def connections(field: Field) -> Iterator[Case]:
    """2,000 connections from one address: few are greeted, the others hear 421; a client from another address notices nothing."""
    before = len(field.log_lines())
    begun = time.monotonic()
    wires = [_opened(field.address()) for _ in range(FLOOD)]
    greetings = [_greeting(wire) for wire in wires]
    took = time.monotonic() - begun
    greeted = sum(one.startswith(b"220") for one in greetings)
    yield verdict("few are greeted", 0 < greeted <= 50, "at most 50", greeted)
    told = sum(one.startswith(b"421") for one in greetings)
    yield verdict("the others are told", told + greeted >= FLOOD * 0.99, FLOOD, told + greeted)
    for wire in wires:
        wire.close()
    until(lambda: field.sends(letter("after-flood")).startswith("250"), 20)
    yield from _quiet_log(field, before, took)
    field.figures["greeted"] = str(greeted)
    field.figures["RSS"] = f"+{field.growth() >> 20} MB"


def churn(field: Field) -> Iterator[Case]:
    """Thousands come and go: at once, with RST, after a hello, in the middle of a mail."""
    before, begun = len(field.log_lines()), time.monotonic()
    ways = (
        lambda wire: wire.close(),
        lambda wire: _reset(wire),
        lambda wire: (wire.sendall(b"EHLO evil.test\r\n"), _reset(wire)),
        lambda wire: (
            wire.sendall(f"EHLO e\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<{DESK}>\r\nDATA\r\nSubject: x\r\n".encode()),
            wire.close(),
        ),
    )
    for n in range(CHURN):
        wire = _opened(field.address())
        with contextlib.suppress(OSError):
            ways[n % len(ways)](wire)
        wire.close()
    took = time.monotonic() - begun
    field.figures["connections/s"] = f"{CHURN / took:.0f}"
    until(lambda: field.sends(letter("after-churn")).startswith("250"), 20)
    yield from _quiet_log(field, before, took)


def few_descriptors(field: Field) -> Iterator[Case]:
    """With 64 descriptors and 200 clients the daemon goes on, its log says little, and the good client comes in."""
    before, begun = len(field.log_lines()), time.monotonic()
    wires = [_opened(field.address()) for _ in range(200)]
    for wire in wires:
        wire.settimeout(1)
    time.sleep(5)
    took = time.monotonic() - begun
    yield from _quiet_log(field, before, took)
    for wire in wires:
        wire.close()
    until(lambda: field.sends(letter("after-few")).startswith("250"), 20)


def _quiet_log(field: Field, before: int, took: float) -> Iterator[Case]:
    lines = [line for line in field.log_lines()[before:] if b"good.test" not in line and b"127.0.0.9" not in line]
    noise = [line for line in lines if b'"session.refused"' in line or b'"library.warned"' in line or b'"data.refused"' in line]
    rate = len(noise) / max(took, 1.0)
    field.figures["log lines/s"] = f"{rate:.1f}"
    yield verdict("the log stays short", rate <= 10, "10 lines a second", f"{rate:.1f}")


def _opened(where: tuple[str, int]) -> socket.socket:
    made = socket.socket()
    made.settimeout(20)
    made.bind((EVIL, 0))
    made.connect(where)
    return made


def _greeting(wire: socket.socket) -> bytes:
    try:
        return wire.recv(200)
    except OSError:
        return b""


def _reset(wire: socket.socket) -> None:
    wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    wire.close()
