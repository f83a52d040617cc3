"""Log events of orders that come as files."""

from __future__ import annotations

from mailgate.events.log import event


@event("orders.imported")
def orders_imported(*, desk: str, file: str, rows: int, bad: int, ms: int) -> None:
    """A file of the folder of orders was taken in and moved to `done/`; rows that are `bad` are listed beside it."""


@event("orders.refused", "error")
def orders_refused(*, desk: str, file: str, error: BaseException | str) -> None:
    """A file of the folder of orders can't be read or moved; it stays where it is and is tried again."""
