"""The events of an Amazon Pay case: buyers' messages, issues, claims, and the checklist."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from mailgate.simulate.players import CUSTOMER, DESK, NOTIFIER, SELLER, Case, lines, on_seller, write


def _buyer_message(case: Case, event: Mapping[str, Any], at: datetime) -> None:
    write(case, event, at, "buyer", author=CUSTOMER, to=[case.seller.support], subject=_subject(event))


def _merchant_reply(case: Case, event: Mapping[str, Any], at: datetime) -> None:
    if event.get("ticket", "T1") in case.numbers:
        write(case, event, at, "merchant", author=case.seller.support, to=[CUSTOMER], subject=f"Re: {_subject(event)}")


def _subject(event: Mapping[str, Any]) -> str:
    return f"Ordine {event.get('ticket', 'T1')}"


def _issue(case: Case, event: Mapping[str, Any], at: datetime) -> None:
    text = lines(Seller=SELLER, Issue=True, Amount=event.get("amount"), Order_details=event.get("order_details"))
    write(case, event, at, "issue", author=CUSTOMER, to=[case.seller.support], text=text, fresh=True, aside=True)


def _claim(claim: str) -> Callable[[Case, Mapping[str, Any], datetime], object]:
    def notify(case: Case, event: Mapping[str, Any], at: datetime) -> None:
        shipped = {"Shipping_number": event.get("shipping_number"), "Shipping_date": event.get("shipping_date")}
        text = lines(Seller=SELLER, Claim=claim, **shipped)
        write(case, event, at, "claim", author=NOTIFIER, to=[DESK], subject="Claim", text=text, fresh=True, aside=True)

    return notify


def _checklist_start(case: Case, event: Mapping[str, Any], at: datetime) -> None:
    for item in event["items"]:
        on_seller(case, at, "checklist_start", {"item": item})


def _checklist_confirmed(case: Case, event: Mapping[str, Any], at: datetime) -> None:
    on_seller(case, at, "confirm", {"item": event["item"]})


EVENTS: Mapping[str, Callable[[Case, Mapping[str, Any], datetime], object]] = {
    "buyer_message": _buyer_message,
    "merchant_reply": _merchant_reply,
    "issue": _issue,
    "chargeback": _claim("chargeback"),
    "atoz_claim": _claim("atoz_claim"),
    "checklist_start": _checklist_start,
    "checklist_confirmed": _checklist_confirmed,
}
