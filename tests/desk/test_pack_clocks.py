"""How events move a clock (desk/clock.py): what a pause, a second limit and a later limit do to everything it promised."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from mailgate.desk.calendar import Calendar, Pauses, running
from mailgate.desk.clock import About, due_marks, fired, moved
from mailgate.desk.clock import view as clock_view
from mailgate.desk.ticket import Clock
from mailgate.desk.timed import ClockSpec

START = datetime(2026, 6, 12, 22, 30, tzinfo=UTC)  # Friday 18:30 in New York
CALENDAR = Calendar(ZoneInfo("America/New_York"))
EVENTS = {
    "starts": ["asked"], "stops": ["answered"], "voids": ["withdrawn"], "pauses": ["held"], "resumes": ["released"],
    "extends": ["extended"], "restarts": ["asked_anew"], "revives": ["came_back"],
}  # fmt: skip
LADDER = [
    {"name": "reminder", "at": ["24h", "90m"], "do": "remind"},
    {"name": "soon", "before": ["2h"], "do": "remind_before"},
    {"name": "lapse", "at_deadline": True, "raises": "lapsed"},
    {"name": "escalation", "after": "24h", "do": "escalate"},
]
minutes = st.integers(1, 6000)


def _spec(**said: Any) -> ClockSpec:
    return ClockSpec.model_validate({"runs_for": "seller", "within": "48h", "steps": LADDER, **EVENTS, **said})


def _on(clock: Clock | None, spec: ClockSpec, event: str, at: datetime, **view: Any) -> Clock | None:
    """The clock after `event`; None where it does not move."""
    about = About("ticket:1", CALENDAR, f"{event}@shop.test", view=view)
    changed, verb = moved(clock, spec, "answer", event, at, about)
    assert bool(changed) == bool(verb)
    return changed[-1] if changed else None


def _after(clock: Clock | None, spec: ClockSpec, event: str, at: datetime, **view: Any) -> Clock:
    found = _on(clock, spec, event, at, **view)
    assert found is not None, f"{event} moved nothing"
    return found


def _started(spec: ClockSpec, **view: Any) -> Clock:
    return _after(None, spec, "asked", START, **view)


def _dues(clock: Clock) -> dict[tuple[str, int], datetime]:
    return {(mark.step, mark.occurrence): mark.due for mark in clock.marks}


# -- pauses and resumes


@given(before=minutes, length=minutes)
def test_pause_moves_everything_that_has_not_fired_by_its_length(before: int, length: int) -> None:
    """G-05, KR-03: a paused clock keeps the running time that it has gathered."""
    spec, begins = _spec(), START + timedelta(minutes=before)
    clock = _started(spec)
    clock = fired(clock, due_marks(clock, begins), begins)
    paused = _after(clock, spec, "held", begins)
    assert not due_marks(paused, begins + timedelta(days=400))
    again = _after(paused, spec, "released", begins + timedelta(minutes=length))
    assert again.state == "running"
    for old, new in zip(clock.marks, again.marks, strict=True):
        late = timedelta() if old.fired_at else timedelta(minutes=length)
        assert (new.step, new.occurrence, new.due, new.fired_at) == (old.step, old.occurrence, old.due + late, old.fired_at)
    assert clock.due is not None
    assert again.due == (clock.due + timedelta(minutes=length) if before <= 48 * 60 else clock.due)


@given(spans=st.lists(st.tuples(minutes, minutes), min_size=1, max_size=4))
def test_several_pauses_add_up(spans: list[tuple[int, int]]) -> None:
    spec = _spec(within="30d", steps=[{"name": "lapse", "at_deadline": True, "raises": "lapsed"}])
    clock, now, paused = _started(spec), START, timedelta()
    for wait, length in spans:
        begins = now + timedelta(minutes=wait)
        now = begins + timedelta(minutes=length)
        assume(clock.due is not None and begins < clock.due)
        clock = _after(_after(clock, spec, "held", begins), spec, "released", now)
        paused += timedelta(minutes=length)
        assert clock.due == START + timedelta(days=30) + paused


@given(before=minutes, length=minutes)
def test_pause_over_days_that_do_not_count_takes_only_running_time(before: int, length: int) -> None:
    """G-06: with paused weekends, a pause on a Saturday costs nothing."""
    spec, begins = _spec(pause_on=["weekends"], steps=LADDER[2:3]), START + timedelta(minutes=before)
    clock = _started(spec)
    assume(clock.due is not None and begins < clock.due)
    again = _after(_after(clock, spec, "held", begins), spec, "released", begins + timedelta(minutes=length))
    assert again.due is not None
    pauses = Pauses(weekends=True, spans=again.pauses)
    assert running(START, again.due, CALENDAR, pauses) == timedelta(hours=48)
    assert again.due >= clock.due  # type: ignore[operator]


def test_answer_ends_a_pause() -> None:
    spec = _spec()
    paused = _after(_started(spec), spec, "held", START + timedelta(hours=1))
    stopped = _after(paused, spec, "answered", START + timedelta(hours=3))
    assert stopped.state == "stopped"
    assert stopped.pauses == ((START + timedelta(hours=1), START + timedelta(hours=3)),)
    assert _on(stopped, spec, "released", START + timedelta(hours=4)) is None


def test_second_pause_within_a_pause_changes_nothing() -> None:
    spec = _spec()
    paused = _after(_started(spec), spec, "held", START + timedelta(hours=1))
    assert _on(paused, spec, "held", START + timedelta(hours=2)) is None


# -- extends


@given(at=minutes, by=st.integers(-2000, 20_000))
def test_extending_moves_the_limit_to_the_instant_and_the_ladder_with_it(at: int, by: int) -> None:
    spec, now = _spec(), START + timedelta(minutes=at)
    clock = _started(spec)
    clock = fired(clock, due_marks(clock, now), now)
    assert clock.due is not None
    until = clock.due + timedelta(minutes=by)
    later = _after(clock, spec, "extended", now, until=until.isoformat())
    assert later.due == until
    for old, new in zip(clock.marks, later.marks, strict=True):
        assert new.due - old.due == (timedelta() if old.fired_at else timedelta(minutes=by))


@given(by=minutes, before=minutes, length=minutes)
def test_extension_survives_a_later_pause(by: int, before: int, length: int) -> None:
    """What was moved by hand keeps its distance."""
    spec, begins = _spec(steps=LADDER[2:]), START + timedelta(minutes=before)
    clock = _started(spec)
    assume(clock.due is not None and begins < clock.due)
    later = _after(clock, spec, "extended", START, until=(clock.due + timedelta(minutes=by)).isoformat())  # type: ignore[operator]
    again = _after(_after(later, spec, "held", begins), spec, "released", begins + timedelta(minutes=length))
    assert {key: due - _dues(clock)[key] for key, due in _dues(again).items()} == dict.fromkeys(
        _dues(clock), timedelta(minutes=by + length)
    )


def test_extending_without_an_instant_changes_nothing() -> None:
    spec = _spec()
    assert _on(_started(spec), spec, "extended", START + timedelta(hours=1)) is None


# -- hastens


@given(at=minutes, hours=st.integers(0, 100), counted=st.sampled_from(["event", "start"]))
def test_second_limit_never_makes_anything_later(at: int, hours: int, counted: str) -> None:
    """MR-03: the earlier of both limits counts."""
    spec, now = _spec(hastens=[{"event": "critical", "within": f"{hours}h", "from": counted}]), START + timedelta(minutes=at)
    clock = _started(spec)
    clock = fired(clock, due_marks(clock, now), now)
    hastened = _after(clock, spec, "critical", now)
    begun = now if counted == "event" else START
    assert clock.due is not None
    assert hastened.due == min(clock.due, max(now, begun + timedelta(hours=hours)))
    assert _dues(hastened).keys() == _dues(clock).keys()
    assert all(due <= _dues(clock)[key] for key, due in _dues(hastened).items())
    kept = [(mark.step, mark.occurrence, mark.due, mark.fired_at) for mark in clock.marks if mark.fired_at]
    assert kept == [(mark.step, mark.occurrence, mark.due, mark.fired_at) for mark in hastened.marks if mark.fired_at]


def test_limit_that_is_past_comes_due_at_once() -> None:
    """CR-06: `0m`."""
    spec = _spec(hastens=[{"event": "critical", "within": "0m"}], steps=LADDER[2:3])
    now = START + timedelta(hours=5)
    hastened = _after(_started(spec), spec, "critical", now)
    assert [mark.step for mark in due_marks(hastened, now)] == ["lapse"]


# -- lengths, conditions, the other moves


@pytest.mark.parametrize(("view", "hours"), [({"critical": True}, 24), ({"critical": False}, 48), ({}, 48)])
def test_first_length_that_fits_counts(view: dict[str, Any], hours: int) -> None:
    spec = _spec(lengths=[{"is": "24h", "if": {"critical": True}}])
    assert _started(spec, **view).due == START + timedelta(hours=hours)


def test_clock_whose_conditions_fail_or_that_promises_nothing_does_not_start() -> None:
    assert _on(None, _spec(**{"if": {"kind": "refund"}}), "asked", START, kind="support") is None
    bare = _spec(within="", lengths=[{"is": "24h", "if": {"critical": True}}], steps=LADDER[2:3])
    assert _on(None, bare, "asked", START) is None


def test_step_that_conditions_exclude_never_comes() -> None:
    spec = _spec(steps=[{**LADDER[0], "if": {"kind": {"not": "complaint"}}}, LADDER[2]])
    assert {mark.step for mark in _started(spec, kind="complaint").marks} == {"lapse"}
    assert {mark.step for mark in _started(spec, kind="request").marks} == {"reminder", "lapse"}


def test_restart_voids_the_running_episode_and_begins_the_next() -> None:
    spec = _spec(starts=["asked", "asked_anew"])
    clock = _started(spec)
    assert _on(clock, spec, "asked", START + timedelta(hours=1)) is None
    (old, new), verb = moved(clock, spec, "answer", "asked_anew", START + timedelta(hours=1), About("ticket:1", CALENDAR, "m"))
    assert (verb, old.state, new.episode, new.due) == ("restarted", "void", 2, START + timedelta(hours=49))


def test_revived_clock_has_the_due_instants_it_had() -> None:
    """D-14: the answer that stopped it came back."""
    spec = _spec()
    clock = _started(spec)
    stopped = _after(clock, spec, "answered", START + timedelta(hours=3))
    about = About("ticket:1", CALENDAR, "report@shop.test", bounced_id="answered@shop.test")
    ((revived,), verb) = moved(stopped, spec, "answer", "came_back", START + timedelta(hours=4), about)
    assert (verb, revived.state, revived.due, revived.marks) == ("revived", "running", clock.due, clock.marks)


@pytest.mark.parametrize(
    ("hours", "outcome", "late"), [(47, ("met", "met"), False), (48, ("met", "met"), False), (49, ("missed", "breached"), True)]
)
def test_outcome_says_whether_the_promise_was_kept(hours: int, outcome: tuple[str, str], late: bool) -> None:
    """G-05: at the very instant is in time."""
    spec = _spec()
    seen = clock_view(_after(_started(spec), spec, "answered", START + timedelta(hours=hours)))
    assert (seen["answer.outcome"], seen["answer.kept"]) == outcome
    assert seen["answer.late"] is late


@pytest.mark.parametrize(
    ("mode", "due"),
    [
        ("ignore", "2026-06-14T18:30"),
        ("defer_start", "2026-06-15T00:00"),
        ("defer_same_time", "2026-06-15T18:30"),
        ("pause", "2026-06-16T18:30"),
    ],
)
def test_limit_on_a_weekend_is_what_the_clock_says(mode: str, due: str) -> None:
    """CR-01: 48 hours from Friday evening end on Sunday."""
    clock = _started(_spec(on_weekend=mode, steps=LADDER[2:3]))
    assert clock.due == datetime.fromisoformat(due).replace(tzinfo=CALENDAR.zone)
    assert [mark.due for mark in clock.marks] == [clock.due]
