"""Carry out what an operator, or a system, orders by a verb: the same commands, by the same path, as mail gives.

A command about a seller (a ruling, a check list that begins) is remembered of him, and then happens to each of his tickets that
has a clock running.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from mailgate.desk.command import Given, commanded, is_about_seller
from mailgate.desk.decision import Decision
from mailgate.desk.happening import by_command
from mailgate.desk.house import House
from mailgate.desk.party import Desk, Seller
from mailgate.store import happenings, tickets
from mailgate.store.act import Written, act, on_each_ticket, scene_for
from mailgate.store.engine import Connection


class VerbError(ValueError):
    """The command can't be carried out; the text says why."""


@dataclass(frozen=True)
class Done:
    """What came of a command: the decision, and what was written."""

    decision: Decision
    written: Written


def on_ticket(connection: Connection, house: House, number: int, given: Given, now: datetime) -> Done:
    """`given` on ticket `number` at `now`. Raises VerbError for an unknown ticket, or one whose desk is gone."""
    ticket = tickets.load(connection, [number]).get(number)
    desk = house.desk(ticket.desk) if ticket else None
    if ticket is None or desk is None:
        raise VerbError(f"there is no ticket MG-{number}")
    scene = scene_for(connection, house, desk, house.seller(ticket.seller), ticket)
    decision = commanded(given, ticket, scene, now, house.allowed)
    if not decision.refused:
        happenings.note(connection, by_command(given, ticket, now))
    return Done(decision, act(connection, decision, scene, house, now))


def on_seller(connection: Connection, house: House, desk: Desk, seller: Seller, given: Given, now: datetime) -> Decision:
    """`given` on a seller at a desk: what is remembered of him, and then each of his tickets with a running clock."""
    scene = scene_for(connection, house, desk, seller)
    decision = commanded(given, None, scene, now, house.allowed)
    act(connection, decision, scene, house, now)
    if not decision.refused and is_about_seller(given.name, scene.policy):
        on_each_ticket(connection, house, scene, given, now)
    return decision
