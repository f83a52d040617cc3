"""Stories for people: the demo, and the time line of a scenario."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from email import message_from_bytes, policy
from typing import Any
from zoneinfo import ZoneInfo

from mailgate.simulate.cases import run, staged
from mailgate.simulate.digistore24 import EVENTS

DEMO: Mapping[str, Any] = {
    "id": "demo",
    "policy": "digistore24",
    "entity": "inc",
    "seller_tz": "America/New_York",
    "vendor_addresses": ["support@vendor.example", "anna@vendor.example"],
}
ASK = "Where is the parcel of order 4711? The customer has been waiting for two weeks.\n"
REPLY = "It was sent yesterday, it should arrive on Monday.\n"


def tell(language: str) -> Iterator[str]:
    """The demo: an ask, a reply without the helpdesk in copy, the letter about it, two reminders, the escalation."""
    case = staged({**DEMO, "language": language})
    zone = ZoneInfo(DEMO["seller_tz"])
    yield "A Friday evening in New York. Nothing here waits: the clock is a virtual one, the mail is real.\n"
    ask = {
        "from": case.helpdesk,
        "to": [case.seller.support],
        "cc": ["buyer@mail.example"],
        "subject": "Order 4711: where is the parcel?",
        "text": ASK,
    }
    reply = {"from": "anna@vendor.example", "to": ["buyer@mail.example"], "thread": "references", "text": REPLY}
    events = (
        ("The helpdesk asks the seller.", "2026-06-12T18:30:00-04:00", "ask", ask),
        ("The seller answers, but leaves the helpdesk out.", "2026-06-13T09:10:00-04:00", "vendor_reply", reply),
    )
    shown = 0
    for said, at, kind, event in events:
        EVENTS[kind](case, event, datetime.fromisoformat(at).astimezone(UTC))
        yield f"── {_when(datetime.fromisoformat(at), zone)}  {said}"
        yield _incoming(event)
        yield from _letters(case, zone, shown)
        shown = len(case.stage.sent)
    yield "── Then silence.\n"
    case.stage.pass_until(datetime.fromisoformat("2026-06-17T00:00:00-04:00"), inclusive=True)
    yield from _letters(case, zone, shown)
    ticket = case.stage.ticket(1)
    yield f"{ticket.tag} is now {ticket.state}, marked {', '.join(sorted(ticket.tags))}."
    yield "Try the real thing: mailgate init run && mailgate serve --config run --welcome"


def _incoming(event: Mapping[str, Any]) -> str:
    head = f"From: {event['from']}\nTo: {', '.join(event['to'])}"
    copied = f"\nCc: {', '.join(event['cc'])}" if event.get("cc") else ""
    return "\n".join("    " + line for line in f"{head}{copied}\n\n{event['text']}".splitlines()) + "\n"


def _letters(case: Any, zone: ZoneInfo, start: int) -> Iterator[str]:
    """The letters that left since the `start`-th, each shown once, whoever its readers were."""
    seen: set[str] = set()
    for at, row in case.stage.sent[start:]:
        if row.message_id in seen:
            continue
        seen.add(row.message_id)
        mail = message_from_bytes(row.raw, policy=policy.default)
        body = mail.get_body(("plain",))
        text = str(body.get_content()) if body is not None else ""
        copied = f"\nCc: {mail['Cc']}" if mail["Cc"] else ""
        head = f"From: {mail['From']}\nTo: {mail['To']}{copied}\nSubject: {mail['Subject']}\n"
        yield f"── {_when(at, zone)}  mailgate writes: {row.notice}"
        yield "\n".join("  │ " + line for line in (head + "\n" + text).splitlines()) + "\n"


def _when(instant: datetime, zone: ZoneInfo) -> str:
    return instant.astimezone(zone).strftime("%a %d %b %Y, %H:%M %Z")


def timeline(scenario: Mapping[str, Any]) -> Iterator[str]:
    """What happens in a scenario (a case written in TOML), one line an event, one a step, in order of time. Raises CaseError."""
    texts = {name: _text(value) for name, value in scenario.items() if name != "events"}
    events = [{name: _text(value) for name, value in event.items()} for event in scenario.get("events", ())]
    result = run({"id": "scenario", **texts, "events": events})
    zone = ZoneInfo(scenario.get("seller_tz", "UTC"))
    lines = [(datetime.fromisoformat(event["t"]), 0, f"< {event['kind']}  {_rest(event, ('t', 'kind'))}") for event in events]
    lines += [
        (
            datetime.fromisoformat(row["t"]),
            1,
            f"> {row['action']} to {', '.join(row['recipients_role'])}  {_rest(row, ('t', 'action', 'recipients_role'))}",
        )
        for row in result["actions"]
    ]
    for at, _, said in sorted(lines):
        yield f"{_when(at, zone)}  {said}"
    yield ""
    for label, state in result["final"].items():
        yield f"{label}: " + ", ".join(f"{name} {value}" for name, value in state.items())


def _text(value: Any) -> Any:
    if isinstance(value, list):
        return [_text(one) for one in value]
    return value.isoformat() if isinstance(value, date) else value


def _rest(row: Mapping[str, Any], known: tuple[str, ...]) -> str:
    return "  ".join(f"{name}={value}" for name, value in row.items() if name not in known and value not in (None, [], ""))
