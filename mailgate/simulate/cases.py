"""Run timed cases: events in, the actions, deadlines and final states that they led to out (docs/simulate.md)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from mailgate.config import Pack, shipped
from mailgate.config.problems import ConfigError
from mailgate.desk.house import Source
from mailgate.desk.notice import Templates
from mailgate.desk.pack import Policy
from mailgate.desk.party import Desk, Entity, Seller
from mailgate.mail import address as addresses
from mailgate.simulate import amazonpay, anypack, clickbank, digikala, digistore24, madeiramadeira
from mailgate.simulate.check import bound, checked
from mailgate.simulate.players import AGENT, DESK, NOTIFIER, SELLER, Case
from mailgate.simulate.stage import Stage, recycled, scratch_house, shown, shown_together

Events = Mapping[str, Callable[[Case, Mapping[str, Any], datetime], object]]
EVENTS: Mapping[str, Events] = {
    "digistore24": digistore24.EVENTS,
    "clickbank": clickbank.EVENTS,
    "madeiramadeira": madeiramadeira.EVENTS,
    "digikala": digikala.EVENTS,
    "amazonpay": amazonpay.EVENTS,
}
ANY: Events = {**digistore24.EVENTS, **anypack.EVENTS}


def run(case: Mapping[str, Any]) -> dict[str, Any]:
    """The result row of one case: what was done, what was promised, how it ended. Raises CaseError."""
    checked(case, _packs())
    running = staged(case)
    known = EVENTS.get(case["policy"], ANY)
    for event in case["events"]:
        kind = event["kind"]
        act = known.get(kind)
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
    policy = bound(pack, case.get("options", {})).model_copy(update={"hash": "current"})
    entity = case.get("entity", "")
    support, *others = case.get("vendor_addresses") or ["support@vendor.example"]
    zone, days = case.get("seller_tz", "UTC"), tuple(date.fromisoformat(day) for day in case.get("holidays", ()))
    host = addresses.domain(support)
    seller = Seller(
        id=SELLER, name="Acme", support=support, admin=f"admin@{host}", manager="manager@mailgate.example",
        service=f"service@{host}", account=f"account@{host}", claims=f"claims@{host}",
        addresses=tuple(others), entities=(entity,) if entity else (), zone=zone, holidays=days,
        language=case.get("language", ""),
    )  # fmt: skip
    named = {str(event["seller"]) for event in case.get("events", ()) if event.get("seller")} - {SELLER}
    others_too = {one: Seller(id=one, support=f"support@{one.lower()}.example", zone=zone, holidays=days) for one in named}
    desk = Desk(
        name="desk", address=DESK, pack=pack.name, zone=zone, title=policy.title, carries=policy.carries, agents=(AGENT,),
        holidays=days if policy.hours.zone_of == "desk" else (),
        notifiers=(NOTIFIER,), roles=_roles(policy), entities=policy.entities or {"": Entity(helpdesk=DESK)},
    )  # fmt: skip
    source = Source(pack.name, pack.raw, case.get("options", {}))
    house = scratch_house(policy, source, desk, {SELLER: seller, **others_too}, _templates())
    return Case(Stage(house, desk, recycled()), seller, policy.entities[entity].helpdesk if entity in policy.entities else DESK)


def _roles(policy: Policy) -> dict[str, str]:
    """An address for each of the desk's roles that the pack names."""
    places = [place.removeprefix("desk.") for role in policy.roles.values() for place in role.of if place.startswith("desk.")]
    return {name: f"{name.replace('_', '-')}@mailgate.example" for name in places if name != "staff"}


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


def _result(case: Case) -> dict[str, Any]:
    labels = case.labels
    history = case.stage.history()
    policy = case.stage.house.policies["desk"]
    numbers = {label: number for label, number in case.numbers.items() if label not in case.unlisted}
    final = {label: shown(case.stage.ticket(number), policy) for label, number in numbers.items()} if policy.shows else {}
    said = [row for row in history if row["data"].get("action") and (row["data"]["roles"] or row["data"].get("effect"))]
    return {
        "actions": [_action(row, labels) for row in said if not row["data"].get("courtesy")],
        "deadlines": [deadline for row in history for deadline in _deadlines(row, labels)],
        "final": {**final, **shown_together(case.stage, policy, labels)},
        "courtesy": [_action(row, labels) for row in said if row["data"].get("courtesy")],
    }


def _action(row: Mapping[str, Any], labels: Mapping[int, str]) -> dict[str, Any]:
    said = {name: _labelled(name, value, labels) for name, value in row["data"]["say"].items() if value is not None}
    ticket = labels.get(row["ticket"]) if row["ticket"] else said.pop("item", None)
    at = datetime.fromisoformat(row["data"]["fired_at"]) if "fired_at" in row["data"] else row["at"]
    return {"t": _utc(at), "ticket": ticket, "action": row["event"], "recipients_role": row["data"]["roles"], **said}


def _labelled(name: str, value: Any, labels: Mapping[int, str]) -> Any:
    """Tickets as the case calls them."""
    if name == "of" and isinstance(value, int):
        return labels.get(value, value)
    if name == "tickets":
        return sorted(labels.get(one, one) for one in value)
    return value


def _deadlines(row: Mapping[str, Any], labels: Mapping[int, str]) -> Iterator[dict[str, Any]]:
    for clock, due in row["data"].get("promises", ()):
        ticket = labels.get(row["ticket"], row["ticket"]) or row["data"].get("item")
        yield {"ticket": ticket, "clock": clock, "start": _utc(row["at"]), "due": _utc(datetime.fromisoformat(due))}


def _utc(instant: datetime) -> str:
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
