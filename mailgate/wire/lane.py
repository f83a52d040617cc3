"""The way to one next hop, or through it to one domain: how much mail may be on it, and when it rests.

A next hop that did not get as far as hearing of a mail is away or busy: its lane rests, from five seconds up to a minute, and is
then tried with one mail. What waits for it meanwhile stays as it is; other lanes go on. It sends nothing itself.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

SHORTEST, LONGEST = 5.0, 60.0  # seconds of rest
BURST = 5.0  # seconds' worth of mail that may leave at once after a quiet time


@dataclass(frozen=True)
class Pace:
    """How many mails may be on their way at one moment, and in a minute (0: as many as there are)."""

    at_once: int = 4
    per_minute: int = 0


class Lane:
    """One lane. Instants are those of a monotonic clock, in seconds; `waiting` holds the ids of what goes next."""

    def __init__(self, pace: Pace, now: float) -> None:
        self.pace = pace
        self.waiting: deque[int] = deque()
        self.in_hand: set[int] = set()
        self._failures = 0
        self._resting_until = now
        self._each = 60.0 / pace.per_minute if pace.per_minute else 0.0
        self._full_at = now  # when the allowance of the pace will be whole again

    def room(self, now: float) -> int:
        """How many more mails may set out now."""
        if now < self._resting_until:
            return 0
        room = (1 if self._failures else self.pace.at_once) - len(self.in_hand)
        return max(0, min(room, self._allowed(now)))

    def _allowed(self, now: float) -> int:
        if not self._each:
            return self.pace.at_once
        whole = max(1.0, BURST / self._each)
        used = max(0.0, self._full_at - now) / self._each
        return int(whole - used + 1e-9)

    def wait(self, now: float) -> float:
        """Seconds until there may be room for another reason than that a mail has arrived; 0 if there may be now."""
        rest = self._resting_until - now
        whole = max(1.0, BURST / self._each) if self._each else 0.0
        pace = self._full_at - now - (whole - 1.0) * self._each if self._each else 0.0
        return max(0.0, rest, pace)

    def begin(self, mail: int, now: float) -> None:
        """This mail sets out."""
        self.in_hand.add(mail)
        self._full_at = max(now, self._full_at) + self._each

    def end(self, mail: int) -> None:
        """What became of this mail is known."""
        self.in_hand.discard(mail)

    def failed(self, now: float) -> float:
        """The next hop was not there: the seconds for which the lane rests."""
        if now >= self._resting_until:  # mails that were on their way together failed once
            self._failures += 1
        rest: float = min(SHORTEST * 2.0 ** min(self._failures - 1, 10), LONGEST)
        self._resting_until = max(self._resting_until, now + rest)
        return rest

    def reached(self) -> bool:
        """The next hop is there; True if it was not before."""
        back, self._failures = self._failures > 0, 0
        return back
