"""The worked examples of docs/rules.md §7 and its readings, local days at awkward midnights, and what is refused."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from mailgate.desk.calendar import Calendar, Pauses, add, after_weekend, duration, roll, running

NEW_YORK = Calendar(ZoneInfo("America/New_York"))
SAO_PAULO = Calendar(ZoneInfo("America/Sao_Paulo"))
TEHRAN = Calendar(ZoneInfo("Asia/Tehran"), weekend=frozenset())


def at(text: str, calendar: Calendar = NEW_YORK, fold: int = 0) -> datetime:
    """An instant by the calendar's wall clock, written `2026-06-12 18:30`."""
    return datetime.fromisoformat(text).replace(tzinfo=calendar.zone, fold=fold).astimezone(UTC)


def after(start: str, length: str, calendar: Calendar = NEW_YORK, pauses: Pauses = Pauses()) -> str | None:  # noqa: B008
    """When `length` from `start` is over, by the calendar's wall clock, or None."""
    due = add(at(start, calendar), duration(length), calendar, pauses)
    assert due is None or due.tzinfo is UTC
    return due and f"{calendar.local(due):%Y-%m-%d %H:%M}"


def processed(start: str, length: str = "24h", mode: str = "defer_start", calendar: Calendar = NEW_YORK) -> str:
    due = add(at(start, calendar), duration(length), calendar, Pauses(weekends=mode == "pause"))
    assert due is not None
    return f"{calendar.local(after_weekend(due, calendar, mode)):%Y-%m-%d %H:%M}"


def spans(*pairs: tuple[str, str | None], calendar: Calendar = NEW_YORK) -> Pauses:
    return Pauses(spans=tuple((at(begins, calendar), at(ends, calendar) if ends else None) for begins, ends in pairs))


# docs/rules.md §7


def test_digistore24_ladder_runs_over_the_weekend():
    """D-19…D-22, DR-01, DR-02: ask Friday 18:30, reminders at 48 h and 72 h, escalation 24 h after the second."""
    ladder = [after("2026-06-12 18:30", length) for length in ("48h", "72h", "96h")]
    assert ladder == ["2026-06-14 18:30", "2026-06-15 18:30", "2026-06-16 18:30"]


@pytest.mark.parametrize(
    ("opened", "due"),
    [
        ("2026-06-11 23:59", "2026-06-12 23:59"),
        ("2026-06-12 00:00", "2026-06-15 00:00"),
        ("2026-06-13 10:00", "2026-06-15 00:00"),
        ("2026-06-14 00:00", "2026-06-15 00:00"),
        ("2026-06-14 00:01", "2026-06-15 00:01"),
        ("2026-11-01 00:30", "2026-11-02 00:00"),
    ],
)
def test_clickbank_refund_due_on_a_weekend_waits_until_it_ends(opened, due):
    """C-10…C-12, CR-01; on 1 November 2026, 24 h end at 23:30 because the clocks went back."""
    assert processed(opened) == due


@pytest.mark.parametrize(("opened", "due"), [("2026-06-12 23:54", "2026-06-12 23:59"), ("2026-06-12 23:55", "2026-06-15 00:00")])
def test_clickbank_vendor_refund_waits_for_monday_too(opened, due):
    """C-27, CR-03."""
    assert processed(opened, "5m") == due


def test_clickbank_support_warns_on_any_day_and_closes_on_monday():
    """C-30…C-32, CR-02."""
    assert after("2026-06-08 10:00", "48h") == "2026-06-10 10:00"
    assert after("2026-06-08 10:00", "96h") == "2026-06-12 10:00"
    assert processed("2026-06-08 10:00", "144h") == "2026-06-15 00:00"


def test_clickbank_silent_consumer_has_seven_business_days_twice():
    """C-33, C-34, CR-04; Juneteenth, 19 June, counts unless holidays are set to matter."""
    juneteenth = frozenset({date(2026, 6, 19)})
    text = Calendar(NEW_YORK.zone, holidays=juneteenth, business_holidays=False)
    assert after("2026-06-08 12:00", "7bd", text) == "2026-06-17 12:00"
    assert after("2026-06-17 12:00", "7bd", text) == "2026-06-26 12:00"
    assert after("2026-06-17 12:00", "7bd", Calendar(NEW_YORK.zone, holidays=juneteenth)) == "2026-06-29 12:00"


@pytest.mark.parametrize("hour", ["00:00", "10:00", "23:59"])
def test_madeiramadeira_suspension_is_due_at_the_end_of_the_tenth_day(hour):
    """M-29, MR-05: opened Tuesday 9 June at any hour, breached Saturday 20 June 00:00."""
    assert after(f"2026-06-09 {hour}", "10cd", SAO_PAULO) == "2026-06-20 00:00"


@pytest.mark.parametrize(("turned", "due"), [(10, 34), (40, 48)])
def test_madeiramadeira_critical_case_takes_the_earlier_limit(turned, due):
    """MR-03."""
    opened = at("2026-06-09 10:00", SAO_PAULO)
    critical = add(opened + timedelta(hours=turned), duration("24h"), SAO_PAULO)
    assert min(critical, add(opened, duration("48h"), SAO_PAULO)) == opened + timedelta(hours=due)


@pytest.mark.parametrize(("opened", "due"), [("2026-06-08 16:00", "2026-06-10 00:00"), ("2026-06-12 03:00", "2026-06-13 16:00")])
def test_digikala_counts_hours_from_eight_to_midnight(opened, due):
    """K-24, KR-01."""
    assert after(opened, "24wh", TEHRAN) == due


# Readings


@pytest.mark.parametrize(
    ("opened", "mode", "due"),
    [
        ("2026-06-13 10:00", "defer_same_time", "2026-06-15 10:00"),
        ("2026-06-12 18:00", "defer_same_time", "2026-06-15 18:00"),
        ("2026-06-13 10:00", "pause", "2026-06-16 00:00"),
        ("2026-06-12 18:00", "pause", "2026-06-15 18:00"),
        ("2026-06-12 00:00", "pause", "2026-06-13 00:00"),
        ("2026-06-13 10:00", "ignore", "2026-06-14 10:00"),
        ("2026-06-14 12:00", "defer_same_time", "2026-06-15 12:00"),
    ],
)
def test_the_other_readings_of_a_weekend(opened, mode, due):
    """CR-01 (b) and (c); the limit counts although the pause starts at that very instant (G-06)."""
    assert processed(opened, mode=mode) == due


@pytest.mark.parametrize(
    ("opened", "due"),
    [
        ("2026-06-09 10:00", "2026-06-23 00:00"),  # ends with Friday 19 June, a holiday here: Monday
        ("2026-06-10 10:00", "2026-06-23 00:00"),
        ("2026-06-12 10:00", "2026-06-23 00:00"),
        ("2026-06-13 10:00", "2026-06-24 00:00"),
    ],
)
def test_a_last_day_that_is_no_business_day_rolls_to_the_end_of_the_next(opened, due):
    """MR-05 calendar_roll; the due day is the one that ends at the due instant."""
    calendar = Calendar(SAO_PAULO.zone, holidays=frozenset({date(2026, 6, 19)}))
    instant = add(at(opened, calendar), duration("10cd"), calendar)
    assert instant is not None
    assert roll(instant, calendar) == at(due, calendar)


def test_business_days_start_with_the_next_one_whatever_the_start():
    """G-03: a start on Saturday has Monday as day 1; bde is the end of the day that bd names."""
    assert after("2026-06-13 10:00", "1bd") == after("2026-06-12 10:00", "1bd") == "2026-06-15 10:00"
    assert after("2026-06-13 10:00", "1bde") == "2026-06-16 00:00"


def test_working_hours_skip_days_off_and_follow_the_wall_clock():
    """KR-01, KR-02: Friday off; in 2021 Tehran had 23 hours on 22 March and the window still opened at 08:00."""
    friday = Calendar(TEHRAN.zone, weekend=frozenset({4}))
    assert after("2026-06-11 20:00", "24wh", friday) == "2026-06-14 12:00"
    assert after("2021-03-21 20:00", "6wh", TEHRAN) == "2021-03-22 10:00"
    all_week = Calendar(TEHRAN.zone, weekend=frozenset({4}), days_off_stop_work=False)
    assert after("2026-06-11 20:00", "24wh", all_week) == "2026-06-13 12:00"


def test_paused_holiday_holds_every_mark_of_the_ask():
    """DR-05, G-06: 48 h from Tuesday midnight end as Thanksgiving begins; the next 24 h do not run on it."""
    calendar = Calendar(NEW_YORK.zone, holidays=frozenset({date(2026, 11, 26)}))
    marks = [after("2026-11-24 00:00", length, calendar, Pauses(holidays=True)) for length in ("48h", "72h", "96h")]
    assert marks == ["2026-11-26 00:00", "2026-11-28 00:00", "2026-11-29 00:00"]


def test_working_time_is_counted_outside_pauses():
    """KR-03: asked 18:00, answered 03:00; two hours had run, so 22 are left from 08:00."""
    asked = spans(("2026-06-08 18:00", "2026-06-09 03:00"), calendar=TEHRAN)
    assert after("2026-06-08 16:00", "24wh", TEHRAN, asked) == "2026-06-10 14:00"
    ran = running(at("2026-06-08 16:00", TEHRAN), at("2026-06-09 09:00", TEHRAN), TEHRAN, asked, working=True)
    assert ran == timedelta(hours=3)


# Spans


@pytest.mark.parametrize("length", ["3h", "1ld", "1cd", "1bd", "1bde", "6wh"])
def test_an_open_span_forbids_every_due_instant_after_it_begins(length):
    assert after("2026-06-09 10:00", length, NEW_YORK, spans(("2026-06-09 12:00", None))) is None
    assert after("2026-06-09 10:00", length, NEW_YORK, spans(("2026-06-19 12:00", None))) is not None


def test_a_pause_at_the_due_instant_is_in_time():
    """G-05: not due until it resumes; one that begins a minute later changes nothing."""
    twice = spans(("2026-06-09 12:00", "2026-06-09 13:00"), ("2026-06-09 13:00", "2026-06-09 15:00"))
    assert after("2026-06-09 10:00", "2h", NEW_YORK, twice) == "2026-06-09 15:00"
    assert after("2026-06-09 10:00", "2h", NEW_YORK, spans(("2026-06-09 12:00", None))) is None
    assert after("2026-06-09 10:00", "2h", NEW_YORK, spans(("2026-06-09 12:01", None))) == "2026-06-09 12:00"


def test_a_span_puts_off_local_days_by_its_length_and_weekends_do_not():
    held = Pauses(weekends=True, spans=((at("2026-06-10 12:00"), at("2026-06-10 18:00")),))
    assert after("2026-06-09 10:00", "7ld", NEW_YORK, held) == "2026-06-16 16:00"


# Midnights (G-04)


@pytest.mark.parametrize(
    ("zone", "day", "begins"),
    [
        ("Africa/Cairo", "2026-04-24", "2026-04-24 01:00"),
        ("Asia/Beirut", "2026-03-29", "2026-03-29 01:00"),
        ("America/Havana", "2026-03-08", "2026-03-08 01:00"),
        ("America/Santiago", "2026-09-06", "2026-09-06 01:00"),
        ("America/Sao_Paulo", "2018-11-04", "2018-11-04 01:00"),
        ("Asia/Tehran", "2021-03-22", "2021-03-22 01:00"),
        ("Pacific/Apia", "2011-12-30", "2011-12-31 00:00"),
    ],
)
def test_a_day_without_midnight_begins_after_the_gap(zone, day, begins):
    calendar = Calendar(ZoneInfo(zone))
    midnight = calendar.midnight(date.fromisoformat(day))
    assert f"{calendar.local(midnight):%Y-%m-%d %H:%M}" == begins
    assert f"{calendar.local(midnight - timedelta(seconds=1)):%H:%M:%S}" == "23:59:59"


def test_a_wall_time_in_a_gap_moves_forward_and_the_first_of_two_counts():
    """The start's own fold is not carried over."""
    assert after("2026-03-07 02:30", "1ld") == "2026-03-08 03:30"
    assert add(at("2026-10-31 01:30"), duration("1ld"), NEW_YORK) == at("2026-11-01 01:30")
    again = at("2026-11-01 01:30", fold=1)
    assert add(again, duration("1ld"), NEW_YORK) == at("2026-11-02 01:30")
    assert add(again, duration("371ld"), NEW_YORK) == at("2027-11-07 01:30")
    havana = Calendar(ZoneInfo("America/Havana"))
    assert havana.midnight(date(2026, 11, 1)) == datetime(2026, 11, 1, 4, tzinfo=UTC)


def test_a_clock_that_goes_back_over_midnight_loses_no_time():
    """St. John's, 2 November 2008: 00:01 became 23:01. Saturday's pause ended at the first midnight."""
    st_johns = Calendar(ZoneInfo("America/St_Johns"), weekend=frozenset({5}))
    second = at("2008-11-01 23:30", st_johns, fold=1)
    assert add(second, duration("30m"), st_johns, Pauses(weekends=True)) == second + timedelta(minutes=30)
    assert after_weekend(second, st_johns, "defer_start") == second


def test_half_an_hour_of_lord_howe_and_the_quarters_of_kathmandu():
    lord_howe = Calendar(ZoneInfo("Australia/Lord_Howe"))
    assert after("2026-04-04 12:00", "24h", lord_howe) == "2026-04-05 11:30"
    assert after("2026-10-03 02:15", "1ld", lord_howe) == "2026-10-04 02:45"
    kathmandu = Calendar(ZoneInfo("Asia/Kathmandu"), weekend=frozenset({5}))
    assert add(datetime(2026, 6, 12, 9, tzinfo=UTC), duration("1cd"), kathmandu) == (datetime(2026, 6, 13, 18, 15, tzinfo=UTC))


# Refusals


@pytest.mark.parametrize("text", ["", "48", "h", "48 h", "-1h", "1.5h", "48H", "٤٨h", "1w", "0bd", "0cd", "36526d"])
def test_what_is_no_length_is_refused_with_a_sentence(text):
    with pytest.raises(ValueError, match="is no length|a length ends|is too short|longer than a century"):
        duration(text)


def test_lengths_read_as_they_are_written():
    for text in ("0m", "48h", "2d", "6ld", "10cd", "7bd", "15bde", "24wh"):
        assert str(duration(text)) == text
    assert duration("2d").running == timedelta(days=2)


def test_naive_instants_are_a_callers_bug():
    naive, aware = datetime(2026, 6, 9), at("2026-06-09 10:00")  # noqa: DTZ001
    calls = [
        lambda: add(naive, duration("1h"), NEW_YORK),
        lambda: add(aware, duration("1h"), NEW_YORK, Pauses(spans=((naive, None),))),
        lambda: add(aware, duration("1h"), NEW_YORK, Pauses(spans=((aware, naive),))),
        lambda: running(aware, naive, NEW_YORK),
        lambda: after_weekend(naive, NEW_YORK, "ignore"),
        lambda: roll(naive, NEW_YORK),
        lambda: NEW_YORK.local(naive),
    ]
    for call in calls:
        with pytest.raises(ValueError, match="has no zone"):
            call()


def test_a_calendar_without_a_working_day_is_refused():
    never, start = Calendar(NEW_YORK.zone, weekend=frozenset(range(7))), at("2026-06-09 10:00")
    calls = [
        lambda: add(start, duration("1bd"), never),
        lambda: add(start, duration("1wh"), never),
        lambda: add(start, duration("1h"), never, Pauses(weekends=True)),
        lambda: roll(start, never),
        lambda: after_weekend(start, never, "defer_start"),
    ]
    for call in calls:
        with pytest.raises(ValueError, match="a calendar without a working day"):
            call()


def test_bad_windows_weekends_modes_spans_and_far_years_are_refused():
    zone, start = NEW_YORK.zone, at("2026-06-09 10:00")
    calls = [
        lambda: Calendar(zone, work_start=time(9), work_end=time(9)),
        lambda: Calendar(zone, weekend=frozenset({7})),
        lambda: after_weekend(start, NEW_YORK, "postpone"),
        lambda: add(start, duration("1h"), NEW_YORK, spans(("2026-06-09 12:00", "2026-06-09 11:00"))),
        lambda: add(start, duration("36525d"), NEW_YORK),
        lambda: add(start, duration("36525bd"), NEW_YORK),
        lambda: add(start.replace(year=1969), duration("1h"), NEW_YORK),
    ]
    for call in calls:
        with pytest.raises(ValueError):
            call()
