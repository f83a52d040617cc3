"""What follows from an event: clocks move, the pack reacts, strikes count, notices are ordered.

Mail and timers meet here, so that a step that fires and a mail that arrives cause things in one and the same way.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from mailgate.desk import clock as clocks
from mailgate.desk.bounce import Bounced
from mailgate.desk.calendar import Calendar
from mailgate.desk.facts import holds
from mailgate.desk.pack import Policy, Step, When
from mailgate.desk.party import Desk, Seller
from mailgate.desk.policy import Violation
from mailgate.desk.route import resolve
from mailgate.desk.standing import Strike, sounding
from mailgate.desk.ticket import Clock, Entry, Mark, Spoken, Ticket


@dataclass(frozen=True)
class Scene:
    """Where an event happens: the desk, its policy, the seller it is about and his strikes so far."""

    desk: Desk
    policy: Policy
    seller: Seller | None = None
    strikes: tuple[Strike, ...] = ()
    away: bool = False
    suppressed: frozenset[str] = frozenset()

    def calendar(self, now: datetime) -> Calendar:
        """The calendar that durations use here."""
        return clocks.local_calendar(self.policy, self.desk, self.seller, now)

    def taken_over(self, clock: str) -> bool:
        """True if `clock` runs for a seller whose customers the reseller has taken over: he is not asked (D-29)."""
        spec = self.policy.clocks.get(clock)
        return spec is not None and spec.runs_for == "seller" and self.seller is not None and self.seller.takeover

    def filled(self, roles: tuple[str, ...], ticket: Ticket | None) -> tuple[str, ...]:
        """Those of `roles` that somebody fills (DR-09)."""
        entity = ticket.entity if ticket else None
        return tuple(role for role in roles if resolve(role, self.policy, self.desk, self.seller, entity, self.suppressed))


@dataclass(frozen=True)
class Order:
    """A notice to write: which one, to which roles, and what it says.

    `say` goes into the audit log, `data` only to the reader. `clock`, `episode`, `step` and `occurrences` name the
    steps that it stands for; `cause` is the Message-ID that brought it about. `ticket` False: not about one ticket.
    `hands`: its readers are given the mail behind it, text and all.
    """

    notice: str
    to: tuple[str, ...]
    cc: tuple[str, ...] = ()
    say: Mapping[str, Any] = field(default_factory=dict)
    data: Mapping[str, Any] = field(default_factory=dict)
    clock: str = ""
    episode: int = 0
    step: str = ""
    occurrences: tuple[int, ...] = ()
    cause: str = ""
    ticket: bool = True
    hands: bool = False


@dataclass(frozen=True)
class Decision:
    """What follows from one mail or one tick. `ticket` None: it belongs to no ticket; number 0: it opens one.

    `hand_to`: who gets the unchanged mail, `staff` or `helpdesk`; `away`: the seller went away, or is back;
    `bounced`: what proved not to arrive, and where; `unstruck`: strikes that are taken back.
    """

    event: str
    party: str = ""
    ticket: Ticket | None = None
    opened: bool = False
    entries: tuple[Entry, ...] = ()
    clocks: tuple[Clock, ...] = ()
    orders: tuple[Order, ...] = ()
    strikes: tuple[Strike, ...] = ()
    violations: tuple[Violation, ...] = ()
    spoken: Spoken | None = None
    seller: Seller | None = None
    hand_to: str = ""
    away: bool | None = None
    bounced: tuple[Bounced, ...] = ()
    unstruck: tuple[str, ...] = ()


def followed(
    decision: Decision, scene: Scene, now: datetime, view: Mapping[str, Any], *, cause: str = "", returned: str | None = None
) -> Decision:
    """`decision` with everything that its event moves; `view` is what the pack's conditions may ask.

    `cause` is the Message-ID of the mail behind the event, `returned` that of a mail that came back.
    """
    decision = _clocks_moved(decision, scene, now, cause, returned)
    decision = _withdrawn(decision, scene, now)
    view = {**_view(decision.ticket, scene), **view}
    hits = [when for when in scene.policy.when if when.event == decision.event and holds(when.given, view)]
    ticket = _tagged(decision.ticket, (when.tag for when in hits))
    orders = [_ordered(when, decision, scene, view, cause) for when in hits if when.do]
    strikes = [Strike(when.strike, now, ticket.number if ticket else None) for when in hits if when.strike]
    entries = (*decision.entries, *(_order_entry(order, now) for order in orders))
    decision = replace(decision, ticket=ticket, orders=(*decision.orders, *orders), entries=entries)
    return struck(decision, scene, now, tuple(strikes))


def struck(decision: Decision, scene: Scene, now: datetime, new: tuple[Strike, ...]) -> Decision:
    """`decision` with the seller's `new` strikes, and the alarms that they set off (D-29, DR-08)."""
    if not new or scene.seller is None:
        return decision
    alarms = tuple(
        Order(
            hit.alarm.do,
            scene.filled(hit.alarm.to, decision.ticket),
            data={"strikes": tuple(map(_told, hit.strikes)), "limit": hit.alarm.limit, "window": hit.alarm.window},
            cause=f"{hit.strikes[-1].kind} {hit.strikes[-1].at.isoformat()} {hit.strikes[-1].ticket}",
            ticket=False,
        )
        for hit in sounding(scene.policy, scene.strikes, new, scene.calendar(now))
    )
    entries = (*decision.entries, *(_order_entry(order, now) for order in alarms))
    return replace(decision, strikes=(*decision.strikes, *new), orders=(*decision.orders, *alarms), entries=entries)


def _told(strike: Strike) -> tuple[datetime, str, str | None]:
    return strike.at, strike.kind, f"MG-{strike.ticket}" if strike.ticket else None


def _order_entry(order: Order, now: datetime) -> Entry:
    """The audit log's line for a notice: what was done, to which roles."""
    data = {"roles": sorted((*order.to, *order.cc)), "say": dict(order.say), "action": True, "cause": order.cause}
    return Entry(order.notice, now, data if order.ticket else {**data, "ticket": None})


def _clocks_moved(decision: Decision, scene: Scene, now: datetime, cause: str, returned: str | None) -> Decision:
    ticket = decision.ticket
    if ticket is None:
        return decision
    about = clocks.About(f"ticket:{ticket.number}", scene.calendar(now), cause or None, returned)
    moved: tuple[Clock, ...] = ()
    entries = decision.entries
    for name, spec in scene.policy.clocks.items():
        if decision.event in spec.starts and scene.taken_over(name):
            continue
        changed, verb = clocks.moved(ticket.clock(name), spec, name, decision.event, now, about)
        moved += changed
        if changed:
            entries += (_move_entry(changed[-1], verb, now, scene.policy, cause),)
    ticket = with_clocks(ticket, moved, scene.policy)
    return replace(decision, ticket=ticket, clocks=(*decision.clocks, *moved), entries=entries)


def _withdrawn(decision: Decision, scene: Scene, now: datetime) -> Decision:
    """An answer that proves to have come before an escalation was due: whoever got that is told, and no strike remains."""
    for clock in (one for one in decision.clocks if one.state == "stopped"):
        for mark in clocks.fired_late(clock, now):
            step = scene.policy.step(clock.name, mark.step)
            if step is None or not (step.strike or step.tag):
                continue
            to = scene.filled(step.to, decision.ticket)
            data = {"why": "in_time", "arrived_at": now}
            cause = f"withdrawn {clock.name} {clock.episode} {mark.step}"
            order = Order("escalation_withdrawn", to, data=data, cause=cause)
            ticket = replace(decision.ticket, tags=decision.ticket.tags - {step.tag}) if decision.ticket else None
            decision = replace(
                decision,
                ticket=ticket,
                orders=(*decision.orders, order),
                entries=(*decision.entries, _order_entry(order, now)),
                unstruck=(*decision.unstruck, step.strike) if step.strike else decision.unstruck,
            )
            decision = _unfired(decision, clock, mark, scene.policy)
    return decision


def _unfired(decision: Decision, clock: Clock, mark: Mark, policy: Policy) -> Decision:
    """`decision` with `mark` of `clock` as if it had never fired: an answer between deadline and escalation is late (DR-08)."""
    same = (clock.name, clock.episode)
    mended = tuple(
        replace(one, marks=tuple(replace(each, fired_at=None) if each == mark else each for each in one.marks))
        if (one.name, one.episode) == same
        else one
        for one in decision.clocks
    )
    ticket = with_clocks(decision.ticket, mended, policy) if decision.ticket else None
    return replace(decision, ticket=ticket, clocks=mended)


def _move_entry(clock: Clock, verb: str, now: datetime, policy: Policy, cause: str) -> Entry:
    data: dict[str, Any] = {"clock": clock.name, "episode": clock.episode, "due": clock.due, "cause": cause}
    if verb in ("started", "restarted"):
        data["promises"] = tuple(promises(clock, policy))
    return Entry(f"clock_{verb}", now, data)


def promises(clock: Clock, policy: Policy) -> Iterator[tuple[str, datetime]]:
    """The due instants that `clock` promises: its limit under its own name, and each step that has one."""
    if clock.due:
        yield clock.name, clock.due
    for mark in clock.marks:
        step = policy.step(clock.name, mark.step)
        if step and step.promise:
            yield step.promise, mark.due


def with_clocks(ticket: Ticket, moved: tuple[Clock, ...], policy: Policy) -> Ticket:
    """`ticket` with the `moved` clocks in place of their older selves, and its state as the pack names it."""
    changed = {(clock.name, clock.episode): clock for clock in moved}
    kept = tuple(clock for clock in ticket.clocks if (clock.name, clock.episode) not in changed)
    ticket = replace(ticket, clocks=(*kept, *moved))
    for name, words in policy.states.by_clock.items():
        clock = ticket.clock(name)
        if clock is not None and clock.state in words:
            ticket = replace(ticket, state=words[clock.state])
    return ticket


def _tagged(ticket: Ticket | None, tags: Iterator[str]) -> Ticket | None:
    return replace(ticket, tags=ticket.tags | {tag for tag in tags if tag}) if ticket else None


def _ordered(when: When, decision: Decision, scene: Scene, view: Mapping[str, Any], cause: str) -> Order:
    to = scene.filled(when.to, decision.ticket) or scene.filled(when.else_to, decision.ticket)
    broken = decision.violations
    told = {**view, "missing": sorted(violation.rule for violation in broken)}
    absent = tuple(address for violation in broken if violation.rule == "reply_all" for address in violation.missing)
    view = {**view, "missing_addresses": absent}
    say = {
        name: told.get(value.removeprefix("fact:")) if value.startswith("fact:") else value for name, value in when.say.items()
    }
    order = Order(when.do, to, scene.filled(when.cc, decision.ticket), say=say, data=dict(view), cause=cause, hands=when.hands)
    running = decision.ticket.clock(when.holds_while) if decision.ticket and when.holds_while else None
    return replace(order, clock=running.name, episode=running.episode) if running else order


def _view(ticket: Ticket | None, scene: Scene) -> dict[str, Any]:
    seen: dict[str, Any] = {}
    if scene.seller is not None:
        seller = scene.seller
        seen |= {"physical": seller.physical, "takeover": seller.takeover, "backup": seller.backup is not None}
    if ticket is not None:
        seen |= {"kind": ticket.kind, "state": ticket.state, **ticket.facts}
        for name in {clock.name for clock in ticket.clocks}:
            seen |= clocks.view(newest) if (newest := ticket.clock(name)) else {}
    return seen


def fired(ticket: Ticket, clock: Clock, marks: tuple[Mark, ...], scene: Scene, now: datetime) -> Decision:
    """What the due `marks` of one step of `clock` cause at `now`: one notice that names them all, a tag, a strike."""
    step = scene.policy.step(clock.name, marks[0].step)
    if step is None:
        return Decision("step_unknown", ticket=ticket)
    after = clocks.fired(clock, marks, now)
    to = scene.filled(step.to, ticket) or scene.filled(step.else_to, ticket)
    cc = scene.filled(step.cc, ticket)
    numbers = tuple(mark.occurrence for mark in marks)
    also = _also(step, scene, ticket, now)
    order = Order(
        step.do,
        (*to, *also),
        cc,
        data={"numbers": numbers, "step": step},
        clock=clock.name,
        episode=clock.episode,
        step=step.name,
        occurrences=numbers,
    )
    entries = tuple(_step_entry(step, mark, clock, (*to, *also, *cc), now) for mark in marks)
    ticket = _tagged(with_clocks(ticket, (after,), scene.policy), iter((step.tag,))) or ticket
    decision = Decision(step.do, "timer", ticket, entries=entries, clocks=(after,), orders=(order,), seller=scene.seller)
    strikes = (Strike(step.strike, now, ticket.number),) if step.strike else ()
    return struck(decision, scene, now, strikes)


def _step_entry(step: Step, mark: Mark, clock: Clock, roles: tuple[str, ...], now: datetime) -> Entry:
    say: dict[str, Any] = {"n": mark.occurrence} if step.at else {}
    if step.tag:
        say["tag"] = step.tag
    data = {"roles": sorted(roles), "say": say, "clock": clock.name, "episode": clock.episode, "fired_at": now}
    return Entry(step.do, mark.due, {**data, "step": step.name, "occurrence": mark.occurrence, "action": True})


def _also(step: Step, scene: Scene, ticket: Ticket, now: datetime) -> tuple[str, ...]:
    """Further readers: the backup on a day the seller declared off, or while he is away (D-38)."""
    today = scene.calendar(now).local(now).date()
    seller = scene.seller
    true = set()
    if seller and (scene.away or any(absence.first <= today <= absence.last for absence in seller.absences)):
        true.add("seller_away")
    if seller and scene.calendar(now).is_holiday(today):
        true.add("seller_holiday")
    return scene.filled(tuple(also.to for also in step.also if true & set(also.when)), ticket)
