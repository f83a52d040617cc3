"""The tables a pack is made of: what a mail or a command means, how clocks run, what follows.

Values only; docs/policies.md explains each key, desk/pack.py binds a pack's options into them.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import time
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, PlainSerializer

from mailgate.desk.calendar import Duration, duration
from mailgate.desk.party import Frozen


def _duration(value: object) -> object:
    """A length as it is written; a bare number is a number of local days."""
    if value == "":
        return None
    if isinstance(value, int) and not isinstance(value, bool):
        return Duration(value, "ld")
    return duration(value) if isinstance(value, str) else value


def _words(value: object) -> object:
    return (value,) if isinstance(value, str) else value


def _trigger(value: object) -> object:
    return {"event": value} if isinstance(value, str) else value


Length = Annotated[Duration, BeforeValidator(_duration), PlainSerializer(lambda d: f"{d.amount}{d.unit}")]
MaybeLength = Annotated[Duration | None, BeforeValidator(_duration), PlainSerializer(lambda d: str(d) if d else "")]
Words = tuple[str, ...]
Places = Annotated[
    tuple[Annotated[str, Field(pattern=r"^(seller|entity|desk|ticket)\.[a-z_]+$")], ...], BeforeValidator(_words)
]
Test = Literal["more_than", "less_than", "not", "is_known", "same_as"]
Plain = str | bool | int | float
Bound = Plain | tuple[Plain, ...] | Mapping[Test, Plain | tuple[Plain, ...]]
Given = Mapping[str, Bound]
Weekend = Literal["defer_start", "defer_same_time", "pause", "ignore"]
Act = Literal["add", "start", "stop", "close", "change", "request"]


class Role(Frozen):
    """Whom a role stands for: the first of its places that somebody fills; where nobody does, the role `otherwise`."""

    of: Places = Field(alias="is")
    when: bool = True
    otherwise: str = ""


class Fact(Frozen):
    """Where a fact may stand in a mail, and what it is; a whole number becomes one where `is` says text.

    One that `passes` is of the mail alone: the ticket does not keep it.
    """

    places: Words = Field(alias="in")
    type: Literal["text", "amount", "boolean", "instant", "list"] = Field("text", alias="is")
    passes: bool = False


def _places(value: object) -> object:
    return {"in": value} if isinstance(value, list | tuple) else value


Facts = Mapping[str, Annotated[Fact, BeforeValidator(_places)]]


class Mail(Frozen):
    """What a human mail means: the first entry whose conditions hold names the event."""

    event: str
    by: Words
    to: Words = ()
    on: Literal["any", "ticket", "new"] = "any"
    given: Given = Field(default_factory=dict, alias="if")
    written_to: Words = ()
    kind: str = ""
    opens: bool = False
    sets: Mapping[str, Plain] = Field(default_factory=dict)
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


class Command(Frozen):
    """What an order given by a signed link, a word or a verb means: the first entry that fits names the event.

    An entry without an `event` is there so that nothing happens. `act` is what the trust table must allow; `once`: a link to it
    works once; `offered` names the notices that carry the link, for each of `choices`; `argument` is the fact that a choice is.
    """

    name: Annotated[Words, BeforeValidator(_words)]
    by: Words
    event: str
    argument: str = ""
    choices: Words = ()
    given: Given = Field(default_factory=dict, alias="if")
    on: Literal["ticket", "seller"] = "ticket"
    act: Act = "request"
    once: bool = False
    offered: Words = ()
    asks: Words = ()
    sets: Mapping[str, Plain] = Field(default_factory=dict)


class Trigger(Frozen):
    """An event, under conditions, that moves a clock."""

    event: str
    given: Given = Field(default_factory=dict, alias="if")


Triggers = tuple[Annotated[Trigger, BeforeValidator(_trigger)], ...]


class Hastening(Trigger):
    """An event that sets a second, perhaps earlier limit to a running clock, counted from itself or from the start."""

    within: Length
    counted_from: Literal["event", "start"] = Field("event", alias="from")
    on_weekend: Weekend = "ignore"
    promised: bool = True


class Alternative(Frozen):
    """A clock's length under conditions."""

    within: Length = Field(alias="is")
    given: Given = Field(default_factory=dict, alias="if")
    on_weekend: Weekend | None = None


class Also(Frozen):
    """A further reader of a step, while one of the conditions `when` holds."""

    to: str
    when: Words


class Step(Frozen):
    """One rung of a ladder: when it comes due, what it does, and to whom."""

    name: str
    given: Given = Field(default_factory=dict, alias="if")
    do: str = ""
    raises: str = ""
    words: str = ""
    at: tuple[Length, ...] = ()
    at_most: int | None = None
    at_deadline: bool = False
    before: tuple[Length, ...] = ()
    after: Length | None = None
    of: str = "deadline"
    not_before: str = ""
    last: bool = False
    promise: str = ""
    on_weekend: Weekend = "ignore"
    to: Words = ()
    else_to: Words = ()
    cc: Words = ()
    also: tuple[Also, ...] = ()
    say: Mapping[str, str] = Field(default_factory=dict)
    tag: str = ""
    strike: str = ""
    bounced: str = ""
    bounced_at: str = ""


class ClockSpec(Frozen):
    """A promise of time: which events move it and how, how long it is, and its ladder."""

    runs_for: str
    within: MaybeLength = None
    lengths: tuple[Alternative, ...] = ()
    promise: str | None = None
    given: Given = Field(default_factory=dict, alias="if")
    starts: Triggers = ()
    restarts: Triggers = ()
    stops: Triggers = ()
    voids: Triggers = ()
    pauses: Triggers = ()
    resumes: Triggers = ()
    hastens: tuple[Hastening, ...] = ()
    revives: Triggers = ()
    renews: Triggers = ()
    extends: Triggers = ()
    pause_on: tuple[Literal["holidays", "weekends"], ...] = ()
    on_weekend: Weekend = "ignore"
    roll: Literal["none", "next_business_day"] = "none"
    steps: tuple[Step, ...] = ()


class Rule(Frozen):
    """One demand on a reply; the function of the same name in desk/policy.py answers it."""

    address: str = ""
    where: Literal["to_or_cc", "cc", "received"] = Field("to_or_cc", alias="in")
    by: Literal["references", "references_or_token"] = "references"
    strictness: Literal["strict", "off"] = "strict"


class Change(Frozen):
    """What an event does to the ticket before clocks move: values by name, `state` and `kind` among them.

    A value `fact:NAME` is taken from what is known then; `marks` are remembered of the seller.
    """

    event: str
    given: Given = Field(default_factory=dict, alias="if")
    sets: Mapping[str, Plain] = Field(default_factory=dict, alias="set")
    marks: Mapping[str, Plain] = Field(default_factory=dict)


class When(Frozen):
    """A reaction: on `event`, if every condition holds, send, tag, strike, cause an effect or raise another event.

    A notice with `holds_while` is dropped once that clock no longer runs; one that `hands` gives its readers the mail behind it.
    """

    event: str
    given: Given = Field(default_factory=dict, alias="if")
    do: str = ""
    words: str = ""
    to: Words = ()
    else_to: Words = ()
    cc: Words = ()
    say: Mapping[str, str] = Field(default_factory=dict)
    holds_while: str = ""
    hands: bool = False
    attach: bool = False
    courtesy: bool = False
    effect: str = ""
    raises: str = ""
    tag: str = ""
    strike: str = ""


class Window(Frozen):
    """A yes or no: is the case still young enough? It counts from the latest of `since` that is known."""

    since: Words = Field(alias="from")
    within: Length
    unit: Literal["elapsed", "calendar"] = "elapsed"


class Terms(Frozen):
    """Words that may stand anywhere in the new text, by default as whole words; a sentence that also holds one of `unless`
    does not count."""

    words: Words
    unless: Words = ()
    whole: bool = True


class Duplicates(Frozen):
    """When two tickets of one seller are the same request: equal in all of `key`, while the older is in one of these states."""

    key: Words
    states: Words = Field(alias="while")
    kinds: Words = ()


class Cites(Frozen):
    """A fact that holds numbers of other tickets of the seller's, and the states in which such a ticket is settled."""

    fact: str
    settled: Words


class Reason(Frozen):
    """Why a customer wrote, by the marketplace's catalogue: the commands that fit, and a mark for the ticket."""

    fits: Words = ()
    tag: str = ""


class Alarm(Frozen):
    """Sounds when a seller's strikes within `window` reach `limit`; 0 never sounds (DR-08)."""

    strikes: Words
    limit: int
    window: Length
    do: str
    to: Words


class Digest(Frozen):
    """One mail a day about every ticket of a seller's that waits: at a local time, on some days."""

    at: time
    days: Literal["all", "business"] | Words = "all"
    collects: Given
    names_also: Given = Field(default_factory=dict)
    do: str
    to: Words


class Item(Frozen):
    """One fact that a seller keeps current; `given` says for which sellers it is required."""

    given: Given = Field(default_factory=dict, alias="if")
    yearly: str = Field("", pattern=r"^(\d\d-\d\d)?$")


class Checklist(Frozen):
    """Facts to keep current, asked for when missing or older than `every`, then again after `again`."""

    every: Length
    again: Length
    at: time
    do: str
    to: Words
    items: Mapping[str, Item]
    promise: str = ""


class Recognise(Frozen):
    """A marketplace's own notice that tells of an order: who sends it, what its subject holds, where its fields stand."""

    name: str
    by: Words = ("notifier",)
    subject: Words
    fields: Mapping[str, Words]
    sets: Mapping[str, Plain] = Field(default_factory=dict, alias="set")
    sample: str


class Hours(Frozen):
    """The local calendar that this pack's durations use."""

    weekend: tuple[Literal["MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"], ...] = ("SAT", "SUN")
    start: time = time(8)
    end: str = "24:00"
    business_holidays: bool = True
    zone_of: Literal["seller", "desk"] = "seller"

    @property
    def closes(self) -> time | None:
        """When the working window closes; None at the end of the day."""
        return None if self.end == "24:00" else time.fromisoformat(self.end)


class States(Frozen):
    """The ticket's state in the pack's words: `start`, then what each clock's state makes of it."""

    start: str
    by_clock: Mapping[str, Mapping[Literal["running", "paused", "stopped", "void"], str]] = Field(default_factory=dict)


Shown = str | Mapping[str, str]
ShownAll = Mapping[str, Given]
