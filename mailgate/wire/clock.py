"""Read the clock: the only place that does.

Everything else takes `now` as an argument, so that simulations and tests can say what time it is.
It will not sleep, set timers or know a zone other than UTC.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime


def now() -> datetime:
    """The present instant, aware, UTC."""
    return datetime.now(UTC)


def monotonic() -> float:
    """Seconds since an arbitrary start; never goes back, says nothing about the date."""
    return time.monotonic()
