"""What comes by every day or every week without anybody's asking: an agenda, a report (docs/rules.md G-15, D-37).

A round has a clock of its own, subject `agenda:DESK/SELLER` or `report:DESK/SELLER`, SELLER empty for the desk's own. It asks
what is due, not what has just become due: after an outage there is one mail, and the next one comes at its usual time. Its
instants are wall times of one zone, worked out day by day, so that no change of the clocks moves, drops or doubles one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from mailgate.desk.calendar import Calendar
from mailgate.desk.choice import WEEKDAYS
from mailgate.desk.decision import Scene
from mailgate.desk.entry import Role
from mailgate.desk.party import Desk, Seller
from mailgate.desk.ticket import Clock, Mark

AGENDA, REPORT = "agenda", "report"
KINDS = (AGENDA, REPORT)
STEP = "send"
_WEEK = 7


@dataclass(frozen=True)
class Round:
    """When it comes: a local time of every day, or of one weekday (Monday = 0)."""

    kind: str
    at: time
    zone: ZoneInfo
    weekday: int | None = None

    @property
    def plan(self) -> str:
        """What its clock was set by; another plan is another clock."""
        return f"{'' if self.weekday is None else WEEKDAYS[self.weekday] + ' '}{self.at:%H:%M} {self.zone.key}"


def round_of(kind: str, desk: Desk, seller: Seller | None) -> Round | None:
    """The round of this kind that `seller` at `desk`, or without one the desk itself, asks for; None for no such round."""
    if kind == REPORT:
        if seller is None or not desk.report_at:
            return None
        day, at = desk.report_at.split()
        return Round(kind, time.fromisoformat(at), ZoneInfo(desk.zone), WEEKDAYS.index(day))
    at = seller.agenda_at if seller else desk.agenda_at
    zone = (seller.zone if seller else "") or desk.zone
    return Round(kind, time.fromisoformat(at), ZoneInfo(zone)) if at else None


def subject_of(kind: str, desk: Desk, seller: Seller | None) -> str:
    """Whose clock it is."""
    return f"{kind}:{desk.name}/{seller.id if seller else ''}"


def parts(subject: str) -> tuple[str, str, str]:
    """(kind, desk, seller) of a round's subject; the seller is empty for the desk's own."""
    kind, _, rest = subject.partition(":")
    desk, _, seller = rest.partition("/")
    return kind, desk, seller


def next_at(comes: Round, now: datetime, *, after: bool = False) -> datetime:
    """The first of its instants from `now` on, or `after` it."""
    return next(due for due in _around(comes, now) if due > now or (due == now and not after))


def last_at(comes: Round, now: datetime) -> datetime:
    """The last of its instants up to `now`."""
    return max(due for due in _around(comes, now) if due <= now)


def _around(comes: Round, now: datetime) -> Sequence[datetime]:
    """Its instants within more than a week before and after `now`, in order; a zone may leave a day out."""
    calendar = Calendar(comes.zone)
    today = calendar.local(now).date()
    days = [today + timedelta(days=number) for number in range(-_WEEK - 2, _WEEK + 3)]
    return [calendar.at(day, comes.at) for day in days if comes.weekday in (None, day.weekday())]


def moved(current: Clock | None, comes: Round | None, subject: str, now: datetime) -> tuple[Clock, ...]:
    """The clocks to write so that the round comes as it is planned; one that nobody plans any more ends when it comes due."""
    if comes is None or (current is not None and current.running and current.for_message == comes.plan):
        return ()
    due = next_at(comes, now)
    episode = current.episode + 1 if current else 1
    new = Clock(subject, comes.kind, episode, "running", now, None, (Mark(STEP, 1, due),), for_message=comes.plan)
    return (replace(current, state="stopped", stopped_at=now), new) if current and current.running else (new,)


def went(clock: Clock, comes: Round, now: datetime) -> Clock:
    """`clock` after its due step, set for the next time."""
    mark = clock.marks[-1]
    following = Mark(STEP, mark.occurrence + 1, next_at(comes, max(now, mark.due), after=True))
    return replace(clock, marks=(replace(mark, fired_at=now), following))


def read_by(scene: Scene, name: str, *places: str) -> tuple[Scene, tuple[str, ...]]:
    """(the scene, the roles) by which a round reaches the first of `places` that somebody fills.

    It is the pack's own role for that place if it has one; else the scene's pack gets one called `name`. No role: nobody reads.
    """
    own = next((role for role, spec in scene.policy.roles.items() if spec.of == places and spec.when), "")
    if not own:
        roles = {**scene.policy.roles, name: Role.model_validate({"is": places})}
        scene = replace(scene, policy=scene.policy.model_copy(update={"roles": roles}))
    return scene, scene.filled((own or name,), None)
