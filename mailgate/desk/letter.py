"""Turn an order into letters: who reads it, in which language, what it may quote, what its headers say.

A notice to several people leaves as one copy each: the same visible To and Cc, the same Message-ID and body for all who read one
language, but a Reply-To token and a return path of each reader's own. It quotes only messages whose audience includes every one
of its readers (docs/rules.md G-14). Its Message-ID derives from what it is about, so that a second attempt is the same mail.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from mailgate.desk import notice as notices
from mailgate.desk.decision import Order, Scene
from mailgate.desk.house import House
from mailgate.desk.notice import Rendered
from mailgate.desk.party import Desk
from mailgate.desk.reader import Reader, Sheet
from mailgate.desk.route import SENDER, is_staff, resolve
from mailgate.desk.telling import SILENT, page, title
from mailgate.desk.ticket import Participant, Ticket
from mailgate.mail import address as addresses
from mailgate.mail import instruction, token
from mailgate.mail.address import Mailbox
from mailgate.mail.compose import Draft

EFFECT_FACTS = ("order", "product", "amount", "sale_at", "billed_at", "subscription", "customer", "reason")


@dataclass(frozen=True)
class Letter:
    """One copy of a notice, complete but for the return path, which names its row in the outbox."""

    reader: Reader
    draft: Draft
    visible: tuple[str, ...]


def readers(order: Order, ticket: Ticket | None, scene: Scene) -> tuple[tuple[Reader, ...], tuple[Reader, ...]]:
    """The readers in To and in Cc, each address once; nobody of ours, and nobody whom the role does not fill."""
    seen: set[str] = set()
    return tuple(_read_by(order.to, ticket, scene, seen)), tuple(_read_by(order.cc, ticket, scene, seen))


def _read_by(roles: Sequence[str], ticket: Ticket | None, scene: Scene, seen: set[str]) -> Iterator[Reader]:
    for role in roles:
        for address in resolve(role, scene.policy, scene.desk, scene.seller, ticket, scene.suppressed):
            key = addresses.key(address)
            if key in seen or scene.desk.answers_for(address):
                continue
            seen.add(key)
            yield _reader(role, address, scene, ticket)


def _reader(role: str, address: str, scene: Scene, ticket: Ticket | None) -> Reader:
    """Who reads, and how: a seller's people his language in his zone, others what they last wrote in, else the desk's (G-17)."""
    seller, desk, party = scene.seller, scene.desk, party_of_role(role, scene)
    own = seller if party == "seller" and role_is_sellers(role, scene) else None
    wrote = ticket.languages.get(addresses.key(address), "") if ticket else ""
    language = (own.language if own else "") or wrote or desk.language
    return Reader(role, address, language, ZoneInfo((own.zone if own else "") or desk.zone), party)


def _served(reader: Reader, scene: Scene, house: House) -> Reader:
    """The reader in the desk's language where he wrote in one that we have no words for (G-17); a directory's word stays."""
    ours = {one.partition("-")[0].casefold() for one in house.templates.notices}
    told = scene.seller.language if scene.seller else ""
    known = reader.language.partition("-")[0].casefold() in ours or reader.language == told
    return reader if known else replace(reader, language=scene.desk.language)


def role_is_sellers(role: str, scene: Scene) -> bool:
    """True if a role's people are the seller's own; his account manager is not."""
    spec = scene.policy.roles.get(role)
    return (
        role.startswith(SENDER)
        or spec is not None
        and any(one.startswith("seller.") and one != "seller.manager" for one in spec.of)
    )


def party_of_role(role: str, scene: Scene) -> str:
    """Which party a role's people are: seller, desk, or staff (account managers, ops: their replies stay internal)."""
    if is_staff(role, scene.policy):
        return "staff"
    if role.startswith(SENDER):
        return "seller"
    places = scene.policy.roles[role].of
    if any(one.startswith("ticket.") for one in places):
        return "customer"
    return "seller" if any(one.startswith("seller.") for one in places) else "desk"


def letters(
    order: Order, ticket: Ticket | None, scene: Scene, house: House, now: datetime, parties: Mapping[str, int] | None = None
) -> tuple[Letter, ...]:
    """Every copy of the notice that `order` asks for; empty when nobody fills its roles.

    `ticket` must hold its readers as participants already: their ids go into the Reply-To tokens and the links. `parties` are
    the ids of the readers of a notice that is about no ticket.
    """
    if order.effect:
        return _asked(order, ticket, scene, house, now)
    to, cc = readers(order, ticket, scene)
    if not to:
        to, cc = cc, ()
    to, cc = (tuple(_served(one, scene, house) for one in each) for each in (to, cc))
    sheet = Sheet(order, ticket, scene, house, now, to, cc, parties or {})
    return tuple(_letter(sheet, reader, notices.render(page(sheet, reader), house.templates)) for reader in (*to, *cc))


def _asked(order: Order, ticket: Ticket | None, scene: Scene, house: House, now: datetime) -> tuple[Letter, ...]:
    """The letter that asks a system to carry out an effect; a signed JSON part says the same (design: effects)."""
    if not house.effects_to:
        return ()
    reader = Reader("effects", house.effects_to, scene.desk.language, ZoneInfo(scene.desk.zone), "system")
    sheet = Sheet(order, ticket, scene, house, now, (reader,), ())
    letter = _letter(sheet, reader, notices.render(page(sheet, reader), house.templates))
    facts = ticket.facts if ticket else {}
    said = {name: str(facts[name]) for name in EFFECT_FACTS if facts.get(name) not in (None, "")}
    payload = {
        "system": "mailgate", "id": letter.draft.message_id, "at": now.isoformat(timespec="seconds"), "action": order.effect,
        "ticket": ticket.number if ticket else 0, "desk": scene.desk.name, "facts": said,
    }  # fmt: skip
    secret = house.systems.get("effects") or house.keys.current
    return (replace(letter, draft=replace(letter.draft, data=instruction.signed(payload, secret))),)


def _letter(sheet: Sheet, reader: Reader, done: Rendered) -> Letter:
    about, desk, keys = sheet.about, sheet.scene.desk, sheet.house.keys
    identity = (*_identity(sheet.order, sheet.ticket, sheet.scene), done.language, reader.zone.key)
    thread = _thread(about) if about and sheet.order.notice not in SILENT else ()
    draft = Draft(
        author=Mailbox(title(sheet.scene, about), desk.address),
        to=tuple(Mailbox("", one.address) for one in sheet.to),
        cc=tuple(Mailbox("", one.address) for one in sheet.cc),
        reply_to=_reply_to(reader, about, desk, sheet.house),
        subject=done.subject,
        text=done.text,
        html=done.html,
        message_id=token.message_id(identity, about.number if about else 0, addresses.domain(desk.address), keys),
        in_reply_to=thread[-1] if thread else None,
        references=thread,
        date=sheet.now,
        language=done.language,
        kind=sheet.order.notice,
        attachments=sheet.order.files,
        **_machine(sheet, reader),
    )
    return Letter(reader, draft, sheet.visible)


def _machine(sheet: Sheet, reader: Reader) -> dict[str, Any]:
    """A seller whose desk hides automatic mail gets what wants an answer without the machine headers (design §5).

    Nobody else does, and no courtesy; there ids and caps alone hold the loops.
    """
    seller = sheet.scene.seller
    quiet = seller is not None and seller.machine_headers == "quiet" and reader.party == "seller" and not sheet.order.courtesy
    return {"automatic": "", "precedence": False} if quiet else {}


def _identity(order: Order, ticket: Ticket | None, scene: Scene) -> tuple[str, ...]:
    subject = f"ticket:{ticket.number}" if ticket and order.ticket else f"seller:{scene.seller.id if scene.seller else ''}"
    steps = ",".join(map(str, order.occurrences))
    said = ",".join(f"{name}={value}" for name, value in sorted(order.say.items()))
    roles = ",".join((*order.to, "", *order.cc))
    return (scene.desk.name, subject, order.notice, order.clock, str(order.episode), order.step, steps, order.cause, said, roles)


def _reply_to(reader: Reader, ticket: Ticket | None, desk: Desk, house: House) -> str:
    if ticket is None:
        return desk.address
    key = addresses.key(reader.address)
    party = next((one.id for one in ticket.participants if addresses.key(one.address) == key), 0)
    return token.reply_address(desk.address, ticket.number, party, house.keys)


def _thread(ticket: Ticket) -> tuple[str, ...]:
    """The ids that put our notice into the reader's thread: the first mail of the case and its newest ones."""
    said = [one.message_id for one in ticket.spoken if one.message_id]
    return tuple(dict.fromkeys((*said[:1], *said[-9:])))


def with_readers(ticket: Ticket, order: Order, scene: Scene) -> Ticket:
    """`ticket` with the readers of `order` among its people, so that each gets a reply address of his own."""
    to, cc = readers(order, ticket, scene)
    known = {addresses.key(one.address) for one in ticket.participants}
    new = [one for one in (*to, *cc) if addresses.key(one.address) not in known]
    people = tuple(Participant(one.address, party_of_role(one.role, scene)) for one in new)
    return replace(ticket, participants=(*ticket.participants, *people)) if people else ticket
