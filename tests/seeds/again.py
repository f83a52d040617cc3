"""Is every ticket of a story what its mail, its steps and its orders make of it, built anew in the order of time?

Not asked of a ticket on which things happened in another order than that of time: a mail was settled after a later one, or after
an order that was given when it had come already. Nor of a story whose clock was set back. There the new build may know better.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from anew import differences
from book import must
from sqlalchemy import select

from mailgate.desk.house import House
from mailgate.store.engine import Connection, Store
from mailgate.store.schema import happenings, messages, spool

EVERY = 4  # which stories are looked at: it costs a tenth of their time


def look(store: Store, house: House) -> None:
    """Raise BrokenError with the first ticket that differs."""
    excused = tuple(f"MG-{number} " for number in store.read(_out_of_order))
    found = [one for one in differences(store, house) if not one.startswith(excused)]
    must(not found, f"built anew: {found[0] if found else ''}")


def _out_of_order(connection: Connection) -> set[int]:
    """The tickets on which things did not happen in the order of time."""
    query = select(messages.c.ticket, messages.c.at, spool.c.settled_at).join(spool, spool.c.id == messages.c.spool_id)
    mails: dict[int, list[Any]] = {}
    for row in connection.execute(query.where(messages.c.ticket.is_not(None)).order_by(messages.c.id)):
        mails.setdefault(row.ticket, []).append(row)
    found = {number for number, rows in mails.items() if any(one.at > other.at for one, other in pairwise(rows))}
    for order in connection.execute(select(happenings.c.ticket, happenings.c.at)):
        if any(one.at < order.at <= one.settled_at for one in mails.get(order.ticket, ())):
            found.add(order.ticket)
    return found
