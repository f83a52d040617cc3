"""Any bytes at all: every reader keeps what targets.py says. A few seconds of it; bench/fuzz.py goes on as long as one likes."""

from __future__ import annotations

import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mutate import WORDS, mutated, seeds
from targets import TARGETS

DEAR = {"mail": 60, "reports": 60, "draft": 60, "dialog": 100, "journals": 60, "author": 200}


@pytest.mark.parametrize("name", TARGETS)
def test_our_own_mail_and_its_accidents_keep_what_is_promised(name: str) -> None:
    """Every seed, and what some throws of the dice make of them; the same ones each time."""
    dice, start = random.Random(name), seeds(name)
    for one in start:
        TARGETS[name](one)
    for _ in range(DEAR.get(name, 300)):
        TARGETS[name](mutated(dice, dice.choice(start), start))


@pytest.mark.parametrize("name", TARGETS)
def test_any_bytes_keep_what_is_promised(name: str) -> None:
    """As far as Hypothesis thinks of them."""
    pieces = st.one_of(
        st.sampled_from(WORDS), st.sampled_from(seeds(name)), st.binary(max_size=30), st.text(max_size=10).map(_coded)
    )

    calm = settings.default is not None and settings.default.derandomize
    many = DEAR.get(name, 150) if calm else settings.default.max_examples

    @settings(max_examples=many, database=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(pieces, max_size=12).map(b"".join))
    def any_bytes(said: bytes) -> None:
        TARGETS[name](said)

    any_bytes()


def _coded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
