"""Say instants, spans of time, lists and code words in one reader's language and zone.

Patterns and words come from the language's strings.toml, the names of months, days, cities and units from Babel (CLDR);
Jalali dates from persiantools where strings.toml says ``calendar = "jalali"`` (there the pattern also places the same day
of the Gregorian calendar). There is no language in this file: a new one is a new folder of templates. Never reads a
clock, so it says no "today" and no "in two hours".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any, Literal
from zoneinfo import ZoneInfo

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_datetime, format_timedelta, get_timezone_location
from babel.lists import format_list
from persiantools.jdatetime import JalaliDate

from mailgate.desk.calendar import Duration
from mailgate.mail.compose import one_line

FSI, PDI, RLM, NBSP = "\u2068", "\u2069", "\u200f", "\u00a0"
VALUE_LIMIT = 500
BLOCK, BLOCKS = "█", 20


@dataclass(frozen=True)
class Wording:
    """How one reader reads. `strings` are the words of strings.toml, the fallback language's behind them."""

    language: str
    zone: ZoneInfo
    strings: Mapping[str, str]

    @property
    def locale(self) -> Locale:
        """Babel's data for the language, or for English when it has none."""
        try:
            return Locale.parse(self.language, sep="-")
        except (UnknownLocaleError, ValueError):
            return Locale("en")

    @property
    def direction(self) -> str:
        """ltr or rtl, for the dir attribute."""
        return str(self.locale.text_direction)

    def when(self, instant: datetime) -> str:
        """`Fri 12 Jun 2026, 18:30 (New York time)`: with weekday and zone, so that nobody has to guess."""
        local = instant.astimezone(self.zone)
        zone = self.zone_name(local)
        if self.strings.get("calendar") == "jalali":
            parts = self._jalali(local.date())
            return self.strings["when_jalali"].format(**parts, time=self.digits(f"{local:%H:%M}"), zone=zone)
        return f"{self.digits(_datetime(instant.astimezone(UTC), self.strings['when'], self.zone, self.locale))} ({zone})"

    def zone_name(self, local: datetime) -> str:
        """`New York time`; an hour that the clocks show twice also gets its offset (PEP 495)."""
        key = self.zone.key
        name = self.strings.get(f"zone_{key}") or self.strings["zone"].format(city=_city(key, self.locale))
        twice = local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset()
        said = self.strings["zone_twice"].format(zone=name, offset=f"{local:UTC%z}") if twice else name
        return said.replace(" ", NBSP)

    def day(self, on: date) -> str:
        """A date without a time: `Mon 4 Jan 2027`."""
        if self.strings.get("calendar") == "jalali":
            return self.strings["day_jalali"].format(**self._jalali(on))
        return self._gregorian(on)

    def _gregorian(self, on: date) -> str:
        return self.digits(format_date(on, self.strings["day"], locale=self.locale))

    def _jalali(self, on: date) -> dict[str, str]:
        """What a Jalali pattern may place. Not JalaliDate.strftime alone: it writes the first of a month as 01 (6.2)."""
        jalali = JalaliDate(on, locale="fa")
        return {
            "weekday": jalali.strftime("%A"),
            "day": self.digits(str(jalali.day)),
            "month": jalali.strftime("%B"),
            "year": self.digits(str(jalali.year)),
            "gregorian": self._gregorian(on),
        }

    def duration(self, span: timedelta | Duration) -> str:
        """`48 hours`, `1 hour and 30 minutes`, `5 business days`; days from three days on. Rounded down to the minute."""
        if isinstance(span, Duration):
            return self._length(span)
        minutes = int(abs(span).total_seconds()) // 60
        if minutes >= 3 * 1440 and minutes % 1440 == 0:
            return self._amount(minutes // 1440, "day")
        hours, rest = divmod(minutes, 60)
        said = [self._amount(hours, "hour")] if hours else []
        return self.listed([*said, self._amount(rest, "minute")] if rest or not hours else said)

    def _length(self, length: Duration) -> str:
        """A length of the rules (docs/rules.md G-02), in the days or hours that it counts."""
        if length.unit in ("ld", "cd"):
            return self._amount(length.amount, "day")
        if length.unit in ("bd", "bde", "wh") or length.running is None:
            kind = "working_hour" if length.unit == "wh" else "business_day"
            return self.strings[kind if length.amount == 1 else f"{kind}s"].format(count=self.said(length.amount))
        return self.duration(length.running)

    def _amount(self, n: int, unit: Literal["day", "hour", "minute"]) -> str:
        """`30 days`. Not babel.units: it says "30 duration-day" in Portuguese, Italian and Persian (2.18)."""
        span = timedelta(**{f"{unit}s": n})
        return self.digits(format_timedelta(span, granularity=unit, threshold=1e9, locale=self.locale))

    def joined(self, items: Iterable[object]) -> str:
        """`a, b and c`, each item said as `said` says it."""
        return self.listed([self.said(item) for item in items])

    def listed(self, words: Sequence[str]) -> str:
        """`a, b and c` of what is already in words: by CLDR, or with the strings list_comma and list_and."""
        comma, last = self.strings.get("list_comma"), self.strings.get("list_and")
        if not comma or not last or not words:
            return format_list(words, locale=self.locale)
        return last.join(filter(None, (comma.join(words[:-1]), words[-1])))

    def word(self, code: object, kind: str, otherwise: str = "") -> str:
        """The word for a code of our own (`reply_all` of kind `rule`), else for the code `otherwise`.

        Without either, the code itself, with spaces for underscores.
        """
        known = (self.strings.get(f"{kind}_{one}") for one in (str(code).lower(), otherwise))
        return next(filter(None, known), "") or one_line(str(code), VALUE_LIMIT).replace("_", " ")

    def digits(self, text: str) -> str:
        """`text` with the language's own digits, where strings.toml gives ten of them."""
        own = self.strings.get("digits", "")
        return text.translate(dict(zip(map(ord, "0123456789"), own, strict=True))) if own else text

    def bar(self, n: int, most: int = BLOCKS) -> str:
        """`█████ 5`: one block each up to 20; where `most` is more than that, it is 20 blocks long and `n` in proportion."""
        if n <= 0:
            return self.digits("0")
        blocks = n if most <= BLOCKS else max(round(n * BLOCKS / most), 1)
        start = f"{FSI}{RLM}" if self.direction == "rtl" else FSI
        return f"{start}{BLOCK * min(blocks, BLOCKS)}{NBSP}{self.digits(str(n))}{PDI}"

    def said(self, value: Any) -> str:
        """Any value that a notice may hold, in words. Text from mail stays as it is, isolated (UAX #9 §2.4)."""
        match value:
            case bool() | None:
                return self.word(value, "value")
            case datetime():
                return self.when(value)
            case date():
                return self.day(value)
            case timedelta() | Duration():
                return self.duration(value)
            case int():
                return self.digits(str(value))
            case list() | tuple() | set() | frozenset():
                return self.joined(sorted(value) if isinstance(value, set | frozenset) else value)
        return exact(str(value))


def exact(text: object) -> str:
    """Text that is not a word of the language (an id, an address, somebody's subject), isolated from its direction."""
    inner = one_line(str(text), VALUE_LIMIT)
    return f"{FSI}{inner}{PDI}" if inner else ""


@lru_cache(maxsize=1024)
def _datetime(instant: datetime, pattern: str, zone: ZoneInfo, locale: Locale) -> str:
    return format_datetime(instant, pattern, tzinfo=zone, locale=locale)


@lru_cache(maxsize=1024)
def _city(zone: str, locale: Locale) -> str:
    return get_timezone_location(zone, locale=locale, return_city=True)
