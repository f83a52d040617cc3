"""The mistakes that bench/mutants.py plants: each can still be planted, so that its table does not rot."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
MUTANTS = tomllib.loads((ROOT / "bench" / "mutants.toml").read_text())["mutant"]


@pytest.mark.parametrize("mutant", MUTANTS, ids=[one["name"] for one in MUTANTS])
def test_mistake_has_its_place(mutant: dict[str, str]) -> None:
    """What it changes stands in its file once."""
    assert (ROOT / "mailgate" / mutant["file"]).read_text().count(mutant["old"]) == 1
    assert mutant["old"] != mutant["new"]
