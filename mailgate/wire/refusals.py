"""Tell of what was refused at the doors without letting strangers fill the log.

The first five of a kind from one client are told in a minute, and 300 of all together; the others are counted, and one line
says how many they were. Faults of ours are told every time: their clients were given a number to ask for.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Protocol

MINUTE = 60.0  # seconds
OF_A_KIND = 5  # lines a minute for one client and reason
OF_ALL = 300  # lines a minute


class Events(Protocol):
    """Who wants to know what went wrong at the doors."""

    def session_refused(self, client: str, reason: str) -> None:
        """A session was not begun, or was cut."""

    def session_failed(self, client: str, error_id: str, error: BaseException) -> None:
        """A fault of ours; the client was told `error_id` and 451."""

    def data_refused(self, client: str, reason: str) -> None:
        """A mail was read to its dot and refused."""

    def refusals_counted(self, *, count: int, clients: int) -> None:
        """So many more were refused in a minute, of so many clients."""


class Refusals:
    """`Events` that say no more than people can read."""

    def __init__(self, events: Events) -> None:
        self._events = events
        self._told: Counter[tuple[str, str]] = Counter()
        self._untold: Counter[str] = Counter()
        self._all = 0
        self._end: asyncio.TimerHandle | None = None

    def session_refused(self, client: str, reason: str) -> None:
        if self._may_tell(client, reason):
            self._events.session_refused(client, reason)

    def session_failed(self, client: str, error_id: str, error: BaseException) -> None:
        self._events.session_failed(client, error_id, error)

    def data_refused(self, client: str, reason: str) -> None:
        if self._may_tell(client, reason):
            self._events.data_refused(client, reason)

    def close(self) -> None:
        """Tell now what was not told yet."""
        if self._end is not None:
            self._end.cancel()
            self._minute_over()

    def _may_tell(self, client: str, reason: str) -> bool:
        if self._end is None:
            self._end = asyncio.get_running_loop().call_later(MINUTE, self._minute_over)
        if self._all < OF_ALL and self._told[client, reason] < OF_A_KIND:
            self._told[client, reason] += 1
            self._all += 1
            return True
        self._untold[client if len(self._untold) < OF_ALL else ""] += 1
        return False

    def _minute_over(self) -> None:
        if self._untold:
            self._events.refusals_counted(count=self._untold.total(), clients=len(self._untold))
        self._told.clear()
        self._untold.clear()
        self._all, self._end = 0, None
