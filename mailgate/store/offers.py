"""Signed actions that we handed out: whose they are, and which were used."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, bindparam, select

from mailgate.desk.house import House
from mailgate.mail import token
from mailgate.store.schema import participants, spent, upsert

_PARTY = select(participants.c.ticket, participants.c.key, participants.c.party).where(participants.c.id == bindparam("party"))
_SPENT = select(spent.c.digest).where(spent.c.digest == bindparam("digest"))


@dataclass(frozen=True)
class Offer:
    """An action address that a mail was written to: whom it was made for, on which ticket (0: on none), and whether it holds.

    `key` is the compared address of its one rightful user, `who` his party; `nonce` the number of what it is about, where it is
    about something that waits for a person.
    """

    ticket: int
    party: int
    key: str
    who: str
    action: str
    expires: date
    digest: str
    used: bool = False
    nonce: int = 0

    def fault(self, now: datetime) -> str:
        """`used`, `expired`, or empty while it holds."""
        return "used" if self.used else "expired" if now.date() > self.expires else ""


def offered(connection: Connection, addresses: Iterable[str], house: House) -> Offer | None:
    """The first of these addresses that is an action of ours, with its ticket; None if none is."""
    for one in addresses:
        code = token.action_code(one)
        read = token.read_action_address(one, house.actions_by_code.get(code, ()), house.keys) if code else None
        row = connection.execute(_PARTY, {"party": read.party}).first() if read else None
        if read is not None and row is not None:
            used = connection.execute(_SPENT, {"digest": read.digest}).first() is not None
            return Offer(row.ticket, read.party, row.key, row.party, read.action, read.expires, read.digest, used, read.nonce)
    return None


def is_spent(connection: Connection, digest: str) -> bool:
    """True if this action or instruction was carried out already."""
    return connection.execute(_SPENT, {"digest": digest}).first() is not None


def spend(connection: Connection, digest: str, now: datetime) -> None:
    """Note that this action was used."""
    connection.execute(upsert(spent).values({"digest": digest, "at": now}).on_conflict_do_nothing())
