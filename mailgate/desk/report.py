"""The weekly report on one seller to whoever looks after him: figures, and whether a person has something to decide.

What counts as what is read off the pack: the seller's answers are what stops the first of his clocks that has a limit; what its
ladders send is a reminder, a mediation or an escalation by the notice's name (docs/rules.md D-05, D-28, D-29, D-37, M-08, M-10,
M-22, K-19). Numbers only: not a word of any mail. It goes to the reseller's people and to nobody else (G-11).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from mailgate.desk.calendar import Calendar, add
from mailgate.desk.decision import Decision, Order, Scene
from mailgate.desk.follow import order_entry, takeover_links
from mailgate.desk.pack import Policy
from mailgate.desk.round import REPORT, STEP, Round, last_at, read_by, went
from mailgate.desk.standing import Sounded, sounding
from mailgate.desk.ticket import Clock

NOTICE, PROPOSAL = "weekly_report", "propose_takeover"
POTENTIAL = "potential_chargeback"  # the tag of D-28
DECIDED = "takeover"  # the mark that a decision about a proposal leaves (D-29)
MONTHLY = ("mediations", "prohibited")  # M-10, M-08: counted by month too
METRICS = (
    "tickets", "asks", "answered", "late", "noncompliant", "reminders", "escalations", "mediations", "prohibited", "bounces",
    "misfiled", "potential", "chargebacks", "strikes",
)  # fmt: skip


@dataclass(frozen=True)
class Span:
    """From an instant on, up to another one."""

    since: datetime
    until: datetime


@dataclass(frozen=True)
class Answer:
    """One promise kept, or kept late: how long it took, pauses left out."""

    took: timedelta
    late: bool


@dataclass(frozen=True)
class Counted:
    """What the store counts of one seller's tickets in a span. `events` and `strikes` go by name."""

    tickets: int = 0
    asks: int = 0
    potential: int = 0
    messages: int = 0
    spoken_on: int = 0
    answers: tuple[Answer, ...] = ()
    events: Mapping[str, int] = field(default_factory=dict)
    strikes: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Figures:
    """The figures of one seller and one span: each metric, response times, strikes by reason."""

    metrics: Mapping[str, int]
    times: tuple[tuple[str, timedelta | None], ...]
    reasons: tuple[tuple[str, int], ...]
    misfiled_share: float | None
    mails_per_ticket: float | None

    @property
    def says_something(self) -> bool:
        """True if anything happened."""
        return any(self.metrics.values())


def measured(policy: Policy) -> str:
    """The clock that the seller's answers stop: the first that runs for him, has a limit, and can be kept; empty for none."""
    found = (
        name for name, spec in policy.clocks.items() if spec.runs_for == "seller" and spec.stops and (spec.within or spec.lengths)
    )
    return next(found, "")


def watched(policy: Policy) -> Mapping[str, frozenset[str]]:
    """Which entries of the history count for which metric."""
    notices = {step.do for spec in policy.clocks.values() if spec.runs_for == "seller" for step in spec.steps if step.do}
    reminders = {one for one in notices if one.startswith("remind") or one.endswith("_warning")}
    return {
        "noncompliant": frozenset(one.broken for one in policy.mail if one.broken),
        "reminders": frozenset(reminders),
        "mediations": frozenset({"mediate"}),
        "escalations": frozenset(notices - reminders - {"mediate"}),
        "withdrawn": frozenset({"escalation_withdrawn"}),
        "prohibited": frozenset({"alert_prohibited"}),
        "bounces": frozenset({"alert_delivery"}),
        "misfiled": frozenset({"recategorised"}),
    }


def figures(counted: Counted, policy: Policy) -> Figures:
    """What the counts say; an escalation that was withdrawn is none."""
    named = {metric: sum(counted.events.get(one, 0) for one in names) for metric, names in watched(policy).items()}
    named["escalations"] = max(named["escalations"] - named.pop("withdrawn"), 0)
    late = sum(1 for one in counted.answers if one.late)
    metrics = {
        **named, "tickets": counted.tickets, "asks": counted.asks, "answered": len(counted.answers) - late, "late": late,
        "potential": counted.potential, "strikes": sum(counted.strikes.values()),
        "chargebacks": counted.strikes.get("chargeback", 0),
    }  # fmt: skip
    took = [one.took for one in counted.answers]
    return Figures(
        metrics={name: metrics[name] for name in METRICS},
        times=(("p50", percentile(took, 50)), ("p90", percentile(took, 90))),
        reasons=tuple(sorted(counted.strikes.items(), key=lambda one: (-one[1], one[0]))),
        misfiled_share=round(named["misfiled"] / counted.tickets, 3) if counted.tickets else None,
        mails_per_ticket=round(counted.messages / counted.spoken_on, 1) if counted.spoken_on else None,
    )


def percentile(took: Sequence[timedelta], percent: int) -> timedelta | None:
    """The shortest of these times within which `percent` of them lie (nearest rank); None for no times (D-05)."""
    if not took:
        return None
    return sorted(took)[max(math.ceil(len(took) * percent / 100), 1) - 1]


def weeks(comes: Round, now: datetime) -> tuple[Span, Span]:
    """The seven whole local days before the round's day, and the seven before those."""
    calendar = Calendar(comes.zone)
    ends = calendar.local(last_at(comes, now)).date()
    edges = [calendar.midnight(ends - timedelta(days=number)) for number in (0, 7, 14)]
    return Span(edges[1], edges[0]), Span(edges[2], edges[1])


def months(comes: Round, now: datetime) -> tuple[Span, Span]:
    """The local month of the reported week's last day up to the end of that day, and the whole month before."""
    calendar = Calendar(comes.zone)
    ends = calendar.local(last_at(comes, now)).date()
    first = (ends - timedelta(days=1)).replace(day=1)
    before = (first - timedelta(days=1)).replace(day=1)
    begins = calendar.midnight(first)
    return Span(begins, calendar.midnight(ends)), Span(calendar.midnight(before), begins)


def proposed(scene: Scene, decided_at: datetime | None, now: datetime) -> bool:
    """True while a proposal to take over waits for a person: it sounded, its strikes still count, nobody has decided since."""
    if scene.seller is None or scene.seller.takeover:
        return False
    calendar = scene.calendar(now)
    sounded = [one for one in sounding(scene.policy, (), scene.strikes, calendar) if one.alarm.do == PROPOSAL]
    if not sounded or (decided_at is not None and decided_at >= sounded[-1].strikes[-1].at):
        return False
    return _still_counts(sounded[-1], scene, calendar, now)


def _still_counts(last: Sounded, scene: Scene, calendar: Calendar, now: datetime) -> bool:
    ends = [add(one.at, last.alarm.window, calendar) for one in scene.strikes if one.kind in last.alarm.strikes]
    return sum(1 for end in ends if end is not None and now < end) >= last.alarm.limit


def days_of(span: Span, comes: Round) -> tuple[date, date]:
    """The first and the last local day of a span."""
    return span.since.astimezone(comes.zone).date(), (span.until - timedelta(seconds=1)).astimezone(comes.zone).date()


@dataclass(frozen=True)
class Told:
    """What a report is made of: the week and the one before, the month and the one before, and whether a proposal stands."""

    week: Figures
    before: Figures
    month: Figures
    month_before: Figures
    takeover: bool

    @property
    def says_something(self) -> bool:
        """True if there is anything to say."""
        return self.takeover or self.week.says_something or self.before.says_something


def report(clock: Clock, comes: Round, told: Told, scene: Scene, now: datetime) -> tuple[Decision, Scene]:
    """What a due report causes, and the scene in which it has its reader: one mail, or silence; then its next time."""
    mark = clock.marks[-1]
    scene, to = _readers(scene)
    after = (went(clock, comes, now),)
    if not told.says_something or not to:
        return Decision("report_empty", "timer", clocks=after, seller=scene.seller), scene
    order = Order(
        NOTICE,
        to,
        data=_data(told, comes, now),
        clock=REPORT,
        episode=clock.episode,
        step=STEP,
        occurrences=(mark.occurrence,),
        ticket=False,
        courtesy=True,
        offers=takeover_links(scene) if told.takeover else (),
    )
    entries = (order_entry(order, mark.due),)
    return Decision(NOTICE, "timer", entries=entries, clocks=after, orders=(order,), seller=scene.seller), scene


def _readers(scene: Scene) -> tuple[Scene, tuple[str, ...]]:
    """The account manager where the pack knows one and somebody is it, else whom the desk names for it, else its staff."""
    to = scene.filled(("account_manager",), None)
    return (scene, to) if to else read_by(scene, "desk_staff", "desk.account_manager", "desk.staff")


def _data(told: Told, comes: Round, now: datetime) -> dict[str, object]:
    since, until = days_of(weeks(comes, now)[0], comes)
    return {
        "since": since,
        "until": until,
        "rows": _rows(told.week, told.before, METRICS),
        "times": told.week.times if any(span is not None for _, span in told.week.times) else (),
        "reasons": told.week.reasons,
        "months": _rows(told.month, told.month_before, MONTHLY),
        "takeover": told.takeover,
        "advise": told.week.metrics["late"] > 0,
        "external": False,
    }


def _rows(now: Figures, before: Figures, names: Sequence[str]) -> tuple[tuple[str, int, int], ...]:
    """(metric, now, before) of what happened in either."""
    both = ((name, now.metrics[name], before.metrics[name]) for name in names)
    return tuple(row for row in both if row[1] or row[2])
