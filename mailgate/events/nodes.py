"""Log events of nodes that share a database."""

from __future__ import annotations

from mailgate.events.log import event


@event("turn.taken")
def turn_taken(*, node: str, fence: int) -> None:
    """This node settles mail and fires timers from now on."""


@event("turn.lost", "warning")
def turn_lost(*, node: str) -> None:
    """Another node has taken the turn, because this one was not heard of for too long; it takes and sends mail as before."""


@event("clock.corrected", "warning")
def clock_corrected(*, node: str, seconds: float) -> None:
    """This machine's clock was that far from the database's, which counts; the machine needs time service."""


@event("store.went_back", "error")
def store_went_back(*, node: str) -> None:
    """The database has forgotten what it had confirmed (a failover, an old backup): the daemon ends, and a person must look."""
