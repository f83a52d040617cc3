"""What changes a ticket beside its mail and its steps: kept as it happens, to happen again when the ticket is built anew.

    command   an order by a verb, or one about a seller that reached each of his tickets (command.py)
    event     an address was lost or found again (store/reach.py)
    people    a word about something that waited for one (review.py)
    facts     what another mail told of this ticket's order
    void      the clock of a seller whose customers were taken over came due (D-29)
    fired     a step that fired on a ticket which was then merged into this one: it does not fire here once more

What it means is said once: `after` is how it happens the first time, too. An order counts for the ticket it was given about. When
that one is merged into another, it counts there unless something of the other's own still waits at that instant: who closed a
second ticket about a case has not closed the first.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any

from mailgate.desk import review
from mailgate.desk.command import Given, commanded
from mailgate.desk.decision import Decision, Scene
from mailgate.desk.follow import followed
from mailgate.desk.ticket import Clock, Ticket

FIRED = "fired"
ACTS = ("add", "start", "stop", "close", "change", "request")  # what was allowed when it happened is allowed


@dataclass(frozen=True)
class Happening:
    """Something of `kind` that happened to ticket `about` at `at`; `data` is what it says, as JSON can hold it."""

    kind: str
    about: int
    at: datetime
    data: Mapping[str, Any] = field(default_factory=dict)


def by_command(given: Given, ticket: Ticket, at: datetime) -> Happening:
    """An order that was carried out."""
    return Happening("command", ticket.number, at, {"given": asdict(given), "awaited": awaited(ticket)})


def by_event(
    event: str, ticket: Ticket, at: datetime, told: Mapping[str, Any], *, cause: str, returned: str | None = None
) -> Happening:
    """An event that no mail on the ticket brought."""
    data = {"event": event, "told": told, "cause": cause, "returned": returned, "awaited": awaited(ticket)}
    return Happening("event", ticket.number, at, data)


def by_people(action: str, ticket: Ticket, said: Mapping[str, Any], at: datetime) -> Happening:
    """`keep_apart` or `not_ours`, of a ticket that waited."""
    return Happening("people", ticket.number, at, {"action": action, "said": said, "awaited": awaited(ticket)})


def by_facts(number: int, facts: Mapping[str, Any], at: datetime) -> Happening:
    """Facts that are laid over what the ticket knows."""
    return Happening("facts", number, at, {"facts": facts})


def by_void(clock: Clock, ticket: Ticket, at: datetime) -> Happening:
    """A clock that counts for nothing any more."""
    return Happening("void", ticket.number, at, {"clock": clock.name, "episode": clock.episode, "awaited": awaited(ticket)})


def by_step(step: tuple[str, str, int], due: datetime, at: datetime, number: int) -> Happening:
    """A `step` (clock, step, occurrence) of ticket `number`, which was `due` then and fired at `at`."""
    clock, name, occurrence = step
    return Happening(FIRED, number, at, {"clock": clock, "step": name, "occurrence": occurrence, "due": due})


def awaited(ticket: Ticket | None) -> tuple[str, ...]:
    """The Message-IDs of the mails for which a clock of the ticket runs or rests."""
    live = (one.for_message for one in ticket.clocks if one.state in ("running", "paused")) if ticket else ()
    return tuple(sorted({one for one in live if one}))


def counts_on(ticket: Ticket | None, waited: Collection[str]) -> bool:
    """Does an order count on a ticket it was not given about? `waited`: for what its own one waited then."""
    return set(awaited(ticket)) <= set(waited)


def after(one: Happening, ticket: Ticket, scene: Scene) -> Decision:
    """What `one` causes on `ticket`; on another than it was about, nothing while something of that one's own waits."""
    data, at, unmoved = one.data, one.at, Decision(one.kind, ticket=ticket)
    if one.about != ticket.number and not counts_on(ticket, data.get("awaited", ())):
        return unmoved
    match one.kind:
        case "command":
            given = Given(**data["given"])
            return commanded(given, ticket, scene, at, {given.level: ACTS})
        case "event":
            decision = Decision(data["event"], "daemon", ticket)
            return followed(decision, scene, at, data["told"], cause=data["cause"], returned=data["returned"])
        case "people":
            change = review.kept_apart if data["action"] == "keep_apart" else review.put_away
            return change(ticket, data["said"], at)
        case "facts":
            return replace(unmoved, ticket=replace(ticket, facts={**ticket.facts, **data["facts"]}))
        case "void":
            mine = (data["clock"], data["episode"])
            clocks = tuple(
                replace(each, state="void", stopped_at=at) if (each.name, each.episode) == mine else each
                for each in ticket.clocks
            )
            return replace(unmoved, ticket=replace(ticket, clocks=clocks))
    return unmoved
