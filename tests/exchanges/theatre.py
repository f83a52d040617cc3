"""The cast of the stories: three resellers behind one desk, sellers, a buyer, and those who look after the sellers.

gate     the desk: tickets@desk.example, the pack that the story's file names in PACK (else digistore24) as shipped
inc ltd mslw   the helpdesks (D-11, D-12, D-13);  agent  a person of the desk;  staff  where the desk's people read
acme     a seller with owner (admin), manager and further addresses;  nova  a second one;  east, west share a domain
buyer    a customer;  manager, ops  of the reseller;  notifier  the marketplace's machine;  stranger

At the marketplaces that carry their mail themselves, and at Amazon Pay:

consumer customer             whoever bought;  vendor seller merchant  Shop, by the address that his notices go to
platform sac                  the marketplace's own people;  claims  Shop's;  rival  another shop
support team senior           Digikala's experts
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from exchange import Gate
from passage import Exchange
from people import Person
from postgres import emptied

from mailgate.config import shipped
from mailgate.desk.house import House, Source
from mailgate.desk.notice import Templates
from mailgate.desk.pack import bind
from mailgate.desk.party import Desk, Seller
from mailgate.simulate.stage import scratch_house
from mailgate.store.engine import Store

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
    "consumer": "consumer@mail.example",
    "customer": "customer@mail.example",
    "vendor": "vendor@shop.example",
    "seller": "seller@shop.example",
    "merchant": "seller@shop.example",
    "claims": "claims@shop.example",
    "rival": "seller@rival.example",
    "platform": "platform@market.example",
    "sac": "sac@market.example",
    "support": "support@market.example",
    "team": "team@market.example",
    "senior": "senior@market.example",
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


SHOPS: dict[str, dict[str, Any]] = {
    "shop": {
        "name": "Shop", "support": PEOPLE["seller"], "service": PEOPLE["vendor"], "account": "account@shop.example",
        "claims": PEOPLE["claims"], "manager": PEOPLE["manager"],
    },
    "rival": {"name": "Rival", "support": PEOPLE["rival"]},
}  # fmt: skip

MARKETS: dict[str, dict[str, Any]] = {
    "clickbank": {"title": "ClickBank", "zone": "America/New_York", "roles": {"platform": PEOPLE["platform"]}},
    "madeiramadeira": {
        "title": "MadeiraMadeira", "zone": "America/Sao_Paulo", "language": "pt-BR", "roles": {"platform_sac": PEOPLE["sac"]},
    },
    "digikala": {
        "title": "Digikala", "zone": "Asia/Tehran", "language": "fa", "agents": (PEOPLE["agent"], PEOPLE["support"]),
        "roles": {"support_team": PEOPLE["support"], "assigned_team": PEOPLE["team"], "senior_support": PEOPLE["senior"]},
    },
    "amazonpay": {"title": "Amazon Pay", "zone": "Europe/Rome", "roles": {"account_manager": PEOPLE["manager"]}},
}  # fmt: skip


@cache
def shipped_words() -> tuple[Any, Templates]:
    """The packs and the templates as they are shipped."""
    problems: list[Any] = []
    packs = shipped.packs(Path("/nonexistent"), Path(), problems)
    templates = Templates(*shipped.templates(Path("/nonexistent"), Path(), problems))
    assert not problems
    return packs, templates


@cache
def shipped_house(name: str = "digistore24") -> House:
    """The house of the stories: the pack and the words as they are shipped."""
    packs, templates = shipped_words()
    pack = packs[name]
    policy = bind(pack.raw, {}, pack.name).model_copy(update={"hash": "as shipped"})
    if name in MARKETS:
        own = {"agents": (PEOPLE["agent"],), "carries": policy.carries, **MARKETS[name]}
        people: dict[str, Any] = {"staff": (PEOPLE["staff"],), "notifiers": (PEOPLE["notifier"],)}
        market = Desk(name="desk", address="tickets@desk.example", pack=name, **people, **own)
        shops = {name: Seller(id=name, **said) for name, said in SHOPS.items()}
        return scratch_house(policy, Source(pack.name, pack.raw, {}), market, shops, templates)
    desk = Desk(
        name="desk", address="tickets@desk.example", aliases=("helpline@desk.example",), pack=pack.name, title="Digistore24",
        agents=(PEOPLE["agent"],), staff=(PEOPLE["staff"],), notifiers=(PEOPLE["notifier"],), roles={"ops": PEOPLE["ops"]},
        entities=policy.entities, zone="America/New_York",
    )  # fmt: skip
    sellers = {name: Seller(id=name, **said) for name, said in SELLERS.items()}
    return scratch_house(policy, Source(pack.name, pack.raw, {}), desk, sellers, templates)


@pytest.fixture(scope="session")
def scratch_store(session_url: str) -> Iterator[Store]:
    """One database for all stories, emptied between them."""
    store = Store.open(session_url, Path())
    yield store
    store.close()


@pytest.fixture
def gate(scratch_store: Store, request: pytest.FixtureRequest) -> Iterator[Gate]:
    """The desk, on Monday 1 June 2026 08:00 New York.

    At the end no mail may be left that the story did not expect, and every ticket is what it is when it is built anew; where it
    may differ, `@pytest.mark.differs("why")` says why.
    """
    scratch_store.call(emptied)
    house = shipped_house(getattr(request.module, "PACK", "digistore24"))
    desk = house.roster.desks["desk"]
    gate = Gate(Exchange(house, desk, scratch_store), dict(house.sources["desk"].raw), ZoneInfo(desk.zone))
    yield gate
    gate.ends()
    if request.node.get_closest_marker("differs") is None:
        assert gate.is_the_same_built_anew()


def _person(name: str) -> Any:
    @pytest.fixture(name=name)
    def someone(gate: Gate) -> Person:
        return Person(PEOPLE[name], gate)

    return someone


inc, ltd, mslw, agent, staff = map(_person, ("inc", "ltd", "mslw", "agent", "staff"))
notifier, manager, ops = map(_person, ("notifier", "manager", "ops"))
acme, owner, backup, nova, east, west = map(_person, ("acme", "owner", "backup", "nova", "east", "west"))
buyer, stranger = map(_person, ("buyer", "stranger"))
consumer, vendor, platform = map(_person, ("consumer", "vendor", "platform"))
customer, seller, sac, rival = map(_person, ("customer", "seller", "sac", "rival"))
support, team, senior = map(_person, ("support", "team", "senior"))
merchant, claims = map(_person, ("merchant", "claims"))
