"""What settings turn into for those who obey them: the house of the three paths, and the limits of the doors."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from mailgate import config
from mailgate.assembly import house_of, limits_of
from mailgate.desk.house import Caps
from mailgate.gateway import Gateway
from mailgate.store.engine import Store
from mailgate.wire.lobby import Limits

COPIES = "copied.addresses=['Copies@Gate.test', 'archive+mail@gate.test']"


def gateway(place: Path, *overrides: str) -> Gateway:
    return Gateway(Store.open("sqlite:///:memory:", place), house_of(config.load(place, overrides)))


@pytest.mark.parametrize("address", ["copies@gate.test", "COPIES@gate.TEST", "copies+in@gate.test", "archive+mail@gate.test"])
def test_doors_take_mail_for_copied_addresses(place, address):
    """The mail system's copies come to an address that no desk has; the desk is found from the mail itself."""
    assert gateway(place, COPIES).knows(address)
    assert not gateway(place).knows(address)


@pytest.mark.parametrize("address", ["copies@shop.test", "archive@gate.test", "other@gate.test", "bounces@gate.test", ""])
def test_doors_take_no_other_mail_because_of_them(place, address):
    assert not gateway(place, COPIES).knows(address)


def test_desks_are_known_beside_copied_addresses(place):
    both = gateway(place, COPIES)
    assert all(map(both.knows, ("support@shop.test", "Support+x@shop.test", "bounces+1.abc@shop.test")))


def test_doors_have_the_defaults_that_the_shipped_file_shows(place):
    assert limits_of(config.load(place)) == Limits()


def test_every_limit_of_the_doors_is_obeyed(place):
    said = {"message_size": 1000, "recipients": 2, "in_flight": 3000, "connections": 4, "connections_per_network": 5}
    said |= {"errors": 6, "idle": "7s", "session": "8s"}
    wanted = Limits(
        size=1000, recipients=2, in_flight=3000, connections=4, connections_per_network=5, hard_errors=6,
        idle=timedelta(seconds=7), session=timedelta(seconds=8),
    )  # fmt: skip
    assert limits_of(config.load(place, [f"limits.{name}={value}" for name, value in said.items()])) == wanted


def test_caps_of_notices_come_from_the_limits(place):
    assert house_of(config.load(place)).caps == Caps(10, 60, 30, 50)
    sets = ["limits.notices_per_ticket=3", "limits.notices_per_recipient=4", "limits.tickets_per_author=5", "limits.surge_from=6"]
    assert house_of(config.load(place, sets)).caps == Caps(3, 4, 5, 6)
