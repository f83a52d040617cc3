"""`mailgate ticket move | split | merge`, as an operator calls them, on tickets about which he has given orders before."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from running import HELPDESK, SELLER, does, mail
from taken import took

from mailgate.wire import clock

ORDERS = {
    "extend": (("--until", f"{clock.now() + timedelta(days=20):%Y-%m-%d}"), "running"),
    "hold": ((), "paused"),
    "close": ((), "void"),
}


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A house that took two asks, an hour and half an hour ago."""
    asks = ((mail(HELPDESK, SELLER, f"ask{number}", f"Order 471{number}"), ago) for number, ago in ((1, 60), (2, 30)))
    return took(tmp_path / "gate", ((raw, timedelta(minutes=ago)) for raw, ago in asks))


def clocks(shop: Path) -> dict[str, Any]:
    """Ticket -> its clocks, as they are listed."""
    rows = map(json.loads, does("ticket", "list", "--json", "--config", str(shop)).splitlines())
    return {row["ticket"]: row["clocks"] for row in rows}


@pytest.mark.parametrize("name", ORDERS)
@pytest.mark.parametrize("mends", [("move", "2", "--to", "MG-1"), ("merge", "2", "--into", "1"), ("split", "1")])
def test_order_given_by_a_verb_stands_after_another_mends_the_ticket(shop: Path, name: str, mends: tuple[str, ...]) -> None:
    """DR-11: what was extended, held or closed stays so; a split gives the ask, and what was ordered stays behind."""
    words, state = ORDERS[name]
    does("ticket", name, "1", *words, "--config", str(shop))
    before = clocks(shop)
    (first,) = next(iter(before.values()))
    assert first["state"] == state
    does("ticket", *mends, "--config", str(shop))
    after = clocks(shop)
    kept, *others = after.values()
    if mends[0] == "split":
        assert kept == []
        assert [one["state"] for each in others for one in each] == ["running", "running"]
    else:
        assert first in kept
