"""What a policy pack may say: the vocabulary of mails, clocks, steps, rules and reactions.

A pack is TOML (config/policies/*.toml). `bind` lays a desk's options over the pack's own, drops every
table whose `only_if` does not hold, puts the options' values where the pack says `option:NAME`, and
validates the rest. What comes out is a `Policy`: plain values, no expressions, nothing left to look up.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from pydantic import Field, ValidationError

from mailgate.desk.choice import Problem, chosen, pruned
from mailgate.desk.entry import (
    Alarm,
    Change,
    Checklist,
    Cites,
    ClockSpec,
    Command,
    Digest,
    Duplicates,
    Facts,
    Hours,
    Mail,
    Reason,
    Recognise,
    Role,
    Rule,
    Shown,
    ShownAll,
    States,
    Step,
    Terms,
    When,
    Window,
    Words,
)
from mailgate.desk.party import Entity, Frozen


class PackError(ValueError):
    """A pack or its options can't be used; `problems` lists every (key, expected, got)."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("; ".join(f"{key}: expected {expected}, got {got!r}" for key, expected, got in problems))
        self.problems = tuple(problems)


# events that need no [[mail]]: an address that was on a suppression list takes mail again; two signs of a reply elsewhere
NAMING = ("event", "broken", "bounced")
BUILT_IN = frozenset({"reachable", "reply_unseen"})
AUTHOR = "author"  # the role of whoever brought an event about, by the pack's [author]
VERBS = ("starts", "restarts", "stops", "voids", "pauses", "resumes", "hastens", "revives", "renews", "extends")


class Policy(Frozen):
    """A pack with its options bound: what the engine runs."""

    name: str = ""
    hash: str = ""
    title: str = ""
    kind: str = "case"
    carries: Literal["people", "mailgate"] = "people"
    options: Mapping[str, Any] = Field(default_factory=dict)
    entities: Mapping[str, Entity] = Field(default_factory=dict)
    roles: Mapping[str, Role] = Field(default_factory=dict)
    author: Mapping[str, str] = Field(default_factory=dict)
    called: Mapping[str, str] = Field(default_factory=dict)
    words: Mapping[str, Words] = Field(default_factory=dict)
    terms: Mapping[str, Terms] = Field(default_factory=dict)
    facts: Facts = Field(default_factory=dict)
    topics: Mapping[str, Words] = Field(default_factory=dict)
    order_numbers: Words = ()
    windows: Mapping[str, Window] = Field(default_factory=dict)
    duplicates: Duplicates | None = None
    cites: Cites | None = None
    reasons: Mapping[str, Reason] = Field(default_factory=dict)
    recognise: tuple[Recognise, ...] = ()
    mail: tuple[Mail, ...] = ()
    command: tuple[Command, ...] = ()
    change: tuple[Change, ...] = ()
    clocks: Mapping[str, ClockSpec] = Field(default_factory=dict)
    rules: Mapping[str, Rule] = Field(default_factory=dict)
    when: tuple[When, ...] = ()
    standing: Mapping[str, Alarm] = Field(default_factory=dict)
    digest: Mapping[str, Digest] = Field(default_factory=dict)
    checklist: Checklist | None = None
    hours: Hours = Hours()
    states: States = States(start="open")
    shows: Mapping[str, Shown] = Field(default_factory=dict)
    shows_all: ShownAll = Field(default_factory=dict)

    @property
    def notices(self) -> frozenset[str]:
        """The names of every notice that this policy may send, by the templates that hold their words."""
        steps = {step.words or step.do for clock in self.clocks.values() for step in clock.steps}
        whens = {when.words or when.do for when in self.when}
        digests = {digest.do for digest in self.digest.values()}
        alarms = {alarm.do for alarm in self.standing.values()}
        listed = {self.checklist.do} if self.checklist else set()
        effects = {"effect"} if self.effects else set()
        return frozenset((steps | whens | digests | alarms | listed | effects) - {""})

    @property
    def effects(self) -> frozenset[str]:
        """What this policy asks others to carry out: refunds, cancellations."""
        return frozenset(when.effect for when in self.when if when.effect)

    @property
    def events(self) -> frozenset[str]:
        """Every event that a mail, a command, a bounce, a step or a reaction of this policy names."""
        steps = [step for clock in self.clocks.values() for step in clock.steps]
        by_mail = {one for mail in self.mail for one in (mail.event, mail.broken, mail.bounced)}
        by_step = {one for step in steps for one in (step.bounced, step.raises)}
        by_order = {command.event for command in self.command} | {when.raises for when in self.when}
        return frozenset((by_mail | by_step | by_order | BUILT_IN) - {""})

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
    problems = list(_dangling(policy, policy.events | _named(raw)))
    if problems:
        raise PackError(problems)
    return policy


def _problem(item: Any) -> Problem:
    key = ".".join(str(part) for part in item["loc"])
    return (key, str(item["msg"]).removeprefix("Value error, "), item.get("input"))


def _named(table: Any, key: str = "") -> frozenset[str]:
    """Every event that the pack names under any of its options."""
    if isinstance(table, Mapping):
        if key in NAMING and "by_option" in table:
            return frozenset(str(value) for name, value in table.items() if name != "by_option")
        return frozenset().union(*(_named(value, name) for name, value in table.items() if name not in ("when", "change", "clocks")))
    if isinstance(table, list):
        return frozenset().union(*(_named(item, key) for item in table))
    return frozenset((table,)) if key in NAMING and isinstance(table, str) else frozenset()


def _dangling(policy: Policy, heard: frozenset[str]) -> Iterator[Problem]:
    """Names that a pack uses and nobody defines."""
    for key, roles in _role_uses(policy):
        for role in roles:
            if role not in policy.roles and role != AUTHOR:
                yield key, f"one of the pack's roles: {', '.join(policy.roles)}", role
    for number, entry in enumerate(policy.mail):
        for word in (*entry.says, *entry.says_not):
            if word not in policy.words:
                yield f"mail.{number}.says", f"one of the pack's words: {', '.join(policy.words)}", word
        for rule in entry.rules:
            if rule not in policy.rules:
                yield f"mail.{number}.rules", f"one of the pack's rules: {', '.join(policy.rules)}", rule
    for clock, spec in policy.clocks.items():
        for verb in VERBS:
            for trigger in getattr(spec, verb):
                if trigger.event not in heard:
                    yield f"clocks.{clock}.{verb}", "an event of [[mail]], of [[command]] or of a bounce", trigger.event
        for step in spec.steps:
            if not (step.do or step.raises):
                yield f"clocks.{clock}.steps.{step.name}.do", "a notice in do, or an event in raises", None
    named = [(f"when.{number}", when.event) for number, when in enumerate(policy.when)]
    named += [(f"change.{number}", change.event) for number, change in enumerate(policy.change)]
    for key, event in named:
        if event not in heard:
            yield f"{key}.event", f"one of the pack's events: {', '.join(sorted(heard))}", event
    commands = {name for command in policy.command for name in command.name}
    for name, reason in policy.reasons.items():
        for fit in set(reason.fits) - commands:
            yield f"reasons.{name}.fits", "one of the pack's commands", fit


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
    for name, digest in policy.digest.items():
        yield f"digest.{name}.to", digest.to
    for party, role in policy.author.items():
        yield f"author.{party}", (role,)
    if policy.checklist:
        yield "checklist.to", policy.checklist.to
