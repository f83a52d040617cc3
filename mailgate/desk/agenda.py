"""The agenda: what a seller, or a desk, has promised and not done yet, in one mail a day (docs/rules.md G-15).

A promise is open while its clock runs. It is the seller's where the pack says that the clock runs for him, and the desk's where
it runs for the desk; a clock whose `promise` is empty promises nothing to anybody. On a day without an open promise no mail
comes. Whoever was taken over is asked for nothing, so he has no promises either (D-29).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from mailgate.desk.decision import Decision, Order, Scene
from mailgate.desk.follow import order_entry
from mailgate.desk.pack import Policy
from mailgate.desk.round import AGENDA, STEP, Round, read_by, went
from mailgate.desk.ticket import Clock

LONGEST = 1000  # promises that one mail lists, the most urgent ones
SELLER, DESK = "seller", "desk"


@dataclass(frozen=True)
class Promise:
    """A promise that is open: on which ticket, by which clock, due when (the limit; else what comes next on its ladder)."""

    ticket: int
    subject: str
    clock: str
    due: datetime


def is_promised(policy: Policy, clock: str, whose: str) -> bool:
    """True if the pack's `clock` runs for `whose` and promises something."""
    spec = policy.clocks.get(clock)
    return spec is not None and spec.runs_for == whose and spec.promise != ""


def agenda(clock: Clock, comes: Round, promises: Iterable[Promise], scene: Scene, now: datetime) -> tuple[Decision, Scene]:
    """What a due agenda causes, and the scene in which it has its reader: one mail, or silence; then its next time."""
    mark = clock.marks[-1]
    listed = sorted(promises, key=lambda one: (one.due, one.ticket, one.clock))[:LONGEST]
    place = "seller.support" if scene.seller else "desk.staff"
    scene, to = read_by(scene, "seller_support" if scene.seller else "desk_staff", place)
    after = (went(clock, comes, now),)
    if not listed or not to:
        return Decision("agenda_empty", "timer", clocks=after, seller=scene.seller), scene
    told = tuple((f"MG-{one.ticket}", one.subject, one.clock, one.due, one.due < now) for one in listed)
    order = Order(
        AGENDA,
        to,
        say={"tickets": tuple(sorted({one.ticket for one in listed}))},
        data={"open": told, "on": now.astimezone(comes.zone).date(), "external": scene.seller is not None},
        clock=clock.name,
        episode=clock.episode,
        step=STEP,
        occurrences=(mark.occurrence,),
        ticket=False,
        courtesy=True,
    )
    entries = (order_entry(order, mark.due),)
    return Decision(AGENDA, "timer", entries=entries, clocks=after, orders=(order,), seller=scene.seller), scene
