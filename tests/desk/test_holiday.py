"""Names of holiday calendars, and the dates behind them (docs/rules.md G-08)."""

from datetime import date

import pytest

from mailgate.desk import holiday
from mailgate.desk.holiday import holiday_dates


def test_observed_days_count_even_in_the_year_before():
    """G-08: 4 July 2026 is a Saturday, 1 January 2022 too; the Fridays before are off."""
    assert {date(2026, 7, 3), date(2026, 7, 4)} <= holiday_dates("US", [2026])
    assert date(2021, 12, 31) in holiday_dates("US", [2021])


@pytest.mark.parametrize(
    ("name", "day"),
    [
        ("US-NY", date(2026, 2, 12)),
        ("BR-SP", date(2026, 7, 9)),
        ("IR", date(2026, 3, 21)),
        ("GB-ENG", date(2026, 8, 31)),
        ("DE-BE", date(2026, 3, 8)),
        ("IT", date(2026, 8, 15)),
    ],
)
def test_a_calendar_knows_its_own_days(name, day):
    assert day in holiday_dates(name, [2026])


def test_optional_days_in_brazil_are_working_days():
    """Carnival Tuesday 2026 is optional; Good Friday is not."""
    days = holiday_dates("BR-SP", [2026])
    assert date(2026, 2, 17) not in days
    assert date(2026, 4, 3) in days


def test_years_are_joined_and_no_year_is_no_day():
    both = holiday_dates("US", (year for year in (2026, 2027)))
    assert both == holiday_dates("US", [2026]) | holiday_dates("US", [2027])
    assert {day.year for day in both} == {2026, 2027}
    assert holiday_dates("US", []) == frozenset()


@pytest.mark.parametrize("name", ["GB", "DE"])
def test_a_country_whose_national_list_misleads_needs_a_subdivision(name):
    with pytest.raises(ValueError, match=f"'{name}' needs a subdivision: one of {name}-"):
        holiday_dates(name, [2026])


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("us", "US"),
        ("UK", "GB"),
        ("Brazil", "BR"),
        ("IRN", "IR"),
        ("US-NYC", "US-NY"),
        ("GB-England", "GB-ENG"),
        ("gb-eng", "GB"),
        ("de-by", "DE"),
    ],
)
def test_an_unknown_name_is_told_the_nearest(name, nearest):
    with pytest.raises(ValueError, match=rf"no holiday calendar is called '{name}'; did you mean {nearest}\?"):
        holiday_dates(name, [2026])


@pytest.mark.parametrize("name", ["", "XX", "US-", "BR-XX", "-"])
def test_a_name_near_nothing_is_refused_too(name):
    with pytest.raises(ValueError, match="no holiday calendar is called"):
        holiday_dates(name, [])


@pytest.mark.parametrize("year", [1969, 2101])
def test_years_beyond_the_calendar_are_refused(year):
    with pytest.raises(ValueError, match="1970 to 2100"):
        holiday_dates("US", [year])


def test_the_language_of_the_process_changes_nothing(monkeypatch):
    """Every calendar is asked in a language it has; none follows LANG."""
    before = holiday_dates("DE-BE", [2027])
    holiday._year.cache_clear()
    monkeypatch.setenv("LANGUAGE", "uk")
    assert holiday_dates("DE-BE", [2027]) == before


def test_a_year_is_worked_out_once():
    holiday_dates("IT", [2030])
    missed = holiday._year.cache_info().misses
    holiday_dates("IT", [2030])
    assert holiday._year.cache_info().misses == missed
