"""One mail about everything of a seller's that waits: when it comes next, and what it says (docs/rules.md A-05, AR-01).

A digest has a clock of its own, subject `digest:DESK/SELLER`. It is set while something waits, and rests when nothing does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta

from mailgate.desk.calendar import SEARCH_DAYS, Calendar
from mailgate.desk.choice import WEEKDAYS
from mailgate.desk.decision import Decision, Order, Scene
from mailgate.desk.heading import shown
from mailgate.desk.route import resolve
from mailgate.desk.ticket import Clock, Entry, Mark, Ticket
from mailgate.desk.timed import Digest
from mailgate.mail import address as addresses

STEP = "send"


def subject_of(scene: Scene) -> str:
    """Whose clock it is: this seller's at this desk."""
    return f"digest:{scene.desk.name}/{scene.seller.id if scene.seller else ''}"


def parts(subject: str) -> tuple[str, str]:
    """(desk, seller) of a digest's subject."""
    desk, _, seller = subject.partition(":")[2].partition("/")
    return desk, seller


def armed(current: Clock | None, name: str, spec: Digest, scene: Scene, now: datetime) -> Clock | None:
    """The clock to write so that the digest comes at its next time, from `now` on; None where one runs already."""
    if current is not None and current.running:
        return None
    episode = current.episode + 1 if current else 1
    due = next_at(spec, scene.calendar(now), now)
    return Clock(subject_of(scene), name, episode, "running", now, None, (Mark(STEP, 1, due),))


def next_at(spec: Digest, calendar: Calendar, now: datetime, *, after: bool = False) -> datetime:
    """The first of the digest's local times from `now` on, or `after` it."""
    today = calendar.local(now).date()
    for number in range(SEARCH_DAYS):
        day = today + timedelta(days=number)
        due = calendar.at(day, spec.at)
        if (due > now if after else due >= now) and _is_day(spec, calendar, day):
            return due
    raise ValueError(f"no day within {SEARCH_DAYS} on which the digest may come")


def _is_day(spec: Digest, calendar: Calendar, day: date) -> bool:
    if spec.days == "all":
        return True
    return calendar.is_business(day) if spec.days == "business" else WEEKDAYS[day.weekday()] in spec.days


def sent(clock: Clock, name: str, waiting: Sequence[Ticket], also: Sequence[Ticket], scene: Scene, now: datetime) -> Decision:
    """What a due digest causes: one mail that names everything, and its next time; it rests where nothing waits."""
    spec = scene.policy.digest.get(name)
    mark = clock.marks[-1]
    if spec is None or not waiting:
        return Decision("digest_rests", "timer", clocks=(replace(clock, state="stopped", stopped_at=now),), seller=scene.seller)
    following = Mark(STEP, mark.occurrence + 1, next_at(spec, scene.calendar(now), max(now, mark.due), after=True))
    after = replace(clock, marks=(replace(mark, fired_at=now), following))
    to = scene.filled(spec.to, None)
    numbers = tuple(one.number for one in waiting)
    told = tuple(
        (one.tag, _called(one, spec, scene), one.spoken[-1].at if one.spoken else one.opened_at, one.kind)
        for one in (*waiting, *also)
    )
    order = Order(
        spec.do, to, data={"messages": told, "at": mark.due}, clock=clock.name, episode=clock.episode, step=STEP,
        occurrences=(mark.occurrence,), ticket=False,
    )  # fmt: skip
    said = {"roles": sorted(to), "say": {"tickets": numbers}, "action": True, "ticket": None}
    return Decision(
        spec.do, "timer", entries=(Entry(spec.do, mark.due, said),), clocks=(after,), orders=(order,), seller=scene.seller
    )


def _called(ticket: Ticket, spec: Digest, scene: Scene) -> str:
    """The ticket's subject, as far as those who read the digest may see it (G-14)."""
    people = (one for role in spec.to for one in resolve(role, scene.policy, scene.desk, scene.seller, None, scene.suppressed))
    return shown(ticket.subject, ticket.facts, map(addresses.key, people)) or ""
