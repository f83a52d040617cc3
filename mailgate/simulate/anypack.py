"""Events that every pack understands: somebody writes a mail, somebody gives a command, time passes (docs/simulate.md).

A person is a party of the case (`seller`, `customer`, `desk`, `helpdesk`, `agent`, `notifier`) or an address. No rule is decided
here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from mailgate.simulate.players import (
    AGENT,
    CUSTOMER,
    DESK,
    NOTIFIER,
    Case,
    by_staff,
    follow_link,
    lines,
    on_seller,
    seller_of,
    write,
)

PEOPLE = ("to", "cc", "bcc")


def _address(case: Case, event: Mapping[str, Any], who: str) -> str:
    """The address of a party of the case; an address is its own."""
    known = {
        "seller": seller_of(case, event).support, "customer": CUSTOMER, "desk": DESK, "helpdesk": case.helpdesk,
        "agent": AGENT, "notifier": NOTIFIER,
    }  # fmt: skip
    return known.get(who, who)


def _addresses(case: Case, event: Mapping[str, Any], people: Iterable[str]) -> list[str]:
    return [_address(case, event, one) for one in people]


def _mail(case: Case, event: Mapping[str, Any], at: datetime) -> None:
    """A mail by `by`: in the ticket's thread, unless it is the first one or says `fresh`; `lines` are what it states."""
    named = {name: _addresses(case, event, event[name]) for name in PEOPLE if name in event}
    stated = lines(**event.get("lines", {}))
    text = f"{stated}\n{event.get('text', 'So it is.')}\n" if stated else f"{event.get('text', 'So it is.')}\n"
    said = {name: value for name, value in event.items() if name != "text"}
    author = _address(case, event, event["by"])
    how = {"fresh": bool(event.get("fresh")), "files": event.get("attachments", 0), "extra": event.get("headers", {})}
    write(case, {**said, **named}, at, "mail", author=author, to=[DESK], text=text, **how)


def _command(case: Case, event: Mapping[str, Any], at: datetime) -> None:
    """`name` by a signed link, with what the mail of the link states; by `staff` it is a verb, `on = "seller"` about him."""
    name, told = event["name"], event.get("lines", {})
    if event["by"] == "staff" and event.get("on") == "seller":
        on_seller(case, at, name, told)
    elif event["by"] == "staff":
        by_staff(case, event, at, name, told)
    else:
        text = lines(**told) + f"{event.get('text', 'Done.')}\n"
        said = {key: value for key, value in event.items() if key != "text"}
        follow_link(case, said, at, name, _address(case, event, event["by"]), text=text)


def _pass(case: Case, event: Mapping[str, Any], at: datetime) -> None:
    """Time passes up to this instant, what is due at it included."""
    case.stage.pass_until(at, inclusive=True)


EVENTS: Mapping[str, Callable[[Case, Mapping[str, Any], datetime], object]] = {
    "mail": _mail,
    "command": _command,
    "pass": _pass,
}
