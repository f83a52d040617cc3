"""A desk on the seller's side (docs/rules.md G-13): the same clocks and the same judgement, but it warns and never acts.

The marketplace sends the mails; here own staff hears what is due, which answer will not count, and where mail stopped. Nothing
goes to the other party: no notice, no mail handed over, no effect. The history keeps what the rules would have done.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from mailgate.desk.decision import Decision, Order, Scene
from mailgate.desk.follow import order_entry
from mailgate.desk.letter import role_is_sellers
from mailgate.desk.party import Desk
from mailgate.desk.route import STAFF
from mailgate.desk.ticket import Entry

WARNING = "warning"  # the step that comes before a limit
FOR_SELLERS = frozenset(
    {"agenda", "command_done", "command_refused", "help", "prove_sender", "status"}
)  # his own mail brings them


def as_seen_by(desk: Desk, raw: Mapping[str, Any]) -> Mapping[str, Any]:
    """The pack `raw` as this desk binds it: one that observes is warned `warn_before` each limit of the seller's clocks."""
    if desk.mode == "act" or not desk.warn_before:
        return raw
    step = {"name": WARNING, "before": [desk.warn_before], "do": "warn_due"}
    timed = {
        name: {**spec, "steps": [step, *spec.get("steps", ())]}
        for name, spec in raw.get("clocks", {}).items()
        if spec.get("runs_for") == "seller" and ("within" in spec or "lengths" in spec)
    }
    return {**raw, "clocks": {**raw.get("clocks", {}), **timed}}


def observed(decision: Decision, scene: Scene, now: datetime) -> Decision:
    """`decision` as it stands at this desk: unchanged where it acts, else with warnings to own staff for its orders."""
    if scene.desk.mode == "act":
        return decision
    kept = tuple(order for order in decision.orders if _is_own(order, scene))
    warnings = tuple({one.notice: one for one in (*_due(decision, scene, now), *_told(decision, scene))}.values())
    mine = {one.notice for one in kept}
    entries = tuple(_not_done(entry) if entry.event not in mine else entry for entry in decision.entries)
    told = tuple(order_entry(one, now) for one in warnings)
    return replace(decision, orders=(*kept, *warnings), entries=(*entries, *told))


def _is_own(order: Order, scene: Scene) -> bool:
    """True for what only own people read: staff, and the seller's people who asked for it."""
    roles = (*order.to, *order.cc)
    if order.effect or not roles:
        return False
    answered = order.notice in FOR_SELLERS
    return all(one.startswith(STAFF) or (answered and role_is_sellers(one, scene)) for one in roles)


def _due(decision: Decision, scene: Scene, now: datetime) -> Iterator[Order]:
    """What a step of the seller's own clock means here, whatever it does on the other side."""
    for clock in decision.clocks if decision.party == "timer" and decision.ticket else ():
        spec = scene.policy.clocks.get(clock.name)
        marks = [mark for mark in clock.marks if mark.fired_at == now]
        if spec is None or spec.runs_for != "seller" or not marks:
            continue
        numbers = tuple(mark.occurrence for mark in marks)
        yield Order("warn_due", (STAFF,), clock=clock.name, episode=clock.episode, step=marks[-1].step, occurrences=numbers)


def _told(decision: Decision, scene: Scene) -> Iterator[Order]:
    """What a mail means here: an own answer that will not count, own mail that a suppression list stops, other lost mail."""
    for order in decision.orders:
        ours = any(role_is_sellers(role, scene) for role in (*order.to, *order.cc))
        if order.notice == "alert_delivery":
            listed = order.data.get("suppressed") and order.say.get("of") == "vendor_reply"
            yield _to_staff(order, "warn_suppressed" if listed else order.notice)
        elif decision.violations and ours and not order.step:
            author = decision.spoken.author if decision.spoken else ""
            yield replace(_to_staff(order, "warn_violation"), data={**order.data, "author": author})


def _to_staff(order: Order, notice: str) -> Order:
    return replace(order, notice=notice, words="", to=(STAFF,), cc=(), hands=False, attach=False, courtesy=False)


def _not_done(entry: Entry) -> Entry:
    """An action of the other side: in the history it is what the rules ask for, and nothing that we did."""
    return replace(entry, data={**entry.data, "action": False, "observed": True}) if entry.data.get("action") else entry
