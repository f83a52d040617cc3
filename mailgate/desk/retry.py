"""When a deferred mail is offered again, and when to give up (RFC 5321 §4.5.4.1)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

WAITS = (timedelta(minutes=30), timedelta(hours=1), timedelta(hours=2), timedelta(hours=4))
LIFETIME = timedelta(days=5)


def next_attempt(
    queued_at: datetime, attempts: int, now: datetime, waits: Sequence[timedelta] = WAITS, lifetime: timedelta = LIFETIME
) -> datetime | None:
    """The instant of the next attempt, or None to give up.

    The n-th attempt is followed by the n-th of `waits`, the last one over and over, counted from `now`; nothing is tried
    later than `lifetime` after `queued_at`. `attempts` counts those already made. Raises ValueError for naive instants.
    """
    if queued_at.tzinfo is None or now.tzinfo is None or attempts < 1:
        raise ValueError("next_attempt needs aware instants and at least one attempt")
    at = now + waits[min(attempts, len(waits)) - 1]
    return at if at <= queued_at + lifetime else None
