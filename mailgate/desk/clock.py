"""How a clock moves: which event starts, stops, voids or revives it, and which of its steps are due.

A clock is a value; every function returns a new one. Due instants are worked out when a clock starts
and kept as they are: what was promised does not move because a holiday list changed later.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from mailgate.desk.calendar import Calendar, Pauses, add, after_weekend
from mailgate.desk.choice import WEEKDAYS
from mailgate.desk.holiday import holiday_dates
from mailgate.desk.pack import ClockSpec, Policy, Step
from mailgate.desk.party import Desk, Seller
from mailgate.desk.ticket import Clock, Mark


@dataclass(frozen=True)
class About:
    """What a move is about: whose clock, by which message, in which calendar; and which message came back."""

    subject: str
    calendar: Calendar
    message_id: str | None
    bounced_id: str | None = None


def local_calendar(policy: Policy, desk: Desk, seller: Seller | None, now: datetime) -> Calendar:
    """The calendar that this policy's durations use for `seller`: his zone and holidays, else the desk's (G-08)."""
    zone = ZoneInfo((seller.zone if seller else "") or desk.zone)
    days = frozenset(seller.holidays) if seller else frozenset()
    if seller and seller.calendar:
        days |= holiday_dates(seller.calendar, range(now.year - 1, now.year + 3))
    weekend = frozenset(WEEKDAYS.index(day) for day in policy.hours.weekend)
    return Calendar(zone=zone, weekend=weekend, holidays=days)


def start(name: str, spec: ClockSpec, subject: str, episode: int, at: datetime, calendar: Calendar) -> Clock:
    """A clock that runs from `at`, its limit and every step of its ladder worked out (G-02…G-06, D-19…D-22)."""
    pauses = Pauses(weekends="weekends" in spec.pause_on, holidays="holidays" in spec.pause_on)
    due = add(at, spec.within, calendar, pauses)
    marks = tuple(_marks(spec, at, due, calendar, pauses))
    return Clock(subject, name, episode, "running", at, due, marks)


def _marks(spec: ClockSpec, at: datetime, due: datetime | None, calendar: Calendar, pauses: Pauses) -> tuple[Mark, ...]:
    anchors: dict[str, datetime | None] = {"start": at, "deadline": due}
    marks: list[Mark] = []
    end: datetime | None = None
    for step in spec.steps:
        found = sorted(instant for instant in _instants(step, at, anchors, calendar, pauses) if instant)
        if found:
            anchors[f"first_{step.name}"], anchors[f"last_{step.name}"] = found[0], found[-1]
        marks += [Mark(step.name, number, instant) for number, instant in enumerate(found, 1)]
        if step.last and found:
            end = found[-1]
    return tuple(mark for mark in marks if end is None or mark.due <= end)


def _instants(
    step: Step, at: datetime, anchors: Mapping[str, datetime | None], calendar: Calendar, pauses: Pauses
) -> Iterator[datetime | None]:
    """When `step` comes due. One that counts from a step that does not exist counts from the deadline (DR-01)."""
    for length in step.at[: step.at_most]:
        yield _shifted(add(at, length, calendar, pauses), step, calendar)
    if step.after:
        anchor = anchors.get(step.of) or anchors["deadline"]
        floor = anchors.get(step.not_before)
        if anchor and floor:
            anchor = max(anchor, floor)
        if anchor:
            yield _shifted(add(anchor, step.after, calendar, pauses), step, calendar)


def _shifted(instant: datetime | None, step: Step, calendar: Calendar) -> datetime | None:
    if instant is None or step.on_weekend == "ignore":
        return instant
    return after_weekend(instant, calendar, step.on_weekend)


def moved(
    current: Clock | None, spec: ClockSpec, name: str, event: str, at: datetime, about: About
) -> tuple[tuple[Clock, ...], str]:
    """The clocks that `event` at `at` changes, and the verb for it: started, restarted, stopped, voided, revived, or ""."""
    if event in spec.starts:
        if current is None or current.state in ("stopped", "void"):
            return (_begun(current, spec, name, at, about),), "started"
        if event in spec.restarts:
            ended = replace(current, state="void", stopped_at=at)
            return (ended, _begun(current, spec, name, at, about)), "restarted"
    if current is None:
        return (), ""
    if event in spec.renews and current.state == "void":
        return (_begun(current, spec, name, at, replace(about, message_id=current.for_message)),), "started"
    if event in spec.stops and current.state in ("running", "paused", "void"):
        return (replace(current, state="stopped", stopped_at=at, stopped_by=about.message_id),), "stopped"
    if event in spec.voids and current.running and current.for_message == about.bounced_id:
        return (replace(current, state="void", stopped_at=at),), "voided"
    if event in spec.revives and current.state == "stopped" and current.stopped_by == about.bounced_id:
        return (replace(current, state="running", stopped_at=None, stopped_by=None),), "revived"
    return (), ""


def _begun(current: Clock | None, spec: ClockSpec, name: str, at: datetime, about: About) -> Clock:
    episode = current.episode + 1 if current else 1
    clock = start(name, spec, about.subject, episode, at, about.calendar)
    return replace(clock, for_message=about.message_id)


def due_marks(clock: Clock, now: datetime) -> tuple[Mark, ...]:
    """The steps of `clock` that should have fired by `now` and have not, in due order (a level, not an edge)."""
    if not clock.running:
        return ()
    waiting = [mark for mark in clock.marks if mark.fired_at is None and mark.due <= now]
    return tuple(sorted(waiting, key=lambda mark: mark.due))


def fired(clock: Clock, marks: tuple[Mark, ...], now: datetime) -> Clock:
    """`clock` with `marks` noted as fired at `now`."""
    keys = {(mark.step, mark.occurrence) for mark in marks}
    noted = tuple(replace(m, fired_at=now) if (m.step, m.occurrence) in keys else m for m in clock.marks)
    return replace(clock, marks=noted)


def fired_late(clock: Clock, at: datetime) -> tuple[Mark, ...]:
    """Steps that fired although an answer had arrived at `at`, before they were due (design: escalation_withdrawn)."""
    return tuple(mark for mark in clock.marks if mark.fired_at and mark.due >= at)


def view(clock: Clock) -> dict[str, Any]:
    """What conditions and `[shows]` may ask of a clock, under `NAME.late`, `NAME.fired.STEP`, `NAME.reached.STEP`."""
    late = clock.stopped_at > clock.due if clock.state == "stopped" and clock.stopped_at and clock.due else None
    seen: dict[str, Any] = {f"{clock.name}.late": late, f"{clock.name}.state": clock.state}
    for step in {mark.step for mark in clock.marks}:
        count = sum(1 for mark in clock.marks if mark.step == step and mark.fired_at)
        seen[f"{clock.name}.fired.{step}"] = count
        seen[f"{clock.name}.reached.{step}"] = count > 0
    return seen
