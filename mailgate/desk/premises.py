"""What a mail was judged by when it came, as far as neither the mail nor the store of today tells it.

`kept` says what is stored with each mail; `recalled` lays it over what is found when the mail's ticket is built anew, so that
what was proven, used up, listed or learned since then changes nothing. Of a mail that people have put on another ticket only that
counts which is its own: how far it is proven, what its order was known for, what it reports. The directory is that of today, but
for takeovers: an author who was a stranger then, and is none now, is judged by what is found now.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any

from mailgate.desk.bounce import Bounced
from mailgate.desk.command import ACTION, PATH, Given
from mailgate.desk.context import Context
from mailgate.desk.happening import awaited, counts_on
from mailgate.desk.path import allowed_by_path
from mailgate.desk.ticket import Ticket
from mailgate.desk.trust import Level
from mailgate.mail.instruction import Instruction
from mailgate.mail.message import Message

RELATED = ("duplicate_of", "cited", "cited_ticket")


@dataclass(frozen=True)
class Premises:
    """What one mail was judged by.

    `on`: the ticket it was settled on; `awaited`: the mails for which that one's clocks ran. `kind`: its class, where an
    instruction in it made another of it. `review`, `points_to`: the doubt in which it opened its ticket. `takeover`: the reseller
    answered the seller's customers. `dead`: people of the ticket whom no mail reached; `unknown`: ids in its header that nobody
    knew. `related`: what was known of other tickets; `order`: of its order. `command`: the order that it gives, without what it
    says; `asked`: what another system says in it.
    """

    on: int = 0
    awaited: tuple[str, ...] = ()
    level: Level = "stranger"
    path: str = ""
    kind: str = ""
    by_reference: bool = False
    review: bool = False
    points_to: int | None = None
    doubted: bool = False
    takeover: bool = False
    dead: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    related: Mapping[str, Any] = field(default_factory=dict)
    order: Mapping[str, Any] = field(default_factory=dict)
    command: Given | None = None
    asked: Instruction | None = None
    bounced: tuple[Bounced, ...] = ()


_NONE = Premises()


def kept(context: Context, message: Message, kind: str) -> dict[str, Any]:
    """The premises of a mail of the class `kind`, as JSON can hold them: those alone that are not as they are for most mail."""
    match, command = context.match, context.command
    names = message.names if context.known else ()
    premises = Premises(
        awaited=awaited(match.ticket),
        level=context.level,
        path=context.path,
        kind=context.kind if context.kind != kind else "",
        by_reference=match.by_reference,
        review=match.review,
        points_to=match.points_to if match.ticket is None else None,
        doubted=context.doubted,
        takeover=context.scene.seller is not None and context.scene.seller.takeover,
        dead=tuple(sorted(context.dead)),
        unknown=tuple(one for one in names if one not in context.known),
        related={name: context.noticed[name] for name in RELATED if context.noticed.get(name) is not None},
        order=context.order,
        command=replace(command, told=_own(command)) if command else None,
        asked=context.asked,
        bounced=context.bounced,
    )
    found = {name: getattr(premises, name) for name in vars(premises) if getattr(premises, name) != getattr(_NONE, name)}
    return {name: _plain(value) for name, value in found.items()}


def _own(command: Given) -> dict[str, Any]:
    """What a command says that can't be read in its mail."""
    return {PATH: command.told.get(PATH)} if command.name == ACTION else {}


def _plain(value: Any) -> Any:
    if isinstance(value, Given | Instruction):
        return {name: dict(one) if isinstance(one, Mapping) else one for name, one in vars(value).items()}
    return [asdict(one) if isinstance(one, Bounced) else one for one in value] if isinstance(value, tuple) else value


def read(stored: Mapping[str, Any]) -> Premises | None:
    """The premises that `kept` made; None for a mail that came before any were kept."""
    if not stored:
        return None
    found: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in stored.items()}
    if given := found.get("command"):
        found["command"] = Given(**given)
    if asked := found.get("asked"):
        found["asked"] = Instruction(**{**asked, "at": datetime.fromisoformat(asked["at"])})
    found["bounced"] = tuple(Bounced(**one) for one in found.get("bounced", ()))
    return Premises(**found)


def returned(bounced: Sequence[Bounced], ticket: Ticket) -> tuple[Bounced, ...]:
    """What a report speaks of; what the returned mail means is what it means on `ticket` now."""
    events = {one.message_id: one.event for one in ticket.spoken}
    return tuple(replace(one, event=events.get(one.message_id, one.event) if one.event else "") for one in bounced)


def recalled(context: Context, was: Premises, number: int, allowed: Mapping[str, tuple[str, ...]]) -> Context:
    """`context` of a mail of ticket `number`, which is built anew; `allowed`: `[trust]`."""
    here, match = was.on == number, context.match
    level = context.level if "stranger" in (context.level, was.level) else was.level
    match = replace(match, signed=level == "signed")
    if here:
        by_reference = was.by_reference or match.by_reference
        match = replace(match, review=was.review, points_to=was.points_to, by_reference=by_reference)
    seller = context.scene.seller.model_copy(update={"takeover": was.takeover}) if context.scene.seller else None
    return replace(
        context,
        scene=replace(context.scene, seller=seller),
        level=level,
        path=was.path,
        allowed=allowed_by_path(allowed) if was.path else allowed,
        kind=was.kind or context.kind,
        match=match,
        noticed={**context.noticed, "level": level, **(_related(context, was) if here else {})},
        doubted=here and was.doubted,
        dead=frozenset(was.dead) if here else context.dead,
        known=context.known - {*was.unknown},
        command=_ordered(context, was, here=here),
    )


def _related(context: Context, was: Premises) -> dict[str, Any]:
    return {name: was.related.get(name) for name in RELATED if name in context.noticed}


def _ordered(context: Context, was: Premises, *, here: bool) -> Given | None:
    """The order that the mail gave, with what it says; on another ticket as desk/happening.py says of all orders."""
    if was.command is None:
        return None
    found, given = context.command, was.command
    told = found.told if found and found.name == given.name else context.told
    elsewhere = not here and not counts_on(context.match.ticket, was.awaited)
    return replace(given, told={**told, **given.told}, fault=given.fault or ("permission" if elsewhere else ""))
