"""What happened to a ticket beside its mail and its steps (desk/happening.py). Every function takes the caller's transaction."""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, insert, select, update

from mailgate.desk.happening import Happening
from mailgate.store.schema import happenings

_NOTE = insert(happenings)
_OF = select(happenings).where(happenings.c.ticket == bindparam("number")).order_by(happenings.c.at, happenings.c.id)


def note(connection: Connection, one: Happening) -> None:
    """Keep it, in the order in which things happen."""
    connection.execute(_NOTE, {"ticket": one.about, "about": one.about, "at": one.at, "kind": one.kind, "data": dict(one.data)})


def of_ticket(connection: Connection, number: int) -> tuple[Happening, ...]:
    """What happened to this ticket, and to those that were merged into it, in that order."""
    return tuple(Happening(row.kind, row.about, row.at, row.data) for row in connection.execute(_OF, {"number": number}))


def hand_over(connection: Connection, number: int, into: int) -> None:
    """Ticket `number` was merged: what happened to it is looked at for `into` from now on."""
    connection.execute(update(happenings).where(happenings.c.ticket == number).values(ticket=into))
