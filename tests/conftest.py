"""Options that every room of the tests may use."""

from __future__ import annotations

import os
from collections.abc import Iterator

import postgres
import pytest
import remembered
from hypothesis import settings

# The same examples each time, however busy the machine is; `--hypothesis-profile=wild` thinks of others, and of more.
settings.register_profile("calm", deadline=None, derandomize=True)
settings.register_profile("wild", deadline=None, max_examples=2000)
settings.load_profile("calm")

remembered.install()


def pytest_addoption(parser: pytest.Parser) -> None:
    """`pytest --golden-write tests/desk/test_notice.py` writes the rendered notices again; read the diff before keeping it."""
    parser.addoption("--golden-write", action="store_true", help="write tests/golden instead of comparing with it")
    words = "the database of tests/store and tests/exchanges: a SQLite file each, or a PostgreSQL of its own"
    parser.addoption("--store", choices=("sqlite", "postgres"), default="sqlite", help=words)
    parser.addoption("--seeds", type=int, default=0, help="how many stories tests/seeds tells (else as many as CI does)")
    parser.addoption("--seed", type=int, default=None, help="the one story that tests/seeds tells")


@pytest.fixture
def golden_write(request: pytest.FixtureRequest) -> bool:
    """True when the golden files are to be written anew."""
    return bool(request.config.getoption("--golden-write"))


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[postgres.Server]:
    """A PostgreSQL that runs as long as the tests."""
    if postgres.programs() is None:
        missing = "PostgreSQL is not installed (apt-get install postgresql)"
        pytest.fail(missing) if os.environ.get("MAILGATE_REAL") == "1" else pytest.skip(missing)
    with postgres.server() as made:
        yield made


@pytest.fixture(scope="session")
def on_postgres(request: pytest.FixtureRequest) -> bool:
    """True where the tests run on PostgreSQL (`--store=postgres`)."""
    return bool(request.config.getoption("--store") == "postgres")


@pytest.fixture(scope="session")
def session_url(request: pytest.FixtureRequest, on_postgres: bool) -> str:
    """The database of this process that the tests share, one after the other."""
    return request.getfixturevalue("postgres_server").database() if on_postgres else "sqlite:///:memory:"


@pytest.fixture
def store_url(session_url: str, on_postgres: bool) -> str:
    """An empty database for this test, its path relative to where the test opens it."""
    if not on_postgres:
        return "sqlite:///mailgate.db"
    postgres.empty(session_url)
    return session_url
