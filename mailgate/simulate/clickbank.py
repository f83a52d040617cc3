"""The events of a ClickBank case: requests and replies as mail, changes and closings by signed link."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from mailgate.simulate.players import CUSTOMER, DESK, SELLER, Case, follow_link, lines, on_seller, write


def _author(case: Case, event: Mapping[str, Any]) -> str:
    """The vendor writes from the address that his notices go to (C-45)."""
    return (case.seller.service or case.seller.support) if event.get("by") == "vendor" else CUSTOMER


def _facts(event: Mapping[str, Any]) -> dict[str, Any]:
    return {"Subscription": event.get("subscription"), "Sale": event.get("sale_at"), "Billed": event.get("billed_at")}


def _open(case: Case, event: Mapping[str, Any], at: datetime) -> None:
    """By the consumer, by the vendor for him, or by an agent who heard him on the telephone and registers his mail."""
    text = lines(Seller=SELLER, Customer=CUSTOMER, Request=event["type"], **_facts(event))
    write(case, event, at, "open", author=_author(case, event), to=[DESK], text=text, fresh=True)


def _legacy_mail(case: Case, event: Mapping[str, Any], at: datetime) -> None:
    author = event.get("from", case.seller.support)
    write(case, event, at, "legacy", author=author, text=lines(Customer=CUSTOMER, **_facts(event)), fresh=True)


def _reply(case: Case, event: Mapping[str, Any], at: datetime) -> None:
    number = case.numbers.get(event.get("ticket", "T1"))
    ticket = case.stage.ticket(number) if number else None
    if ticket and ticket.state != "rejected":  # a rejected request is no ticket
        write(case, event, at, "reply", author=_author(case, event), to=[DESK], text="I have read this and answer it.\n")


def _consented(case: Case, event: Mapping[str, Any], at: datetime) -> None:
    """The consumer's permission, recorded just before the vendor makes use of it."""
    if event.get("by") == "vendor" and event.get("consent"):
        follow_link(case, event, at, "consent", CUSTOMER)


def _change(case: Case, event: Mapping[str, Any], at: datetime) -> None:
    _consented(case, event, at)
    follow_link(case, event, at, f"change.{event['to_type']}", _author(case, event))


def _close(case: Case, event: Mapping[str, Any], at: datetime) -> None:
    _consented(case, event, at)
    follow_link(case, event, at, "close", _author(case, event))


def _refer(case: Case, event: Mapping[str, Any], at: datetime) -> None:
    follow_link(case, event, at, "refer", _author(case, event))


def _abuse_ruling(case: Case, event: Mapping[str, Any], at: datetime) -> None:
    on_seller(case, at, "abuse_ruling")


EVENTS: Mapping[str, Callable[[Case, Mapping[str, Any], datetime], object]] = {
    "open": _open,
    "legacy_mail": _legacy_mail,
    "reply": _reply,
    "change": _change,
    "close": _close,
    "refer": _refer,
    "abuse_ruling": _abuse_ruling,
}
