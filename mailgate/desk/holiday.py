"""Which local dates are holidays in a country or a part of one.

Decides what a calendar's name means (`US`, `US-NY`, `BR-SP`, `GB-ENG`: ISO 3166, a country and perhaps a
subdivision) and lists its public holidays, the days on which they are observed included (docs/rules.md G-08).
Optional holidays, such as Carnival in Brazil, are working days. The seller's own dates are added elsewhere.
The dates come from python-holidays and change with its releases: some are announced late, and Iran's lunar
days are estimates until they are near. The list is the same whatever language the process runs in.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from difflib import get_close_matches
from functools import lru_cache

import holidays as catalogue
from holidays.registry import COUNTRIES

FIRST_YEAR, LAST_YEAR = 1970, 2100
# Their national lists lack days on which most of the country is closed, and hold none that nobody has.
REGIONAL = frozenset({"GB", "DE"})


def holiday_dates(calendar_name: str, years: Iterable[int]) -> frozenset[date]:
    """The holidays of `years` in the calendar of that name, observed days included (G-08).

    A year before a country's records begin is empty. Raises ValueError, with a sentence for the admin, for a
    name that is unknown (the nearest one is suggested) or too wide, and for a year outside 1970 to 2100.
    """
    country, subdivision = _place(calendar_name)
    return frozenset[date]().union(*(_year(country, subdivision, year) for year in years))


@lru_cache(maxsize=128)
def _place(name: str) -> tuple[str, str | None]:
    """Country and subdivision that `name` means, checked."""
    country, _, subdivision = name.partition("-")
    codes = {code: spelling for spelling, (_, code, *_) in COUNTRIES.items()}
    if country not in codes:
        raise ValueError(f"no holiday calendar is called {name!r}{_suggestion(country, _country_spellings())}")
    calendar = catalogue.country_holidays(country)
    known = {f"{country}-{part}": part for part in calendar.subdivisions}
    if name in known:
        return country, known[name]
    if name != country:
        aliases = {alias: f"{country}-{part}" for alias, part in calendar.subdivisions_aliases.items()}
        nearest = _suggestion(subdivision, aliases | {part: full for full, part in known.items()})
        raise ValueError(f"no holiday calendar is called {name!r}{nearest or f'; {country} is one'}")
    if country in REGIONAL:
        raise ValueError(f"the holiday calendar {name!r} needs a subdivision: one of {', '.join(sorted(known))}")
    return country, None


def _country_spellings() -> dict[str, str]:
    """What people write for a country (its name and its ISO codes), and the code that we know."""
    spellings: dict[str, str] = {}
    for name, (_, code, *others) in COUNTRIES.items():
        spellings |= dict.fromkeys((name.replace("_", " "), code, *others), code)
    return spellings


def _suggestion(written: str, spellings: dict[str, str]) -> str:
    """`; did you mean GB?`, or nothing if nothing is near."""
    folded = {spelling.casefold(): code for spelling, code in spellings.items()}
    near = get_close_matches(written.casefold(), folded, n=1)
    return f"; did you mean {folded[near[0]]}?" if near else ""


@lru_cache(maxsize=1024)
def _year(country: str, subdivision: str | None, year: int) -> frozenset[date]:
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise ValueError(f"holidays are known for {FIRST_YEAR} to {LAST_YEAR}, not for {year}")
    language = _language(country)
    found = catalogue.country_holidays(country, subdiv=subdivision, years=year, expand=False, observed=True, language=language)
    return frozenset(found)


@lru_cache(maxsize=256)
def _language(country: str) -> str | None:
    """A language that the calendar has: without one it would follow the process's environment."""
    calendar = catalogue.country_holidays(country)
    return "en_US" if "en_US" in (calendar.supported_languages or ()) else calendar.default_language
