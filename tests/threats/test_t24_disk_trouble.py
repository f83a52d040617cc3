"""T24: the disk is full or fails.

With a disk that forgets, fails and fills up: tests/crash/test_disk.py; at the door: test_smtp_in.py.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest
from theatre import shipped_house

from mailgate.gateway import Gateway
from mailgate.mail.message import Envelope
from mailgate.store import spool
from mailgate.store.engine import Store, StoreError

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize("size", [10_000, 3_000_000])
async def test_t24_mail_that_finds_no_room_is_not_taken_and_the_next_one_is(tmp_path: Path, size: int) -> None:
    """No 250 without the row (the door says 451 to StoreError); what was taken before is still there; with room it goes on."""
    store = Store.open("sqlite:///mailgate.db", tmp_path)
    gateway = Gateway(store, shipped_house())
    envelope = Envelope("a@b.example", ("tickets@desk.example",), NOW, "smtp")

    def mail(name: str) -> bytes:
        return f"From: a@b.example\r\nSubject: {name}\r\nMessage-ID: <{name}@b>\r\n\r\n".encode() + b"x" * size

    await gateway.accept(envelope, mail("first"))
    pages = store.call(lambda one: one.exec_driver_sql("PRAGMA page_count").scalar())
    store.call(lambda one: one.exec_driver_sql(f"PRAGMA max_page_count={pages}").scalar())
    refused = 0
    for number in range(40):
        try:
            await gateway.accept(envelope, mail(f"n{number}") * (1 if size > 100_000 else 40))
        except StoreError:
            refused += 1
            break
    assert refused == 1
    assert store.read(lambda one: [row.state for row in spool.waiting(one, 50)]).count("received") >= 1
    store.call(lambda one: one.exec_driver_sql("PRAGMA max_page_count=1000000").scalar())
    assert await gateway.accept(envelope, mail("last")) > 0
    assert store.call(lambda one: one.exec_driver_sql("PRAGMA integrity_check").scalar()) == "ok"
    store.close()
    assert asyncio.get_running_loop()
