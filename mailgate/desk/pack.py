"""What a policy pack may say: the vocabulary of mails, clocks, steps, rules and reactions.

A pack is TOML (config/policies/*.toml). `bind` lays a desk's options over the pack's own, drops every
table whose `only_if` does not hold, puts the options' values where the pack says `option:NAME`, and
validates the rest. What comes out is a `Policy`: plain values, no expressions, nothing left to look up.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import time
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PlainSerializer, ValidationError

from mailgate.desk.calendar import Duration, duration
from mailgate.desk.choice import Problem, chosen, pruned
from mailgate.desk.party import Entity, Frozen


class PackError(ValueError):
    """A pack or its options can't be used; `problems` lists every (key, expected, got)."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("; ".join(f"{key}: expected {expected}, got {got!r}" for key, expected, got in problems))
        self.problems = tuple(problems)


def _duration(value: object) -> object:
    return duration(value) if isinstance(value, str) else value


# events that need no [[mail]]: an address that was on a suppression list takes mail again; two signs of a reply elsewhere
BUILT_IN = frozenset({"reachable", "reply_unseen"})
Length = Annotated[Duration, BeforeValidator(_duration), PlainSerializer(lambda d: f"{d.amount}{d.unit}")]
Words = tuple[str, ...]
Bound = str | int | bool | tuple[str, ...] | Mapping[Literal["more_than", "less_than"], int]


class Role(Frozen):
    """Whom a role stands for: `seller.support`, `seller.manager`, `entity.helpdesk`, `desk.NAME`."""

    of: str = Field(alias="is", pattern=r"^(seller|entity|desk)\.[a-z_]+$")
    when: bool = True


class Mail(Frozen):
    """What a human mail means: the first entry whose conditions hold names the event."""

    event: str
    by: Words
    to: Words = ()
    on: Literal["any", "ticket", "new"] = "any"
    opens: bool = False
    says: Words = ()
    says_not: Words = ()
    copy_to: str = ""
    copy_not: str = ""
    fact: str = ""
    topic: bool = False
    not_to_notice: Words = ()
    rules: Words = ()
    broken: str = ""
    late_copy: bool = False
    bounced: str = ""
    bounced_at: str = ""


class Also(Frozen):
    """A further reader of a step, while one of the conditions `when` holds."""

    to: str
    when: Words


class Step(Frozen):
    """One rung of a ladder: when it comes due, what it does, and to whom."""

    name: str
    do: str
    at: tuple[Length, ...] = ()
    at_most: int | None = None
    after: Length | None = None
    of: str = "deadline"
    not_before: str = ""
    last: bool = False
    promise: str = ""
    on_weekend: Literal["defer_start", "defer_same_time", "ignore"] = "ignore"
    to: Words = ()
    else_to: Words = ()
    cc: Words = ()
    also: tuple[Also, ...] = ()
    tag: str = ""
    strike: str = ""
    bounced: str = ""
    bounced_at: str = ""


class ClockSpec(Frozen):
    """A promise of time: which events start, restart, stop, void it, revive what was stopped, renew what was void; its ladder."""

    runs_for: str
    within: Length
    starts: Words = ()
    restarts: Words = ()
    stops: Words = ()
    voids: Words = ()
    revives: Words = ()
    renews: Words = ()
    pause_on: tuple[Literal["holidays", "weekends"], ...] = ()
    steps: tuple[Step, ...] = ()


class Rule(Frozen):
    """One demand on a reply; the function of the same name in desk/policy.py answers it."""

    address: str = ""
    where: Literal["to_or_cc", "cc", "received"] = Field("to_or_cc", alias="in")
    by: Literal["references", "references_or_token"] = "references"
    strictness: Literal["strict", "off"] = "strict"


class When(Frozen):
    """A reaction: on `event`, if every condition holds, send, tag or strike.

    A notice with `holds_while` is dropped once that clock no longer runs; one that `hands` gives its readers the mail behind it.
    """

    event: str
    given: Mapping[str, Bound] = Field(default_factory=dict, alias="if")
    do: str = ""
    to: Words = ()
    else_to: Words = ()
    cc: Words = ()
    say: Mapping[str, str] = Field(default_factory=dict)
    holds_while: str = ""
    hands: bool = False
    tag: str = ""
    strike: str = ""


class Alarm(Frozen):
    """Sounds when a seller's strikes within `window` reach `limit`; 0 never sounds (DR-08)."""

    strikes: Words
    limit: int
    window: Length
    do: str
    to: Words


class Item(Frozen):
    """One fact that a seller keeps current; `given` says for which sellers it is required."""

    given: Mapping[str, Bound] = Field(default_factory=dict, alias="if")
    yearly: str = Field("", pattern=r"^(\d\d-\d\d)?$")


class Checklist(Frozen):
    """Facts to keep current, asked for when missing or older than `every`, then again after `again`."""

    every: Length
    again: Length
    at: time
    do: str
    to: Words
    items: Mapping[str, Item]


class Hours(Frozen):
    """The local calendar that this pack's durations use."""

    weekend: tuple[Literal["MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"], ...] = ("SAT", "SUN")


class States(Frozen):
    """The ticket's state in the pack's words: `start`, then what each clock's state makes of it."""

    start: str
    by_clock: Mapping[str, Mapping[Literal["running", "paused", "stopped", "void"], str]] = Field(default_factory=dict)


class Policy(Frozen):
    """A pack with its options bound: what the engine runs."""

    name: str = ""
    hash: str = ""
    title: str = ""
    kind: str = "case"
    options: Mapping[str, Any] = Field(default_factory=dict)
    entities: Mapping[str, Entity] = Field(default_factory=dict)
    roles: Mapping[str, Role] = Field(default_factory=dict)
    words: Mapping[str, Words] = Field(default_factory=dict)
    facts: Mapping[str, Words] = Field(default_factory=dict)
    topics: Mapping[str, Words] = Field(default_factory=dict)
    mail: tuple[Mail, ...] = ()
    clocks: Mapping[str, ClockSpec] = Field(default_factory=dict)
    rules: Mapping[str, Rule] = Field(default_factory=dict)
    when: tuple[When, ...] = ()
    standing: Mapping[str, Alarm] = Field(default_factory=dict)
    checklist: Checklist | None = None
    hours: Hours = Hours()
    states: States = States(start="open")
    shows: Mapping[str, str] = Field(default_factory=dict)

    @property
    def notices(self) -> frozenset[str]:
        """The names of every notice that this policy may send."""
        steps = {step.do for clock in self.clocks.values() for step in clock.steps}
        alarms = {alarm.do for alarm in self.standing.values()}
        listed = {self.checklist.do} if self.checklist else set()
        return frozenset(steps | alarms | listed | {when.do for when in self.when if when.do})

    def step(self, clock: str, name: str) -> Step | None:
        """The step `name` of the ladder of `clock`, or None."""
        spec = self.clocks.get(clock)
        return next((step for step in spec.steps if step.name == name), None) if spec else None


def bind(raw: Mapping[str, Any], options: Mapping[str, Any], name: str = "") -> Policy:
    """The pack `raw` with a desk's `options` laid over its own. Raises PackError with every problem found."""
    values, problems = chosen(raw, options)
    body = {key: value for key, value in raw.items() if key not in ("options", "choices")}
    if problems:
        raise PackError(problems)
    bound, problems = pruned(body, values)
    if problems:
        raise PackError(problems)
    try:
        policy = Policy.model_validate({**bound, "options": values, "name": name})
    except ValidationError as error:
        raise PackError([_problem(item) for item in error.errors()]) from None
    problems = list(_dangling(policy))
    if problems:
        raise PackError(problems)
    return policy


def _problem(item: Any) -> Problem:
    key = ".".join(str(part) for part in item["loc"])
    return (key, str(item["msg"]).removeprefix("Value error, "), item.get("input"))


def _dangling(policy: Policy) -> Iterator[Problem]:
    """Names that a pack uses and nobody defines."""
    for key, roles in _role_uses(policy):
        for role in roles:
            if role not in policy.roles:
                yield key, f"one of the pack's roles: {', '.join(policy.roles)}", role
    heard = {mail.event for mail in policy.mail} | {mail.broken for mail in policy.mail if mail.broken}
    heard |= {mail.bounced for mail in policy.mail} | {s.bounced for c in policy.clocks.values() for s in c.steps}
    for number, entry in enumerate(policy.mail):
        for word in (*entry.says, *entry.says_not):
            if word not in policy.words:
                yield f"mail.{number}.says", f"one of the pack's words: {', '.join(policy.words)}", word
        for rule in entry.rules:
            if rule not in policy.rules:
                yield f"mail.{number}.rules", f"one of the pack's rules: {', '.join(policy.rules)}", rule
    for clock, spec in policy.clocks.items():
        for verb in ("starts", "restarts", "stops", "voids", "revives", "renews"):
            for event in getattr(spec, verb):
                if event not in heard | BUILT_IN:
                    yield f"clocks.{clock}.{verb}", "an event of [[mail]] or of a bounce", event
    for number, when in enumerate(policy.when):
        if when.event not in heard | BUILT_IN:
            yield f"when.{number}.event", f"one of the pack's events: {', '.join(sorted(heard - {''}))}", when.event


def _role_uses(policy: Policy) -> Iterator[tuple[str, Words]]:
    for clock, spec in policy.clocks.items():
        for step in spec.steps:
            extra = tuple(also.to for also in step.also)
            yield f"clocks.{clock}.steps.{step.name}.to", (*step.to, *step.cc, *step.else_to, *extra)
    for number, when in enumerate(policy.when):
        yield f"when.{number}.to", (*when.to, *when.cc, *when.else_to)
    for name, alarm in policy.standing.items():
        yield f"standing.{name}.to", alarm.to
    for name, rule in policy.rules.items():
        yield f"rules.{name}.address", (rule.address,) if rule.address else ()
    if policy.checklist:
        yield "checklist.to", policy.checklist.to
