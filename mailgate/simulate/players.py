"""Who acts in a case: mail that is written, signed links that are followed, verbs that are given. No rule is decided here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from mailgate import verb
from mailgate.desk.command import Given
from mailgate.desk.party import Seller
from mailgate.gateway import Settled
from mailgate.mail import address as addresses
from mailgate.mail import token
from mailgate.simulate import mails
from mailgate.simulate.mails import Written
from mailgate.simulate.stage import Stage

DESK, NOTIFIER, AGENT = "desk@mailgate.example", "notices@mailgate.example", "agent@mailgate.example"
SELLER, CUSTOMER = "acme", "buyer@mail.example"
LINK_LASTS = timedelta(days=30)


@dataclass
class Case:
    """One case being run: its stage, and which mail and ticket each label of the case stands for."""

    stage: Stage
    seller: Seller
    helpdesk: str
    numbers: dict[str, int] = field(default_factory=dict)
    labels: dict[int, str] = field(default_factory=dict)
    thread: dict[str, list[str]] = field(default_factory=dict)
    last: dict[tuple[str, str], str] = field(default_factory=dict)
    sent: dict[str, bytes] = field(default_factory=dict)
    unsupported: list[str] = field(default_factory=list)
    unlisted: set[str] = field(default_factory=set)
    asks: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    sellers: dict[str, str] = field(default_factory=dict)
    count: int = 0


def write(case: Case, event: Mapping[str, Any], at: datetime, role: str, **said: Any) -> Settled:
    """Send one mail of the case, and note what it became. A repeated Message-ID is the same mail delivered again."""
    case.count += 1
    label = event.get("ticket", "T1")
    message_id = event.get("message_id") or f"{case.count}.{role}@simulated.example"
    known = case.thread.setdefault(label, [])
    aside = said.pop("aside", False)  # a mail of its own under the label, beside the conversation that the label stands for
    references = [] if said.pop("fresh", False) else list(known)
    written = Written(
        author=said.pop("author"), to=event.get("to", said.pop("to", ())), cc=event.get("cc", ()), at=at, message_id=message_id,
        subject=event.get("subject", said.pop("subject", f"Order of {label}")),
        text=event.get("text", said.pop("text", f"Mail {case.count} about {label}.\n")),
        references=references, extra=said.pop("extra", {}), files=said.pop("files", 0),
    )  # fmt: skip
    raw = case.sent.setdefault(message_id, mails.mail(written))
    also_to = (*event.get("bcc", ()), *said.pop("also_to", ()))
    done = case.stage.receive(raw, at, proven=event.get("auth", True), also_to=also_to)
    if done.ticket is not None:
        case.labels.setdefault(done.ticket, label)
        if not aside and case.numbers.setdefault(label, done.ticket) == done.ticket:
            known.append(message_id)
    if done.kind in ("human", "auto_reply"):
        case.last[label, role] = message_id
    return done


def follow_link(case: Case, event: Mapping[str, Any], at: datetime, action: str, author: str, **said: Any) -> Settled | None:
    """`author` follows the signed link for `action` on the ticket of the event; None where there is no such ticket."""
    number = case.numbers.get(event.get("ticket", "T1"))
    ticket = case.stage.ticket(number) if number else None
    key = addresses.key(author)
    party = next((one.id for one in ticket.participants if addresses.key(one.address) == key), 0) if ticket else 0
    if not party:
        return None
    case.count += 1
    expires = (at + LINK_LASTS).date()
    to = token.action_address(case.stage.desk.address, party, action, expires, case.stage.house.keys, nonce=case.count)
    return write(case, event, at, "link", author=author, to=[to], also_to=(to,), subject=action, fresh=True, **said)


def by_staff(case: Case, event: Mapping[str, Any], at: datetime, name: str, told: Mapping[str, Any] | None = None) -> None:
    """The desk's staff gives a verb on the ticket of the event; nothing happens where there is no such ticket."""
    case.stage.pass_until(at, inclusive=False)
    case.stage.now = at
    number = case.numbers.get(event.get("ticket", "T1"))
    if number is not None:
        given = Given(name, "staff", "signed", told or {}, cause=f"verb {case.count} {at.isoformat()}")
        case.stage.carry_out(partial(verb.on_ticket, number=number, given=given, now=at), at)


def on_seller(case: Case, at: datetime, name: str, told: Mapping[str, Any] | None = None) -> None:
    """The desk's staff gives a verb about the seller."""
    case.stage.pass_until(at, inclusive=False)
    case.stage.now = at
    case.count += 1
    given = Given(name, "staff", "signed", told or {}, cause=f"verb {case.count} {at.isoformat()}")
    case.stage.carry_out(partial(verb.on_seller, desk=case.stage.desk, seller=case.seller, given=given, now=at), at)


def seller_of(case: Case, event: Mapping[str, Any]) -> Seller:
    """The seller that an event names, else the one that its ticket was opened for, else the case's own."""
    label = event.get("ticket", "T1")
    named = str(event.get("seller") or case.sellers.get(label, ""))
    case.sellers.setdefault(label, named)
    return case.stage.house.roster.sellers.get(named, case.seller)


def lines(**said: Any) -> str:
    """What a mail states, a line each: `Name: value`; what is not known is left out."""
    known: Sequence[tuple[str, Any]] = [(name, value) for name, value in said.items() if value is not None]
    return "".join(f"{name.replace('_', ' ')}: {_plain(value)}\n" for name, value in known)


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
