"""The events of who writes: sending paths that sellers have proven, authors who write too much (docs/security.md)."""

from __future__ import annotations

from mailgate.events.log import event


@event("author.capped", "warning")
def author_capped(*, spool_id: int, ticket: str | int | None, desk: str, reason: str) -> None:
    """A customer opened more tickets in a week than [limits] allows: this one waits for people, and nobody is told of it."""


@event("path.proven")
def path_proven(*, seller: str | None, path: str, ticket: str | int | None, spool_id: int) -> None:
    """A seller answered, by this path, the letter that asked for it: his mail that comes so counts as authenticated."""


@event("path.revoked", "warning")
def path_revoked(*, address: str, path: str) -> None:
    """An operator took a proven path back: mail by it is worth no more than a claim."""
