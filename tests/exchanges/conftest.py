"""The cast of the stories: three resellers behind one desk, sellers, a buyer, and those who look after the sellers.

gate     the desk: tickets@desk.example, pack digistore24 as shipped, New York time
inc ltd mslw   the helpdesks (D-11, D-12, D-13);  agent  a person of the desk;  staff  where the desk's people read
acme     a seller with owner (admin), manager and further addresses;  nova  a second one;  east, west share a domain
buyer    a customer;  manager, ops  of the reseller;  notifier  the marketplace's machine;  stranger
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from exchange import Gate
from passage import Exchange
from people import Person

from mailgate.config import shipped
from mailgate.desk.house import House, Source
from mailgate.desk.notice import Templates
from mailgate.desk.pack import bind
from mailgate.desk.party import Desk, Seller
from mailgate.simulate.stage import scratch_house
from mailgate.store.engine import Store, wipe

PEOPLE = {
    "inc": "helpdesk@digistore24.com",
    "ltd": "helpdesk@digistore24.co.uk",
    "mslw": "helpdesk@digistore24.ie",
    "agent": "maria@agents.example",
    "staff": "readers@staff.example",
    "notifier": "notices@market.example",
    "manager": "manager@market.example",
    "ops": "ops@market.example",
    "acme": "support@acme.example",
    "owner": "owner@acme.example",
    "backup": "stand-in@backup.example",
    "nova": "support@nova.example",
    "east": "east@agency.example",
    "west": "west@agency.example",
    "buyer": "buyer@mail.example",
    "stranger": "stranger@elsewhere.example",
}

SELLERS: dict[str, dict[str, Any]] = {
    "acme": {
        "name": "Acme", "support": PEOPLE["acme"], "admin": PEOPLE["owner"], "manager": PEOPLE["manager"],
        "addresses": ("anna@acme.example", "@help.acme.example"), "entities": ("inc", "ltd"),
        "products": {"Course": "inc", "Book": "ltd"}, "zone": "America/New_York",
    },
    "nova": {"name": "Nova", "support": PEOPLE["nova"], "manager": PEOPLE["manager"], "entities": ("inc",)},
    "east": {"name": "East", "support": PEOPLE["east"], "addresses": ("@agency.example",), "entities": ("inc",)},
    "west": {"name": "West", "support": PEOPLE["west"], "addresses": ("@agency.example",), "entities": ("inc",)},
}  # fmt: skip


@cache
def shipped_house() -> House:
    """The house of the stories: the pack and the words as they are shipped."""
    problems: list[Any] = []
    pack = shipped.packs(Path("/nonexistent"), Path(), problems)["digistore24"]
    templates = Templates(*shipped.templates(Path("/nonexistent"), Path(), problems))
    assert not problems
    policy = bind(pack.raw, {}, pack.name).model_copy(update={"hash": "as shipped"})
    desk = Desk(
        name="desk", address="tickets@desk.example", aliases=("helpline@desk.example",), pack=pack.name, title="Digistore24",
        agents=(PEOPLE["agent"],), staff=(PEOPLE["staff"],), notifiers=(PEOPLE["notifier"],), roles={"ops": PEOPLE["ops"]},
        entities=policy.entities, zone="America/New_York",
    )  # fmt: skip
    sellers = {name: Seller(id=name, **said) for name, said in SELLERS.items()}
    return scratch_house(policy, Source(pack.name, pack.raw, {}), desk, sellers, templates)


@pytest.fixture(scope="session")
def scratch_store() -> Iterator[Store]:
    """One database for all stories, emptied between them."""
    store = Store.open("sqlite:///:memory:", Path())
    yield store
    store.close()


@pytest.fixture
def gate(scratch_store: Store) -> Iterator[Gate]:
    """The desk, on Monday 1 June 2026 08:00 New York. At the end no mail may be left that the story did not expect."""
    scratch_store.call(wipe)
    house = shipped_house()
    gate = Gate(Exchange(house, house.roster.desks["desk"], scratch_store), dict(house.sources["desk"].raw))
    yield gate
    gate.ends()


def _person(name: str) -> Any:
    @pytest.fixture(name=name)
    def someone(gate: Gate) -> Person:
        return Person(PEOPLE[name], gate)

    return someone


inc, ltd, mslw, agent, staff = map(_person, ("inc", "ltd", "mslw", "agent", "staff"))
notifier, manager, ops = map(_person, ("notifier", "manager", "ops"))
acme, owner, backup, nova, east, west = map(_person, ("acme", "owner", "backup", "nova", "east", "west"))
buyer, stranger = map(_person, ("buyer", "stranger"))
