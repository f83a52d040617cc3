"""The events of watched mailboxes. Called as mailgate.events.NAME."""

from __future__ import annotations

from datetime import timedelta

from mailgate.events.log import event


@event("imap.connected")
def imap_connected(*, mailbox: str, folder: str, idle: bool) -> None:
    """A watched folder was opened; `idle`: its server tells us of new mail, else we ask every 45 seconds."""


@event("imap.lost", "warning")
def imap_lost(*, mailbox: str, folder: str, reason: str, pause: timedelta) -> None:
    """The connection to a watched folder failed or ended; it is made anew after `pause`. The mail stays where it lies."""


@event("imap.fetched")
def imap_fetched(*, mailbox: str, folder: str, count: int, new: int, uid: int) -> None:
    """Mails of a watched folder are safe in the spool, up to this UID; `new` of them were not there before."""


@event("imap.skipped", "warning")
def imap_skipped(*, mailbox: str, folder: str, uid: int, reason: str) -> None:
    """A mail of a watched folder was not taken, and stays where it is: it is too large, or its server does not give it out."""


@event("imap.renumbered", "warning")
def imap_renumbered(*, mailbox: str, folder: str) -> None:
    """A watched folder was made anew (another UIDVALIDITY): all of it is read again, and what is known counts once."""


@event("imap.not_moved", "warning")
def imap_not_moved(*, mailbox: str, folder: str, count: int, reason: str) -> None:
    """The server refused to mark or move mails that we have taken; it is tried again with the next look."""
