"""Agendas and weekly reports: their clocks are set, come due, and leave one mail or none (docs/rules.md G-15, D-37).

Called with the caller's transaction. What desk/agenda.py and desk/report.py decide is read and written here. A mail that has not
left yet gives way to the newer one: after an outage of the next hop nobody finds three agendas in his mailbox.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection, update

from mailgate.desk import agenda, report
from mailgate.desk.decision import Decision, Scene
from mailgate.desk.house import House
from mailgate.desk.party import Desk, Seller
from mailgate.desk.report import Figures, Span, Told
from mailgate.desk.round import AGENDA, KINDS, Round, moved, parts, round_of, subject_of
from mailgate.desk.ticket import Clock
from mailgate.store import clocks, figures
from mailgate.store.act import Written, act, scene_for
from mailgate.store.schema import outbox

SUBJECTS = tuple(f"{kind}:" for kind in KINDS)
_WAITS = ("queued", "deferred")


@dataclass(frozen=True)
class Asked:
    """Of which sellers of a desk figures are wanted, and from when to when; `seller` None: of each. `mails`: M-22 too."""

    desk: Desk
    span: Span
    seller: str | None = None
    mails: bool = False


def wound(connection: Connection, desk: Desk, seller: Seller | None, now: datetime) -> tuple[Clock, ...]:
    """The clocks to write so that this seller at this desk, or without one the desk, has every round that is asked for."""
    found: list[Clock] = []
    for kind in KINDS:
        comes = round_of(kind, desk, seller)
        if comes is not None:
            subject = subject_of(kind, desk, seller)
            found += moved(clocks.newest(connection, subject, kind), comes, subject, now)
    return tuple(found)


def fire(connection: Connection, clock: Clock, house: House, now: datetime) -> Written | None:
    """What a due round left in the store; None when it had nothing to say, or nobody asks for it any more."""
    kind, desk_name, seller_id = parts(clock.subject)
    desk, seller = house.desk(desk_name), house.seller(seller_id)
    gone = desk is None or (seller_id and seller is None) or (seller and seller.desks and desk_name not in seller.desks)
    comes = round_of(kind, desk, seller) if desk is not None and not gone else None
    if desk is None or comes is None:
        clocks.write(connection, [replace(clock, state="void", stopped_at=now)])
        return None
    decision, scene = _decided(connection, clock, comes, scene_for(connection, house, desk, seller), house, now)
    _overtaken(connection, clock, desk, seller)
    if decision.orders:
        clocks.fire(connection, clock, clock.marks[-1:], now)
    written = act(connection, decision, scene, house, now)
    clocks.write(connection, decision.clocks)
    return written if decision.orders else None


def _decided(
    connection: Connection, clock: Clock, comes: Round, scene: Scene, house: House, now: datetime
) -> tuple[Decision, Scene]:
    if comes.kind == AGENDA:
        whose, seller = (agenda.SELLER, scene.seller) if scene.seller else (agenda.DESK, None)
        taken_over = scene.seller is not None and scene.seller.takeover
        found = () if taken_over else figures.promises(connection, house, scene.desk, whose, seller)
        return agenda.agenda(clock, comes, found, scene, now)
    return report.report(clock, comes, _told(connection, comes, scene, house, now), scene, now)


def _told(connection: Connection, comes: Round, scene: Scene, house: House, now: datetime) -> Told:
    name = scene.seller.id if scene.seller else ""
    spans = (*report.weeks(comes, now), *report.months(comes, now))
    nothing = report.figures(report.Counted(), scene.policy)
    each = [figures_of(connection, house, Asked(scene.desk, span, name)).get(name, nothing) for span in spans]
    week, before, month, month_before = each
    stands = report.proposed(scene, figures.decided_at(connection, scene.desk.name, name), now)
    return Told(week, before, month, month_before, stands)


def figures_of(connection: Connection, house: House, asked: Asked) -> Mapping[str, Figures]:
    """The figures of each seller of whom there are any, by his id."""
    policy = house.policies[asked.desk.name]
    names = frozenset().union(*report.watched(policy).values())
    sought = figures.Sought(asked.desk.name, asked.span, report.measured(policy), names, asked.seller, asked.mails)
    return {seller: report.figures(one, policy) for seller, one in figures.counted(connection, sought).items()}


def proposal_stands(connection: Connection, house: House, desk: Desk, seller: Seller, now: datetime) -> bool:
    """True while a proposal to take over this seller's support waits for a person (D-29)."""
    scene = scene_for(connection, house, desk, seller)
    return report.proposed(scene, figures.decided_at(connection, desk.name, seller.id), now)


def _overtaken(connection: Connection, clock: Clock, desk: Desk, seller: Seller | None) -> None:
    """What this round wrote before and could not send yet does not hold any more."""
    mine = (outbox.c.clock == clock.name) & (outbox.c.desk == desk.name) & outbox.c.ticket.is_(None)
    mine &= outbox.c.seller == seller.id if seller else outbox.c.seller.is_(None)
    values = {"state": "superseded", "answer": "a newer one took its place", "next_attempt_at": None}
    connection.execute(update(outbox).where(mine & outbox.c.state.in_(_WAITS)).values(values))
