"""Whom mail does not reach, and what follows: an address is lost, found again, and the clocks that depended on it.

Lost: mail came back for good, or a provider's suppression list keeps it from being tried. Found: the address wrote, or a report
says that mail arrived; then every clock that stood void because of a suppression list starts anew (DR-07).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from mailgate.desk.bounce import Bounced, bounce_event
from mailgate.desk.decision import Decision
from mailgate.desk.happening import after, by_event
from mailgate.desk.house import House
from mailgate.desk.party import Desk, Seller
from mailgate.mail import address as addresses
from mailgate.store import happenings, tickets, unreachable
from mailgate.store.act import Written, act, scene_for
from mailgate.store.doubt import borne_out
from mailgate.store.outbox import Outgoing
from mailgate.store.unreachable import Unreachable


def bounced_notice(connection: Connection, row: Outgoing, bounced: Bounced, house: House, now: datetime) -> Written | None:
    """What follows when the next hop refuses a notice for good at once: the same as when a report says so later."""
    desk = house.desk(row.desk)
    ticket = tickets.load(connection, [row.ticket]).get(row.ticket) if row.ticket else None
    if desk is None or ticket is None:
        return None
    scene = scene_for(connection, house, desk, house.seller(ticket.seller), ticket)
    party = "seller" if scene.seller is not None and scene.seller.owns(row.reader) else "other"
    bounced = replace(bounced, party=party, ticket=ticket.number)
    lost(connection, desk, scene.seller, (bounced,), now)
    said = ((one, bounce_event(one, scene.policy)) for one in (*borne_out(connection, ticket, bounced), bounced))
    returned, event = next(((one.message_id, event) for one, event in said if event), ("", ""))
    if not event:
        return None
    view: Mapping[str, Any] = {
        "recipient": row.reader, "status": bounced.status, "diagnostic": bounced.diagnostic, "suppressed": bounced.suppressed,
        "provider": bounced.provider, "signature": bounced.signature,
    }  # fmt: skip
    happened = by_event(event, ticket, now, view, cause=row.message_id, returned=returned)
    happenings.note(connection, happened)
    return act(connection, after(happened, ticket, scene), scene, house, now)


def lost(connection: Connection, desk: Desk, seller: Seller | None, bounced: Iterable[Bounced], now: datetime) -> None:
    """Remember which addresses mail does not reach, with the evidence."""
    for one in bounced:
        evidence = {"message_id": one.message_id, "ticket": one.ticket, "where": one.where, "diagnostic": one.diagnostic[:300]}
        found = Unreachable(
            addresses.key(one.recipient), "suppressed" if one.suppressed else "dead", desk.name, now,
            seller.id if seller and seller.owns(one.recipient) else None, one.status, one.provider, one.signature, evidence,
        )  # fmt: skip
        unreachable.note(connection, found)


def reached(
    connection: Connection, house: House, address: str, by: str, now: datetime, *, sure: bool = True
) -> tuple[str | None, tuple[Written, ...]]:
    """An address takes mail again: its listing ends, and clocks that stood void because of a suppression list start anew.

    What anybody could have written (not `sure`) starts no clock, so it ends no suppression; a plain bounce it does end.
    Returns (the state that ended, what was written for each ticket).
    """
    key = addresses.key(address)
    if not sure and unreachable.among(connection, [key], "suppressed"):
        return None, ()
    state = unreachable.lift(connection, key, by, now)
    seller = house.roster.seller(address)
    if state != "suppressed" or seller is None:
        return state, ()
    written = []
    for ticket in tickets.with_void_clock(connection, seller.id):
        if (desk := house.desk(ticket.desk)) is not None:
            scene = scene_for(connection, house, desk, seller, ticket)
            happened = by_event("reachable", ticket, now, {}, cause=f"reachable {now.isoformat()}")
            happenings.note(connection, happened)
            written.append(act(connection, after(happened, ticket, scene), scene, house, now))
    return state, tuple(written)


def suspect(connection: Connection, desk: Desk, seller: Seller | None, decision: Decision, now: datetime) -> None:
    """Note that mail from this seller may not reach us: others quote what we never received (a suspicion, no more)."""
    signs = [entry.data for entry in decision.entries if entry.event == "reply_suspected"]
    if signs and seller is not None:
        evidence = {"signs": [dict(sign) for sign in signs], "ticket": decision.ticket.number if decision.ticket else None}
        found = Unreachable(addresses.key(seller.support), "suspected", desk.name, now, seller.id, evidence=evidence)
        unreachable.note(connection, found)
