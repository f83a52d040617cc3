"""Log events of the store: of nodes that share a database, of its clock, of damage."""

from __future__ import annotations

from datetime import datetime

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


@event("clock.doubted", "error")
def clock_doubted(*, node: str | None, seconds: int, now: datetime, far: bool) -> None:
    """The clock has jumped: mailgate goes on by its own, and fires no timer, until the clock has stayed for a minute.

    What is too far is not believed before a restart.
    """


@event("clock.believed", "warning")
def clock_believed(*, node: str | None, now: datetime) -> None:
    """The clock is back, or what it jumped to has stayed and counts; after a jump ahead mail has time to come in first."""


@event("store.went_back", "error")
def store_went_back(*, node: str) -> None:
    """The database has forgotten what it had confirmed (a failover, an old backup): the daemon ends, and a person must look."""


@event("store.replaced", "error")
def store_replaced(*, node: str) -> None:
    """The database was restored, or a standby took over while no node lived: all is on hold, and a person must look."""


@event("store.damaged", "error")
def store_damaged(*, found: str) -> None:
    """A store too large to be read whole before it serves was read since, and is damaged: it is on hold; put a backup back."""
