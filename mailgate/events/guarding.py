"""The events of the guard: one line for each mail that passes through it. Called as mailgate.events.NAME."""

from __future__ import annotations

from collections.abc import Collection

from mailgate.events.log import event

Ticket = str | int | None
Many = Collection[str]


@event("guard.passed")
def guard_passed(*, client: str, message_id: str | None, spool_id: int | None, ticket: Ticket, reply: str, ms: float) -> None:
    """A mail passed through the guard as it came, and the next hop took it; nothing was wrong with it, or it is not ours."""


@event("guard.added")
def guard_added(*, client: str, message_id: str | None, spool_id: int | None, ticket: Ticket, to: Many, ms: float) -> None:
    """The guard put a reader into Cc whose copy a seller's reply lacked, and the next hop took the mail."""


@event("guard.warned", "warning")
def guard_warned(*, client: str, message_id: str | None, spool_id: int | None, ticket: Ticket, rules: Many, ms: float) -> None:
    """A seller's reply broke rules and was delivered; the message path writes to him."""


@event("guard.refused", "warning")
def guard_refused(*, client: str, message_id: str | None, ticket: Ticket, rules: Many) -> None:
    """A seller's reply broke rules for which the desk refuses it; his mail program was told what to do."""


@event("guard.unsent", "warning")
def guard_unsent(*, client: str, message_id: str | None, spool_id: int | None, ticket: Ticket, reply: str) -> None:
    """The next hop did not take a mail; its client was told so in the same words, and nothing follows from it."""


@event("guard.uncertain", "error")
def guard_uncertain(*, client: str | None, message_id: str | None, spool_id: int | None, ticket: Ticket = None) -> None:
    """Nobody knows whether the next hop took a mail; its client was told 451, or nothing, and nothing follows from it."""


@event("guard.unchecked", "error")
def guard_unchecked(*, client: str, message_id: str | None, reason: str, error: BaseException | str) -> None:
    """Looking at a mail or keeping it failed; `[guard] unchecked` says whether it passed all the same."""
