"""Read the clock: the only place that does.

Everything else takes `now` as an argument, so that simulations and tests can say what time it is. Nodes that share a database
share its clock: `follow` sets ours by it.
It will not sleep, set timers or know a zone other than UTC.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

_ahead = timedelta()


def now() -> datetime:
    """The present instant, aware, UTC."""
    return datetime.now(UTC) + _ahead


def follow(reading: datetime) -> timedelta:
    """Take this reading for the present instant, and go on from it. Returns how far the one that we had was behind it."""
    global _ahead
    before, _ahead = _ahead, reading - datetime.now(UTC)
    return _ahead - before


def monotonic() -> float:
    """Seconds since an arbitrary start; never goes back, says nothing about the date."""
    return time.monotonic()
