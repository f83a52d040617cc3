"""What one notice tells one reader: the words that its template may use, the details, the links, the history.

A quote holds its text only where every reader of the notice was of its audience (docs/rules.md G-14).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from mailgate.desk import links, named
from mailgate.desk.decision import Order, Scene
from mailgate.desk.heading import shown
from mailgate.desk.notice import Page, Quote
from mailgate.desk.reader import Reader, Sheet
from mailgate.desk.ticket import Ticket
from mailgate.mail import address as addresses

HISTORY = 20
NO_MESSAGES = frozenset({"own", "loop", "auto_reply", "commanded", "command_refused", "refused_closed"})  # no words to others
WHOLE = frozenset({"mail_ticket_closed", "route_claim"})  # C-43, A-04: the full history


def title(scene: Scene, ticket: Ticket | None) -> str:
    """What the desk is called in a notice: the reseller of the case, else the desk's title."""
    entity = scene.desk.entities.get(ticket.entity or "") if ticket else None
    return (entity.title if entity else "") or scene.desk.title or scene.policy.title or scene.desk.name


def page(sheet: Sheet, reader: Reader) -> Page:
    """Everything that the notice says to this reader."""
    about, scene = sheet.about, sheet.scene
    silent = sheet.order.words in SILENT or sheet.order.notice in SILENT
    quoted = (*_dossier(sheet), *_quotable(about, sheet.visible)) if about and not silent else ()
    return Page(
        notice=sheet.order.words or sheet.order.notice,
        language=reader.language,
        zone=reader.zone,
        desk=title(scene, about),
        ticket=about.tag if about else None,
        subject=_called(about, sheet) if about and not silent else "",
        data=named.data(sheet, reader),
        latest=_latest(sheet, quoted, reader),
        details=(*_details(about, sheet), *_pending(sheet.order)) if about and not silent else (),
        history=tuple(reversed(quoted)) if sheet.order.notice in WHOLE else tuple(reversed(quoted))[:HISTORY],
        actions=tuple(links.of_ticket(sheet, reader) if about else links.of_no_ticket(sheet, reader)),
        order=tuple(_bought(about)) if about and not silent else (),
        whole=sheet.order.notice in WHOLE,
    )


def _latest(sheet: Sheet, quoted: Sequence[Quote], reader: Reader) -> Quote | None:
    """The newest message that the reader may see, with a line for each file of it that was left out."""
    latest = next((quote for quote in reversed(quoted) if quote.text), None)
    left_out = sheet.order.data.get("left_out", ())
    if latest is None or not left_out:
        return latest
    strings = sheet.house.templates.strings
    words = {**strings.get("en", {}), **strings.get(reader.language, {})}
    lines = []
    for one in left_out:
        why, _, name = str(one).partition(" ")
        lines.append(words["left_out"].format(name=name, why=words.get(f"left_out_{why}", why)))
    return replace(latest, text=f"{latest.text}\n\n" + "\n".join(lines))


SILENT = frozenset({"did_you_write", "prove_sender"})  # G-16: not a word of what somebody perhaps never wrote


def _quotable(ticket: Ticket, visible: Sequence[str]) -> tuple[Quote, ...]:
    """The ticket's messages, oldest first, with their text only where every reader was of the audience (G-14)."""
    keys = {addresses.key(one) for one in visible}
    return tuple(
        Quote(one.at, one.author, one.party, one.event, one.text if keys <= one.audience else None)
        for one in ticket.spoken
        if one.party != "daemon" and one.event not in NO_MESSAGES
    )


def _dossier(sheet: Sheet) -> tuple[Quote, ...]:
    """What was said about the same order on other tickets: for the seller's own people, what the seller was party to (A-04)."""
    seller = sheet.scene.seller
    if seller is None or not all(seller.owns(one) for one in sheet.visible):
        return ()
    return tuple(
        Quote(one.at, one.author, one.party, one.event, one.text if any(map(seller.owns, one.audience)) else None)
        for one in sheet.order.dossier
        if one.party != "daemon" and one.event not in NO_MESSAGES
    )


OWN = ("desk", "staff", "system")  # parties that read the desk's own file


def _called(ticket: Ticket, sheet: Sheet) -> str:
    """The ticket's subject, as far as every reader of the notice may see it; else its number."""
    outside = (addresses.key(one.address) for one in (*sheet.to, *sheet.cc) if one.party not in OWN)
    found = shown(ticket.subject, ticket.facts, outside)
    return ticket.tag if found is None else found


def _details(ticket: Ticket, sheet: Sheet) -> Iterator[tuple[str, object]]:
    scene = sheet.scene
    yield "number", ticket.tag
    if (subject := _called(ticket, sheet)) != ticket.tag:
        yield "subject", subject
    if ticket.kind != "case":
        yield "kind", ticket.kind
    if scene.seller:
        yield "seller", scene.seller.name or scene.seller.id
    entity = scene.desk.entities.get(ticket.entity or "")
    if entity and (entity.title or ticket.entity):
        yield "entity", entity.title or ticket.entity
    if entity and scene.policy.rules:
        yield "helpdesk", entity.helpdesk
    for name in ("reason", "category", "claim", "tracking"):
        if ticket.facts.get(name):
            yield name, str(ticket.facts[name])
    yield "opened_at", ticket.opened_at
    clock = named.running(ticket)
    if clock is not None:
        answers = bool(scene.policy.clocks[clock.name].stops) if clock.name in scene.policy.clocks else True
        if answers:
            yield "asked_at", clock.started_at
        if clock.due:
            yield "due_at" if answers else "next_at", clock.due
    if ticket.tags:
        yield "tags", ticket.tags


def _pending(order: Order) -> Iterator[tuple[str, object]]:
    """The mail that perhaps belongs to this ticket and waits for a person to say so (design §5)."""
    if order.data.get("pending_review"):
        yield "pending_review", order.data["pending_review"]


def _bought(ticket: Ticket) -> Iterator[tuple[str, object]]:
    """What is known of the order (C-48, A-04, D-15)."""
    instants = {"sale_at": "sold_at", "billed_at": "billed_at"}
    for name in ("order", "product", "amount", "sale_at", "billed_at", "subscription", "shipping_number", "shipping_date"):
        value = ticket.facts.get(name)
        if value in (None, ""):
            continue
        if name in instants:
            yield instants[name], datetime.fromisoformat(str(value))
        else:
            yield name, value if isinstance(value, bool) else str(value)
