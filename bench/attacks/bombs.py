"""N11: mail that costs its reader far more than its sender, through the door and the whole message path."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path

from running import until

from attacks.field import Case, Field, expect, stuffed, verdict

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests" / "fuzz"))
from bombs import BOMBS  # noqa: E402

GROWN = 64 * 2**20  # octets that reading a bomb may take beyond three times its size


def bombs(field: Field) -> Iterator[Case]:
    """Each is stored and dealt with, in bounded memory; the good client waits for none of them."""
    slowest, largest = ("", 0.0), ("", 0.0)
    for number, (name, made) in enumerate(BOMBS.items()):
        raw = b"X-Number: %d\r\n" % number + made(1)
        raw = raw if raw.endswith(b"\r\n") else raw + b"\r\n"
        field.growth()
        begun = time.monotonic()
        reply = field.sends(raw, wired=stuffed(raw))
        yield expect(name, reply, "250", "554 5.6.0 a line")
        until(field.is_settled, 60)
        slowest = max(slowest, (name, time.monotonic() - begun), key=lambda one: one[1])
        grown = (field.growth() - 3 * len(raw)) / 2**20
        largest = max(largest, (name, grown), key=lambda one: one[1])
        yield verdict(f"{name}: memory", grown * 2**20 <= GROWN, "64 MB beyond three times its size", f"{grown:.0f} MB")
    field.figures["slowest"] = f"{slowest[0]} {slowest[1]:.1f} s"
    field.figures["largest"] = f"{largest[0]} {largest[1]:.0f} MB more"
