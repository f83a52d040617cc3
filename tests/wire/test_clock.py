"""The clock: what somebody or something does to the one on the wall, and what we take for the time meanwhile (C01, C03)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from mailgate.wire.clock import STAYS, Steady

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


class Machine:
    """A machine whose wall clock can be moved; `passes` lets time go by, `moves` sets the wall."""

    def __init__(self) -> None:
        self.wall, self.ran, self.true = NOON, 100.0, NOON
        self.clock = Steady(lambda: self.wall, lambda: self.ran)

    def passes(self, seconds: float) -> None:
        length = timedelta(seconds=seconds)
        self.wall, self.ran, self.true = self.wall + length, self.ran + seconds, self.true + length

    def moves(self, by: timedelta) -> None:
        self.wall += by


@pytest.mark.parametrize("by", [-HOUR, HOUR, timedelta(days=3650), datetime(1970, 1, 1, tzinfo=UTC) - NOON])
def test_clock_that_jumps_and_comes_back_is_never_believed(by: timedelta) -> None:
    """One hour either way, ten years, 1970: ours goes on, second by second."""
    machine = Machine()
    machine.moves(by)
    for _ in range(5):
        assert machine.clock.now() == machine.true
        assert machine.clock.doubt is not None
        machine.passes(STAYS / 6)
    machine.moves(-by)
    assert machine.clock.now() == machine.true
    assert machine.clock.doubt is None


@pytest.mark.parametrize("by", [-HOUR, HOUR, timedelta(hours=60), timedelta(days=-7)])
def test_clock_that_stays_where_it_jumped_is_believed_after_a_minute(by: timedelta) -> None:
    """Somebody has set it right, or a virtual machine was paused."""
    machine = Machine()
    machine.moves(by)
    assert machine.clock.now() == machine.true
    machine.passes(STAYS - 1)
    assert machine.clock.now() == machine.true
    machine.passes(1)
    assert machine.clock.now() == machine.wall
    assert machine.clock.doubt is None


@pytest.mark.parametrize("by", [timedelta(days=3650), datetime(1970, 1, 1, tzinfo=UTC) - NOON])
def test_clock_that_is_off_by_years_is_not_believed_however_long_it_stays(by: timedelta) -> None:
    """Only a person or a restart can say so."""
    machine = Machine()
    machine.moves(by)
    for _ in range(50):
        machine.passes(3600)
        assert machine.clock.now() == machine.true
    assert machine.clock.doubt is not None
    assert machine.clock.doubt.far


def test_clock_that_jumps_again_is_doubted_anew() -> None:
    """The minute counts from the last jump."""
    machine = Machine()
    machine.moves(HOUR)
    machine.clock.now()
    machine.passes(STAYS - 1)
    machine.moves(HOUR)
    assert machine.clock.now() == machine.true
    machine.passes(STAYS - 1)
    assert machine.clock.now() == machine.true
    machine.passes(1)
    assert machine.clock.now() == machine.wall


@pytest.mark.parametrize("by", [0.5, -0.5, 30.0, -30.0])
def test_small_corrections_are_followed(by: float) -> None:
    """A time server's work, a leap second."""
    machine = Machine()
    machine.moves(timedelta(seconds=by))
    assert machine.clock.now() == machine.wall
    assert machine.clock.doubt is None


def test_sleep_of_the_host_is_no_jump() -> None:
    """Nine hours in which both went on (C03): an outage like others, and nothing is doubted."""
    machine = Machine()
    machine.passes(9 * 3600)
    assert machine.clock.now() == machine.true
    assert machine.clock.doubt is None


def test_database_that_tells_the_time_is_believed_at_first_and_doubted_later() -> None:
    """A node's own clock may be off by anything when it starts; a database's that jumps is doubted like any other."""
    machine = Machine()
    told = NOON + 5 * HOUR
    assert machine.clock.follow(told, at_once=True) == 5 * HOUR
    assert machine.clock.now() == told
    machine.clock.follow(told + HOUR)
    assert machine.clock.now() == told
    assert machine.clock.doubt is not None
    machine.clock.follow(told)
    assert machine.clock.now() == told
    assert machine.clock.doubt is None
