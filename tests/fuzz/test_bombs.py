"""Mail that costs its reader far more than its sender: what bench/bombs.py measures, counted."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from bombs import BOMBS

from mailgate.mail import inspect
from mailgate.mail.message import parse

STEPS = 1_500_000  # calls of functions; ten bombs of these are a second


@contextmanager
def counted() -> Iterator[Callable[[], int]]:
    """How many functions were called."""
    calls = 0

    def count(frame: Any, event: str, argument: Any) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        yield lambda: calls
    finally:
        sys.setprofile(None)


@pytest.mark.parametrize("name", BOMBS)
def test_no_bomb_makes_us_count_its_pieces(name: str) -> None:
    """However many parts, lines, words or addresses a mail is made of, we look at some of them, and keep the rest as it came."""
    raw = BOMBS[name](1)
    mail = parse(raw)
    with counted() as calls:
        inspect.row(raw, name)
    assert calls() < STEPS
    assert mail.raw == raw
    assert len(mail.parts) <= 510
    assert len(mail.addressed) <= 1000
    assert len(mail.names) <= 200
    assert sum(len(part.content) for part in mail.parts) <= len(raw)


@pytest.mark.parametrize(
    ("name", "defect"),
    [
        ("multiparts in one another", "too_deep"),
        ("100,000 parts", "too_many_parts"),
        ("dashes in a part", "too_many_part_lines"),
        ("1,000,000 header lines", "header_block_too_large"),
        ("Cc with 100,000 addresses", "header_block_too_large"),
        ("20,000 encoded words", "header_block_too_large"),
        ("50,000 parameters", "header_block_too_large"),
        ("parameters of a part", "too_many_parameters"),
        ("empty lines", "text_too_long"),
    ],
)
def test_which_limit_was_broken_is_said(name: str, defect: str) -> None:
    """Whoever looks at such a mail learns why it was not read to its end."""
    assert defect in parse(BOMBS[name](1)).defects
