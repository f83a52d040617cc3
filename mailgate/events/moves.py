"""The log lines of a decision: what it opened, which rules were broken, which clocks moved, who was struck."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from mailgate import events
from mailgate.desk.decision import Decision
from mailgate.desk.thread import Match
from mailgate.desk.ticket import Entry, Ticket


def tell(decision: Decision, ticket: Ticket | None, match: Match, *, spool_id: int, desk: str) -> None:
    """One line for each thing that the mail `spool_id` moved; `ticket` is the ticket as stored."""
    number = ticket.number if ticket else None
    seller = decision.seller.id if decision.seller else None
    if ticket is not None and decision.opened:
        events.ticket_opened(
            ticket=number, spool_id=spool_id, desk=desk, policy=ticket.policy[:12], kind=ticket.kind, seller=seller
        )
        if match.points_to is not None:
            events.ticket_linked(ticket=number, spool_id=spool_id, linked_to=match.points_to, evidence=match.evidence)
        if seller is None and decision.party == "desk":
            events.seller_unknown(spool_id=spool_id, ticket=number, desk=desk, address=None)
    if decision.violations:
        missing = [address for violation in decision.violations for address in violation.missing]
        rules = [violation.rule for violation in decision.violations]
        events.reply_violated(ticket=number, spool_id=spool_id, desk=desk, seller=seller, rules=rules, missing=missing)
    for entry in decision.entries:
        if entry.event in CLOCKS:
            CLOCKS[entry.event](number, entry)
    for lost in decision.bounced:
        verdict = lost.reason or ("suppressed" if lost.suppressed else "undeliverable")
        events.address_bounced(
            address=lost.recipient, verdict=verdict, status=lost.status, provider=lost.provider or None, party=lost.party,
            ticket=number, spool_id=spool_id,
        )  # fmt: skip
    for strike in decision.strikes:
        events.seller_struck(seller=seller or "", desk=desk, ticket=number, strike=strike.kind)


def _clock(told: Callable[..., None], **fields: str) -> Callable[[int | None, Entry], None]:
    """A teller of one clock event; `fields` say where in the entry each further field stands."""

    def tell_one(number: int | None, entry: Entry) -> None:
        values: dict[str, Any] = {name: entry.data.get(place) for name, place in fields.items()}
        told(ticket=number, about=f"ticket:{number}", clock=entry.data["clock"], episode=entry.data["episode"], **values)

    return tell_one


CLOCKS: Mapping[str, Callable[[int | None, Entry], None]] = {
    "clock_started": _clock(events.clock_started, due="due"),
    "clock_restarted": _clock(events.clock_started, due="due"),
    "clock_stopped": _clock(events.clock_stopped, stopped_by="cause"),
    "clock_voided": _clock(events.clock_voided, reason="cause"),
    "clock_revived": _clock(events.clock_revived, due="due"),
}
