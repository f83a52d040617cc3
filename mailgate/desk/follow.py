"""What follows from an event: the ticket changes, clocks move, the pack reacts, strikes count, notices are ordered.

Mail, commands and timers meet here, so that all of them cause things in one and the same way. In this order:

1. `[[change]]`: what the event does to the ticket and what is remembered of the seller
2. clocks, by what is known after that
3. `[[when]]`: notices, effects, tags, strikes; then the events that these raise in turn
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from mailgate.desk import clock as clocks
from mailgate.desk.decision import Decision, Order, Scene
from mailgate.desk.entry import When
from mailgate.desk.facts import holds
from mailgate.desk.pack import AUTHOR, Policy
from mailgate.desk.standing import Strike, sounding
from mailgate.desk.ticket import Clock, Entry, Mark, Ticket
from mailgate.desk.view import PASSING, seen

DEEPEST = 5  # events that raise one another


def followed(
    decision: Decision,
    scene: Scene,
    now: datetime,
    told: Mapping[str, Any],
    *,
    cause: str = "",
    returned: str | None = None,
    depth: int = 0,
) -> Decision:
    """`decision` with everything that its event moves; `told` is what the mail, the command or the step says.

    `cause` is the Message-ID of the mail behind the event, `returned` that of a mail that came back.
    """
    event, party = decision.event, decision.party
    before = seen(decision.ticket, scene, now, told, event, party)
    was = {"was.state": before.get("state"), "was.kind": before.get("kind")}
    decision, now_told, scene = _changed(decision, scene, told, before)
    view = {**seen(decision.ticket, scene, now, now_told, event, party), **was}
    decision = _clocks_moved(decision, scene, now, view, (cause, returned))
    decision = _withdrawn(decision, scene, now)
    view = {**seen(decision.ticket, scene, now, now_told, event, party), **was}
    hits = [when for when in scene.policy.when if event in when.event and holds(when.given, view)]
    decision = _reacted(decision, hits, scene, now, view, cause)
    for when in hits if depth < DEEPEST else ():
        if when.raises:
            after = followed(replace(decision, event=when.raises), scene, now, now_told, cause=cause, depth=depth + 1)
            decision = replace(after, event=event)
    return decision


def _changed(
    decision: Decision, scene: Scene, told: Mapping[str, Any], view: Mapping[str, Any]
) -> tuple[Decision, Mapping[str, Any], Scene]:
    """The ticket after the pack's [[change]] entries, what is told then, and the scene with what is remembered of the seller."""
    ticket, facts, marks = decision.ticket, dict(told), dict(decision.marks)
    for change in scene.policy.change:
        if decision.event not in change.event or not holds(change.given, view):
            continue
        for name, value in change.sets.items():
            value = _value(value, view)
            if name == "state":
                ticket = replace(ticket, state=str(value)) if ticket else None
            elif name == "kind":
                ticket = replace(ticket, kind=str(value)) if ticket else None
            else:
                facts[name] = value
                ticket = replace(ticket, facts={**ticket.facts, name: value}) if ticket else None
        marks |= {name: _value(value, view) for name, value in change.marks.items()}
    kept = {name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in marks.items()}
    return replace(decision, ticket=ticket, marks=marks), facts, replace(scene, marks={**scene.marks, **kept})


def _value(value: Any, view: Mapping[str, Any]) -> Any:
    return view.get(value.removeprefix("fact:")) if isinstance(value, str) and value.startswith("fact:") else value


def _reacted(decision: Decision, hits: list[When], scene: Scene, now: datetime, view: Mapping[str, Any], cause: str) -> Decision:
    ticket = _tagged(decision.ticket, (when.tag for when in hits))
    effects = [_effect(when, view, cause) for when in hits if when.effect]
    orders = [_ordered(when, decision, scene, view, cause) for when in hits if when.do]
    if effects:
        orders = [replace(order, after_effect=True) for order in orders]
    strikes = [Strike(when.strike, now, ticket.number if ticket else None) for when in hits if when.strike]
    entries = (*decision.entries, *(order_entry(order, now) for order in (*effects, *orders)))
    decision = replace(decision, ticket=ticket, orders=(*decision.orders, *effects, *orders), entries=entries)
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
            offers=takeover_links(scene),
        )
        for hit in sounding(scene.policy, scene.strikes, new, scene.calendar(now))
    )
    entries = (*decision.entries, *(order_entry(order, now) for order in alarms))
    return replace(decision, strikes=(*decision.strikes, *new), orders=(*decision.orders, *alarms), entries=entries)


def takeover_links(scene: Scene) -> tuple[tuple[str, str], ...]:
    """(action, label) of what a human may decide about this seller, where the pack knows it (D-29)."""
    known = {name for command in scene.policy.command for name in command.name}
    seller = scene.seller.id if scene.seller else ""
    return tuple((f"{name}.{seller}", name) for name in ("take_over", "leave") if name in known and seller)


def _told(strike: Strike) -> tuple[datetime, str, str | None]:
    return strike.at, strike.kind, f"MG-{strike.ticket}" if strike.ticket else None


def order_entry(order: Order, now: datetime) -> Entry:
    """The audit log's line for a notice or an effect: what was done, to which roles."""
    data = {"roles": sorted((*order.to, *order.cc)), "say": dict(order.say), "action": True, "cause": order.cause}
    if order.effect or order.courtesy:
        data["effect" if order.effect else "courtesy"] = True
    return Entry(order.effect or order.notice, now, data if order.ticket else {**data, "ticket": None})


def _clocks_moved(
    decision: Decision, scene: Scene, now: datetime, view: Mapping[str, Any], about: tuple[str, str | None]
) -> Decision:
    ticket, (cause, returned) = decision.ticket, about
    if ticket is None:
        return decision
    mine = clocks.About(f"ticket:{ticket.number}", scene.calendar(now), cause or None, returned, view)
    moved: tuple[Clock, ...] = ()
    entries = decision.entries
    for name, spec in scene.policy.clocks.items():
        if scene.taken_over(name) and any(one.event == decision.event for one in spec.starts):
            continue
        changed, verb = clocks.moved(ticket.clock(name), spec, name, decision.event, now, mine)
        moved += changed
        if changed:
            entries += (_move_entry(changed[-1], verb, now, scene.policy, (decision.event, cause)),)
    ticket = with_clocks(ticket, moved, scene.policy)
    return replace(decision, ticket=ticket, clocks=_merged(decision.clocks, moved), entries=entries)


def _merged(old: Iterable[Clock], new: Iterable[Clock]) -> tuple[Clock, ...]:
    """The clocks to write, each once, as it is last."""
    return tuple({(clock.name, clock.episode): clock for clock in (*old, *new)}.values())


def _withdrawn(decision: Decision, scene: Scene, now: datetime) -> Decision:
    """An answer that proves to have come before an escalation was due: whoever got that is told, and no strike remains."""
    for clock in (one for one in decision.clocks if one.state == "stopped" and one.stopped_at == now):
        for mark in clocks.fired_late(clock, now):
            step = scene.policy.step(clock.name, mark.step)
            if step is None or not is_withdrawn(clock, mark, scene.policy):
                continue
            to = scene.filled(step.to, decision.ticket)
            data = {"why": "in_time", "arrived_at": now}
            cause = f"withdrawn {clock.name} {clock.episode} {mark.step} {mark.occurrence}"
            order = Order("escalation_withdrawn", to, data=data, cause=cause)
            ticket = replace(decision.ticket, tags=decision.ticket.tags - {step.tag}) if decision.ticket else None
            decision = replace(
                decision,
                ticket=ticket,
                orders=(*decision.orders, order),
                entries=(*decision.entries, order_entry(order, now)),
                unstruck=(*decision.unstruck, step.strike) if step.strike else decision.unstruck,
            )
            decision = _unfired(decision, clock, mark, scene.policy)
    return decision


def is_withdrawn(clock: Clock, mark: Mark, policy: Policy) -> bool:
    """Does an answer take back that this step fired? Reminders stay as they were."""
    step = policy.step(clock.name, mark.step)
    return step is not None and bool(step.strike or step.tag)


def unfired(mark: Mark) -> Mark:
    """`mark` withdrawn; if it comes due once more (that answer bounces), it is its next occurrence: what was sent stays sent."""
    return replace(mark, occurrence=mark.occurrence + 1, fired_at=None)


def _unfired(decision: Decision, clock: Clock, mark: Mark, policy: Policy) -> Decision:
    """`decision` with `mark` of `clock` as if it had never fired: an answer between deadline and escalation is late (DR-08)."""
    same = (clock.name, clock.episode)
    mended = tuple(
        replace(one, marks=tuple(unfired(each) if each == mark else each for each in one.marks))
        if (one.name, one.episode) == same
        else one
        for one in decision.clocks
    )
    ticket = with_clocks(decision.ticket, mended, policy) if decision.ticket else None
    return replace(decision, ticket=ticket, clocks=mended)


def _move_entry(clock: Clock, verb: str, now: datetime, policy: Policy, why: tuple[str, str]) -> Entry:
    event, cause = why
    data: dict[str, Any] = {"clock": clock.name, "episode": clock.episode, "due": clock.due, "cause": cause}
    if verb in ("started", "restarted", "resumed", "extended") or (verb == "hastened" and _is_promised(clock, policy, event)):
        data["promises"] = tuple(promises(clock, policy))
    return Entry(f"clock_{verb}", now, data)


def _is_promised(clock: Clock, policy: Policy, event: str) -> bool:
    return any(one.event == event and one.promised for one in policy.clocks[clock.name].hastens)


def promises(clock: Clock, policy: Policy) -> Iterator[tuple[str, datetime]]:
    """The due instants that `clock` promises: its limit under its own name, and each step that has one."""
    spec = policy.clocks.get(clock.name)
    name = clock.name if spec is None or spec.promise is None else spec.promise
    if clock.due and name:
        yield name, clock.due
    for mark in clock.marks:
        step = policy.step(clock.name, mark.step)
        if step and step.promise:
            yield step.promise.replace("{n}", str(mark.occurrence)), mark.due


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


def _effect(when: When, view: Mapping[str, Any], cause: str) -> Order:
    return Order("effect", (), data={**_shown(view), "effect": when.effect}, cause=f"{when.effect} {cause}", effect=when.effect)


def _shown(view: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in view.items() if name not in PASSING or name in ("attachments", "cited_ticket")}


def _ordered(when: When, decision: Decision, scene: Scene, view: Mapping[str, Any], cause: str) -> Order:
    mine = tuple(scene.policy.author.get(decision.party, "") if role == AUTHOR else role for role in when.to)
    to = scene.filled(mine, decision.ticket) or scene.filled(when.else_to, decision.ticket)
    broken = decision.violations
    told = {**view, "missing": view.get("missing") or sorted(violation.rule for violation in broken)}
    absent = tuple(address for violation in broken if violation.rule == "reply_all" for address in violation.missing)
    order = Order(
        when.do,
        to,
        scene.filled(when.cc, decision.ticket),
        say=said(when.say, told),
        data={**_shown(view), "missing_addresses": absent, **said(when.tell, told)},
        words=when.words,
        cause=cause,
        hands=when.hands,
        attach=when.attach,
        courtesy=when.courtesy,
    )
    running = decision.ticket.clock(when.holds_while) if decision.ticket and when.holds_while else None
    return replace(order, clock=running.name, episode=running.episode) if running else order


def said(say: Mapping[str, str], told: Mapping[str, Any]) -> dict[str, Any]:
    """What a notice says beside its template's words: a text, what `fact:NAME` stands for, `lacks:A,B` of these the unknown."""
    found: dict[str, Any] = {}
    for name, value in say.items():
        kind, _, rest = value.partition(":")
        if kind == "fact":
            found[name] = told.get(rest)
        elif kind == "lacks":
            found[name] = sorted(one for one in rest.split(",") if told.get(one) in (None, "", False))
        elif kind == "ticket":
            found[name] = told.get(rest)
        else:
            found[name] = value
    return found
