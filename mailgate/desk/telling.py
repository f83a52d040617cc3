"""What one notice tells one reader: the words that its template may use, the details, the links, the history.

`data` gives every template the same set of names; what is not known is None or empty, never absent. A quote holds its text only
where every reader of the notice was of its audience (docs/rules.md G-14).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from mailgate.desk.command import ABSENCE, EVERYWHERE, Given, meaning
from mailgate.desk.decision import Order, Scene
from mailgate.desk.entry import Command
from mailgate.desk.heading import shown
from mailgate.desk.house import House
from mailgate.desk.notice import Label, Page, Quote
from mailgate.desk.route import resolve
from mailgate.desk.ticket import Clock, Ticket
from mailgate.desk.view import seen
from mailgate.mail import address as addresses
from mailgate.mail import token

HISTORY = 20
LINK_LASTS = timedelta(days=30)
NO_MESSAGES = frozenset({"own", "loop", "auto_reply", "commanded", "command_refused", "refused_closed"})  # no words to others
WHOLE = frozenset({"mail_ticket_closed", "route_claim"})  # C-43, A-04: the full history
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


@dataclass(frozen=True)
class Reader:
    """One person a letter goes to: by which role, at which address, in which language and zone, as which party."""

    role: str
    address: str
    language: str
    zone: ZoneInfo
    party: str = "other"


@dataclass(frozen=True)
class Sheet:
    """One notice before it is copied out for its readers."""

    order: Order
    ticket: Ticket | None
    scene: Scene
    house: House
    now: datetime
    to: tuple[Reader, ...]
    cc: tuple[Reader, ...]
    parties: Mapping[str, int] = field(default_factory=dict)

    @property
    def about(self) -> Ticket | None:
        """The ticket that the notice is about, if it is about one."""
        return self.ticket if self.order.ticket else None

    @property
    def visible(self) -> tuple[str, ...]:
        """The addresses that every copy shows in To and Cc."""
        return tuple(reader.address for reader in (*self.to, *self.cc))


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
        data=data(sheet, reader),
        latest=_latest(sheet, quoted, reader),
        details=(*_details(about, sheet), *_pending(sheet.order)) if about and not silent else (),
        history=tuple(reversed(quoted)) if sheet.order.notice in WHOLE else tuple(reversed(quoted))[:HISTORY],
        actions=tuple(_links(sheet, reader)) if about else tuple(_links_of_no_ticket(sheet, reader)),
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
    clock = _running(ticket)
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


def _links(sheet: Sheet, reader: Reader) -> Iterator[tuple[Label, str]]:
    """(action, mailto link) for all that this reader may do now; each link is his own and lasts 30 days."""
    ticket, scene = sheet.about, sheet.scene
    key = addresses.key(reader.address)
    party = next((one for one in ticket.participants if addresses.key(one.address) == key), None) if ticket else None
    if ticket is None or party is None or not party.id:
        return
    notice = sheet.order.notice
    for entry in scene.policy.command:
        asked_for = notice == "command_refused" and sheet.order.data.get("reason") == "unsigned"
        named = asked_for and sheet.order.data.get("command") in entry.name
        if (notice in entry.offered or named) and entry.on == "ticket" and reader.party in entry.by:
            for choice in entry.choices or ("",):
                if _is_open(entry, choice, sheet, reader):
                    action = f"{entry.name[0]}.{choice}" if choice else entry.name[0]
                    code = action.replace(".", "_")
                    yield code, _mail_that_does(sheet, reader, party.id, action, code, entry.asks)
    for action, label in sheet.order.offers:
        yield label, _mail_that_does(sheet, reader, party.id, action, label)


def _links_of_no_ticket(sheet: Sheet, reader: Reader) -> Iterator[tuple[Label, str]]:
    """What can be done about a seller or an item of his: a fact is still right (D-06), and what the order itself offers."""
    party = sheet.parties.get(addresses.key(reader.address), 0)
    offers = (
        [(f"confirm.{sheet.order.say['item']}", "confirm")] if sheet.order.say.get("item") and reader.party == "seller" else []
    )
    for action, label in (*offers, *sheet.order.offers) if party else ():
        yield label, _mail_that_does(sheet, reader, party, action, label)
    for action, number, name in sheet.order.about if party else ():
        label = action.partition(".")[0]
        yield (label, name), _mail_that_does(sheet, reader, party, action, label, about=(number, name))


def _is_open(entry: Command, choice: str, sheet: Sheet, reader: Reader) -> bool:
    """True if this very entry is what the command would mean now."""
    told = {entry.argument: choice} if choice else {}
    view = seen(sheet.about, sheet.scene, sheet.now, told, entry.name[0], reader.party)
    return meaning(sheet.scene.policy, Given(entry.name[0], reader.party, "signed", told), view) is entry


def _mail_that_does(
    sheet: Sheet,
    reader: Reader,
    party: int,
    action: str,
    code: str,
    asks: Sequence[str] = (),
    *,
    about: tuple[int, str] = (0, ""),
) -> str:
    """The link that opens a mail which does `action`, its subject and the lines to fill in in the reader's language.

    `about`: the number, and the name, of what it is done to, where that is not the notice's own ticket.
    """
    ticket, strings = sheet.about, sheet.house.templates.strings
    words = {**strings.get("en", {}), **strings.get(reader.language, {})}
    label = words.get(f"action_{code}", code.replace("_", " "))
    expires = (sheet.now + LINK_LASTS).date()
    nonce = about[0] or (ticket.version if ticket else int(sheet.now.timestamp()) // 60) % 36**4
    label = f"{label}: {about[1]}" if about[1] else label
    to = token.action_address(sheet.scene.desk.address, party, action, expires, sheet.house.keys, nonce=nonce)
    lines = "".join(f"{words.get(f'ask_{name}', name.replace('_', ' ').capitalize())}: \n" for name in asks if name != "text")
    return token.mailto(to, f"{label} [{ticket.tag}]" if ticket else label, lines)


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
    clock = ticket.clock(order.clock) if ticket and order.clock else _running(ticket)
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


def _running(ticket: Ticket | None) -> Clock | None:
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
