"""Orders that people give by a signed link, a word or a verb: one path, whoever gives them and however.

What a command means is the pack's `[[command]]` entries: the first whose name, party and conditions fit names the event. Then
`follow` does the rest, as with any mail. What is not carried out says why, once: `unknown`, `unsigned`, `permission`, `expired`,
`used`, `incomplete`; a refusal that the pack itself words (a closed ticket, a window that is over) is an event like any other.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta
from typing import Any

from mailgate.desk.checklist import CONFIRMED
from mailgate.desk.command_words import command_in, dates_in
from mailgate.desk.decision import Decision, Order, Scene, Task
from mailgate.desk.entry import Command
from mailgate.desk.facts import holds
from mailgate.desk.follow import followed, order_entry
from mailgate.desk.pack import Policy
from mailgate.desk.review import EVENTS
from mailgate.desk.route import SENDER, STAFF
from mailgate.desk.ticket import Entry, Ticket
from mailgate.desk.trust import Level, may
from mailgate.desk.view import is_passing, seen

EVERYWHERE = ("status", "help")  # what everybody may ask on every ticket
DESK_ACTIONS = (
    "join",
    "keep_apart",
    "not_ours",
    "yes",
    "release",
    "not_ours.mail",
)  # what a desk's own letters offer, whatever its pack
ABSENCE = ("away", "back")
ACTION = "prove"  # that one's mail comes by this path
CHECKLIST = ("confirm", "checklist_start")
PATH = "sending_path"  # what a mail says of the way it came (desk/path.py)
ITS_OWN = frozenset({"text", "rest", "until", "action", "to_kind", PATH})  # what a command says, and the ticket does not keep
SELLER = "seller"  # the argument of a command about a seller: his id, in a link that is about no ticket
TEXT_LIMIT = 8000


@dataclass(frozen=True)
class Given:
    """A command as it was given: by which party, with what it says beside its name, and how far that is proven.

    `digest` is the single-use key of a signed link, `fault` why the link can't be used, `by_word` a word in a mail,
    `giver` the compared address that it came from.
    """

    name: str
    party: str
    level: Level
    told: Mapping[str, Any] = field(default_factory=dict)
    digest: str = ""
    fault: str = ""
    by_word: bool = False
    cause: str = ""
    giver: str = ""


def is_about_seller(name: str, policy: Policy) -> bool:
    """True for a command that is given about a seller, and then happens to each of his tickets (C-21, D-29)."""
    return any(name in one.name and one.on == "seller" for one in policy.command)


def links(policy: Policy, sellers: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Every action that a link may stand for: a command, or one with a choice (`change.refund`, `take_over.acme`)."""
    found: dict[str, None] = {}
    for entry in policy.command:
        choices = sellers if entry.argument == SELLER else entry.choices
        for name in entry.name:
            found |= dict.fromkeys(f"{name}.{choice}" if choice else name for choice in choices or ("",))
    items = policy.checklist.items if policy.checklist else ()
    return (*found, *(f"confirm.{item}" for item in items))


def by_link(action: str, policy: Policy) -> tuple[str, dict[str, Any]]:
    """(command, what it says) for the action of a link."""
    name, _, choice = action.partition(".")
    if name == "confirm":
        return name, {"item": choice}
    argument = next((one.argument for one in policy.command if name in one.name and one.argument), "")
    return name, {argument: choice} if choice and argument else {}


def by_word(visible: str, words: Mapping[str, tuple[str, ...]], policy: Policy) -> tuple[str, dict[str, Any]] | None:
    """(command, what it says) if the first line of the new text is a word of a command that this pack knows; else None."""
    found = command_in(visible, words)
    if found is None:
        return None
    action, rest = found
    for name, argument, choice in _choices(policy):
        if action in (name, f"{name}_{choice}"):
            return name, {**({argument: choice} if choice else {}), "rest": rest, "text": after_first_line(visible)}
    return (action, {"rest": rest}) if action in (*EVERYWHERE, *ABSENCE) else None


def _choices(policy: Policy) -> Iterator[tuple[str, str, str]]:
    """(command, argument, choice) of every entry; the plain command has no choice."""
    for entry in policy.command:
        for name in entry.name:
            yield from ((name, entry.argument, choice) for choice in entry.choices or ("",))


def after_first_line(visible: str) -> str:
    """The new text without its first line that says something."""
    lines = visible.strip().splitlines()
    return "\n".join(lines[1:]).strip()[:TEXT_LIMIT]


def meaning(policy: Policy, given: Given, view: Mapping[str, Any]) -> Command | None:
    """The first entry of the pack that this command, by this party, under these conditions, stands for."""
    for entry in policy.command:
        if given.name in entry.name and given.party in entry.by and holds(entry.given, view):
            return entry
    return None


def commanded(
    given: Given, ticket: Ticket | None, scene: Scene, now: datetime, allowed: Mapping[str, tuple[str, ...]]
) -> Decision:
    """What `given` causes on `ticket` (None: on the seller) at `now`; `refused` says why nothing does."""
    decision = Decision("commanded", given.party, ticket, seller=scene.seller)
    if given.fault:
        return refused(decision, given, given.fault, scene, now)
    own = any(given.name in one.name for one in scene.policy.command)
    if given.name in DESK_ACTIONS and (given.told.get("waits") or not own):
        return _on_what_waits(decision, given, scene, now)
    if given.name in CHECKLIST and scene.policy.checklist and ticket is None:
        return _confirmed(decision, given, scene, now, allowed)
    if given.name == "acknowledge" and given.party == "system":
        said = {"by": "system", "message_id": given.cause}
        return replace(
            decision, event="acknowledged", acknowledged=True, spent=given.digest, entries=(Entry("acknowledged", now, said),)
        )
    if given.name == ACTION:
        return _path_proven(decision, given, scene, now)
    if given.name in ABSENCE:
        return _absent(decision, given, scene, now, allowed)
    if given.name in EVERYWHERE:
        return _answered(decision, given, scene, now)
    view = seen(ticket, scene, now, given.told, given.name, given.party)
    entry = meaning(scene.policy, given, view)
    if entry is None or not entry.event:
        known = any(given.name in one.name for one in scene.policy.command)
        mine = any(given.name in one.name and given.party in one.by for one in scene.policy.command)
        return refused(decision, given, "unneeded" if mine else "permission" if known else "unknown", scene, now)
    if not may(allowed, given.level, entry.act) or (given.by_word and (entry.once or given.level != "signed")):
        return refused(decision, given, "permission" if given.level == "signed" and not entry.once else "unsigned", scene, now)
    told = {**given.told, **_dated(entry, given, scene, now)}
    if any(told.get(name) in (None, "") for name in entry.asks):
        return refused(decision, given, "incomplete", scene, now)
    return _carried_out(decision, entry, replace(given, told={**entry.sets, **told}), scene, now)


def _on_what_waits(decision: Decision, given: Given, scene: Scene, now: datetime) -> Decision:
    """A word about something that waits for a person: done if it still waits, and if it is signed (design §5)."""
    kind, number = str(given.told.get("waits", "")), int(given.told.get("about", 0))
    if not kind:
        return refused(decision, given, "used", scene, now)
    if given.level != "signed":
        return refused(decision, given, "permission", scene, now)
    said = {"by": given.party, "about": number, "kind": kind, "message_id": given.cause}
    entry = Entry(EVENTS[given.name], now, said if decision.ticket else {**said, "ticket": None})
    return replace(decision, event=EVENTS[given.name], spent=given.digest, task=Task(given.name, kind, number), entries=(entry,))


def _confirmed(decision: Decision, given: Given, scene: Scene, now: datetime, allowed: Mapping[str, tuple[str, ...]]) -> Decision:
    """A fact of the checklist is right as it stands, or is to be counted from now (D-06, D-35, AR-02)."""
    item = str(given.told.get("item", ""))
    if scene.policy.checklist is None or item not in scene.policy.checklist.items:
        return refused(decision, given, "incomplete", scene, now)
    if given.party not in ("seller", "staff") or (given.party == "seller" and not may(allowed, given.level, "start")):
        return refused(decision, given, "permission", scene, now)
    said = {"by": given.party, "item": item, "message_id": given.cause, "ticket": None}
    marks = {f"{CONFIRMED}{item}": now.isoformat()}
    return replace(decision, event="confirmed", marks=marks, entries=(Entry("confirmed", now, said),))


def _path_proven(decision: Decision, given: Given, scene: Scene, now: datetime) -> Decision:
    """A seller says, by the very path, that he sends by it; the letter that asked him is the proof (design §5)."""
    found = str(given.told.get(PATH, ""))
    if given.level != "signed" or given.party != "seller":
        return refused(decision, given, "permission", scene, now)
    if not found:
        return refused(decision, given, "no_path", scene, now)
    said = {"by": given.party, "path": found, "message_id": given.cause}
    entry = Entry("path_proven", now, said)
    done = replace(decision, event="path_proven", path=found, spent=given.digest, entries=(*decision.entries, entry))
    order = Order("command_done", (), data={"action": given.name}, cause=given.cause, courtesy=True)
    return _reply(done, order, scene, now, giver=given.giver)


def _absent(decision: Decision, given: Given, scene: Scene, now: datetime, allowed: Mapping[str, tuple[str, ...]]) -> Decision:
    """AWAY … UNTIL …: reminders of these days also go to the backup; BACK ends it. It stops nothing (D-38, G-07)."""
    if given.party not in ("seller", "staff") or not may(allowed, given.level, "start"):
        return refused(decision, given, "permission" if given.party != "seller" else "unsigned", scene, now)
    days = dates_in(str(given.told.get("rest", "")), scene.seller.language if scene.seller else "")
    today = scene.calendar(now).local(now).date()
    first, last = (days[0], days[-1]) if len(days) == 2 else (today, days[0] if days else None)
    if given.name == "away" and (last is None or last < first):
        return refused(decision, given, "incomplete", scene, now)
    marks = {"away_from": first, "away_until": last} if given.name == "away" else {"away_from": None, "away_until": None}
    said = {
        "by": given.party,
        "from": marks["away_from"],
        "until": marks["away_until"],
        "message_id": given.cause,
        "ticket": None,
    }
    done = replace(decision, event=given.name, marks=marks, entries=(*decision.entries, Entry(given.name, now, said)))
    order = Order("command_done", (), data={"action": given.name, "until": last}, cause=given.cause, courtesy=True, ticket=False)
    return _reply(done, order, scene, now)


def _carried_out(decision: Decision, entry: Command, given: Given, scene: Scene, now: datetime) -> Decision:
    ticket = decision.ticket
    said = {"by": given.party, "command": given.name, "level": given.level, "message_id": given.cause}
    if ticket is not None:
        lasting = {
            name: value for name, value in given.told.items() if name not in ITS_OWN and not is_passing(name, scene.policy)
        }
        ticket = replace(ticket, facts={**ticket.facts, **lasting})
    done = replace(decision, event=entry.event, ticket=ticket, entries=(*decision.entries, Entry(entry.event, now, said)))
    after = followed(done, scene, now, {"action": given.name, **given.told}, cause=given.cause)
    moved = after.clocks or any(order.effect for order in after.orders) or _stands(after.ticket) != _stands(decision.ticket)
    return replace(after, spent=given.digest if (entry.once and moved) or given.party == "system" else "")


def _stands(ticket: Ticket | None) -> tuple[str, str]:
    return (ticket.state, ticket.kind) if ticket else ("", "")


def _dated(entry: Command, given: Given, scene: Scene, now: datetime) -> dict[str, Any]:
    """The day behind a word (EXTEND 2026-12-01), or in a link's mail, as the end of that day where the command asks `until`."""
    if "until" not in entry.asks:
        return {}
    rest = str(next((given.told[name] for name in ("rest", "until", "text") if given.told.get(name)), ""))
    days = dates_in(rest, scene.seller.language if scene.seller else "")
    if len(days) != 1:
        return {"until": ""}
    calendar = scene.calendar(datetime.combine(days[0], time(), UTC))
    end = calendar.midnight(days[0] + timedelta(days=1))
    return {"until": end.isoformat()} if end > now else {"until": ""}


def _answered(decision: Decision, given: Given, scene: Scene, now: datetime) -> Decision:
    """STATUS and HELP: a letter to whoever asked, and nothing moves (G-15)."""
    return _reply(
        decision, Order(given.name, (), cause=given.cause or now.isoformat(), courtesy=True), scene, now, giver=given.giver
    )


def refused(decision: Decision, given: Given, why: str, scene: Scene, now: datetime) -> Decision:
    """`decision` with one polite letter that says why, and what to do; what was already done is not worth one."""
    said = {"by": given.party, "command": given.name, "why": why, "message_id": given.cause}
    decision = replace(decision, refused=why, entries=(*decision.entries, Entry("command_refused", now, said)))
    if why == "unneeded" or (given.party == "staff" and given.name not in DESK_ACTIONS):
        return decision
    data = {"command": given.name, "reason": why}
    order = Order(
        "command_refused", (), data=data, cause=given.cause or now.isoformat(), courtesy=True, ticket=decision.ticket is not None
    )
    return _reply(decision, order, scene, now, giver=given.giver)


def _reply(decision: Decision, order: Order, scene: Scene, now: datetime, giver: str = "") -> Decision:
    """`order` to the author, by his role, or to him alone of the desk's people; nobody else hears of it (G-11)."""
    desks_own = decision.party in ("staff", "desk") and giver
    own = f"{SENDER}:{giver}" if decision.path else scene.policy.author.get(decision.party, "")
    role = f"{STAFF}:{giver}" if desks_own else own
    order = replace(order, to=scene.filled((role,), decision.ticket) if role else ())
    return replace(decision, orders=(*decision.orders, order), entries=(*decision.entries, order_entry(order, now)))
