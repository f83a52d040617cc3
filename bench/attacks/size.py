"""Too much of everything: N03 long lines, N04 large mails and memory, R20 four hostile mails at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

from running import DESK, until

from attacks.field import Case, Field, expect, letter, verdict
from attacks.wire import Wire

MIB = 2**20
LIMIT = 2 * MIB  # of the family `sizes`: what goes through it is sent often
SMALL = f"limits.message_size={LIMIT}"
ROOM = 32 * MIB  # for all of them together
BOMB = 32 * MIB
AMPLIFIED = 2.5
TINY = {
    "empty lines": b"\r\n",
    "two letters": b"ab\r\n",
    "stuffed dots": b"..\r\n",
    "plain lines": b"x" * 76 + b"\r\n",
    "long lines": b"y" * 65000 + b"\r\n",
}


def lines(field: Field) -> Iterator[Case]:
    """Lines of a mail up to 64 KiB pass, longer ones are refused at the true dot; command lines end at 2 KiB, floods at once."""
    for length in (998, 999, 1000, 1001, 2048, 4096, 16384, 65535, 65536):
        yield expect(f"text line of {length}", field.sends(letter(f"line-{length}", b"x" * length + b"\r\n")), "250")
    for length in (65537, 70000, 1000000):
        yield expect(f"text line of {length}", field.sends(letter(f"line-{length}", b"x" * length + b"\r\n")), "554", "500")
    yield expect("header line of 20000", field.sends(letter("header", extra=b"X-Long: " + b"x" * 20000 + b"\r\n")), "250")
    with field.wire() as wire:
        wire.hears()
        wire.says("EHLO evil.test")
        for length in (510, 512, 998, 1000, 1001):
            yield expect(f"command line of {length}", wire.says("NOOP " + "x" * (length - 7)), "250")
        for length in (2049, 4096, 65000):
            yield expect(f"command line of {length}", wire.says("NOOP " + "x" * (length - 7)), "500")
        yield expect("and the session is in step", wire.says("NOOP"), "250")
    for start in (b"", b"EHLO ", b"MAIL FROM:<"):
        with field.wire() as wire:
            wire.hears()
            taken = _endless(wire, start, b"x" * 65536, 64 * MIB)
            yield verdict(f"endless command {start!r}", taken < 8 * MIB, "cut in 8 MiB", f"{taken >> 20} MiB taken")
    with field.wire() as wire:
        wire.begins()
        taken = _endless(wire, letter("endless"), b"x" * 65536, 256 * MIB)
        yield verdict("endless text line", taken < 110 * MIB, "cut at twice the size", f"{taken >> 20} MiB taken")
    grown = field.growth() / MIB
    field.figures["RSS"] = f"+{grown:.0f} MB"
    yield verdict("memory", grown < 16, "under 16 MB", f"{grown:.0f} MB")


def _endless(wire: Wire, start: bytes, piece: bytes, most: int) -> int:
    """How many octets went out before the other end would take no more."""
    sent = 0
    wire.gives(start)
    while sent < most and wire.gives(piece):
        sent += len(piece)
    return sent


def sizes(field: Field) -> Iterator[Case]:
    """SIZE is believed when it refuses and never when it flatters; what is refused is read to its dot, what never ends is cut."""
    with field.wire() as wire:
        wire.hears()
        offer = wire.says("EHLO evil.test")
        yield verdict("SIZE is offered", f"SIZE {LIMIT}" in offer, f"SIZE {LIMIT}", offer)
        for size, wanted in (
            (LIMIT, "250"),
            (LIMIT + 1, "552"),
            (10**12, "552"),
            ("", "501"),
            ("x", "501"),
            ("-1", "501"),
            ("²", "501"),
        ):
            yield expect(
                f"SIZE={size}", wire.says(f"MAIL FROM:<a@evil.test> SIZE={size}"), wanted, "5" if wanted == "501" else wanted
            )
            wire.says("RSET")
    for more, wanted in ((-1, "250"), (0, "250"), (1, "552"), (100_000, "552")):
        head = letter(f"exact{more}", b"")
        raw = head + (b"x" * 998 + b"\r\n") * ((LIMIT - len(head)) // 1000)
        raw += b"y" * (LIMIT + more - len(raw) - 2) + b"\r\n" if more < 1000 else b"y" * 998 + b"\r\n" + b"z" * more + b"\r\n"
        yield expect(f"{more:+} octets", field.sends(raw), wanted, "554" if more > 1000 else wanted)
    with field.wire() as wire:
        wire.hears()
        wire.says("EHLO evil.test")
        wire.says("MAIL FROM:<liar@evil.test> SIZE=100")
        wire.says(f"RCPT TO:<{DESK}>")
        wire.says("DATA")
        raw = letter("liar", (b"x" * 998 + b"\r\n") * (LIMIT // 1000 + 100))
        yield expect("liar about SIZE", field.sends(raw, wire), "552")
        yield expect("and the session is in step", wire.says("NOOP"), "250")
    with field.wire() as wire:
        wire.begins()
        taken = _endless(wire, letter("never"), (b"x" * 998 + b"\r\n") * 64, 64 * LIMIT)
        yield verdict("endless DATA", taken < 2 * LIMIT + 8 * MIB, "cut at twice the size", f"{taken >> 20} MiB taken")
    yield from _in_flight(field)
    field.figures["RSS"] = f"+{field.growth() / MIB:.0f} MB"


def _in_flight(field: Field) -> Iterator[Case]:
    """Mails that are not finished fill the room for all; then 452, and with room again 250."""
    holders = [field.wire(source=f"127.0.0.{5 + n // 30}") for n in range(1, 31)]
    part = letter("held", (b"x" * 998 + b"\r\n") * (LIMIT // 1000 - 100))
    held = [wire for wire in holders if wire.begins().startswith("354") and wire.gives(part)]
    grown = field.growth()
    yield verdict(
        "what is on its way is bounded", grown < AMPLIFIED * ROOM, f"under {AMPLIFIED} × {ROOM >> 20} MiB", f"{grown >> 20} MiB"
    )
    replies = [wire.says(b".\r\n") for wire in held]
    for reply in replies:
        field.note(part, reply)
    codes = {reply[:3] for reply in replies}
    yield verdict("the rest is for later", codes == {"250", "452"} and len(held) == 30, "250 and 452", codes)
    for wire in holders:
        wire.close()
    until(lambda: field.sends(letter("room-again", (b"x" * 998 + b"\r\n") * 1000)).startswith("250"), 20)
    yield verdict("and free again", True)


def bombs(field: Field) -> Iterator[Case]:
    """32 MB of the smallest lines take no more than two and a half times that, from the first octet until the mail is settled."""
    for name, line in TINY.items():
        field.growth()
        raw = letter(name.replace(" ", "-"), line * (BOMB // len(line)))
        begun = time.monotonic()
        yield expect(name, field.sends(raw, wired=raw.replace(b"\r\n.", b"\r\n..") + b".\r\n"), "250")
        field.figures[name] = f"{time.monotonic() - begun:.1f} s"
        yield from _settled(field, name, len(raw))


def parallel(field: Field) -> Iterator[Case]:
    """Four such mails at once: the same."""
    replies, size = _four_at_once(field)
    yield verdict("all are taken", all(one.startswith("250") for one in replies) and len(replies) == 4, "250 ×4", replies)
    yield from _settled(field, "four at once", size)


def capped(field: Field) -> Iterator[Case]:
    """The same where the system gives the daemon 256 MB of addresses: later is an answer, the end is none."""
    replies, _ = _four_at_once(field)
    codes = sorted(one[:3] for one in replies)
    yield verdict("all are answered", len(codes) == 4 and set(codes) <= {"250", "421", "451", "452"}, "250 or 4yz", codes)
    yield expect("and then", field.sends(letter("after-memory")), "250")
    yield verdict("the daemon lives", field.running.ended() is None)
    field.stop_watching()
    yield verdict("the good client was served", not field.tolls.failures, "250 each time", field.tolls.failures[:3])
    until(field.is_settled)
    got = {row["sha256"] for row in field.stored()}
    yield verdict(
        "what was accepted is stored, and nothing else", got == set(field.accepted), "equal", len(got ^ set(field.accepted))
    )


def _four_at_once(field: Field) -> tuple[list[str], int]:
    """The replies, and the octets of all."""
    raws = [letter(f"parallel-{n}", line * (BOMB // len(line))) for n, line in enumerate([*TINY.values()][:4])]
    replies: list[str] = []
    field.growth()
    threads = [
        threading.Thread(
            target=lambda raw=raw: replies.append(field.sends(raw, wired=raw.replace(b"\r\n.", b"\r\n..") + b".\r\n"))
        )
        for raw in raws
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return replies, sum(map(len, raws))


def _settled(field: Field, name: str, size: int) -> Iterator[Case]:
    until(field.is_settled, 60)
    times = field.growth() / size
    field.figures[name] = f"{field.figures.get(name, '')} {times:.1f}×".strip()
    yield verdict(f"{name}: memory", times <= AMPLIFIED, f"at most {AMPLIFIED}×", f"{times:.1f}×")
    left = (field.resident() - field.base) / size
    yield verdict(f"{name}: memory afterwards", left <= 1, "at most 1×", f"{left:.1f}×")
