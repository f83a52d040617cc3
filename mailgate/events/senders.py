"""The events of sending paths: by which domain a seller has proven that he sends (docs/security.md)."""

from __future__ import annotations

from mailgate.events.log import event


@event("path.proven")
def path_proven(*, seller: str | None, path: str, ticket: str | int | None, spool_id: int) -> None:
    """A seller answered, by this path, the letter that asked for it: his mail that comes so counts as authenticated."""


@event("path.revoked", "warning")
def path_revoked(*, address: str, path: str) -> None:
    """An operator took a proven path back: mail by it is worth no more than a claim."""
