"""What a template may name: every one the same words; what is not known is None or empty, never absent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from mailgate.desk.command import ABSENCE, EVERYWHERE
from mailgate.desk.decision import Order, Scene
from mailgate.desk.reader import Reader, Sheet
from mailgate.desk.route import resolve
from mailgate.desk.ticket import Clock, Ticket

NOTHING_KNOWN = """
recipient status diagnostic reporter delay_days topic last_confirmed suspected_bounce due_at next_at next_step asked_at last
old_kind closed_by amount since action to_kind address reason expected obligation text sentence of category limit claim what
days by kind state opened_at on until effect number command at n item why arrived_at window seen_at order product last_reply path
"""
NONE_OF = """
missing_addresses strikes suspected_replies noncompliant reminders_sent counted missing actions topics messages clocks commands
open rows times reasons waiting numbers log
"""
NOT_SO = "suppressed passed critical mediated subscription takeover external"
UNKNOWN: Mapping[str, Any] = {
    **dict.fromkeys(NOTHING_KNOWN.split()),
    **dict.fromkeys(NONE_OF.split(), ()),
    **dict.fromkeys(NOT_SO.split(), False),
    "provider": "",
    "signature": "",
}


def data(sheet: Sheet, reader: Reader) -> dict[str, Any]:
    """What the template may name: the order's own words, then what the ticket, its clocks and its seller say."""
    order, ticket, scene = sheet.order, sheet.ticket, sheet.scene
    seller = scene.seller
    known: dict[str, Any] = {**UNKNOWN, "seller": (seller.name or seller.id) if seller else ""}
    known |= {key: value for key, value in order.data.items() if "." not in key} | dict(order.say)
    known["seller"] = (seller.name or seller.id) if seller else ""
    known |= _of_ticket(ticket, scene, order)
    if reader.party == "customer" and order.notice == "opened":
        known["expected"] = None  # what is expected is the seller's to do
    if order.notice == "command_refused":
        known["command"] = _label(sheet, reader, str(order.data.get("command", "")))
    cited = order.say["of"] if isinstance(order.say.get("of"), int) else order.data.get("cited_ticket")
    if cited:
        known["of"] = f"MG-{cited}"
    known["for_customer"] = reader.party == "customer"
    known["required_copy"] = next(iter(_required_copy(ticket, scene)), None)
    if order.occurrences:
        known |= {"numbers": order.occurrences, "n": order.occurrences[-1]}
    clock = ticket.clock(order.clock) if ticket and order.clock else running(ticket)
    if clock:
        known |= _clock_data(clock, order, scene)
        if reader.party == "customer" and order.notice == "opened":
            known["due_at"] = None
    if order.notice in EVERYWHERE:
        known["commands"] = tuple(_commands(sheet, reader))
    return known | _said_so_far(ticket, clock) | _in_our_words(known, scene)


def _in_our_words(known: Mapping[str, Any], scene: Scene) -> dict[str, Any]:
    """The pack's names of the parties as templates know them: consumer is customer, vendor is seller."""
    ours = {called: party for party, called in scene.policy.called.items()}
    return {name: ours.get(str(known[name]), known[name]) for name in ("last", "closed_by") if known.get(name)}


def _of_ticket(ticket: Ticket | None, scene: Scene, order: Order) -> dict[str, Any]:
    if ticket is None:
        return {}
    reason = ticket.facts.get("reason")
    spec = scene.policy.reasons.get(str(reason))
    view = order.data
    windows = {scene.policy.called.get(party, party): party for party in ("customer", "seller")}
    late = next((name for name in windows if view.get(f"window.{name}") is False and windows[name] == view.get("by")), "")
    window = scene.policy.windows.get(late)
    since = [datetime.fromisoformat(str(ticket.facts[name])) for name in window.since if ticket.facts.get(name)] if window else []
    action = str(view.get("action") or "reply")
    return {
        "kind": ticket.kind,
        "state": ticket.state,
        "opened_at": ticket.opened_at,
        "reason": reason if order.notice != "command_refused" else view.get("reason"),
        "expected": reason if spec else None,
        "actions": tuple(sorted(spec.fits)) if spec else (),
        "number": ticket.facts.get("order"),
        "limit": str(limit) if (limit := scene.policy.options.get("refund_below")) not in (None, "") else None,
        "address": ticket.facts.get("legacy"),
        "sentence": view.get(f"sentence.{order.say.get('what')}"),
        "action": action,
        "what": order.say.get("what") or action,
        "days": window.within.amount if window else None,
        "since": max(since, default=None),
        "clocks": tuple(
            (one.name, one.due or one.next_due_at) for one in ticket.clocks if one.running and (one.due or one.next_due_at)
        ),
    }


def _label(sheet: Sheet, reader: Reader, command: str) -> str:
    """What a command is called in the reader's language."""
    strings = sheet.house.templates.strings
    words = {**strings.get("en", {}), **strings.get(reader.language, {})}
    return words.get(f"action_{command}") or words.get(f"command_{command}", command.replace("_", " ")).split(";")[0].strip(" …")


def _commands(sheet: Sheet, reader: Reader) -> Iterator[tuple[str, str]]:
    """(word to write, what it does) for what this reader may order by a word (HELP)."""
    strings = sheet.house.templates.strings
    words = {**strings.get("en", {}), **strings.get(reader.language, {})}
    mine = [entry for entry in sheet.scene.policy.command if reader.party in entry.by and entry.event and not entry.once]
    every = dict.fromkeys(name for entry in mine if entry.on == "ticket" for name in entry.name)
    absence = ABSENCE if reader.party == "seller" else ()
    for action in (*every, *absence, *EVERYWHERE):
        if word := words.get(f"command_{action}", "").split(";")[0].strip():
            yield word.upper(), action


def _required_copy(ticket: Ticket | None, scene: Scene) -> tuple[str, ...]:
    role = next((rule.address for rule in scene.policy.rules.values() if rule.address), "")
    return resolve(role, scene.policy, scene.desk, scene.seller, ticket) if role else ()


def running(ticket: Ticket | None) -> Clock | None:
    """Of the clocks that run, the one that comes due first; of those without a limit, the newest."""
    live = [one for one in ticket.clocks if one.state == "running"] if ticket else []
    return min(live, key=lambda one: (one.due is None, one.due or one.started_at), default=None)


def _clock_data(clock: Clock, order: Order, scene: Scene) -> dict[str, Any]:
    step = scene.policy.step(clock.name, order.step)
    ahead = sorted((m for m in clock.marks if m.fired_at is None), key=lambda m: m.due)
    following = next((m for m in ahead if (m.step, m.occurrence) not in {(order.step, n) for n in order.occurrences}), None)
    then = scene.policy.step(clock.name, following.step) if following else None
    own = next((m.due for m in clock.marks if m.step == order.step and m.occurrence in order.occurrences[-1:]), clock.started_at)
    found: dict[str, Any] = {
        "asked_at": clock.started_at,
        "due_at": clock.due,
        "passed": clock.due is not None and clock.due <= own,
        "next_step": (then.do or then.name) if then else None,
        "next_at": following.due if following and then and (then.do or following.due != clock.due) else None,
        "counted": scene.policy.clocks[clock.name].pause_on if clock.name in scene.policy.clocks else (),
    }
    if step is not None and order.step:
        found["of"] = sum(1 for mark in clock.marks if mark.step == step.name)
    return found


def _said_so_far(ticket: Ticket | None, clock: Clock | None) -> dict[str, Any]:
    """What an escalation states: when the seller last wrote, and which of his answers did not count."""
    if ticket is None:
        return {"last_reply": None, "noncompliant": (), "suspected_replies": ()}
    since = clock.started_at if clock else ticket.opened_at
    mine = [one for one in ticket.spoken if one.party == "seller" and one.at >= since and one.event != "auto_reply"]
    return {
        "last_reply": mine[-1].at if mine else None,
        "noncompliant": tuple((one.at, one.missing) for one in mine if one.missing),
        "suspected_replies": tuple(datetime.fromisoformat(one[2]) for one in ticket.facts.get("ghosts", ())),
    }
