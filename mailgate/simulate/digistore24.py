"""The events of a Digistore24 case, as real mail."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from mailgate.desk.ticket import Clock
from mailgate.simulate import mails
from mailgate.simulate.players import CUSTOMER, NOTIFIER, SELLER, Case, write


def _ask(case: Case, event: Mapping[str, Any], at: datetime) -> None:
    case.asks[event.get("ticket", "T1")] = event
    author = event.get("from", case.helpdesk)
    write(case, event, at, "ask", author=author, to=[case.seller.support])


def _ask_resent(case: Case, event: Mapping[str, Any], at: datetime) -> None:
    """The last ask of the ticket once more, to the same people, under a new Message-ID."""
    before = case.asks.get(event.get("ticket", "T1"), {})
    _ask(case, {**{name: before[name] for name in ("from", "to", "cc") if name in before}, **event}, at)


def _vendor_reply(case: Case, event: Mapping[str, Any], at: datetime) -> None:
    label, how = event.get("ticket", "T1"), event.get("thread", "references")
    number = case.numbers.get(label)
    subject = f"Re: Order of {label}" if how != "token" or number is None else f"About [MG-{number}] once more"
    extra = {"Auto-Submitted": "auto-replied"} if event.get("auto") else {}
    subject = f"Out of office: {subject}" if event.get("auto") else subject
    author = event.get("from", case.seller.support)
    write(case, event, at, "vendor_reply", author=author, subject=subject, fresh=how != "references", extra=extra)


def _customer_mail(case: Case, event: Mapping[str, Any], at: datetime) -> None:
    write(case, event, at, "customer_mail", author=event.get("from", CUSTOMER), to=[case.helpdesk], subject="Re: my order")


def _bounce(case: Case, event: Mapping[str, Any], at: datetime) -> None:
    label, of = event.get("ticket", "T1"), event["of"]
    returned, recipient, path = _returned(case, label, of)
    if returned is None:
        return
    case.count += 1
    to = path or case.seller.support
    raw = mails.report(
        returned, event.get("recipient", recipient), to, event["status"], at, f"{case.count}.report@simulated.example"
    )
    case.stage.receive(raw, at, also_to=(path,) if path else (), null=True)


def _returned(case: Case, label: str, of: str) -> tuple[str | None, str, str | None]:
    """(Message-ID, recipient, return path) of the mail that comes back: for an ask, the one that the clock waits on."""
    if of == "reminder":
        row = case.stage.last_sent("reminder", case.seller.support)
        return (row.message_id, row.reader, row.reverse_path) if row else (None, "", None)
    clock = _newest_clock(case, label)
    if of == "vendor_reply":
        return (clock.stopped_by if clock else None) or case.last.get((label, "vendor_reply")), case.helpdesk, None
    waited_on = clock.for_message if clock and clock.running else None
    return waited_on or case.last.get((label, "ask")), case.seller.support, None


def _newest_clock(case: Case, label: str) -> Clock | None:
    number = case.numbers.get(label)
    return max(case.stage.ticket(number).clocks, key=lambda one: one.episode, default=None) if number else None


def _chargeback(case: Case, event: Mapping[str, Any], at: datetime) -> None:
    text = f"Seller: {SELLER}\nChargeback: yes\n"
    case.unlisted.add("chargeback")
    write(
        case,
        {**event, "ticket": "chargeback"},
        at,
        "chargeback",
        author=NOTIFIER,
        to=[case.helpdesk],
        subject="Chargeback",
        text=text,
        fresh=True,
    )


def _topic_mail(case: Case, event: Mapping[str, Any], at: datetime) -> None:
    words = case.stage.house.policies["desk"].topics[event["topic"]]
    days = event.get("delay_days")
    text = f"Delay in days: {days}\n" if days is not None else "Please note.\n"
    author = event.get("from", case.seller.support)
    write(case, event, at, "topic", author=author, to=[case.helpdesk], subject=words[0].capitalize(), text=text, fresh=True)


EVENTS: Mapping[str, Callable[[Case, Mapping[str, Any], datetime], object]] = {
    "ask": _ask,
    "ask_resent": _ask_resent,
    "vendor_reply": _vendor_reply,
    "customer_mail": _customer_mail,
    "bounce": _bounce,
    "chargeback": _chargeback,
    "topic_mail": _topic_mail,
}
