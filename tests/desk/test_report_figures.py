"""Response times and the instants of agendas and reports, for any input (docs/rules.md D-05, D-37, G-04, G-15)."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from mailgate.desk.report import months, percentile, weeks
from mailgate.desk.round import REPORT, Round, last_at, moved, next_at, went
from mailgate.desk.ticket import Clock

TIMES = st.lists(st.timedeltas(timedelta(), timedelta(days=60)), min_size=1, max_size=60)
ZONES = st.sampled_from(["UTC", "America/New_York", "Europe/Berlin", "Asia/Tehran", "Australia/Lord_Howe", "America/Sao_Paulo"])
INSTANTS = st.integers(0, 6 * 366 * 24 * 60).map(lambda minutes: datetime(2024, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes))
ROUNDS = st.builds(
    Round,
    st.just("agenda"),
    st.builds(time, st.integers(0, 23), st.sampled_from((0, 15, 30, 59))),
    ZONES.map(ZoneInfo),
    st.sampled_from((None, 0, 2, 6)),
)


@given(TIMES, st.integers(1, 100))
def test_percentile_is_the_shortest_time_within_which_so_many_lie(took: list[timedelta], percent: int) -> None:
    """D-05: nearest rank, by its definition; no shorter one of the times will do."""
    found = percentile(took, percent)
    assert found in took

    def share(limit: timedelta) -> int:
        return 100 * sum(1 for one in took if one <= limit)

    assert share(found) >= percent * len(took)
    assert all(share(one) < percent * len(took) for one in took if one < found)


@given(TIMES)
def test_percentiles_never_fall(took: list[timedelta]) -> None:
    """D-05: p50 <= p90 <= the longest, whatever the order of the answers."""
    rising = [percentile(took, percent) for percent in (1, 50, 90, 100)]
    assert rising == sorted(rising) == [percentile(took[::-1], percent) for percent in (1, 50, 90, 100)]
    assert rising[-1] == max(took)


def test_no_answers_took_no_time() -> None:
    assert percentile([], 90) is None


@given(ROUNDS, INSTANTS)
def test_round_comes_once_a_local_day_whatever_the_clocks_do(comes: Round, now: datetime) -> None:
    """G-04, G-15: from one instant to the next it is one local day, or seven; none lies between."""
    due, last = next_at(comes, now, after=True), last_at(comes, now)
    assert last <= now < due
    days = (due.astimezone(comes.zone).date() - last.astimezone(comes.zone).date()).days
    assert days == (1 if comes.weekday is None else 7)
    assert next_at(comes, last, after=True) == due
    assert next_at(comes, due) == due


@given(ROUNDS, INSTANTS, st.timedeltas(timedelta(), timedelta(days=40)))
def test_round_that_waited_long_goes_once_and_is_next_due_after_now(comes: Round, now: datetime, outage: timedelta) -> None:
    """Design: a level, not an edge; an outage of any length is one step."""
    (clock,) = moved(None, comes, "agenda:desk/acme", now)
    awake = clock.marks[-1].due + outage
    after = went(clock, comes, awake)
    assert [one.occurrence for one in after.marks] == [1, 2]
    assert after.next_due_at is not None
    assert after.next_due_at > awake
    assert after.next_due_at == next_at(comes, awake, after=True)


@given(ROUNDS, ROUNDS, INSTANTS)
def test_round_that_is_planned_anew_leaves_one_clock_running(before: Round, after: Round, now: datetime) -> None:
    """A reload sets what changed, and nothing else."""
    (old,) = moved(None, before, "agenda:desk/acme", now)
    changed = moved(old, after, old.subject, now)
    clocks: dict[int, Clock] = {one.episode: one for one in (old, *changed)}
    assert sum(1 for one in clocks.values() if one.running) == 1
    assert (changed == ()) == (before.plan == after.plan)


@given(INSTANTS, st.sampled_from(["America/New_York", "Asia/Tehran"]).map(ZoneInfo))
def test_weeks_of_a_report_are_seven_local_days_each_and_meet(now: datetime, zone: ZoneInfo) -> None:
    """D-37: the week before the report's day, and the one before that; midnights by the wall clock."""
    comes = Round(REPORT, time(8), zone, 0)
    week, before = weeks(comes, now)
    edges = [one.astimezone(zone) for one in (before.since, before.until, week.since, week.until)]
    assert edges[1] == edges[2]
    assert [(edges[3].date() - edges[0].date()).days, (edges[1].date() - edges[0].date()).days] == [14, 7]
    assert {(one.weekday(), one.hour) for one in edges} <= {(0, 0), (0, 1)}  # a gap may swallow a midnight
    month, month_before = months(comes, now)
    assert month_before.until == month.since < month.until == week.until
