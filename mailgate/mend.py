"""Mend what threading joined or kept apart: move a mail to another ticket, split it off, merge two tickets.

The tickets concerned are then built anew (anew.py) from what they hold now.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from mailgate.anew import MendError, build, rebuild
from mailgate.desk.house import House
from mailgate.desk.ticket import Entry
from mailgate.store import mend as stored
from mailgate.store import tickets
from mailgate.store.engine import Connection

__all__ = ["MendError", "Mended", "merge", "move"]


@dataclass(frozen=True)
class Mended:
    """The ticket that the mail is on now, and every ticket that was built anew."""

    ticket: int
    rebuilt: tuple[int, ...]


def move(connection: Connection, house: House, spool_ids: Iterable[int], target: int | None, now: datetime) -> Mended:
    """Put these mails on ticket `target`, or on a new one (None: a split). Raises MendError for an unknown mail or ticket."""
    chosen = tuple(spool_ids)
    sources = stored.tickets_of(connection, chosen)
    if len(sources) != len(chosen):
        raise MendError("one of these mails belongs to no ticket; `mailgate message list` shows all")
    if target is None:
        target = stored.blank(connection, next(iter(tickets.load(connection, sources.values()).values())), now)
    elif not tickets.load(connection, [target]):
        raise MendError(f"there is no ticket MG-{target}")
    concerned = tuple(dict.fromkeys((*sources.values(), target)))
    before = {number: build(connection, house, number) for number in concerned}
    stored.assign(connection, chosen, target)
    for number in concerned:
        rebuild(connection, house, number, before[number])
        stored.note(connection, number, Entry("moved", now, {"mails": list(chosen), "to": target}))
    return Mended(target, concerned)


def merge(connection: Connection, house: House, number: int, into: int, now: datetime) -> Mended:
    """Put every mail of ticket `number` on ticket `into`; whatever names the old one leads to the new one from now on."""
    if number == into:
        raise MendError("a ticket can't be merged into itself")
    if len(tickets.load(connection, [number, into])) != 2:
        raise MendError(f"there is no ticket MG-{number} or no ticket MG-{into}")
    before = build(connection, house, into)
    stored.assign(connection, [one for one, _ in stored.mails_of(connection, number)], into)
    stored.close_merged(connection, number, into)
    rebuild(connection, house, into, before)
    for one in (number, into):
        stored.note(connection, one, Entry("merged", now, {"from": number, "to": into}))
    return Mended(into, (number, into))
