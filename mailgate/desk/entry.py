"""The tables a pack is made of: what a mail or a command means, and what follows; those that tell of time are in timed.py.

Values only; docs/policies.md explains each key, desk/pack.py binds a pack's options into them.
"""

from __future__ import annotations

from collections.abc import Mapping
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


Length = Annotated[Duration, BeforeValidator(_duration), PlainSerializer(lambda d: f"{d.amount}{d.unit}")]
MaybeLength = Annotated[Duration | None, BeforeValidator(_duration), PlainSerializer(lambda d: str(d) if d else "")]
Words = tuple[str, ...]
OneOrMore = Annotated[tuple[str, ...], BeforeValidator(_words)]
Places = Annotated[tuple[Annotated[str, Field(pattern=r"^(seller|entity|desk|ticket)\.[a-z_]+$")], ...], BeforeValidator(_words)]
Test = Literal["more_than", "less_than", "not", "is_known", "same_as"]
Plain = str | bool | int | float
Bound = Plain | tuple[Plain, ...] | Mapping[Test, Plain | tuple[Plain, ...]]
Given = Mapping[str, Bound]
Weekend = Literal["defer_start", "defer_same_time", "pause", "ignore"]
Act = Literal["add", "start", "stop", "close", "change", "request"]


class Role(Frozen):
    """Whom a role stands for: the first of its places that somebody fills; where nobody does, the role `otherwise`."""

    of: Places = Field(
        alias="is",
        description="Where its address stands: `seller.FIELD` of the seller's file, `entity.helpdesk`, `desk.NAME` of the "
        "desk's `roles`, `desk.staff`, or `ticket.customer`; the first that somebody fills counts.",
    )
    when: bool = Field(True, description="False leaves the role unfilled; usually an option.")
    otherwise: str = Field("", description="The role that stands in where nobody fills this one.")


class Fact(Frozen):
    """Where a fact may stand in a mail, and what it is."""

    places: Words = Field(
        alias="in",
        description="Where it may stand: `header:NAME`, `line:NAME` (a line `NAME: value` of the new text), `days:WORD` (a "
        "number of days in a line that holds the word) or `topic`; the first place that holds it wins.",
    )
    type: Literal["text", "amount", "boolean", "instant", "list"] = Field(
        "text",
        alias="is",
        description="What it is: a text in which a whole number becomes one, an amount of money, yes or no, an instant, or a "
        "list; what is no such thing was not said.",
    )
    fixed: bool = Field(
        False, description="True: what was said first stays; only the desk, a notifier or an order that we know changes it later."
    )
    passes: bool = Field(False, description="True for what is of the one mail alone: the ticket does not keep it.")


def _places(value: object) -> object:
    return {"in": value} if isinstance(value, list | tuple) else value


Facts = Mapping[str, Annotated[Fact, BeforeValidator(_places)]]


class Mail(Frozen):
    """What a human mail means: the first entry whose conditions hold names the event."""

    event: str = Field(description="The event's name; yours to choose.")
    by: Words = Field(description="The parties whose mail this may be.")
    to: Words = Field((), description="One of these parties has to stand in To.")
    on: Literal["any", "ticket", "new"] = Field("any", description="Only mail that belongs to a ticket, only other mail, or any.")
    given: Given = Field(default_factory=dict, alias="if", description="Conditions, all of which have to hold.")
    written_to: Words = Field((), description="One of these addresses, in small letters, has to stand in To or Cc.")
    kind: str = Field("", description="The kind of the ticket that this mail opens; `fact:NAME` takes it from a fact.")
    opens: bool = Field(
        False,
        description="True: where there is no ticket, it opens one. Without it, such mail is not this event, unless `fact` is "
        "said.",
    )
    sets: Mapping[str, Plain] = Field(default_factory=dict, description="Facts that such a mail states, whatever its text says.")
    says: Words = Field((), description="Names of `[words]`: a line of the new text has to be one of them.")
    says_not: Words = Field((), description="Names of `[words]`: no line of the new text may be one of them.")
    copy_to: str = Field("", description="This +form of a helpdesk's has to stand in To or Cc: `info` is `helpdesk+info@…`.")
    copy_not: str = Field("", description="This +form of a helpdesk's must not stand in To or Cc.")
    fact: str = Field("", description="The mail has to state this fact.")
    topic: bool = Field(False, description="True: its subject has to have a topic.")
    not_to_notice: Words = Field((), description="Mail that answers one of these notices is not this event.")
    rules: Words = Field((), description="The rules that a reply has to keep.")
    broken: str = Field("", description="The event instead, if it broke one of them.")
    late_copy: bool = Field(
        False, description="True: an answer that lacked the copy alone, forwarded to the helpdesk later, counts from then."
    )
    bounced: str = Field("", description="The event when this mail proves to have come back.")
    bounced_at: str = Field("", description="Only if it came back from this party; empty: from anyone.")


class Command(Frozen):
    """What an order given by a signed link, a word or a verb means: the first entry that fits names the event."""

    name: Annotated[Words, BeforeValidator(_words)] = Field(
        description="The command's name, or several: what a link, a word on the first line of a reply, or a verb says."
    )
    by: Words = Field(description="The parties who may give it: `seller`, `customer`, `desk`, `staff` (by a verb), `system`.")
    event: str = Field(description="The event that it is; empty: nothing happens, and nobody is told.")
    argument: str = Field("", description="The fact that the command says beside its name: `change refund` states `to_kind`.")
    choices: Words = Field((), description="What the argument may be; a notice carries a link for each.")
    given: Given = Field(
        default_factory=dict, alias="if", description="Conditions, all of which have to hold; else the next entry is asked."
    )
    on: Literal["ticket", "seller"] = Field(
        "ticket", description="What it is about: the ticket, or the seller with each of his tickets that has a clock running."
    )
    act: Act = Field("request", description="What the table of trust must allow to whoever gives it; staff may always.")
    once: bool = Field(False, description="True: a link to it works once, and a word alone does not do.")
    offered: Words = Field((), description="The notices that carry a link to it, for those who may give it now.")
    asks: Words = Field(
        (),
        description="What has to be said with it; the link's mail has a line to fill in for each, `text` is what the mail says.",
    )
    sets: Mapping[str, Plain] = Field(
        default_factory=dict, description="Facts that it states, unless the command says otherwise."
    )


class Rule(Frozen):
    """How strictly a demand on a reply is meant: `reply_all`, `required_copy` or `same_thread`, functions of desk/policy.py."""

    address: str = Field("", description="For `required_copy`: the role whose address has to be in copy.")
    where: Literal["to_or_cc", "cc", "received"] = Field(
        "to_or_cc", alias="in", description="For `required_copy`: where; with `received`, a blind copy that reached us also does."
    )
    by: Literal["references", "references_or_token"] = Field(
        "references",
        description="For `same_thread`: by which evidence; with `references_or_token`, our tag in the subject also does.",
    )
    strictness: Literal["strict", "off"] = Field("strict", description="For `reply_all`: `off` asks for none.")


class Change(Frozen):
    """What an event does to the ticket, and what is remembered of the seller, before clocks move."""

    event: OneOrMore = Field(description="The event, or several.")
    given: Given = Field(
        default_factory=dict,
        alias="if",
        description="Conditions, all of which have to hold; they ask what was known before the event changed anything.",
    )
    sets: Mapping[str, Plain] = Field(
        default_factory=dict,
        alias="set",
        description="Values by name, `state` and `kind` among them; any other name is a fact of the ticket's. `fact:NAME` "
        "takes what is known.",
    )
    marks: Mapping[str, Plain] = Field(
        default_factory=dict, description="Values that are remembered of the seller; conditions ask them as `seller.NAME`."
    )


class When(Frozen):
    """A reaction: on `event`, if every condition holds, send, tag, strike, cause an effect or raise another event."""

    event: OneOrMore = Field(description="The event, or several.")
    given: Given = Field(default_factory=dict, alias="if", description="Conditions, all of which have to hold.")
    do: str = Field("", description="The notice to send.")
    words: str = Field("", description="The template of the notice, where it is not called like the notice.")
    to: Words = Field((), description="The roles that read it; `author` is whoever caused the event, by `[author]`.")
    else_to: Words = Field((), description="The roles that read it where nobody fills `to`.")
    cc: Words = Field((), description="The roles in copy.")
    say: Mapping[str, str] = Field(
        default_factory=dict,
        description="Words for the notice and the history: a text, `fact:NAME` for anything a condition can ask, "
        "`fact:missing`, or `lacks:A,B` for those that are unknown.",
    )
    tell: Mapping[str, str] = Field(
        default_factory=dict, description="The same for the notice alone: the history does not say it."
    )
    holds_while: str = Field("", description="A clock: the notice is dropped if that clock no longer runs when its turn comes.")
    hands: bool = Field(
        False, description="True: its readers are given the mail behind it, and belong to its audience from then on."
    )
    attach: bool = Field(False, description="True: they are given its attachments too.")
    courtesy: bool = Field(False, description="True: no rule asks for the notice; `simulate` lists it apart.")
    effect: str = Field("", description="What a system is asked to carry out, such as `process_refund`.")
    raises: str = Field("", description="The event that follows.")
    tag: str = Field("", description="A mark for the ticket.")
    strike: str = Field("", description="A strike for the seller.")


class Terms(Frozen):
    """Words that may stand anywhere in the new text, by default as whole words; a sentence that also holds one of `unless`
    does not count."""

    words: Words = Field(description="The words.")
    unless: Words = Field((), description="Words that excuse the sentence they stand in.")
    whole: bool = Field(True, description="False: parts of words count too.")


class Duplicates(Frozen):
    """When two tickets of one seller are the same request: equal in all of `key`, while the older is in one of these states."""

    key: Words = Field(description="The facts that have to be equal, and known.")
    states: Words = Field(alias="while", description="The states in which the older ticket is still the same request.")
    kinds: Words = Field((), description="Only tickets of these kinds; empty: of any.")


class Cites(Frozen):
    """A fact that holds numbers of other tickets of the seller's, and the states in which such a ticket is settled."""

    fact: str = Field(description="The fact that holds ticket numbers, `MG-12` or `12`.")
    settled: Words = Field(description="The states in which a ticket that is named counts as settled.")


class Reason(Frozen):
    """Why a customer wrote, by the marketplace's catalogue, and the commands that fit."""

    fits: Words = Field((), description="The commands that answer it; conditions ask them as `fits`.")


class Recognise(Frozen):
    """A marketplace's own notice that tells of an order: who sends it, what its subject holds, where its fields stand."""

    name: str = Field(description="The notice's name, for complaints about it.")
    by: Words = Field(("notifier",), description="The parties whose mail this may be.")
    subject: Words = Field(description="One of these words has to stand in the subject.")
    fields: Mapping[str, Words] = Field(description="For each fact, the labels that stand before it.")
    sets: Mapping[str, Plain] = Field(
        default_factory=dict, alias="set", description="Facts that such a notice states, whatever its text says."
    )
    sample: str = Field(description="An example that `check` holds against the entry.")


class States(Frozen):
    """The ticket's state in the pack's words: `start`, then what each clock's state makes of it."""

    start: str = Field(description="A new ticket's state.")
    by_clock: Mapping[str, Mapping[Literal["running", "paused", "stopped", "void"], str]] = Field(
        default_factory=dict,
        description="For each clock, the ticket's state when the clock is `running`, `paused`, `stopped` or `void`.",
    )


Shown = str | Mapping[str, str]
ShownAll = Mapping[str, Given]
