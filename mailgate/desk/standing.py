"""How a seller stands: his strikes, and the alarm when they come too close together (docs/rules.md D-29, DR-08)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from mailgate.desk.calendar import Calendar, add
from mailgate.desk.pack import Policy
from mailgate.desk.timed import Alarm


@dataclass(frozen=True)
class Strike:
    """One thing that counts against a seller: its kind (a word of the pack), when, and on which ticket."""

    kind: str
    at: datetime
    ticket: int | None = None


@dataclass(frozen=True)
class Sounded:
    """An alarm that sounds now, and the strikes that made it."""

    alarm: Alarm
    strikes: tuple[Strike, ...]


def sounding(policy: Policy, before: Iterable[Strike], new: Iterable[Strike], calendar: Calendar) -> tuple[Sounded, ...]:
    """The alarms that the `new` strikes set off.

    Once when the count within the window reaches the limit; again only after it has fallen below. A strike
    exactly as old as the window is outside (G-05).
    """
    sounded = []
    for alarm in policy.standing.values():
        counted = [strike for strike in before if strike.kind in alarm.strikes]
        for strike in (one for one in new if one.kind in alarm.strikes):
            recent = [old for old in counted if _within(old, alarm, strike.at, calendar)]
            if alarm.limit and len(recent) < alarm.limit <= len(recent) + 1:
                sounded.append(Sounded(alarm, (*recent, strike)))
            counted.append(strike)
    return tuple(sounded)


def _within(strike: Strike, alarm: Alarm, now: datetime, calendar: Calendar) -> bool:
    end = add(strike.at, alarm.window, calendar)
    return end is not None and now < end
