"""Is every ticket of a story what its mail, its steps and its orders make of it, built anew in the order of time?

Not asked of a ticket on which things happened in another order than that of time: a mail was settled after a later one, or after
an order that was given when it had come already, or a step was withdrawn and came due once more. Nor of a story whose clock was
set back. There the new build may know better.

At the end people move and merge at random, and what is stored then is again what a new build says.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from itertools import pairwise
from random import Random
from typing import Any

from anew import differences
from book import must
from sqlalchemy import distinct, func, select

from mailgate import mend
from mailgate.desk.house import House
from mailgate.store.engine import Connection, Store
from mailgate.store.schema import happenings, messages, spool, steps, tickets

EVERY = 32  # which stories are looked at, and mended three times: such a one takes twice its time


def look(store: Store, house: House) -> None:
    """Raise BrokenError with the first ticket that differs."""
    excused = tuple(f"MG-{number} " for number in store.read(_out_of_order))
    found = [one for one in differences(store, house) if not one.startswith(excused)]
    must(not found, f"built anew: {found[0] if found else ''}")


def mend_and_look(store: Store, house: House, rng: Random, now: datetime) -> None:
    """People mend thrice; nothing of a story in which something was out of order."""
    for _ in range(0 if store.read(_out_of_order) else 3):
        numbers, mails = store.read(_there_is)
        if len(numbers) > 1 and rng.random() < 0.5:
            number, into = rng.sample(numbers, 2)
            store.call(partial(mend.merge, house=house, number=number, into=into, now=now))
        else:
            target = rng.choice((*numbers, None))
            store.call(partial(mend.move, house=house, spool_ids=[rng.choice(mails)], target=target, now=now))
        look(store, house)


def _there_is(connection: Connection) -> tuple[Sequence[int], Sequence[int]]:
    """The tickets, and the mails that are on one."""
    numbers = select(tickets.c.number).where(tickets.c.state != "merged").order_by(tickets.c.number)
    mails = select(messages.c.spool_id).where(messages.c.ticket.is_not(None)).order_by(messages.c.spool_id)
    return connection.execute(numbers).scalars().all(), connection.execute(mails).scalars().all()


def _out_of_order(connection: Connection) -> set[int]:
    """The tickets on which things did not happen in the order of time."""
    query = select(messages.c.ticket, messages.c.at, spool.c.settled_at).join(spool, spool.c.id == messages.c.spool_id)
    mails: dict[int, list[Any]] = {}
    for row in connection.execute(query.where(messages.c.ticket.is_not(None)).order_by(messages.c.id)):
        mails.setdefault(row.ticket, []).append(row)
    found = {number for number, rows in mails.items() if any(one.at > other.at for one, other in pairwise(rows))}
    for order in connection.execute(select(happenings.c.ticket, happenings.c.at)):
        if any(one.at <= order.at <= one.settled_at for one in mails.get(order.ticket, ())):
            found.add(order.ticket)
    once = (steps.c.subject, steps.c.clock, steps.c.episode, steps.c.step, steps.c.due)
    again = select(steps.c.subject).group_by(*once).having(func.count(distinct(steps.c.fired_at)) > 1)
    return found | {
        int(subject.removeprefix("ticket:")) for subject in connection.execute(again).scalars() if subject[:7] == "ticket:"
    }
