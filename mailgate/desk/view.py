"""What a pack's conditions may ask at one moment: the ticket, its clocks, the seller, the mail, the event and who caused it.

`seen` is the only place where these names are made; docs/policies.md lists them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from mailgate.desk import clock as clocks
from mailgate.desk.calendar import Calendar, add
from mailgate.desk.decision import Scene
from mailgate.desk.facts import holds, plain
from mailgate.desk.pack import Policy
from mailgate.desk.ticket import Ticket
from mailgate.desk.timed import Window

NAMES: Mapping[str, str] = {
    "FACT": "a fact of `[facts]`, or one that `sets`, `set` or a command states: what this mail says, else what the ticket knows",
    "FACT.count": "how many items the fact has, if it is a list",
    "event": "the event that happens; where a `[[command]]` is looked for, the command's name",
    "by": "the party that caused it: `desk`, `seller`, `notifier`, `customer`, `stranger`, `staff`, `system` or `timer`",
    "called": "the pack's own word for that party (`[called]`)",
    "level": "how far a mail proves its author: `stranger`, `claimed`, `authenticated` or `signed`; commands do not have it",
    "now": "the instant, as `fact:now` remembers it",
    "new": "true where the mail opens its ticket",
    "kind": "the ticket's kind",
    "state": "the ticket's state",
    "tags": "the ticket's marks; a condition names one of them",
    "was.kind": "its kind before `[[change]]`; only clocks and `[[when]]` can ask",
    "was.state": "its state before `[[change]]`; only clocks and `[[when]]` can ask",
    "CLOCK.state": "`running`, `paused`, `stopped` or `void`",
    "CLOCK.late": "true if it was stopped after its limit, false if before",
    "CLOCK.lapsed": "true once a step at its limit or after it has fired",
    "CLOCK.outcome": "`pending`, `met` or `missed`; unknown where the clock never started",
    "CLOCK.kept": "the same, with `breached` for `missed`",
    "CLOCK.fired.STEP": "how often the step fired",
    "CLOCK.reached.STEP": "whether it fired",
    "physical": "the seller's file: he sells things that are shipped",
    "takeover": "the seller's file: the marketplace answers his customers",
    "backup": "the seller's file: he has a backup",
    "seller.MARK": "what `marks` of a `[[change]]` remember of him",
    "window.NAME": "true while the case is inside the window, false after it; unknown where nobody knows how old it is",
    "mentions": "the names of `[terms]` that the new text holds; a condition names one of them",
    "sentence.TERMS": "the first sentence that holds one of these terms",
    "attachments": "how many files came with this mail",
    "attached": "true if any came with this mail or an earlier one",
    "addressed": "the roles whose address stands in To or Cc; only what follows from a mail can ask",
    "duplicate_of": "by `[duplicates]`: the number of the older ticket",
    "cited": "by `[cites]`: `none`, `waiting` or `settled`",
    "cited_ticket": "by `[cites]`: the first ticket that waits, else the first",
    "expected": "the reason's code, if `[reasons]` has it",
    "fits": "the commands that fit the reason; a condition names one of them",
    "action": "the command's name; only what follows from a command can ask",
    "text": "what the mail of a command says",
    "recipient": "after a bounce: whose address it was",
    "status": "after a bounce: the code, such as `5.1.1`",
    "diagnostic": "after a bounce: what the other system said",
    "reporter": "after a bounce: the domain that reports it",
    "suppressed": "after a bounce: whether the address is on a suppression list",
    "provider": "after a bounce: whose list that is",
    "signature": "after a bounce: the signature that told",
}
DAYS = frozenset({"d", "ld", "cd", "bd", "bde"})
PASSING = frozenset(
    {"mentions", "attachments", "attached", "level", "rest", "text", "duplicate_of", "cited", "cited_ticket", "addressed", "fits"}
)


@dataclass(frozen=True)
class Kin:
    """Another ticket of the same seller's at this desk, as duplicates and citations see it."""

    number: int
    kind: str
    state: str
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def view(self) -> dict[str, Any]:
        """What conditions may ask of it."""
        return {**self.facts, "kind": self.kind, "state": self.state}


def seen(
    ticket: Ticket | None, scene: Scene, now: datetime, told: Mapping[str, Any], event: str = "", party: str = ""
) -> dict[str, Any]:
    """Every name that a condition may ask; `told` is what the mail or command says, laid over what the ticket knows."""
    view: dict[str, Any] = {"event": event, "by": party, "called": scene.policy.called.get(party, party), "new": ticket is None}
    view["now"] = now.isoformat()
    if scene.seller is not None:
        seller = scene.seller
        view |= {"physical": seller.physical, "takeover": seller.takeover, "backup": seller.backup is not None}
        view |= {f"seller.{name}": _mark(value) for name, value in scene.marks.items()}
    if ticket is not None:
        view |= {**ticket.facts, "kind": ticket.kind, "state": ticket.state, "tags": ticket.tags, "new": ticket.number == 0}
        for name in {clock.name for clock in ticket.clocks}:
            view |= clocks.view(newest) if (newest := ticket.clock(name)) else {}
    view |= told
    view |= {f"{name}.count": len(value) for name, value in view.items() if isinstance(value, list | tuple)}
    view |= _reason(view, scene.policy)
    for name, window in scene.policy.windows.items():
        view[f"window.{name}"] = inside(window, view, scene.calendar(now), now)
    return view


def is_passing(name: str, policy: Policy) -> bool:
    """True for what is of one mail or command alone, and not kept on the ticket."""
    fact = policy.facts.get(name)
    return name in PASSING or name.startswith("sentence.") or (fact is not None and fact.passes)


def _mark(value: str) -> Any:
    return {"true": True, "false": False}.get(value, value)


def _reason(view: Mapping[str, Any], policy: Policy) -> dict[str, Any]:
    """What the catalogue says of this case's reason: `expected`, its code, and `fits`, the commands that answer it."""
    code = view.get("reason")
    reason = policy.reasons.get(code) if isinstance(code, str) else None
    return {"expected": code, "fits": frozenset(reason.fits)} if reason else {}


def inside(window: Window, view: Mapping[str, Any], calendar: Calendar, now: datetime) -> bool | None:
    """True while the case is younger than the window; None if nobody knows how old it is (CR-07: age = N is outside)."""
    known = [datetime.fromisoformat(str(view[name])) for name in window.since if view.get(name)]
    if not known:
        return None
    since = max(known)
    if window.unit == "calendar" and window.within.unit in DAYS:
        return (calendar.local(now).date() - calendar.local(since).date()).days < window.within.amount
    end = add(since, window.within, calendar)
    return end is not None and now < end


def related(policy: Policy, told: Mapping[str, Any], ticket: Ticket | None, kin: Iterable[Kin]) -> dict[str, Any]:
    """`duplicate_of`, the older ticket that asks for the same (K-23), and `cited`: none, waiting or settled (K-12, K-13)."""
    others = [one for one in kin if ticket is None or one.number != ticket.number]
    known = {**(ticket.facts if ticket else {}), **told}
    found: dict[str, Any] = {}
    if policy.duplicates and ticket is None:
        key = [known.get(name) for name in policy.duplicates.key]
        same = [one.number for one in others if _same(one, policy, key)]
        found["duplicate_of"] = min(same, default=None)
    if policy.cites:
        before = ticket.facts.get(policy.cites.fact) if ticket else None
        numbers = cited_numbers(told.get(policy.cites.fact)) | cited_numbers(before)
        named = [one for one in others if one.number in numbers]
        waiting = [one.number for one in named if one.state not in policy.cites.settled]
        found["cited"] = "none" if not named else "waiting" if waiting else "settled"
        found["cited_ticket"] = next(iter(waiting or [one.number for one in named]), None)
    return found


def _same(one: Kin, policy: Policy, key: list[Any]) -> bool:
    rule = policy.duplicates
    if rule is None or one.state not in rule.states or (rule.kinds and one.kind not in rule.kinds) or None in key:
        return False
    return [_compared(one.facts.get(name)) for name in rule.key] == [_compared(value) for value in key]


def _compared(value: Any) -> str:
    return plain(str(value))


def cited_numbers(value: Any) -> frozenset[int]:
    """The ticket numbers that a fact names: `MG-12`, `12` or `۱۲`, one or several (K-12)."""
    items = value if isinstance(value, list | tuple) else [value]
    folded = (plain(str(one)).removeprefix("mg").strip("- ") for one in items if one is not None)
    return frozenset(int(one) for one in folded if one.isascii() and one.isdigit() and len(one) < 12)


def matches(given: Mapping[str, Any], ticket: Ticket, scene: Scene, now: datetime) -> bool:
    """True if a pack's conditions hold for `ticket` as it stands."""
    return holds(given, seen(ticket, scene, now, {}))
