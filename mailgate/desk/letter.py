"""Turn an order into letters: who reads it, in which language, what it may quote, what its headers say.

A notice to several people leaves as one copy each: the same visible To and Cc, the same Message-ID and body for all who read one
language, but a Reply-To token and a return path of each reader's own. It quotes only messages whose audience includes every one
of its readers (docs/rules.md G-14). Its Message-ID derives from what it is about, so that a second attempt is the same mail.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from mailgate.desk import notice as notices
from mailgate.desk.follow import Order, Scene
from mailgate.desk.house import House
from mailgate.desk.notice import Page, Quote, Rendered
from mailgate.desk.party import Desk
from mailgate.desk.route import is_staff, resolve
from mailgate.desk.ticket import Clock, Participant, Ticket
from mailgate.mail import address as addresses
from mailgate.mail import token
from mailgate.mail.address import Mailbox
from mailgate.mail.compose import Draft

HISTORY = 20


@dataclass(frozen=True)
class Reader:
    """One person a letter goes to: by which role, at which address, in which language and zone."""

    role: str
    address: str
    language: str
    zone: ZoneInfo


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
        for address in resolve(role, scene.policy, scene.desk, scene.seller, ticket.entity if ticket else None, scene.suppressed):
            key = addresses.key(address)
            if key in seen or scene.desk.answers_for(address):
                continue
            seen.add(key)
            yield _reader(role, address, scene)


def _reader(role: str, address: str, scene: Scene) -> Reader:
    """A seller's people read his language in his zone, everybody else the desk's (G-17)."""
    spec, seller, desk = scene.policy.roles.get(role), scene.seller, scene.desk
    own = spec is not None and spec.of.startswith("seller.") and spec.of != "seller.manager" and seller is not None
    language = (seller.language if own and seller else "") or desk.language
    return Reader(role, address, language, ZoneInfo((seller.zone if own and seller else "") or desk.zone))


def party_of_role(role: str, scene: Scene) -> str:
    """Which party a role's people are: seller, desk, or staff (account managers, ops: their replies stay internal)."""
    if is_staff(role, scene.policy):
        return "staff"
    return "seller" if scene.policy.roles[role].of.startswith("seller.") else "desk"


@dataclass(frozen=True)
class _Sheet:
    """One notice before it is copied out for its readers."""

    order: Order
    ticket: Ticket | None
    scene: Scene
    house: House
    now: datetime
    to: tuple[Reader, ...]
    cc: tuple[Reader, ...]

    @property
    def about(self) -> Ticket | None:
        """The ticket that the notice is about, if it is about one."""
        return self.ticket if self.order.ticket else None

    @property
    def visible(self) -> tuple[str, ...]:
        """The addresses that every copy shows in To and Cc."""
        return tuple(reader.address for reader in (*self.to, *self.cc))


def letters(order: Order, ticket: Ticket | None, scene: Scene, house: House, now: datetime) -> tuple[Letter, ...]:
    """Every copy of the notice that `order` asks for; empty when nobody fills its roles.

    `ticket` must hold its readers as participants already: their ids go into the Reply-To tokens.
    """
    to, cc = readers(order, ticket, scene)
    if not to:
        to, cc = cc, ()
    sheet = _Sheet(order, ticket, scene, house, now, to, cc)
    written: dict[tuple[str, str], Rendered] = {}
    for reader in (*to, *cc):
        key = (reader.language, reader.zone.key)
        if key not in written:
            written[key] = notices.render(_page(sheet, reader), house.templates)
    return tuple(_letter(sheet, reader, written[reader.language, reader.zone.key]) for reader in (*to, *cc))


def _page(sheet: _Sheet, reader: Reader) -> Page:
    about, scene = sheet.about, sheet.scene
    quoted = _quotable(about, sheet.visible) if about else ()
    return Page(
        notice=sheet.order.notice,
        language=reader.language,
        zone=reader.zone,
        desk=_title(scene, about),
        ticket=about.tag if about else None,
        subject=about.subject if about else "",
        data=_data(sheet.order, sheet.ticket, scene),
        latest=next((quote for quote in reversed(quoted) if quote.text), None),
        details=tuple(_details(about, scene)) if about else (),
        history=tuple(reversed(quoted))[:HISTORY],
    )


def _letter(sheet: _Sheet, reader: Reader, done: Rendered) -> Letter:
    about, desk, keys = sheet.about, sheet.scene.desk, sheet.house.keys
    identity = (*_identity(sheet.order, sheet.ticket, sheet.scene), done.language, reader.zone.key)
    thread = _thread(about) if about else ()
    draft = Draft(
        author=Mailbox(_title(sheet.scene, about), desk.address),
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
        **_machine(sheet.scene),
    )
    return Letter(reader, draft, sheet.visible)


def _machine(scene: Scene) -> dict[str, Any]:
    """Desks that hide automatic mail get it without the machine headers; ids and caps hold the loops (design §5)."""
    quiet = scene.seller is not None and scene.seller.machine_headers == "quiet"
    return {"automatic": "", "precedence": False} if quiet else {}


def _identity(order: Order, ticket: Ticket | None, scene: Scene) -> tuple[str, ...]:
    subject = f"ticket:{ticket.number}" if ticket and order.ticket else f"seller:{scene.seller.id if scene.seller else ''}"
    steps = ",".join(map(str, order.occurrences))
    return (scene.desk.name, subject, order.notice, order.clock, str(order.episode), order.step, steps, order.cause)


def _title(scene: Scene, ticket: Ticket | None) -> str:
    entity = scene.desk.entities.get(ticket.entity or "") if ticket else None
    return (entity.title if entity else "") or scene.desk.title or scene.policy.title or scene.desk.name


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


def _quotable(ticket: Ticket, visible: Sequence[str]) -> tuple[Quote, ...]:
    """The ticket's messages, oldest first, with their text only where every reader was of the audience (G-14)."""
    keys = {addresses.key(one) for one in visible}
    return tuple(
        Quote(one.at, one.author, one.party, one.event, one.text if keys <= one.audience else None)
        for one in ticket.spoken
        if one.party != "daemon" and one.event not in ("own", "loop", "auto_reply")
    )


def _details(ticket: Ticket, scene: Scene) -> Iterator[tuple[str, object]]:
    yield "number", ticket.tag
    yield "subject", ticket.subject
    if "product" in ticket.facts:
        yield "product", str(ticket.facts["product"])
    if scene.seller:
        yield "seller", scene.seller.name or scene.seller.id
    entity = scene.desk.entities.get(ticket.entity or "")
    if entity:
        yield "entity", entity.title or ticket.entity
        yield "helpdesk", entity.helpdesk
    yield "opened_at", ticket.opened_at
    clock = next((one for one in reversed(ticket.clocks)), None)
    if clock and clock.state == "running":
        yield "asked_at", clock.started_at
        if clock.due:
            yield "due_at", clock.due
    if ticket.tags:
        yield "tags", ticket.tags


def _data(order: Order, ticket: Ticket | None, scene: Scene) -> dict[str, Any]:
    """What the template may name: the order's own words, then what the ticket and its clock say."""
    seller = scene.seller
    data: dict[str, Any] = {
        "seller": (seller.name or seller.id) if seller else "",
        "recipient": None, "status": None, "diagnostic": None, "reporter": None, "delay_days": None, "topic": None,
        "missing_addresses": (), "strikes": (), "last_confirmed": None, "suspected_bounce": None,
        "suspected_replies": (), "suppressed": False, "provider": "", "signature": "",
    }  # fmt: skip
    data |= {key: value for key, value in order.data.items() if "." not in key} | dict(order.say)
    data["required_copy"] = next(iter(_required_copy(ticket, scene)), None)
    if order.occurrences:
        data |= {"numbers": order.occurrences, "n": order.occurrences[-1]}
    clock = ticket.clock(order.clock) if ticket and order.clock else _running(ticket)
    if clock:
        data |= _clock_data(clock, order, scene)
    else:
        data |= {"asked_at": None, "due_at": None, "passed": False, "next_step": None, "next_at": None, "counted": ()}
    return data | _said_so_far(ticket, clock)


def _required_copy(ticket: Ticket | None, scene: Scene) -> tuple[str, ...]:
    role = next((rule.address for rule in scene.policy.rules.values() if rule.address), "")
    return resolve(role, scene.policy, scene.desk, scene.seller, ticket.entity if ticket else None) if role else ()


def _running(ticket: Ticket | None) -> Clock | None:
    return next((one for one in reversed(ticket.clocks) if one.state == "running"), None) if ticket else None


def _clock_data(clock: Clock, order: Order, scene: Scene) -> dict[str, Any]:
    step = scene.policy.step(clock.name, order.step)
    ahead = sorted((m for m in clock.marks if m.fired_at is None), key=lambda m: m.due)
    following = next((m for m in ahead if (m.step, m.occurrence) not in {(order.step, n) for n in order.occurrences}), None)
    then = scene.policy.step(clock.name, following.step) if following else None
    own = next((m.due for m in clock.marks if m.step == order.step and m.occurrence in order.occurrences[-1:]), clock.started_at)
    return {
        "of": sum(1 for mark in clock.marks if mark.step == step.name) if step else order.data.get("of"),
        "asked_at": clock.started_at,
        "due_at": clock.due,
        "passed": clock.due is not None and clock.due <= own,
        "next_step": then.do if then else None,
        "next_at": following.due if following else None,
        "counted": scene.policy.clocks[clock.name].pause_on if clock.name in scene.policy.clocks else (),
    }


def _said_so_far(ticket: Ticket | None, clock: Clock | None) -> dict[str, Any]:
    """What an escalation states: when the seller last wrote, and which of his answers did not count."""
    if ticket is None:
        return {"last_reply": None, "noncompliant": (), "reminders_sent": (), "suspected_replies": ()}
    since = clock.started_at if clock else ticket.opened_at
    mine = [one for one in ticket.spoken if one.party == "seller" and one.at >= since and one.event != "auto_reply"]
    return {
        "last_reply": mine[-1].at if mine else None,
        "noncompliant": tuple((one.at, one.missing) for one in mine if one.missing),
        "suspected_replies": tuple(datetime.fromisoformat(one[2]) for one in ticket.facts.get("ghosts", ())),
    }


def with_readers(ticket: Ticket, order: Order, scene: Scene) -> Ticket:
    """`ticket` with the readers of `order` among its people, so that each gets a reply address of his own."""
    to, cc = readers(order, ticket, scene)
    known = {addresses.key(one.address) for one in ticket.participants}
    new = [one for one in (*to, *cc) if addresses.key(one.address) not in known]
    people = tuple(Participant(one.address, party_of_role(one.role, scene)) for one in new)
    return replace(ticket, participants=(*ticket.participants, *people)) if people else ticket
