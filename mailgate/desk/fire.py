"""What the due steps of a clock cause: one notice that names them all, an event, a tag, a strike."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from mailgate.desk import clock as clocks
from mailgate.desk.decision import Decision, Order, Scene
from mailgate.desk.follow import followed, said, struck, with_clocks
from mailgate.desk.standing import Strike
from mailgate.desk.ticket import Clock, Entry, Mark, Ticket
from mailgate.desk.timed import Step
from mailgate.desk.view import seen


def fired(ticket: Ticket, clock: Clock, marks: tuple[Mark, ...], scene: Scene, now: datetime) -> Decision:
    """What the due `marks` of one step of `clock` cause at `now`."""
    step = scene.policy.step(clock.name, marks[0].step)
    if step is None:
        return Decision("step_unknown", ticket=ticket)
    after = clocks.fired(clock, marks, now)
    ticket = with_clocks(ticket, (after,), scene.policy)
    ticket = replace(ticket, tags=ticket.tags | {step.tag}) if step.tag else ticket
    decision = Decision(step.do or step.raises, "timer", ticket, clocks=(after,), seller=scene.seller)
    if step.raises:  # first what it changes, so that its notice tells how things stand then
        cause = f"{clock.name} {clock.episode} {step.name} {marks[-1].occurrence}"
        raised = followed(replace(decision, event=step.raises), scene, now, {}, cause=cause)
        entry = Entry(step.raises, now, {"by": "timer", "clock": clock.name})
        decision = replace(raised, event=decision.event, entries=(entry, *raised.entries))
    if step.do:
        decision = _told(decision, clock, marks, step, scene, now)
    return struck(decision, scene, now, (Strike(step.strike, now, ticket.number),)) if step.strike else decision


def _told(decision: Decision, clock: Clock, marks: tuple[Mark, ...], step: Step, scene: Scene, now: datetime) -> Decision:
    ticket = decision.ticket
    to = scene.filled(step.to, ticket) or scene.filled(step.else_to, ticket)
    cc = scene.filled(step.cc, ticket)
    also = _also(step, scene, ticket, now)
    numbers = tuple(mark.occurrence for mark in marks)
    view = seen(ticket, scene, now, {}, decision.event, "timer")
    order = Order(
        step.do,
        (*to, *also),
        cc,
        say={name: value for name, value in said(step.say, view).items() if name != "n"},
        data={"numbers": numbers, "step": step, **view},
        words=step.words,
        clock=clock.name,
        episode=clock.episode,
        step=step.name,
        occurrences=numbers,
    )
    roles = (*to, *also, *cc)
    entries = tuple(_step_entry(step, mark, clock, roles, {**view, "now": now}) for mark in marks)
    return replace(decision, orders=(*decision.orders, order), entries=(*decision.entries, *entries))


def _step_entry(step: Step, mark: Mark, clock: Clock, roles: tuple[str, ...], view: dict[str, Any]) -> Entry:
    say: dict[str, Any] = {"n": mark.occurrence} if step.at or "n" in step.say else {}
    say |= {name: value for name, value in said(step.say, view).items() if name != "n"}
    if step.before:
        say["before"] = str(step.before[mark.occurrence - 1]) if len(step.before) >= mark.occurrence else ""
    if step.tag:
        say["tag"] = step.tag
    data = {"roles": sorted(roles), "say": say, "clock": clock.name, "episode": clock.episode, "fired_at": view["now"]}
    return Entry(step.do, mark.due, {**data, "step": step.name, "occurrence": mark.occurrence, "action": True})


def _also(step: Step, scene: Scene, ticket: Ticket | None, now: datetime) -> tuple[str, ...]:
    """Further readers: the backup on a day the seller declared off, or while he is away (D-38)."""
    today = scene.calendar(now).local(now).date()
    seller = scene.seller
    true = set()
    said = [scene.marks.get(name, "") for name in ("away_from", "away_until")]
    by_mail = all(said) and said[0] <= today.isoformat() <= said[1]
    if seller and (scene.away or by_mail or any(absence.first <= today <= absence.last for absence in seller.absences)):
        true.add("seller_away")
    if seller and scene.calendar(now).is_holiday(today):
        true.add("seller_holiday")
    return scene.filled(tuple(also.to for also in step.also if true & set(also.when)), ticket)
