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
    Change,
    Cites,
    Command,
    Duplicates,
    Facts,
    Mail,
    Reason,
    Recognise,
    Role,
    Rule,
    Shown,
    ShownAll,
    States,
    Terms,
    When,
    Words,
)
from mailgate.desk.order import bad_pattern
from mailgate.desk.party import Entity, Frozen
from mailgate.desk.timed import Alarm, Checklist, ClockSpec, Digest, Hours, Step, Window


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
    title: str = Field("", description="The pack's name for people.")
    kind: str = Field("case", description="What a ticket is called here, where its mail says no other kind.")
    carries: Literal["people", "mailgate"] = Field(
        "people",
        description="Who carries the mail: people write to each other and mailgate reads along, or everything goes through "
        "mailgate. A desk says the same in desks.toml.",
    )
    options: Mapping[str, Any] = Field(default_factory=dict)
    entities: Mapping[str, Entity] = Field(
        default_factory=dict, description="The resellers behind a desk, each with its helpdesk."
    )
    roles: Mapping[str, Role] = Field(default_factory=dict, description="Whom the notices reach.")
    author: Mapping[str, str] = Field(
        default_factory=dict, description="For each party, the role that a refusal or an answer to a command goes to."
    )
    called: Mapping[str, str] = Field(
        default_factory=dict, description="For each party, the word that this marketplace has for it."
    )
    words: Mapping[str, Words] = Field(default_factory=dict, description="Lists of phrases, for `says` and `says_not`.")
    terms: Mapping[str, Terms] = Field(default_factory=dict, description="Words that conditions ask for as `mentions`.")
    facts: Facts = Field(default_factory=dict, description="What a mail may state; a plain list is the places alone.")
    topics: Mapping[str, Words] = Field(
        default_factory=dict,
        description="For each topic, words of a subject; the first topic that fits becomes the fact `topic`, or each fact "
        "that has the place `topic`.",
    )
    order_numbers: Words = Field(
        (), description="Regular expressions that find order numbers in a subject or a text; a group is the number."
    )
    windows: Mapping[str, Window] = Field(default_factory=dict, description="Yes or no: is the case still young enough?")
    duplicates: Duplicates | None = Field(None, description="When two tickets are the same request.")
    cites: Cites | None = Field(None, description="Which fact names earlier tickets.")
    reasons: Mapping[str, Reason] = Field(default_factory=dict, description="The catalogue of reasons, by their code.")
    recognise: tuple[Recognise, ...] = Field((), description="The marketplace's own notices that tell of an order.")
    mail: tuple[Mail, ...] = Field((), description="What a mail means.")
    command: tuple[Command, ...] = Field((), description="What may be ordered.")
    change: tuple[Change, ...] = Field((), description="What an event does to the ticket.")
    clocks: Mapping[str, ClockSpec] = Field(default_factory=dict, description="Promises of time.")
    rules: Mapping[str, Rule] = Field(default_factory=dict, description="How strictly the rules of a reply are meant.")
    when: tuple[When, ...] = Field((), description="What follows from an event.")
    standing: Mapping[str, Alarm] = Field(default_factory=dict, description="Alarms over a seller's strikes.")
    digest: Mapping[str, Digest] = Field(default_factory=dict, description="Mails about everything that waits.")
    checklist: Checklist | None = Field(None, description="Facts that a seller keeps current.")
    hours: Hours = Field(Hours(), description="The local calendar of durations.")
    states: States = Field(States(start="open"), description="The ticket's state.")
    shows: Mapping[str, Shown] = Field(
        default_factory=dict,
        description='What `simulate` says of a ticket at the end, each `NAME = "source"`: anything that a condition can '
        "ask; or a table of such.",
    )
    shows_all: ShownAll = Field(
        default_factory=dict, description="Lists of tickets for `simulate`, each by conditions on facts, kind and state."
    )

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
        return frozenset().union(
            *(_named(value, name) for name, value in table.items() if name not in ("when", "change", "clocks"))
        )
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
    named = [(f"when.{number}", event) for number, when in enumerate(policy.when) for event in when.event]
    named += [(f"change.{number}", event) for number, change in enumerate(policy.change) for event in change.event]
    for key, event in named:
        if event not in heard:
            yield f"{key}.event", f"one of the pack's events: {', '.join(sorted(heard))}", event
    for number, pattern in enumerate(policy.order_numbers):
        if why := bad_pattern(pattern):
            yield f"order_numbers.{number}", why, pattern
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
