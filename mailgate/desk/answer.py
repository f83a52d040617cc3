"""Does a seller's mail count as his answer? The rules of the pack, laid on the mail that he answers (docs/rules.md D-23…D-27).

What he answers is the latest ask, or the notice of ours that he replies to. An answer that lacked only the copy counts when it is
forwarded to the helpdesk later (DR-12).
"""

from __future__ import annotations

from collections.abc import Mapping

from mailgate.desk.context import Context
from mailgate.desk.entry import Mail
from mailgate.desk.policy import Reply, Violation, violations
from mailgate.desk.route import is_staff, resolve
from mailgate.desk.ticket import Ticket
from mailgate.mail import address as addresses
from mailgate.mail.message import Message


def broken_rules(message: Message, context: Context, ticket: Ticket, entry: Mail) -> tuple[Violation, ...]:
    """Every rule of `entry` that this mail of the seller's breaks, by name; none for the forward that brings a late copy."""
    scene = context.scene
    if scene.seller is None:
        return ()
    roles = {role: resolve(role, scene.policy, scene.desk, scene.seller, ticket) for role in scene.policy.roles}
    reply = Reply(
        to=tuple(one.address for one in message.to),
        cc=tuple(one.address for one in message.cc),
        received=context.envelope.forward_paths,
        expected=_all_of(ticket, context, roles),
        by_reference=context.match.by_reference,
        desk=scene.desk,
        desks=tuple(context.roster.desks.values()),
        seller=scene.seller,
        entity=ticket.entity,
        dead=context.dead,
    )
    broken = violations(reply, scene.policy, entry.rules, roles)
    if broken and entry.late_copy and _is_late_copy(message, context, ticket, broken):
        return ()
    return broken


def _all_of(ticket: Ticket, context: Context, roles: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """Whom a reply to all holds: everyone of the latest ask, or of the notice of ours that it answers (D-23).

    A notice gives its readers our reply address, which the reseller's own people read: they are never missing there.
    """
    if context.notice_to is None:
        return _latest_ask(ticket, context)
    staff = {addresses.key(one) for role, held in roles.items() if is_staff(role, context.scene.policy) for one in held}
    return tuple(one for one in context.notice_to if addresses.key(one) not in staff)


def _latest_ask(ticket: Ticket, context: Context) -> tuple[str, ...]:
    """Everyone visible on the newest mail that started, or would have started, the seller's clock (D-23)."""
    starting = {one.event for spec in context.scene.policy.clocks.values() for one in spec.starts}
    asks = [said for said in ticket.spoken if said.event in starting]
    return asks[-1].visible if asks else ()


def _is_late_copy(message: Message, context: Context, ticket: Ticket, broken: tuple[Violation, ...]) -> bool:
    """An answer that lacked only the copy, now forwarded to the helpdesk by the seller (DR-12)."""
    if any(violation.rule == "required_copy" for violation in broken):
        return False
    named = {*message.names, *message.attached_ids}
    lacking = [said for said in ticket.spoken if said.party == "seller" and said.missing == ("required_copy",)]
    forwarded = context.subject.forward or bool(message.attached_ids)
    return forwarded and any(said.message_id in named for said in lacking)
