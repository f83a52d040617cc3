"""The loop and hostile mail: who waits for us waits no longer because of it."""

from __future__ import annotations

from pathlib import Path

from bombs import BOMBS
from stall import settled

LONGEST = 0.2  # seconds of processor time


def test_no_hostile_mail_holds_up_the_loop(tmp_path: Path) -> None:
    """Each is refused by the door or settled, none is parked; no callback of the loop works for 200 ms."""
    some = [bomb(1) for number, bomb in enumerate(BOMBS.values()) if number % 5 == 0]
    found, longest = settled(some, tmp_path)
    assert found["250"] + found["554"] == found["settled"] == len(some)
    assert found["250"] > 10
    assert longest[0] < LONGEST, longest
