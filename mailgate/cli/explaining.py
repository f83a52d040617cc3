"""Put a ticket's history into sentences: how each mail was threaded, what it broke, why each instant is due."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from mailgate.desk.party import Desk
from mailgate.desk.ticket import Clock, Ticket

_GUARD = {
    "guard_added": "put {to} into Cc",
    "guard_warned": "let through a mail that lacked {missing}",
    "guard_refused": "refused a mail that lacked {missing}; it was never sent",
    "guard_unsent": "handed on a mail that the next hop did not take; it counts for nothing ({reply})",
    "guard_uncertain": "handed on a mail of which nobody knows whether the next hop took it; it counts for nothing",
}


def explained(ticket: Ticket, history: Sequence[Mapping[str, Any]], desk: Desk | None) -> Iterator[str]:
    """Lines for people, in the desk's zone."""
    zone = ZoneInfo(desk.zone if desk else "UTC")
    yield f"{ticket.tag}: {ticket.subject}"
    seller, entity = ticket.seller or "(nobody registered)", ticket.entity or "-"
    yield f"opened under policy {ticket.policy[:12]} for the seller {seller}, entity {entity}"
    yield ""
    for row in history:
        yield f"{_when(row['at'], zone)}  {_said(row['event'], row['data'])}"
    for clock in ticket.clocks:
        yield ""
        yield from _clock(clock, zone)


def _when(instant: datetime, zone: ZoneInfo) -> str:
    return instant.astimezone(zone).strftime("%a %Y-%m-%d %H:%M:%S %Z")


def _said(event: str, data: Mapping[str, Any]) -> str:
    if event == "opened":
        how = f"opened; evidence: {data.get('evidence')}"
        linked = f", points to MG-{data['linked_to']} but not joined: {data.get('doubt')}" if data.get("linked_to") else ""
        return how + linked
    if event in _GUARD:
        return (
            "the guard "
            + _GUARD[event].format(**{"to": "", "missing": "", "reply": "", **_joined(data)})
            + f"  <{data['message_id']}>"
        )
    if data.get("action"):
        return f"{event} to {', '.join(data['roles']) or 'nobody (no one fills the role)'}" + _details(data.get("say", {}))
    if data.get("observed"):
        return f"{event} is what the other side's rules ask for; this desk observes" + _details(data.get("say", {}))
    if "by" in data:
        broken = f"; does not count, it lacks {', '.join(data['missing'])}" if data.get("missing") else ""
        return f"{event} by {data['by'] or 'nobody known'} ({data.get('level', '-')}){broken}  <{data.get('message_id')}>"
    return event.replace("_", " ") + _details({name: value for name, value in data.items() if name != "promises"})


def _joined(data: Mapping[str, Any]) -> dict[str, str]:
    return {name: ", ".join(value) if isinstance(value, list) else str(value) for name, value in data.items()}


def _details(said: Mapping[str, Any]) -> str:
    return "".join(f"  {name}={value}" for name, value in said.items() if value not in (None, "", [], {}))


def _span(length: timedelta) -> str:
    """In hours, minutes and seconds, as packs count: 48h, 95h 30m."""
    minutes, seconds = divmod(round(length.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    parts = ((hours, "h"), (minutes, "m"), (seconds, "s"))
    return " ".join(f"{count}{unit}" for count, unit in parts if count) or "0h"


def _clock(clock: Clock, zone: ZoneInfo) -> Iterator[str]:
    yield f"clock {clock.name}, episode {clock.episode}: {clock.state}; it runs for <{clock.for_message}>"
    yield f"  from {_when(clock.started_at, zone)}, due {_when(clock.due, zone) if clock.due else 'never'}"
    for mark in clock.marks:
        fired = f"fired {_when(mark.fired_at, zone)}" if mark.fired_at else "to come" if clock.running else "dropped"
        after = _span(mark.due - clock.started_at)
        yield f"  {mark.step} {mark.occurrence}: {_when(mark.due, zone)}, {after} after the start; {fired}"
    if clock.stopped_at:
        yield f"  {clock.state} {_when(clock.stopped_at, zone)}" + (f" by <{clock.stopped_by}>" if clock.stopped_by else "")
