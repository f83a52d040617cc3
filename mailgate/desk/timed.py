"""The tables of a pack that tell of time: clocks with their ladders, windows, strikes, digests, checklists, local hours.

Values only; docs/policies.md explains each key, desk/pack.py binds a pack's options into them.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import time
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from mailgate.desk.entry import Given, Length, MaybeLength, Weekend, Words
from mailgate.desk.party import Frozen


def _trigger(value: object) -> object:
    return {"event": value} if isinstance(value, str) else value


class Trigger(Frozen):
    """An event, under conditions, that moves a clock."""

    event: str = Field(description="The event.")
    given: Given = Field(default_factory=dict, alias="if", description="Conditions, all of which have to hold.")


Triggers = tuple[Annotated[Trigger, BeforeValidator(_trigger)], ...]


class Hastening(Trigger):
    """An event that sets a second, perhaps earlier limit to a running clock, counted from itself or from the start."""

    within: Length = Field(description="The second limit's length; the earlier limit counts.")
    counted_from: Literal["event", "start"] = Field(
        "event", alias="from", description="From when it counts: the event, or the clock's start."
    )
    on_weekend: Weekend = Field("ignore", description="What becomes of the second limit on a weekend.")
    promised: bool = Field(True, description="False: the earlier limit is not listed as a promise of its own.")


class Alternative(Frozen):
    """A clock's length under conditions."""

    within: Length = Field(alias="is", description="The length.")
    given: Given = Field(default_factory=dict, alias="if", description="Conditions under which it is this length.")
    on_weekend: Weekend | None = Field(
        None, description="What becomes of this limit on a weekend; the clock's own word if nothing is said."
    )


class Also(Frozen):
    """A further reader of a step, while one of the conditions `when` holds."""

    to: str = Field(description="The role.")
    when: Words = Field(description="On a day that the seller has off (`seller_holiday`), or while he is away (`seller_away`).")


class Step(Frozen):
    """One rung of a ladder: when it comes due, what it does, and to whom."""

    name: str = Field(description="The step's name, for other steps, conditions and the history.")
    given: Given = Field(
        default_factory=dict,
        alias="if",
        description="Conditions, asked when the clock starts; a step that they exclude never comes.",
    )
    do: str = Field("", description="The notice to send.")
    raises: str = Field("", description="The event that happens when the step fires.")
    words: str = Field("", description="The template of the notice, where it is not called like the notice.")
    at: tuple[Length, ...] = Field((), description="Lengths from the clock's start; the step fires at each.")
    at_most: int | None = Field(None, description="Only so many of `at`.")
    at_deadline: bool = Field(False, description="True: it fires at the clock's limit.")
    before: tuple[Length, ...] = Field((), description="Lengths before the limit, in running time; never before the start.")
    after: Length | None = Field(None, description="One length, counted from the anchor `of`.")
    of: str = Field(
        "deadline",
        description="The anchor: `start`, `deadline`, `first_STEP` or `last_STEP` of an earlier step; if that one never "
        "fires, the deadline.",
    )
    not_before: str = Field("", description="An anchor before which `after` does not begin to count.")
    last: bool = Field(False, description="True: nothing of the ladder falls due after this step.")
    promise: str = Field(
        "", description="The name under which its due instant is listed as a promise; `{n}` is the number of the firing."
    )
    on_weekend: Weekend = Field("ignore", description="What becomes of an instant of `at` or `after` on a weekend.")
    to: Words = Field((), description="The roles that read it.")
    else_to: Words = Field((), description="The roles that read it where nobody fills `to`.")
    cc: Words = Field((), description="The roles in copy.")
    also: tuple[Also, ...] = Field((), description="Further readers, on some days.")
    say: Mapping[str, str] = Field(
        default_factory=dict,
        description='Words for the notice and the history: a text, `fact:NAME` or `lacks:A,B`; `n = "occurrence"` notes which '
        "firing it is.",
    )
    tag: str = Field("", description="A mark for the ticket.")
    strike: str = Field("", description="A strike for the seller.")
    bounced: str = Field("", description="The event when this notice proves to have come back.")
    bounced_at: str = Field("", description="Only if it came back from this party; empty: from anyone.")


class ClockSpec(Frozen):
    """A promise of time: which events move it and how, how long it is, and its ladder."""

    runs_for: str = Field(description="Whose promise it is: with `seller`, it does not start while his support is taken over.")
    within: MaybeLength = Field(
        None, description="Its length, where none of `lengths` fits; without any, the clock has steps and no limit."
    )
    lengths: tuple[Alternative, ...] = Field((), description="Lengths under conditions; the first that fits counts.")
    promise: str | None = Field(
        None,
        description="The name under which the limit is listed as a promise: the clock's own if nothing is said, empty for none.",
    )
    given: Given = Field(default_factory=dict, alias="if", description="Conditions without which it does not start.")
    starts: Triggers = Field((), description="Events that start it, unless it runs.")
    restarts: Triggers = Field((), description="Those of them that start it anew if it runs.")
    stops: Triggers = Field((), description="Events that stop it: the promise was kept.")
    voids: Triggers = Field(
        (),
        description="Events after which it counts for nothing; after a bounce only if what came back is the mail that started "
        "it.",
    )
    pauses: Triggers = Field((), description="Events that pause it; no step comes meanwhile.")
    resumes: Triggers = Field(
        (), description="Events that let it run on; every instant that has not fired moves by what the pause took."
    )
    hastens: tuple[Hastening, ...] = Field((), description="Events that set a second limit.")
    revives: Triggers = Field(
        (),
        description="Events that undo its stop, with the due instants it had; only if what came back is the mail that stopped "
        "it.",
    )
    renews: Triggers = Field((), description="Events that start it anew if it is void, from that instant.")
    extends: Triggers = Field(
        (), description="Events that move the limit to the instant in the fact `until`, and the rest of the ladder with it."
    )
    pause_on: tuple[Literal["holidays", "weekends"], ...] = Field((), description="Days that do not count.")
    on_weekend: Weekend = Field(
        "ignore", description="What becomes of the limit on a weekend; with `pause`, weekends do not count at all."
    )
    roll: Literal["none", "next_business_day"] = Field(
        "none", description="Whether a limit that ends on no business day moves to the end of the next one."
    )
    steps: tuple[Step, ...] = Field((), description="The rungs of its ladder, in order.")


class Window(Frozen):
    """A yes or no: is the case still young enough? It counts from the latest of `from` that is known."""

    since: Words = Field(alias="from", description="Facts that hold instants; the latest that is known counts.")
    within: Length = Field(description="How long the window is open; at its very end it is closed.")
    unit: Literal["elapsed", "calendar"] = Field(
        "elapsed", description="`elapsed` counts the length as it is written, `calendar` counts local dates."
    )


class Alarm(Frozen):
    """Sounds when a seller's strikes within `window` reach `limit`; 0 never sounds (DR-08)."""

    strikes: Words = Field(description="The strikes that count, by the names that steps and reactions give them.")
    limit: int = Field(description="So many; 0 never sounds.")
    window: Length = Field(description="Within this length.")
    do: str = Field(description="The notice to send.")
    to: Words = Field(description="The roles that read it.")


class Digest(Frozen):
    """One mail a day about every ticket of a seller's that waits: at a local time, on some days."""

    at: time = Field(description="The local time of day.")
    days: Literal["all", "business"] | Words = Field(
        "all", description="On which days: `all`, `business`, or a list of weekdays."
    )
    collects: Given = Field(
        description="Conditions on a ticket's facts, kind and state: those that wait. Where none does, no mail comes."
    )
    names_also: Given = Field(default_factory=dict, description="Conditions for further tickets that the mail names.")
    do: str = Field(description="The notice to send.")
    to: Words = Field(description="The roles that read it.")


class Item(Frozen):
    """One fact that a seller keeps current."""

    given: Given = Field(default_factory=dict, alias="if", description="For which sellers: `physical` and `backup` can be asked.")
    yearly: str = Field(
        "", pattern=r"^(\d\d-\d\d)?$", description='Asked for on this day each year, `"12-01"`, instead of after `every`.'
    )


class Checklist(Frozen):
    """Facts to keep current, asked for when missing or older than `every`, then again after `again`."""

    every: Length = Field(description="How long a confirmation holds.")
    again: Length = Field(description="After a reminder, how long until the next.")
    at: time = Field(description="The local time of day of reminders.")
    do: str = Field(description="The notice to send; it carries a link that confirms the fact.")
    to: Words = Field(description="The roles that read it.")
    items: Mapping[str, Item] = Field(description="The facts, by name.")
    promise: str = Field("", description="The name under which the next reminder is listed as a promise; empty for none.")


class Hours(Frozen):
    """The local calendar that this pack's durations use."""

    weekend: tuple[Literal["MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"], ...] = Field(
        default=("SAT", "SUN"), description="The weekdays that are a weekend."
    )
    start: time = Field(default=time(8), description="When the working window opens.")
    end: str = Field(default="24:00", description="When it closes; `24:00` is the end of the day.")
    business_holidays: bool = Field(default=True, description="True: a holiday is no business day.")
    zone_of: Literal["seller", "desk"] = Field(default="seller", description="Whose zone and holidays count.")

    @property
    def closes(self) -> time | None:
        """When the working window closes; None at the end of the day."""
        return None if self.end == "24:00" else time.fromisoformat(self.end)
