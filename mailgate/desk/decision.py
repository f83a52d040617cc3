"""What is decided about one event: where it happens (Scene), the notices to write (Order), and all that changes (Decision)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from mailgate.desk import clock as clocks
from mailgate.desk.bounce import Bounced
from mailgate.desk.calendar import Calendar
from mailgate.desk.pack import Policy
from mailgate.desk.party import Desk, Seller
from mailgate.desk.policy import Violation
from mailgate.desk.route import resolve
from mailgate.desk.standing import Strike
from mailgate.desk.ticket import Clock, Entry, Spoken, Ticket
from mailgate.mail.attach import Attachment
from mailgate.mail.subject import Subject


@dataclass(frozen=True)
class Scene:
    """Where an event happens: the desk, its policy, the seller it is about, his strikes and what is remembered of him."""

    desk: Desk
    policy: Policy
    seller: Seller | None = None
    strikes: tuple[Strike, ...] = ()
    away: bool = False
    suppressed: frozenset[str] = frozenset()
    marks: Mapping[str, str] = field(default_factory=dict)

    def calendar(self, now: datetime) -> Calendar:
        """The calendar that durations use here."""
        return clocks.local_calendar(self.policy, self.desk, self.seller, now)

    def taken_over(self, clock: str) -> bool:
        """True if `clock` runs for a seller whose customers the reseller has taken over: he is not asked (D-29)."""
        spec = self.policy.clocks.get(clock)
        return spec is not None and spec.runs_for == "seller" and self.seller is not None and self.seller.takeover

    def filled(self, roles: tuple[str, ...], ticket: Ticket | None) -> tuple[str, ...]:
        """Those of `roles` that somebody fills, one that stands in for another under its own name (DR-09, C-45)."""
        named = dict.fromkeys(self._standing_in(role, ticket) for role in roles)
        return tuple(role for role in named if resolve(role, self.policy, self.desk, self.seller, ticket, self.suppressed))

    def _standing_in(self, role: str, ticket: Ticket | None) -> str:
        spec = self.policy.roles.get(role)
        if spec is None or not spec.otherwise or not spec.when:
            return role
        own = self.policy.model_copy(update={"roles": {role: spec.model_copy(update={"otherwise": ""})}})
        return role if resolve(role, own, self.desk, self.seller, ticket) else spec.otherwise


@dataclass(frozen=True)
class Order:
    """A notice to write: which one, to which roles, and what it says.

    `say` goes into the audit log, `data` only to the reader. `words`: the template, where it is not called like the notice.
    `clock`, `episode`, `step` and `occurrences` name the steps that it stands for; `cause` is the Message-ID that brought it
    about. `ticket` False: not about one ticket. `hands`: its readers are given the mail behind it, text and all; `attach`: its
    attachments too. `effect`: it asks a system to do something, and has no readers. `after_effect`: it waits for one.
    `offers`: links (action, label) beside those of the pack; `about`: links of a notice about several things, (action, number
    of the thing, what it is called).
    """

    notice: str
    to: tuple[str, ...]
    cc: tuple[str, ...] = ()
    say: Mapping[str, Any] = field(default_factory=dict)
    data: Mapping[str, Any] = field(default_factory=dict)
    words: str = ""
    clock: str = ""
    episode: int = 0
    step: str = ""
    occurrences: tuple[int, ...] = ()
    cause: str = ""
    ticket: bool = True
    hands: bool = False
    attach: bool = False
    courtesy: bool = False
    effect: str = ""
    after_effect: bool = False
    files: tuple[Attachment, ...] = ()
    dossier: tuple[Spoken, ...] = ()
    offers: tuple[tuple[str, str], ...] = ()
    about: tuple[tuple[str, int, str], ...] = ()


@dataclass(frozen=True)
class Task:
    """What a person orders about something that waits for one (desk/review.py); it is done in the same transaction."""

    action: str
    kind: str
    number: int


@dataclass(frozen=True)
class Decision:
    """What follows from one mail, command or tick. `ticket` None: it belongs to no ticket; number 0: it opens one.

    `hand_to`: who gets the unchanged mail, `staff` or `helpdesk`; `away`: the seller went away, or is back;
    `bounced`: what proved not to arrive, and where; `unstruck`: strikes that are taken back; `marks`: what is remembered of the
    seller from now on (None: no longer); `refused`: why a command was not carried out; `spent`: the signed link that is used up;
    `acknowledged`: a system has carried an effect out, and the parties may be told; `task`: what is to be done about something
    that waited for a person; `path`: the sending path that the author has proven; `heading`: the subject of the mail.
    """

    event: str
    party: str = ""
    ticket: Ticket | None = None
    opened: bool = False
    entries: tuple[Entry, ...] = ()
    clocks: tuple[Clock, ...] = ()
    orders: tuple[Order, ...] = ()
    strikes: tuple[Strike, ...] = ()
    violations: tuple[Violation, ...] = ()
    spoken: Spoken | None = None
    seller: Seller | None = None
    hand_to: str = ""
    away: bool | None = None
    bounced: tuple[Bounced, ...] = ()
    unstruck: tuple[str, ...] = ()
    marks: Mapping[str, Any] = field(default_factory=dict)
    refused: str = ""
    spent: str = ""
    acknowledged: bool = False
    task: Task | None = None
    path: str = ""
    heading: Subject | None = None
