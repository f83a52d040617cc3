"""Options that every room of the tests may use."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """`pytest --golden-write tests/desk/test_notice.py` writes the rendered notices again; read the diff before keeping it."""
    parser.addoption("--golden-write", action="store_true", help="write tests/golden instead of comparing with it")


@pytest.fixture
def golden_write(request: pytest.FixtureRequest) -> bool:
    """True when the golden files are to be written anew."""
    return bool(request.config.getoption("--golden-write"))
