"""Clients that take their time: N07 slow loris, NOOP for ever, closed windows; R07 the end of the daemon in the midst of them."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator

from running import until

from attacks.field import Case, Field, expect, letter, stuffed, verdict
from attacks.wire import EVIL, Wire

IDLE, SESSION = 4, 15  # seconds, as the family sets them
SENDERS, UNFINISHED = 50, 25  # when the daemon is told to end
WORDS = (f'limits.idle="{IDLE}s"', f'limits.session="{SESSION}s"')


def slow(field: Field) -> Iterator[Case]:
    """Who is silent, drips, or never reads is gone at the deadline, 200 at once; the good client comes in meanwhile."""
    crowd = [wire for n in range(200) if (wire := _entered(field, f"127.0.0.{20 + n // 25}"))]
    yield verdict("200 came in", len(crowd) == 200, 200, len(crowd))
    drips: tuple[Callable[[Wire], object], ...] = (
        lambda wire: None,
        lambda wire: wire.gives(b"N"),
        lambda wire: wire.gives(b"EHLO "),
        lambda wire: wire.gives(b" "),
    )
    yield from _all_gone(field, "200 that drip commands", crowd, lambda n, wire: drips[n % 4](wire), IDLE + 4)
    mailing = [field.wire(source=f"127.0.0.{30 + n // 10}") for n in range(50)]
    for wire in mailing:
        wire.begins()
    yield from _all_gone(field, "50 that drip a mail", mailing, lambda n, wire: wire.gives(b"x"), SESSION + 4)
    wire = field.wire()
    wire.hears()
    begun, count = time.monotonic(), 0
    while wire.says("NOOP").startswith("250") and time.monotonic() < begun + SESSION + 10:
        count += 1
        time.sleep(0.02)
    yield verdict("NOOP for ever", count <= 110, "cut after 100", count)
    deaf = [_deaf(field) for _ in range(20)]
    yield from _all_gone(field, "20 that never read", deaf, lambda n, wire: None, IDLE + 6, heard=False)
    with field.wire() as wire:
        begun = time.monotonic()
        raw = letter("steady", b"steady and slow\r\n" * 60)
        wire.begins()
        for line in stuffed(raw).splitlines(keepends=True):
            wire.gives(line)
            time.sleep(IDLE * 1.5 / 60)
        reply = wire.hears()
        field.note(raw, reply)
        yield expect(f"a steady sender of {time.monotonic() - begun:.0f} s", reply, "250")


def _entered(field: Field, source: str) -> Wire | None:
    wire = field.wire(source=source)
    if wire.hears().startswith("220"):
        return wire
    wire.close()
    return None


def _deaf(field: Field) -> Wire:
    """A client with the smallest window, which sends commands and reads nothing."""
    wire = Wire.__new__(Wire)
    wire.heard = b""
    wire.socket = socket.socket()
    wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
    wire.socket.bind((EVIL, 0))
    wire.socket.connect(field.address())
    wire.socket.setblocking(False)
    with contextlib.suppress(OSError):
        for _ in range(200):
            wire.socket.send(b"EHLO deaf.test\r\n" * 1000)
    return wire


def _all_gone(
    field: Field, name: str, wires: list[Wire], drip: Callable[[int, Wire], object], seconds: float, heard: bool = True
) -> Iterator[Case]:
    """A case: the daemon has let go of them all in so many seconds. Those that are not heard are counted on its side."""
    begun = time.monotonic()
    left = wires
    while left and time.monotonic() < begun + seconds:
        if heard:
            left = [wire for wire in left if wire.is_open()]
            for number, wire in enumerate(left):
                drip(number, wire)
        elif field.count_descriptors() <= field.descriptors + 3:
            left = []
        time.sleep(0.3)
    field.figures[f"{name}: still open"] = str(len(left))
    yield verdict(name, not left, f"gone in {seconds:g} s", f"{len(left)} still open")
    for wire in wires:
        wire.close()


def sigterm(field: Field) -> Iterator[Case]:
    """SIGTERM with many in DATA: who ends his mail hears 250, the others 421, and the daemon is gone in ten seconds."""
    field.stop_watching()
    wires = [field.wire(source=f"127.0.0.{5 + n % 2}") for n in range(SENDERS)]
    raws = [letter(f"sigterm-{n}", b"x" * 70 + b"\r\n") for n in range(SENDERS)]
    for wire, raw in zip(wires, raws, strict=True):
        wire.begins()
        wire.gives(raw)
    begun = time.monotonic()
    os.kill(field.running.pid, signal.SIGTERM)
    until(lambda: field.running.lines("daemon.stopping"))
    for wire, raw in zip(wires[: SENDERS - UNFINISHED], raws, strict=False):
        reply = wire.says(b".\r\n")
        field.note(raw, reply)
    finished = sum(field.accepted[one] for one in field.accepted) - len(field.tolls.times)
    last = [wire.hears()[:3] for wire in wires]
    until(lambda: field.running.ended() is not None, 15)
    for wire in wires:
        wire.close()
    took = time.monotonic() - begun
    field.figures |= {
        "finished": str(finished),
        "421": str(last.count("421")),
        "cut": str(last.count("")),
        "ended in": f"{took:.1f} s",
    }
    yield verdict("who ends his mail is answered", finished == SENDERS - UNFINISHED, f"{SENDERS - UNFINISHED} × 250", finished)
    yield verdict("everybody hears 421", last.count("421") == SENDERS, f"{SENDERS} × 421", last)
    yield verdict("the daemon ends", field.running.ended() == 0 and took < 11, "0 in 10 s", (field.running.ended(), took))
    got = {row["sha256"] for row in field.stored()}
    yield verdict(
        "what was accepted is stored, and nothing else", got == set(field.accepted), "equal", len(got ^ set(field.accepted))
    )
    yield from field.log_is_clean()
