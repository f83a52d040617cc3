"""Read the clock: the only place that does.

Everything else takes `now` as an argument, so that simulations and tests can say what time it is. Nodes that share a database
share its clock: `follow` sets ours by it.

A clock on the wall may be moved: by hand, by a time server, by a host that was asleep. A jump of more than a minute is not
believed before it has stayed for a minute; until then ours goes on by the count of seconds since the machine started, which
nobody can set and which counts sleep. One of more than a month is never believed by a running daemon.
It will not sleep, set timers or know a zone other than UTC.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

JUMP = timedelta(minutes=1)
STAYS = 60.0  # seconds
FAR = timedelta(days=30)


@dataclass(frozen=True)
class Doubt:
    """How far the clock on the wall is from ours, and since when (seconds since the machine started)."""

    off: timedelta
    since: float

    @property
    def far(self) -> bool:
        """Too far to be believed, however long it stays."""
        return abs(self.off) > FAR


@dataclass(frozen=True)
class _Known:
    """It was `at` when the machine had been running for `ran` seconds. `ahead`: of the clock on the wall."""

    at: datetime
    ran: float
    ahead: timedelta = timedelta()
    doubt: Doubt | None = None


class Steady:
    """A clock that doubts jumps. `wall` reads what the machine says, `ran` the seconds since it started."""

    def __init__(self, wall: Callable[[], datetime], ran: Callable[[], float]) -> None:
        self._wall, self._ran = wall, ran
        self._known = _Known(wall(), ran())

    @property
    def doubt(self) -> Doubt | None:
        """The jump that is not believed, None when all is well."""
        return self._known.doubt

    def now(self) -> datetime:
        """The present instant."""
        known, ran = self._known, self._ran()
        ours, reading = known.at + timedelta(seconds=ran - known.ran), self._wall() + known.ahead
        off, doubt = reading - ours, known.doubt
        if abs(off) <= JUMP:
            self._known = _Known(reading, ran, known.ahead)
            return reading
        if doubt is None or abs(doubt.off - off) > JUMP:
            doubt = Doubt(off, ran)
        elif ran - doubt.since >= STAYS and not doubt.far:
            self._known = _Known(reading, ran, known.ahead)
            return reading
        self._known = replace(known, doubt=doubt)
        return ours

    def follow(self, reading: datetime, *, at_once: bool = False) -> timedelta:
        """Take this for what the wall says; `at_once`: and believe it. Returns how far what we had was behind it."""
        before, ahead = self.now(), reading - self._wall()
        self._known = _Known(reading, self._ran(), ahead) if at_once else replace(self._known, ahead=ahead)
        return reading - before


def _boot_time() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


steady = Steady(lambda: datetime.now(UTC), _boot_time)


def now() -> datetime:
    """The present instant, aware, UTC."""
    return steady.now()


def monotonic() -> float:
    """Seconds since an arbitrary start; never goes back, says nothing about the date."""
    return time.monotonic()
