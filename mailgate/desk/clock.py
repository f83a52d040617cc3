"""How a clock moves: which event starts, stops, pauses, hastens, voids or revives it, and which of its steps are due.

A clock is a value; every function returns a new one. Due instants are worked out when a clock starts, or when an event moves
them, and kept as they are: what was promised does not move because a holiday list changed later.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from mailgate.desk.calendar import Calendar, Duration, Pauses, add, after_weekend, roll, running
from mailgate.desk.choice import WEEKDAYS
from mailgate.desk.facts import holds
from mailgate.desk.holiday import holiday_dates
from mailgate.desk.pack import Policy
from mailgate.desk.party import Desk, Seller
from mailgate.desk.ticket import Clock, Mark
from mailgate.desk.timed import Alternative, ClockSpec, Step, Trigger

Spans = tuple[tuple[datetime, datetime | None], ...]


@dataclass(frozen=True)
class About:
    """What a move is about: whose clock, by which message, in which calendar, what is known; and which message came back."""

    subject: str
    calendar: Calendar
    message_id: str | None
    bounced_id: str | None = None
    view: Mapping[str, Any] = field(default_factory=dict)


def local_calendar(policy: Policy, desk: Desk, seller: Seller | None, now: datetime) -> Calendar:
    """The calendar that this policy's durations use: the seller's zone and holidays, else the desk's (G-08)."""
    hours = policy.hours
    whose = desk if hours.zone_of == "desk" or seller is None else seller
    days = frozenset(whose.holidays)
    if whose.calendar:
        days |= holiday_dates(whose.calendar, range(now.year - 1, now.year + 3))
    return Calendar(
        zone=ZoneInfo(whose.zone or desk.zone),
        weekend=frozenset(WEEKDAYS.index(day) for day in hours.weekend),
        holidays=days,
        work_start=hours.start,
        work_end=hours.closes,
        business_holidays=hours.business_holidays,
    )


def start(
    name: str,
    spec: ClockSpec,
    subject: str,
    episode: int,
    at: datetime,
    calendar: Calendar,
    view: Mapping[str, Any] | None = None,
) -> Clock:
    """A clock that runs from `at`, its limit and every step of its ladder worked out (G-02…G-06, D-19…D-22)."""
    due, marks = _planned(spec, at, calendar, view or {}, ())
    return Clock(subject, name, episode, "running", at, due, marks)


@dataclass(frozen=True)
class _Plan:
    """What the instants of one clock are worked out from."""

    spec: ClockSpec
    at: datetime
    calendar: Calendar
    pauses: Pauses
    view: Mapping[str, Any] = field(default_factory=dict)

    def limit(self, length: Alternative) -> datetime | None:
        """When `length` is over, moved off the weekend and to a business day as the clock says."""
        due = add(self.at, length.within, self.calendar, self.pauses)
        if due is None:
            return None
        due = after_weekend(due, self.calendar, length.on_weekend or self.spec.on_weekend)
        by_days = length.within.running is None  # elapsed time is not counted in days (MR-05)
        return roll(due, self.calendar) if by_days and self.spec.roll == "next_business_day" else due


def _planned(
    spec: ClockSpec, at: datetime, calendar: Calendar, view: Mapping[str, Any], spans: Spans
) -> tuple[datetime | None, tuple[Mark, ...]]:
    """(the limit, the steps) of a clock that runs from `at`, but for `spans`."""
    length = _length(spec, view)
    mode = (length.on_weekend if length else None) or spec.on_weekend
    pauses = Pauses(weekends="weekends" in spec.pause_on or mode == "pause", holidays="holidays" in spec.pause_on, spans=spans)
    plan = _Plan(spec, at, calendar, pauses, view)
    due = plan.limit(length) if length else None
    return due, tuple(_marks(plan, due))


def _length(spec: ClockSpec, view: Mapping[str, Any]) -> Alternative | None:
    """The first length whose conditions hold, else the plain one."""
    plain = (Alternative.model_validate({"is": spec.within}),) if spec.within else ()
    return next((one for one in (*spec.lengths, *plain) if holds(one.given, view)), None)


def _marks(plan: _Plan, due: datetime | None) -> Iterator[Mark]:
    anchors: dict[str, datetime | None] = {"start": plan.at, "deadline": due}
    marks: list[Mark] = []
    end: datetime | None = None
    for step in (one for one in plan.spec.steps if holds(one.given, plan.view)):
        found = sorted(instant for instant in _instants(step, plan, anchors) if instant)
        if found:
            anchors[f"first_{step.name}"], anchors[f"last_{step.name}"] = found[0], found[-1]
        marks += [Mark(step.name, number, instant) for number, instant in enumerate(found, 1)]
        if step.last and found:
            end = found[-1]
    return (mark for mark in marks if end is None or mark.due <= end)


def _instants(step: Step, plan: _Plan, anchors: Mapping[str, datetime | None]) -> Iterator[datetime | None]:
    """When `step` comes due. One that counts from a step that does not exist counts from the deadline (DR-01)."""
    due = anchors["deadline"]
    if step.at_deadline:
        yield due
    for length in step.at[: step.at_most]:
        yield _shifted(add(plan.at, length, plan.calendar, plan.pauses), step, plan.calendar)
    for length in step.before:
        yield _before(due, length, plan)
    if step.after:
        anchor = anchors.get(step.of) or due
        floor = anchors.get(step.not_before)
        if anchor and floor:
            anchor = max(anchor, floor)
        if anchor:
            yield _shifted(add(anchor, step.after, plan.calendar, plan.pauses), step, plan.calendar)


def _before(due: datetime | None, length: Duration, plan: _Plan) -> datetime | None:
    """`length` of running time before the limit, never before the start (MR-07)."""
    if due is None or length.running is None:
        return None
    left = running(plan.at, due, plan.calendar, plan.pauses) - length.running
    if left <= timedelta():
        return plan.at
    return _after(plan.at, left, plan)


def _after(at: datetime, left: timedelta, plan: _Plan) -> datetime | None:
    minutes, rest = divmod(left, timedelta(minutes=1))
    found = add(at, Duration(minutes, "m"), plan.calendar, plan.pauses)
    return found + rest if found else None


def _shifted(instant: datetime | None, step: Step, calendar: Calendar) -> datetime | None:
    return after_weekend(instant, calendar, step.on_weekend) if instant else None


def moved(
    current: Clock | None, spec: ClockSpec, name: str, event: str, at: datetime, about: About
) -> tuple[tuple[Clock, ...], str]:
    """The clocks that `event` at `at` changes, and the verb for it: started, stopped, paused, … or ""."""
    move = _Move(current, spec, name, event, at, about)
    if move.hit(spec.starts) and holds(spec.given, about.view) and move.promises_anything():
        if current is None or current.state in ("stopped", "void"):
            return (move.begun(),), "started"
        if move.hit(spec.restarts):
            return (replace(current, state="void", stopped_at=at), move.begun()), "restarted"
    if current is None:
        return (), ""
    for verb, change in _CHANGES:
        changed = change(move, current)
        if changed is not None:
            return (changed,), verb
    return (), ""


@dataclass(frozen=True)
class _Move:
    """One event at one clock."""

    current: Clock | None
    spec: ClockSpec
    name: str
    event: str
    at: datetime
    about: About

    def hit(self, triggers: Iterable[Trigger]) -> bool:
        """True if one of the triggers waits for this event, under conditions that hold."""
        return any(one.event == self.event and holds(one.given, self.about.view) for one in triggers)

    def promises_anything(self) -> bool:
        """False where no length holds and no step comes: such a clock is not started."""
        due, marks = _planned(self.spec, self.at, self.about.calendar, self.about.view, ())
        return bool(due or marks)

    def begun(self) -> Clock:
        """The clock's next episode, from now."""
        episode = self.current.episode + 1 if self.current else 1
        clock = start(self.name, self.spec, self.about.subject, episode, self.at, self.about.calendar, self.about.view)
        return replace(clock, for_message=self.about.message_id)


def _renewed(move: _Move, clock: Clock) -> Clock | None:
    if not (move.hit(move.spec.renews) and clock.state == "void"):
        return None
    return replace(move.begun(), for_message=clock.for_message)


def _stopped(move: _Move, clock: Clock) -> Clock | None:
    if not (move.hit(move.spec.stops) and clock.state in ("running", "paused", "void")):
        return None
    return replace(_ended(clock, move.at), state="stopped", stopped_at=move.at, stopped_by=move.about.message_id)


def _voided(move: _Move, clock: Clock) -> Clock | None:
    """After a bounce only if what came back is the mail that the clock waits for; after any other event at once."""
    returned = move.about.bounced_id
    if not move.hit(move.spec.voids) or clock.state not in ("running", "paused") or returned not in (None, clock.for_message):
        return None
    return replace(_ended(clock, move.at), state="void", stopped_at=move.at)


def _revived(move: _Move, clock: Clock) -> Clock | None:
    if not (move.hit(move.spec.revives) and clock.state == "stopped" and clock.stopped_by == move.about.bounced_id):
        return None
    return replace(clock, state="running", stopped_at=None, stopped_by=None)


def _paused(move: _Move, clock: Clock) -> Clock | None:
    if not (move.hit(move.spec.pauses) and clock.running):
        return None
    return replace(clock, state="paused", pauses=(*clock.pauses, (move.at, None)))


def _ended(clock: Clock, at: datetime) -> Clock:
    """`clock` with its open pause closed."""
    return replace(clock, pauses=tuple((begins, ends or at) for begins, ends in clock.pauses))


def _resumed(move: _Move, clock: Clock) -> Clock | None:
    """The clock runs on, its instants worked out without the pause; where an event had moved them, they move by its length."""
    if not (move.hit(move.spec.resumes) and clock.state == "paused"):
        return None
    after = replace(_ended(clock, move.at), state="running")
    spans = tuple((begins, ends) for begins, ends in clock.pauses if ends)
    before, _ = _planned(move.spec, clock.started_at, move.about.calendar, move.about.view, spans)
    if clock.due == before:
        due, marks = _planned(move.spec, clock.started_at, move.about.calendar, move.about.view, after.pauses)
        return replace(after, due=due, marks=_kept(clock, marks))
    paused = move.at - clock.pauses[-1][0]
    later = tuple(mark if mark.fired_at else replace(mark, due=mark.due + paused) for mark in clock.marks)
    return replace(after, due=clock.due + paused if clock.due else None, marks=later)


def _hastened(move: _Move, clock: Clock) -> Clock | None:
    """A second limit, if it is earlier; what is then past comes due at once (MR-03, CR-06)."""
    rule = next((one for one in move.spec.hastens if move.hit((one,))), None)
    if rule is None or not clock.running:
        return None
    begun = move.at if rule.counted_from == "event" else clock.started_at
    spec = move.spec.model_copy(update={"on_weekend": rule.on_weekend, "lengths": (), "within": rule.within})
    limit, _ = _planned(spec, begun, move.about.calendar, move.about.view, ())
    due = min((one for one in (clock.due, max(limit, move.at) if limit else None) if one), default=None)
    return _with_due(move, clock, due)


def _extended(move: _Move, clock: Clock) -> Clock | None:
    """The limit moves to the instant that the fact `until` names, and the whole ladder with it (DR-11)."""
    until = move.about.view.get("until")
    if not move.hit(move.spec.extends) or clock.state not in ("running", "paused") or not until or clock.due is None:
        return None
    by = datetime.fromisoformat(str(until)).astimezone(UTC) - clock.due
    later = tuple(replace(mark, due=mark.due + by) if mark.fired_at is None else mark for mark in clock.marks)
    return replace(clock, due=clock.due + by, marks=later)


def _with_due(move: _Move, clock: Clock, due: datetime | None) -> Clock:
    mode = move.spec.on_weekend == "pause"
    spans = tuple((begins, ends) for begins, ends in clock.pauses if ends)
    pauses = Pauses(weekends="weekends" in move.spec.pause_on or mode, holidays="holidays" in move.spec.pause_on, spans=spans)
    marks = tuple(_marks(_Plan(move.spec, clock.started_at, move.about.calendar, pauses, move.about.view), due))
    return replace(clock, due=due, marks=_kept(clock, marks))


def _kept(clock: Clock, marks: Iterable[Mark]) -> tuple[Mark, ...]:
    """`marks`, but those that have fired already as they were, and the others under the numbers that they had."""
    old = {step: iter([mark for mark in clock.marks if mark.step == step]) for step in {mark.step for mark in clock.marks}}
    pairs = ((mark, next(old.get(mark.step, iter(())), mark)) for mark in marks)
    return tuple(was if was.fired_at else replace(mark, occurrence=was.occurrence) for mark, was in pairs)


_CHANGES: tuple[tuple[str, Callable[[_Move, Clock], Clock | None]], ...] = (
    ("started", _renewed),
    ("stopped", _stopped),
    ("voided", _voided),
    ("revived", _revived),
    ("paused", _paused),
    ("resumed", _resumed),
    ("hastened", _hastened),
    ("extended", _extended),
)


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
    """What conditions and `[shows]` may ask of a clock: `NAME.late`, `.state`, `.outcome`, `.kept`, `.lapsed`, `.fired.STEP`…"""
    late = clock.stopped_at > clock.due if clock.state == "stopped" and clock.stopped_at and clock.due else None
    lapsed = any(mark.fired_at and clock.due and mark.due >= clock.due for mark in clock.marks)
    outcome = "missed" if late or lapsed else "met" if clock.state == "stopped" else "pending"
    name = clock.name
    seen: dict[str, Any] = {
        f"{name}.late": late,
        f"{name}.state": clock.state,
        f"{name}.lapsed": lapsed,
        f"{name}.outcome": outcome,
    }
    seen[f"{name}.kept"] = "breached" if outcome == "missed" else outcome
    for step in {mark.step for mark in clock.marks}:
        count = sum(1 for mark in clock.marks if mark.step == step and mark.fired_at)
        seen[f"{name}.fired.{step}"] = count
        seen[f"{name}.reached.{step}"] = count > 0
    return seen
