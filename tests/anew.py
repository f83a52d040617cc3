"""Is every ticket what its mail, its timers and the orders about it make of it?

Left out is what can't be built anew: a ticket that was merged holds no mail any more, and mail that lost its bytes by age can't
be read.
"""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from mailgate import anew, assembly, config
from mailgate.desk.house import House
from mailgate.desk.ticket import Ticket
from mailgate.store import retention, tickets
from mailgate.store.engine import Connection, Store
from mailgate.store.schema import dumps
from mailgate.store.schema import tickets as table


def differing(directory: Path, *words: str) -> list[str]:
    """What differs on the tickets of a store that no daemon serves, one line a ticket."""
    settings = config.load(directory, words)
    store = Store.open(settings.store.url, settings.directory)
    try:
        return differences(store, assembly.house_of(settings))
    finally:
        store.close()


def differences(store: Store, house: House) -> list[str]:
    """The same of an open store."""
    numbers = store.read(lambda one: one.execute(table.select().with_only_columns(table.c.number)).scalars().all())
    found: list[str] = []
    for number in numbers:
        store.read(partial(_compared, house=house, number=number, found=found))
    return found


def _compared(connection: Connection, house: House, number: int, found: list[str]) -> None:
    ticket = tickets.load(connection, [number])[number]
    if ticket.state == "merged":  # it holds no mail any more
        return
    if retention.purged(connection, [one.spool_id for one in ticket.spoken]):
        return
    before = told(ticket)
    after = told(anew.build(connection, house, number).ticket)
    differing = [f"{name}: {_differing(before[name], after[name])}" for name in before if before[name] != after[name]]
    if differing:
        found.append(f"MG-{number} {' | '.join(differing)}")


def _differing(before: Any, after: Any) -> str:
    if isinstance(before, dict):
        names = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
        return "; ".join(f"{name} {before.get(name)} -> {after.get(name)}" for name in names)
    return f"{before} -> {after}"


def told(ticket: Ticket) -> dict[str, Any]:
    """What is compared: everything but versions."""
    return {
        **{name: getattr(ticket, name) for name in ("kind", "state", "seller", "entity", "tags")},
        "facts": json.loads(dumps(ticket.facts)),
        "people": {(one.address, one.party, one.id) for one in ticket.participants},
        "spoken": [(one.message_id, one.event, one.missing) for one in ticket.spoken],
        "clocks": {(one.name, one.episode): replace(one, version=0) for one in ticket.clocks},
    }
