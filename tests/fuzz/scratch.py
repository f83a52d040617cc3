"""A house for hostile mail."""

from __future__ import annotations

from pathlib import Path

from mailgate.config import shipped
from mailgate.config.problems import Problem
from mailgate.desk.house import House, Source
from mailgate.desk.notice import Templates
from mailgate.desk.pack import bind
from mailgate.desk.party import Desk, Seller
from mailgate.simulate.stage import scratch_house


def scratch() -> tuple[House, Desk]:
    """A desk that carries mail, as it is shipped, and one seller."""
    problems: list[Problem] = []
    pack = shipped.packs(Path("/nonexistent"), Path(), problems)["clickbank"]
    templates = Templates(*shipped.templates(Path("/nonexistent"), Path(), problems))
    desk = Desk(name="desk", address="desk@shop.example", pack=pack.name, carries="mailgate", staff=("people@shop.example",))
    policy = bind(pack.raw, {}, pack.name).model_copy(update={"hash": "as shipped"})
    seller = Seller(id="shop", name="Shop", support="ann@client.example")
    return scratch_house(policy, Source(pack.name, pack.raw, {}), desk, {"shop": seller}, templates), desk
