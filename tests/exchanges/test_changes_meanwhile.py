"""Days off, hours and zones change while a clock runs: what was promised stays, what is promised later follows the change."""

from __future__ import annotations

import importlib.resources
import zoneinfo
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from exchange import Gate
from people import Person

PACK = "digikala"
DESK = ("tickets@desk.example", "readers@staff.example")
MONDAY, WEDNESDAY = "2026-06-08T16:00", "2026-06-10T00:00"  # in Tehran; 24 working hours of 8 to 24 o'clock lie between them
Change = Callable[[Gate], Any]
pytestmark = pytest.mark.differs("a clock that is built anew goes by the hours and zones of today")


def asks(seller: Person, subject: str) -> None:
    """A request of a seller; of another matter each time."""
    seller.states(subject, f"{subject}؟", to=DESK, Category="payment", Reference=subject)


def moves_zone(gate: Gate) -> None:
    gate.moves_to(gate.stage.desk.model_copy(update={"zone": "Asia/Kabul"}))


CHANGES: dict[str, tuple[Change, str]] = {  # and when the same request is due that comes after it, in Tehran
    "the office closes earlier": (lambda gate: gate.under(work_end="20:00"), "2026-06-10T16:00"),
    "Tuesday is no working day any more": (lambda gate: gate.under(weekend=["TUE"]), "2026-06-11T00:00"),
    "the desk moves to another zone": (moves_zone, "2026-06-10T08:00"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_change_of_working_hours_moves_no_promise_of_before(gate: Gate, seller: Person, support: Person, change: str) -> None:
    """C06: after a reload the clock that runs is due as before; one that starts then goes by the new hours."""
    changes, later = CHANGES[change]
    gate.at(MONDAY)
    asks(seller, "A-77")
    changes(gate)
    gate.winds()
    asks(seller, "A-78")
    assert (due(gate, 1), due(gate, 2)) == (WEDNESDAY, later)
    gate.at(WEDNESDAY)
    gate.disregards()
    assert [one["ticket"] for one in gate.logged("overdue")] == [1]
    gate.later(days=3)
    gate.disregards()


def due(gate: Gate, ticket: int) -> str:
    """The local time in Tehran at which the request is due."""
    instant = gate.ticket(ticket).clocks[-1].due
    assert instant is not None
    return f"{instant.astimezone(gate.zone):%Y-%m-%dT%H:%M}"


def test_holiday_that_is_added_while_a_clock_runs_moves_no_promise(gate: Gate, seller: Person, support: Person) -> None:
    """C06: Tuesday becomes a holiday on Monday: who asked before is answered by Wednesday, who asks afterwards by Thursday."""
    gate.under(use_holidays=True)
    gate.at(MONDAY)
    asks(seller, "A-77")
    gate.moves_to(gate.stage.desk.model_copy(update={"holidays": (date(2026, 6, 9),)}))
    gate.winds()
    asks(seller, "A-78")
    assert (due(gate, 1), due(gate, 2)) == (WEDNESDAY, "2026-06-11T00:00")
    gate.disregards()


@pytest.fixture
def tables(tmp_path: Path) -> Iterator[Callable[[str, str], None]]:
    """Puts another zone's table in the place of a zone's, as an update of the system's tables does, and reads them anew."""

    def update(zone: str, like: str) -> None:
        (tmp_path / zone).parent.mkdir(exist_ok=True)
        (tmp_path / zone).write_bytes((importlib.resources.files("tzdata") / "zoneinfo" / like).read_bytes())
        zoneinfo.reset_tzpath(to=[str(tmp_path)])
        zoneinfo.ZoneInfo.clear_cache()

    yield update
    zoneinfo.reset_tzpath()
    zoneinfo.ZoneInfo.clear_cache()


def test_update_of_the_time_zones_moves_no_promise_of_before(
    gate: Gate, seller: Person, support: Person, tables: Callable[[str, str], None]
) -> None:
    """C02: what was promised is an instant. A country that changes its time changes what is promised from then on."""
    gate.at(MONDAY)
    asks(seller, "A-77")
    tables("Asia/Tehran", "Asia/Kabul")  # half an hour ahead from now on
    gate.winds()
    asks(seller, "A-78")
    assert (due(gate, 1), due(gate, 2)) == (WEDNESDAY, "2026-06-10T08:00")
    gate.disregards()
    gate.at(WEDNESDAY)
    assert "۲۰ خرداد" in gate.sends("overdue", support).text
    gate.disregards()
