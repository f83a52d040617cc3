"""`mailgate seller paths` and `seller revoke`: what sellers have proven, and taking it back."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from running import SELLER, house

from mailgate import cli, config
from mailgate.store import paths
from mailgate.store.engine import Store
from mailgate.wire import clock

PATH = "dkim helpdesks.example"


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A house whose seller has proven one path."""
    directory = house(tmp_path / "gate")
    settings = config.load(directory)
    store = Store.open(settings.store.url, settings.directory)
    at = clock.now()
    store.call(partial(paths.prove, address=SELLER, path=PATH, about=("example-seller", 1), now=at))
    store.close()
    return directory


def seller(shop: Path, *words: str) -> Result:
    return CliRunner().invoke(cli.cli, ["seller", *words, "--config", str(shop)])


def states(shop: Path) -> list[tuple[str, str]]:
    rows = map(json.loads, seller(shop, "paths", "--json").output.splitlines())
    return [(row["path"], row["state"]) for row in rows]


def test_proven_path_is_listed_revoked_and_forgotten(shop: Path) -> None:
    """Revoked it stays in the list, so that nobody is asked about it again; forgotten it is gone."""
    assert states(shop) == [(PATH, "proven")]
    assert "helpdesks.example" in seller(shop, "paths").output
    done = seller(shop, "revoke", SELLER.upper(), PATH)
    assert (done.exit_code, states(shop)) == (0, [(PATH, "revoked")])
    assert '"path.revoked"' in done.stderr
    assert seller(shop, "revoke", SELLER, PATH, "--forget").exit_code == 0
    assert states(shop) == []


@pytest.mark.parametrize("words", [("other@seller.test", PATH), (SELLER, "dkim other.example")])
def test_pair_that_nobody_proved_is_not_revoked(shop: Path, words: tuple[str, str]) -> None:
    """It says so, and where to look."""
    done = seller(shop, "revoke", *words)
    assert (done.exit_code, states(shop)) == (2, [(PATH, "proven")])
    assert "seller paths" in done.output
