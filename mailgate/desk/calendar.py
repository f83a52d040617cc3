"""When a promise of time falls due: lengths, local days, working windows and pauses.

Decides, in this order:

1. what a length means: elapsed time, local days, business days or working hours (docs/rules.md G-02, G-03)
2. where a local wall time lies, also when the clock jumps over it or shows it twice (G-04)
3. which time runs and which is paused, and when the limit is reached (G-05, G-06)
4. where a due instant moves that falls on a weekend or on no business day (CR-01, MR-05)

Days are dates of the zone's calendar, a date that the zone once skipped included. Every search is bounded:
years 1970 to 2100, and 400 days for the next working day. Pure: it reads no clock and knows no holidays but
the dates it is given. Instants are aware UTC in and out; a naive one is a caller's bug and raises ValueError.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice, takewhile
from zoneinfo import ZoneInfo

FIRST_YEAR, LAST_YEAR = 1970, 2100
SEARCH_DAYS = 400

_DAY = timedelta(days=1)
_HOUR = timedelta(hours=1)
_RUNNING = {"m": timedelta(minutes=1), "h": _HOUR, "d": _DAY, "wh": _HOUR}
_UNITS = _RUNNING | dict.fromkeys(("ld", "cd", "bd", "bde"), _DAY)
_LONGEST = 36_525 * _DAY
_LAST = datetime(LAST_YEAR + 1, 1, 1, tzinfo=UTC)
_NEVER = datetime.max.replace(tzinfo=UTC)
_AFTER_WEEKEND = ("defer_start", "defer_same_time", "pause", "ignore")

_Stretch = tuple[datetime, datetime]


@dataclass(frozen=True)
class Duration:
    """A length of time: `amount` of `unit`, one of m h d ld cd bd bde wh (docs/rules.md G-02).

    Zero is allowed where time runs (m h d wh) and means at once. Lengths in days start at 1, because the
    start day never counts (G-03). Nothing is longer than a century. Raises ValueError otherwise.
    """

    amount: int
    unit: str

    def __post_init__(self) -> None:
        if self.unit not in _UNITS:
            raise ValueError(f"a length ends in one of {', '.join(_UNITS)}, not in {self.unit!r}")
        least = 1 if self.running is None else 0
        if self.amount < least:
            raise ValueError(f"{self} is too short: a length in {self.unit} starts at {least}")
        if self.amount > _LONGEST // _UNITS[self.unit]:
            raise ValueError(f"{self} is longer than a century")

    @property
    def running(self) -> timedelta | None:
        """The time that must run, for m h d (everywhere) and wh (in the window); None for lengths in days."""
        return self.amount * _RUNNING[self.unit] if self.unit in _RUNNING else None

    def __str__(self) -> str:
        return f"{self.amount}{self.unit}"


def duration(text: str) -> Duration:
    """The length that `text` writes, such as `48h`, `10cd` or `24wh`; raises ValueError with a sentence."""
    found = re.fullmatch(r"([0-9]{1,9})([a-z]{1,3})", text)
    if not found:
        raise ValueError(f"{text!r} is no length of time; write a number and a unit, such as 48h, 2ld or 7bd")
    return Duration(int(found[1]), found[2])


@dataclass(frozen=True)
class Calendar:
    """The local days of one seller or desk (docs/rules.md G-08).

    `weekend` holds weekdays, Monday = 0. `work_end` None is 24:00. `business_holidays`: a holiday is no business
    day (CR-04, KR-01 `use_holidays`). `days_off_stop_work`: the working window opens on business days only.
    """

    zone: ZoneInfo
    weekend: frozenset[int] = frozenset({5, 6})
    holidays: frozenset[date] = frozenset()
    work_start: time = time(8)
    work_end: time | None = None
    business_holidays: bool = True
    days_off_stop_work: bool = True

    def __post_init__(self) -> None:
        if not self.weekend <= frozenset(range(7)):
            raise ValueError("a weekend is made of weekdays 0 (Monday) to 6 (Sunday)")
        if self.work_end is not None and self.work_end <= self.work_start:
            raise ValueError("a working window ends after it starts, on the same day (None is 24:00)")

    def local(self, instant: datetime) -> datetime:
        """`instant` as the zone's clocks show it."""
        return _utc(instant).astimezone(self.zone)

    def at(self, day: date, wall: time) -> datetime:
        """The instant of a wall time: moved forward by the gap if it does not exist, the first if there are two.

        Both are PEP 495's `fold=0` (G-04).
        """
        return datetime.combine(day, wall.replace(fold=0), self.zone).astimezone(UTC)

    def midnight(self, day: date) -> datetime:
        """The instant at which `day` begins and the day before it ends, by G-04."""
        return self.at(day, time())

    def window(self, day: date) -> tuple[datetime, datetime]:
        """The working window of `day` by the wall clock (KR-02): empty if a gap swallows it."""
        closes = self.midnight(day + _DAY) if self.work_end is None else self.at(day, self.work_end)
        return self.at(day, self.work_start), closes

    def is_weekend(self, day: date) -> bool:
        """True if `day` is one of the weekend's weekdays."""
        return day.weekday() in self.weekend

    def is_holiday(self, day: date) -> bool:
        """True if `day` is a holiday, whatever holidays mean here."""
        return day in self.holidays

    def is_business(self, day: date) -> bool:
        """True if `day` is neither weekend nor, with `business_holidays`, a holiday."""
        return not (self.is_weekend(day) or (self.business_holidays and self.is_holiday(day)))


@dataclass(frozen=True)
class Pauses:
    """What stops running time: local days, and spans of instants; a span without an end is paused still."""

    weekends: bool = False
    holidays: bool = False
    spans: tuple[tuple[datetime, datetime | None], ...] = ()

    def cover(self, day: date, calendar: Calendar) -> bool:
        """True if the whole of `day` is paused."""
        return (self.weekends and calendar.is_weekend(day)) or (self.holidays and calendar.is_holiday(day))


_NO_PAUSES = Pauses()


def add(start: datetime, length: Duration, calendar: Calendar, pauses: Pauses = _NO_PAUSES) -> datetime | None:
    """The instant at which `length` from `start` is over (aware UTC), or None while an open span forbids it.

    That is the first instant at which the limit is reached, even if a paused day starts there (G-06); at the very
    start of a span it waits for the span's end, because the pause was in time (G-05). Paused weekends and holidays
    hold m h d wh; lengths in local days ignore them. Spans hold every length: one in days is put off by the
    elapsed time that a span takes from it. Raises ValueError for a calendar without a working day or beyond 2100.
    """
    start, spans = _utc(start), _merged(pauses.spans)
    if length.running is None:
        needed, stretches = _day_end(start, length, calendar) - start, iter([(start, _LAST)])
    else:
        needed, stretches = length.running, _stretches(start, calendar, pauses, working=length.unit == "wh")
    due = _reached(needed, _without(stretches, spans)) if needed else start
    due = due and _resumed(due, spans)
    if due is None and not (spans and spans[-1][1] == _NEVER):
        raise ValueError(f"{length} from {start:%Y-%m-%d} does not end before {_LAST:%Y}")
    return due


def running(
    start: datetime, end: datetime, calendar: Calendar, pauses: Pauses = _NO_PAUSES, *, working: bool = False
) -> timedelta:
    """The time between two instants that no pause covers; with `working`, only what lies in the working window.

    Zero if `end` is not after `start`. For m h d wh it is the inverse of `add` (G-06).
    """
    start, end = _utc(start), _utc(end)
    stretches = _without(_stretches(start, calendar, pauses, working=working), _merged(pauses.spans))
    begun = takewhile(lambda stretch: stretch[0] < end, stretches)
    return sum((min(closes, end) - opens for opens, closes in begun), timedelta())


def after_weekend(instant: datetime, calendar: Calendar, mode: str) -> datetime:
    """`instant`, or where it moves if its local day is a weekend's (CR-01); holidays never defer.

    `defer_start`: the end of the weekend. `defer_same_time`: the same wall clock on the first day after it.
    `ignore`, and `pause` (which is an affair of `add`), change nothing. Raises ValueError for another mode.
    """
    if mode not in _AFTER_WEEKEND:
        raise ValueError(f"a weekend mode is one of {', '.join(_AFTER_WEEKEND)}, not {mode!r}")
    wall = calendar.local(instant)
    if mode in ("ignore", "pause") or not calendar.is_weekend(wall.date()):
        return _utc(instant)
    day = _nth_day(1, wall.date(), lambda day: not calendar.is_weekend(day))
    moved = calendar.midnight(day) if mode == "defer_start" else calendar.at(day, wall.time())
    return max(moved, _utc(instant))


def roll(instant: datetime, calendar: Calendar) -> datetime:
    """`instant`, or the end of the next business day if the day it ends or lies in is none (MR-05).

    A midnight belongs to the day that ends there: lengths in cd and bde fall due at midnights.
    """
    day = calendar.local(_utc(instant) - datetime.resolution).date()
    if calendar.is_business(day):
        return _utc(instant)
    return calendar.midnight(_nth_day(1, day, calendar.is_business) + _DAY)


def _utc(instant: datetime) -> datetime:
    if instant.utcoffset() is None:
        raise ValueError(f"{instant.isoformat()} has no zone; instants are aware")
    if not FIRST_YEAR <= instant.year <= LAST_YEAR:
        raise ValueError(f"{instant.isoformat()} is outside {FIRST_YEAR} to {LAST_YEAR}")
    return instant.astimezone(UTC)


def _day_end(start: datetime, length: Duration, calendar: Calendar) -> datetime:
    """The due instant of a length in local days; the start day never counts, the last one does (G-02, G-03)."""
    wall = calendar.local(start)
    if length.unit in ("ld", "cd"):
        day = wall.date() + length.amount * _DAY
    else:
        day = _nth_day(length.amount, wall.date() + _DAY, calendar.is_business)
    return calendar.midnight(day + _DAY) if length.unit in ("cd", "bde") else calendar.at(day, wall.time())


def _days(first: date, wanted: Callable[[date], bool]) -> Iterator[date]:
    """The wanted days from `first` on, to the end of the last year."""
    day, idle = first, 0
    while day.year <= LAST_YEAR:
        idle = 0 if wanted(day) else idle + 1
        if not idle:
            yield day
        elif idle == SEARCH_DAYS:
            raise ValueError("a calendar without a working day")
        day += _DAY


def _nth_day(n: int, first: date, wanted: Callable[[date], bool]) -> date:
    for day in islice(_days(first, wanted), n - 1, None):
        return day
    raise ValueError(f"no such day from {first} to the end of {LAST_YEAR}")


def _stretches(start: datetime, calendar: Calendar, pauses: Pauses, *, working: bool) -> Iterator[_Stretch]:
    """From `start` on, the stretches in which time runs, spans not yet taken out."""
    if not (working or pauses.weekends or pauses.holidays):
        yield start, _LAST
        return
    every_day = not (working and calendar.days_off_stop_work)
    today = calendar.local(start).date()
    for day in _days(today, lambda day: (every_day or calendar.is_business(day)) and not pauses.cover(day, calendar)):
        opens, closes = calendar.window(day) if working else (calendar.midnight(day), calendar.midnight(day + _DAY))
        if max(opens, start) < closes:
            yield max(opens, start), closes


def _merged(spans: Iterable[tuple[datetime, datetime | None]]) -> list[_Stretch]:
    """The spans in order, none touching another; an open one ends never."""
    merged: list[_Stretch] = []
    for begins, ends in sorted((_utc(begins), _utc(ends) if ends else _NEVER) for begins, ends in spans):
        if ends < begins:
            raise ValueError(f"a pause that ends at {ends.isoformat()}, before it begins")
        if merged and begins <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], ends))
        else:
            merged.append((begins, ends))
    return merged


def _without(stretches: Iterator[_Stretch], spans: list[_Stretch]) -> Iterator[_Stretch]:
    """What the spans leave of the stretches; nothing after an open span begins."""
    for opens, closes in stretches:
        for begins, ends in spans:
            if ends <= opens or begins >= closes:
                continue
            if opens < begins:
                yield opens, begins
            opens = ends
        if opens < closes:
            yield opens, closes
        if opens == _NEVER:
            return


def _reached(needed: timedelta, stretches: Iterator[_Stretch]) -> datetime | None:
    """The first instant at which `needed` has run, or None if the stretches are over before."""
    for opens, closes in stretches:
        if needed <= closes - opens:
            return opens + needed
        needed -= closes - opens
    return None


def _resumed(due: datetime, spans: list[_Stretch]) -> datetime | None:
    """`due`, or the end of the span that holds it, or None if that span is open."""
    for begins, ends in spans:
        if begins <= due < ends:
            return None if ends == _NEVER else ends
    return due
