"""The calendar against a slow reader of clocks, and its algebra (docs/rules.md G-02…G-06).

The oracle steps through UTC minute by minute and looks at what the zone's clocks show. It never asks for the
instant of a wall time, so a gap is where the clocks jump, and a day is what lies between two midnights seen.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property, lru_cache
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from mailgate.desk.calendar import Calendar, Duration, Pauses, add, after_weekend, roll, running

ZONES = (
    "America/New_York",
    "America/Sao_Paulo",
    "America/Havana",
    "America/Santiago",
    "Europe/Berlin",
    "Africa/Cairo",
    "Asia/Beirut",
    "Asia/Tehran",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "Pacific/Apia",
)
FIRST = datetime(1970, 1, 5, tzinfo=UTC)
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
SEEN = 16  # days in the oracle's view, the start at the beginning of the fourth
START = 3 * 1440


@lru_cache(maxsize=len(ZONES))
def changes(zone: str) -> tuple[datetime, ...]:
    """UTC days since 1970 on which the zone changed its offset; the last ones repeat to 2100."""
    found, before, moment = [], None, FIRST
    while moment.year < 2040:
        offset = moment.astimezone(ZoneInfo(zone)).utcoffset()
        if before is not None and offset != before:
            found.append(moment)
        before, moment = offset, moment + DAY
    return tuple(found)


@dataclass(frozen=True)
class Oracle:
    """What the clocks of a calendar's zone show around `start`, minute by minute."""

    calendar: Calendar
    start: datetime

    @cached_property
    def origin(self) -> datetime:
        return self.start - START * MINUTE

    @cached_property
    def walls(self) -> list[datetime]:
        moments = (self.origin + n * MINUTE for n in range(SEEN * 1440))
        return [moment.astimezone(self.calendar.zone).replace(tzinfo=None) for moment in moments]

    @cached_property
    def first_seen(self) -> dict[datetime, int]:
        return {wall: n for n, wall in reversed(list(enumerate(self.walls)))}

    @cached_property
    def jumps(self) -> list[tuple[datetime, datetime]]:
        pairs = zip(self.walls, self.walls[1:], strict=False)
        return [(last + MINUTE, then) for last, then in pairs if then > last + MINUTE]

    def find(self, day: date, wall: time) -> int:
        """The minute that first shows `wall` on `day`, or shows it moved forward by the gap that swallowed it."""
        sought = datetime.combine(day, wall)
        for gap, then in self.jumps:
            if gap <= sought < then:
                sought += then - gap
        return self.first_seen[sought]

    def instant(self, minute: int) -> datetime:
        return self.origin + minute * MINUTE

    @cached_property
    def days(self) -> list[date]:
        """The whole days in view."""
        first = self.walls[0].date() + DAY
        return [first + n * DAY for n in range(SEEN - 3)]

    def minutes(self, working: bool, pauses: Pauses) -> set[int]:
        """The minutes that run."""
        found: set[int] = set()
        closes = self.calendar.work_end
        for day in self.days:
            weekend, holiday = day.weekday() in self.calendar.weekend, day in self.calendar.holidays
            off = working and (weekend or (holiday and self.calendar.business_holidays))
            if off or (pauses.weekends and weekend) or (pauses.holidays and holiday):
                continue
            tomorrow = self.find(day + DAY, time())
            opens = self.find(day, self.calendar.work_start if working else time())
            found |= set(range(opens, self.find(day, closes) if working and closes else tomorrow))
        for begins, ends in pauses.spans:
            first = (begins - self.origin) // MINUTE
            found -= set(range(max(first, 0), (ends - self.origin) // MINUTE if ends else SEEN * 1440))
        return found

    def due(self, amount: int, working: bool, pauses: Pauses) -> datetime | None | str:
        """Step on until `amount` minutes have run; then wait while a span holds the instant."""
        now, running_minutes = START, self.minutes(working, pauses)
        last = self.find(self.days[-1], time())
        while amount and now < last:
            amount -= now in running_minutes
            now += 1
        moment = self.instant(now)
        for begins, ends in sorted(pauses.spans, key=lambda span: span[0]):
            if begins <= moment and ends is None:
                return None
            if ends and begins <= moment < ends:
                moment = ends
        return "out of view" if amount else moment

    def nth_day(self, n: int, business: bool) -> date | None:
        """The n-th day after the start's own, or None if it is out of view."""
        today = self.walls[START].date()
        later = [day for day in self.days if day > today]
        counted = [day for day in later if not business or self.calendar.is_business(day)]
        return counted[n - 1] if n <= len(counted) else None


@st.composite
def calendars(draw: st.DrawFn, zone: str, around: date) -> Calendar:
    opens, closes = draw(st.sampled_from([(8, None), (0, None), (9, 17), (0, 1), (2, 3), (23, None), (1, 24)]))
    return Calendar(
        ZoneInfo(zone),
        weekend=frozenset(draw(st.sampled_from([(5, 6), (), (4,), (3, 4), (6,), (0, 1, 2)]))),
        holidays=frozenset(around + n * DAY for n in draw(st.lists(st.integers(-1, 9), max_size=3))),
        work_start=time(opens, draw(st.sampled_from([0, 0, 15, 30]))),
        work_end=None if closes in (None, 24) else time(closes, 45),
        business_holidays=draw(st.booleans()),
    )


@st.composite
def starts(draw: st.DrawFn) -> tuple[str, datetime]:
    """A zone and a minute of 1970 to 2093, half of them shortly before the zone's clocks change."""
    zone = draw(st.sampled_from(ZONES))
    if draw(st.booleans()):
        day = draw(st.sampled_from(changes(zone))) - draw(st.integers(0, 6)) * DAY
    else:
        day = FIRST + draw(st.integers(0, 45_000)) * DAY
    return zone, max(day, FIRST) + draw(st.integers(0, 1439)) * MINUTE


@st.composite
def pauses(draw: st.DrawFn, start: datetime) -> Pauses:
    spans = []
    for begins, lasts in draw(st.lists(st.tuples(st.integers(-2000, 6000), st.integers(0, 2000)), max_size=3)):
        ends = None if draw(st.integers(0, 9)) == 0 else start + (begins + lasts) * MINUTE
        spans.append((start + begins * MINUTE, ends))
    return Pauses(draw(st.booleans()), draw(st.booleans()), tuple(spans))


@given(st.data())
@settings(deadline=None, max_examples=80)
def test_every_length_ends_where_the_clocks_say(data):
    """m h d wh with pauses; ld cd bd bde; what ran; weekends and roll."""
    zone, start = data.draw(starts())
    oracle = Oracle(data.draw(calendars(zone, start.date())), start)
    calendar, held = oracle.calendar, data.draw(pauses(start))

    for unit, factor in (("m", 1), ("h", 60), ("wh", 60)):
        amount = data.draw(st.integers(0, 4000 // factor), label=unit)
        expected = oracle.due(amount * factor, unit == "wh", held)
        if expected != "out of view":
            assert add(start, Duration(amount, unit), calendar, held) == expected
    for working in (False, True):
        lasts = data.draw(st.integers(0, 6000))
        ran = oracle.minutes(working, held) & set(range(START, START + lasts))
        assert running(start, start + lasts * MINUTE, calendar, held, working=working) == len(ran) * MINUTE

    check_local_days(oracle, data.draw(st.integers(1, 5)))
    check_moves(oracle)


def check_local_days(oracle: Oracle, n: int) -> None:
    wall = oracle.walls[START].time()
    for unit, business, end in (("ld", 0, 0), ("cd", 0, 1), ("bd", 1, 0), ("bde", 1, 1)):
        day = oracle.nth_day(n, bool(business))
        if day is None:
            continue
        minute = oracle.find(day + DAY, time()) if end else oracle.find(day, wall)
        assert add(oracle.start, Duration(n, unit), oracle.calendar) == oracle.instant(minute), unit


def check_moves(oracle: Oracle) -> None:
    start, calendar, today = oracle.start, oracle.calendar, oracle.walls[START].date()
    working = next(day for day in oracle.days if day >= today and day.weekday() not in calendar.weekend)
    moved = start if working == today else oracle.instant(oracle.find(working, time()))
    assert after_weekend(start, calendar, "defer_start") == moved
    midnight = oracle.find(today, time())
    ended = oracle.walls[midnight - 1].date()
    business = next(day for day in oracle.days if day >= ended and calendar.is_business(day))
    rolled = midnight if business == ended else oracle.find(business + DAY, time())
    assert roll(oracle.instant(midnight), calendar) == oracle.instant(rolled)


@given(st.data(), st.sampled_from(["m", "h", "d", "wh"]), st.integers(0, 200), st.integers(0, 200))
@settings(deadline=None, max_examples=150)
def test_lengths_add_up(data, unit, first, second):
    """add(a) then add(b) is add(a + b) for every length that runs, paused or not, and running() undoes it."""
    zone, start = data.draw(starts())
    calendar, held = data.draw(calendars(zone, start.date())), data.draw(pauses(start))
    held = Pauses(held.weekends, held.holidays, tuple((b, e) for b, e in held.spans if e))
    both = add(start, Duration(first + second, unit), calendar, held)
    middle = add(start, Duration(first, unit), calendar, held)
    assert both is not None
    assert middle is not None
    assert add(middle, Duration(second, unit), calendar, held) == both
    ran = running(start, both, calendar, held, working=unit == "wh")
    assert ran == Duration(first + second, unit).running


@given(starts(), st.sampled_from(["ld", "cd", "bd", "bde", "m", "h", "d", "wh"]), st.integers(1, 90))
@settings(deadline=None, max_examples=200)
def test_a_longer_length_is_never_over_sooner(where, unit, amount):
    zone, start = where
    calendar = Calendar(ZoneInfo(zone))
    due, later = (add(start, Duration(n, unit), calendar) for n in (amount, amount + 1))
    assert due is not None
    assert later is not None
    assert start < due <= later
