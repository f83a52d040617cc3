"""The other ends of the house: the guard's door, and a store that is not to be had (R19)."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from typing import Any

from aiosmtpd.controller import Controller
from running import DESK

from attacks.content import DOTS, STOLEN
from attacks.field import Case, Field, expect, letter, stuffed, verdict
from attacks.wire import EVIL

NEXT_HOP = 40125
GUARD = ('guard.listen=["127.0.0.1:0"]', f'guard.networks=["{EVIL}"]', f'guard.next_hop="smtp://127.0.0.1:{NEXT_HOP}"')
FAULT = re.compile(r"451 4\.3\.0 try again \(([0-9a-f]{8})\)\Z")


class Hop:
    """The guard's next hop: what it took."""

    def __init__(self) -> None:
        self.taken: list[bytes] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        self.taken.append(envelope.original_content)
        return "250 2.0.0 taken"


def guard(field: Field) -> Iterator[Case]:
    """Nobody but its own clients is let in; they smuggle nothing through it, and what they send arrives as it was."""
    hop = Hop()
    controller = Controller(hop, "127.0.0.1", NEXT_HOP)
    controller.start()
    try:
        with field.wire("guard", source="127.0.0.6") as wire:
            yield expect("a stranger", wire.hears(), "554")
            yield expect("is sent away", wire.says("EHLO evil.test"), "")
        for name, dot in DOTS.items():
            yield from _through(field, hop, name, dot)
        hop.taken.clear()
        for name, said in {"half a mail": b"Subject: x\r\n\r\nhalf", "no word at all": b""}.items():
            with field.wire("guard") as wire:
                wire.begins("someone@else.test")
                wire.gives(said)
                wire.reset()
            yield verdict(f"{name} goes nowhere", not hop.taken, "none", len(hop.taken))
    finally:
        controller.stop()


def _through(field: Field, hop: Hop, name: str, dot: bytes) -> Iterator[Case]:
    hop.taken.clear()
    raw = letter(f"guarded-{name}".replace(" ", "-"), b"x" + dot + STOLEN + b"Subject: stolen\r\n\r\nx\r\n")
    with field.wire("guard") as wire:
        wire.begins("someone@else.test")
        wire.gives(raw + b".\r\nQUIT\r\n")
        codes = [reply[:3] for reply in wire.rest()]
    field.note(raw.replace(b"\r\n.", b"\r\n"), codes[0] if codes else "")
    yield verdict(f"{name} at the guard", codes in (["250", "221"], ["554", "221"]), "one reply, then 221", codes)
    sent = [raw.replace(b"\r\n.", b"\r\n")] if codes[:1] == ["250"] else []
    yield verdict(f"{name} beyond the guard", hop.taken == sent, f"{len(sent)} mail, unchanged", f"{len(hop.taken)}")


def no_store(field: Field) -> Iterator[Case]:
    """While the store is locked: 451 with a number that the log explains, nothing else, for as long; then 250."""
    field.stop_watching()
    database = sqlite3.connect(field.directory / "mailgate.db", isolation_level=None)
    database.execute("BEGIN EXCLUSIVE")
    raw = letter("locked")
    with field.wire(patience=60) as wire:
        yield expect("DATA", wire.begins(), "354")
        reply = wire.says(stuffed(raw))
        found = FAULT.match(reply)
        yield verdict("the reply", found, FAULT.pattern, reply)
        yield expect("in step", wire.says("NOOP"), "250")
        database.execute("ROLLBACK")
        yield expect("then", field.sends(raw, wire) if wire.begins(DESK, hello="").startswith("354") else "no DATA", "250")
    database.close()
    told = [row for row in field.running.lines("session.failed") if found and row["error_id"] == found[1]]
    yield verdict("the log knows the number", len(told) == 1, "one line", len(told))
    rows = [row for row in field.stored() if row["message_id"] == "locked@evil.test"]
    yield verdict("stored once", len(rows) == 1, 1, len(rows))
    yield verdict("the log is JSON", all(line.startswith(b"{") for line in field.log_lines()))
