"""The facts that a seller keeps current: which are required of him, when each is asked for again (docs/rules.md D-06).

Each required fact has a clock of its own, subject `item:DESK/SELLER/ITEM`. It comes due when the fact is missing or has not been
confirmed for `every`; after a reminder it comes due once more after `again`. A new date of confirmation starts it anew.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

from mailgate.desk.calendar import Calendar, Duration, add
from mailgate.desk.decision import Decision, Order, Scene
from mailgate.desk.facts import holds
from mailgate.desk.ticket import Clock, Entry, Mark
from mailgate.desk.timed import Checklist, Item

CLOCK = "checklist"
CONFIRMED = "confirmed:"  # a mark of the seller's: when he last confirmed this fact


def parts(subject: str) -> tuple[str, str, str, str]:
    """(kind, desk, seller, item) of a checklist subject."""
    kind, _, rest = subject.partition(":")
    desk, seller, item = rest.split("/", 2)
    return kind, desk, seller, item


def wanted(scene: Scene, now: datetime) -> Iterator[tuple[str, Clock | None]]:
    """(subject, the clock it should have) for every fact of the pack; None where this seller needs none."""
    spec, seller = scene.policy.checklist, scene.seller
    if spec is None or seller is None:
        return
    view = {"physical": seller.physical, "backup": seller.backup is not None}
    for name, item in spec.items.items():
        needed = holds(item.given, view)
        yield subject_of(scene, name), _clock(subject_of(scene, name), spec, item, name, scene, now) if needed else None


def subject_of(scene: Scene, item: str) -> str:
    """Whose clock it is: an item of this seller's at this desk."""
    return f"item:{scene.desk.name}/{scene.seller.id if scene.seller else ''}/{item}"


def confirmed(item: str, scene: Scene) -> datetime | None:
    """When this fact was last confirmed: by a date of the seller's file, or by himself since (D-35); None if never."""
    day = scene.seller.checklist.get(item) if scene.seller else None
    by_mail = scene.marks.get(f"{CONFIRMED}{item}")
    found = [scene.calendar(datetime.combine(day, time(), UTC)).midnight(day)] if day else []
    return max([*found, *([datetime.fromisoformat(by_mail)] if by_mail else [])], default=None)


def _clock(subject: str, spec: Checklist, item: Item, name: str, scene: Scene, now: datetime) -> Clock:
    calendar = scene.calendar(now)
    since = confirmed(name, scene)
    if since is None:
        started, due = now, _yearly(item.yearly, spec.at, calendar, now) if item.yearly else _next(spec.at, calendar, now)
    else:
        started = since
        due = _yearly(item.yearly, spec.at, calendar, started) if item.yearly else _stale(spec.every, spec.at, calendar, started)
    return Clock(subject, CLOCK, 1, "running", started, due, (Mark("ask", 1, due),), for_message=str(since))


def _stale(every: Duration, at: time, calendar: Calendar, since: datetime) -> datetime:
    """The first `at` o'clock once `every` has passed since the day of the confirmation (AR-02: 90 days after, at 09:00)."""
    midnight = calendar.midnight(calendar.local(since).date())
    return _next(at, calendar, add(midnight, every, calendar) or midnight)


def _next(at: time, calendar: Calendar, after: datetime) -> datetime:
    """The first local `at` o'clock from `after` on."""
    local = calendar.local(after)
    today = local.replace(hour=at.hour, minute=at.minute, second=0, microsecond=0)
    return calendar.at(today.date() if today >= local else local.date() + timedelta(days=1), at)


def _yearly(day: str, at: time, calendar: Calendar, after: datetime) -> datetime:
    """The first local `day` (MM-DD) after `after`, at `at` o'clock (D-17: in December, for the next year)."""
    month, number = map(int, day.split("-"))
    local = calendar.local(after).date()
    this = local.replace(month=month, day=number)
    return calendar.at(this if this > local else this.replace(year=this.year + 1), at)


def moved(current: Clock | None, want: Clock | None) -> list[Clock]:
    """The clocks to write so that `current` becomes what is wanted; a changed confirmation starts a new episode."""
    if want is None:
        return [replace(current, state="void")] if current and current.running else []
    if current is None:
        return [want]
    if current.running and current.for_message == want.for_message:
        return []
    episode = current.episode + 1
    return [replace(current, state="stopped", stopped_at=want.started_at), replace(want, episode=episode)]


def asked(clock: Clock, mark: Mark, item: str, scene: Scene, now: datetime) -> Decision:
    """What a due fact causes: one reminder, and the next one after `again`."""
    spec = scene.policy.checklist
    if spec is None:
        return Decision("checklist_dropped", "timer", clocks=(replace(clock, state="void"),))
    done = tuple(replace(one, fired_at=now) if one == mark else one for one in clock.marks)
    again = _stale(spec.again, spec.at, scene.calendar(now), now)
    after = replace(clock, marks=(*done, Mark("ask", mark.occurrence + 1, again)))
    to = scene.filled(spec.to, None)
    last = confirmed(item, scene)
    day = scene.calendar(now).local(last).date() if last else None
    order = Order(
        spec.do, to, say={"item": item}, data={"last_confirmed": day}, clock=clock.name, episode=clock.episode,
        step=f"{item}-{mark.step}", occurrences=(mark.occurrence,), ticket=False,
    )  # fmt: skip
    entry = Entry(spec.do, mark.due, {"roles": sorted(to), "say": {"item": item}, "action": True, "ticket": None})
    entries = (entry, promised(after, item, spec, now))
    return Decision(spec.do, "timer", entries=entries, clocks=(after,), orders=(order,), seller=scene.seller)


def promised(clock: Clock, item: str, spec: Checklist, now: datetime) -> Entry:
    """The history's line for a checklist clock that was set: when this fact is asked for next."""
    due = clock.marks[-1].due
    listed = ((spec.promise, due),) if spec.promise else ()
    return Entry("clock_started", now, {"clock": CLOCK, "item": item, "due": due, "promises": listed, "ticket": None})
