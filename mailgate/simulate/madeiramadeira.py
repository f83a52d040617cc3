"""The events of a MadeiraMadeira case: protocols, the seller's actions by signed link, messages in the channel."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from mailgate.simulate.players import CUSTOMER, DESK, SELLER, Case, by_staff, follow_link, lines, write


def _open(case: Case, event: Mapping[str, Any], at: datetime) -> None:
    said = {"Motivo": event["reason"], "Entrega": event.get("delivery"), "Crítico": event.get("critical")}
    write(case, event, at, "open", author=CUSTOMER, to=[DESK], text=lines(Lojista=SELLER, **said), fresh=True)


def _customer_mail(case: Case, event: Mapping[str, Any], at: datetime) -> None:
    write(case, event, at, "customer", author=CUSTOMER, to=[DESK], text="Ainda espero uma solução.\n")


def _seller_message(case: Case, event: Mapping[str, Any], at: datetime) -> None:
    extra = {"X-Channel": event.get("channel", "mensageria")}
    write(case, event, at, "message", author=case.seller.support, to=[DESK], text=event["body"] + "\n", extra=extra)


def _seller_action(case: Case, event: Mapping[str, Any], at: datetime) -> None:
    follow_link(case, event, at, event["action"], case.seller.support, text="Segue a nossa resposta.\n")


def _link(name: str) -> Callable[[Case, Mapping[str, Any], datetime], object]:
    def follow(case: Case, event: Mapping[str, Any], at: datetime) -> None:
        follow_link(case, event, at, name, case.seller.support, text="Anotado.\n")

    return follow


def _critical(case: Case, event: Mapping[str, Any], at: datetime) -> None:
    by_staff(case, event, at, "critical")


EVENTS: Mapping[str, Callable[[Case, Mapping[str, Any], datetime], object]] = {
    "open": _open,
    "customer_mail": _customer_mail,
    "seller_message": _seller_message,
    "seller_action": _seller_action,
    "critical": _critical,
    **{name: _link(name) for name in ("history_note", "suspend_delivery_done", "pickup_done", "posting_code_sent")},
}
