"""A store in a file of its own, and mail to put into it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from nursery import nursery

from mailgate.mail.message import Envelope
from mailgate.store.engine import Store

__all__ = ["nursery"]

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


def arrival(text: str, minutes: int = 0, desk: str | None = "support") -> tuple[Envelope, bytes, str | None]:
    """A mail that came so many minutes after noon."""
    envelope = Envelope("a@client.test", ("support@shop.test",), NOON + timedelta(minutes=minutes))
    return envelope, text.encode(), desk


@pytest.fixture
def store(store_url: str, tmp_path: Path) -> Iterator[Store]:
    """An empty store, with its tables."""
    made = Store.open(store_url, tmp_path)
    yield made
    made.close()


@pytest.fixture
def sqlite_store(tmp_path: Path) -> Iterator[Store]:
    """An empty SQLite store, whatever the tests run on."""
    made = Store.open("sqlite:///mailgate.db", tmp_path)
    yield made
    made.close()
