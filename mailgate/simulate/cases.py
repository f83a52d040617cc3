"""Run timed cases: events in, the actions, deadlines and final states that they led to out (docs/simulate.md)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from mailgate.config import Pack, shipped
from mailgate.config.problems import ConfigError
from mailgate.desk.house import Source
from mailgate.desk.notice import Templates
from mailgate.desk.pack import bind
from mailgate.desk.party import Desk, Entity, Seller
from mailgate.desk.ticket import Clock
from mailgate.gateway import Settled
from mailgate.mail import address as addresses
from mailgate.simulate import mails
from mailgate.simulate.check import checked
from mailgate.simulate.mails import Written
from mailgate.simulate.stage import Stage, recycled, scratch_house, shown

DESK, NOTIFIER, OPS = "desk@mailgate.example", "notices@mailgate.example", "ops@mailgate.example"
SELLER, CUSTOMER = "acme", "buyer@mail.example"


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
    count: int = 0


def run(case: Mapping[str, Any]) -> dict[str, Any]:
    """The result row of one case: what was done, what was promised, how it ended. Raises CaseError."""
    checked(case, _packs())
    running = staged(case)
    for event in case["events"]:
        kind = event["kind"]
        act = EVENTS.get(kind)
        if act is None:
            running.unsupported.append(kind)
            continue
        at = datetime.fromisoformat(event["t"]).astimezone(UTC)
        running.stage.pass_until(at, inclusive=False)
        act(running, event, at)
    running.stage.pass_until(datetime.fromisoformat(case["until"]), inclusive=True)
    return {"id": case["id"], **_result(running), "unsupported": running.unsupported}


def staged(case: Mapping[str, Any]) -> Case:
    """A stage set for `case`: its policy with its options, one seller, every role filled."""
    pack = _packs()[case["policy"]]
    policy = bind(pack.raw, case.get("options", {}), pack.name).model_copy(update={"hash": "current"})
    entity = case.get("entity", "")
    support, *others = case.get("vendor_addresses") or ["support@vendor.example"]
    zone, days = case.get("seller_tz", "UTC"), tuple(date.fromisoformat(day) for day in case.get("holidays", ()))
    seller = Seller(
        id=SELLER, name="Acme", support=support, admin=f"admin@{addresses.domain(support)}", manager="manager@mailgate.example",
        addresses=tuple(others), entities=(entity,) if entity else (), zone=zone, holidays=days,
        language=case.get("language", ""),
    )  # fmt: skip
    desk = Desk(
        name="desk", address=DESK, pack=pack.name, zone=zone, title=policy.title,
        notifiers=(NOTIFIER,), roles={"ops": OPS}, entities=policy.entities or {"": Entity(helpdesk=DESK)},
    )  # fmt: skip
    house = scratch_house(policy, Source(pack.name, pack.raw, case.get("options", {})), desk, {SELLER: seller}, _templates())
    return Case(Stage(house, desk, recycled()), seller, policy.entities[entity].helpdesk if entity in policy.entities else DESK)


_CACHE: dict[str, Any] = {}


def _packs() -> Mapping[str, Pack]:
    if "packs" not in _CACHE:
        problems: list[Any] = []
        _CACHE["packs"] = shipped.packs(Path("."), Path("."), problems)
        if problems:
            raise ConfigError(tuple(problems))
    found: Mapping[str, Pack] = _CACHE["packs"]
    return found


def _templates() -> Templates:
    if "templates" not in _CACHE:
        _CACHE["templates"] = Templates(*shipped.templates(Path("."), Path("."), []))
    found: Templates = _CACHE["templates"]
    return found


def _write(case: Case, event: Mapping[str, Any], at: datetime, role: str, **said: Any) -> Settled:
    """Send one mail of the case, and note what it became. A repeated Message-ID is the same mail delivered again."""
    case.count += 1
    label = event.get("ticket", "T1")
    message_id = event.get("message_id") or f"{case.count}.{role}@simulated.example"
    known = case.thread.setdefault(label, [])
    references = [] if said.pop("fresh", False) else list(known)
    written = Written(
        author=said.pop("author"), to=event.get("to", said.pop("to", ())), cc=event.get("cc", ()), at=at, message_id=message_id,
        subject=event.get("subject", said.pop("subject", f"Order of {label}")),
        text=event.get("text", said.pop("text", f"Mail {case.count} about {label}.\n")),
        references=references, extra=said.pop("extra", {}),
    )  # fmt: skip
    raw = case.sent.setdefault(message_id, mails.mail(written))
    done = case.stage.receive(raw, at, proven=event.get("auth", True), also_to=event.get("bcc", ()))
    if done.ticket is not None:
        case.labels.setdefault(done.ticket, label)
        if case.numbers.setdefault(label, done.ticket) == done.ticket:
            known.append(message_id)
    if done.kind == "human":
        case.last[label, role] = message_id
    return done


def _ask(case: Case, event: Mapping[str, Any], at: datetime) -> None:
    author = event.get("from", case.helpdesk)
    _write(case, event, at, "ask", author=author, to=[case.seller.support])


def _vendor_reply(case: Case, event: Mapping[str, Any], at: datetime) -> None:
    label, how = event.get("ticket", "T1"), event.get("thread", "references")
    number = case.numbers.get(label)
    subject = f"Re: Order of {label}" if how != "token" or number is None else f"About [MG-{number}] once more"
    extra = {"Auto-Submitted": "auto-replied"} if event.get("auto") else {}
    subject = f"Out of office: {subject}" if event.get("auto") else subject
    author = event.get("from", case.seller.support)
    _write(case, event, at, "vendor_reply", author=author, subject=subject, fresh=how != "references", extra=extra)


def _customer_mail(case: Case, event: Mapping[str, Any], at: datetime) -> None:
    _write(case, event, at, "customer_mail", author=event.get("from", CUSTOMER), to=[case.helpdesk], subject="Re: my order")


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
    _write(
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
    _write(case, event, at, "topic", author=author, to=[case.helpdesk], subject=words[0].capitalize(), text=text, fresh=True)


EVENTS: Mapping[str, Callable[[Case, Mapping[str, Any], datetime], object]] = {
    "ask": _ask,
    "ask_resent": _ask,
    "vendor_reply": _vendor_reply,
    "customer_mail": _customer_mail,
    "bounce": _bounce,
    "chargeback": _chargeback,
    "topic_mail": _topic_mail,
}


def _result(case: Case) -> dict[str, Any]:
    labels = case.labels
    history = case.stage.history()
    policy = case.stage.house.policies["desk"]
    final = {label: shown(case.stage.ticket(number), policy) for label, number in case.numbers.items() if label != "chargeback"}
    return {
        "actions": [_action(row, labels) for row in history if row["data"].get("action") and row["data"]["roles"]],
        "deadlines": [deadline for row in history for deadline in _deadlines(row, labels)],
        "final": final,
        "courtesy": [],
    }


def _action(row: Mapping[str, Any], labels: Mapping[int, str]) -> dict[str, Any]:
    said = {name: value for name, value in row["data"]["say"].items() if value is not None}
    ticket = labels.get(row["ticket"]) if row["ticket"] else None
    at = datetime.fromisoformat(row["data"]["fired_at"]) if "fired_at" in row["data"] else row["at"]
    return {"t": _utc(at), "ticket": ticket, "action": row["event"], "recipients_role": row["data"]["roles"], **said}


def _deadlines(row: Mapping[str, Any], labels: Mapping[int, str]) -> Iterator[dict[str, Any]]:
    for clock, due in row["data"].get("promises", ()):
        ticket = labels.get(row["ticket"], row["ticket"])
        yield {"ticket": ticket, "clock": clock, "start": _utc(row["at"]), "due": _utc(datetime.fromisoformat(due))}


def _utc(instant: datetime) -> str:
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
