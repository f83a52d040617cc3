"""Whole stories at random, with faults at every boundary: whatever happens, every promise is kept once (book.py says which).

`pytest tests/seeds --seed 4711` tells one story again, `--seeds 2000` that many; `bench/seeds.py` runs them on all cores.
"""

from __future__ import annotations

import pytest
from plot import tell

IN_CI = 40


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test a seed."""
    if "seed" in metafunc.fixturenames:
        one, many = metafunc.config.getoption("--seed"), metafunc.config.getoption("--seeds")
        metafunc.parametrize("seed", [one] if one is not None else range(many or IN_CI))


def test_nobody_loses_a_mail_or_a_promise_whatever_fails(seed: int) -> None:
    """Mail is kept, every due step fires once, every notice leaves or ends, and shows nobody another's words."""
    told = tell(seed)
    story = "\n".join(told.log)
    assert not told.failure, f"{told.failure}\n\n{story}\n\npytest tests/seeds --seed {seed}"


def test_seed_told_twice_is_the_same_story() -> None:
    """What has failed once can be looked at again."""
    assert tell(7) == tell(7)
