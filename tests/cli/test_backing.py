"""`mailgate backup` and `restore`: a running store in one file, and a store that sends nothing until people have looked."""

from __future__ import annotations

import os
import sqlite3
from functools import partial
from pathlib import Path

import pytest
from running import HELPDESK, SELLER, ask, does, house, mail, sha256

from mailgate import config
from mailgate.mail.message import Envelope
from mailgate.store import memory, migrate, spool
from mailgate.store.claim import claim
from mailgate.store.engine import Store, StoreError, connect
from mailgate.store.migrate import SchemaError
from mailgate.wire import clock


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    return house(tmp_path / "gate")


def opened(shop: Path) -> Store:
    settings = config.load(shop)
    return Store.open(settings.store.url, settings.directory)


def takes(store: Store, name: str) -> bytes:
    """A mail is accepted into the store, as the daemon does it; its bytes."""
    raw = mail(HELPDESK, SELLER, name, "Order 4711")
    store.call(partial(spool.put, arrivals=[(Envelope("a@b.test", (SELLER,), clock.now()), raw, None)]))
    return raw


def test_copy_of_a_store_in_use_holds_all_up_to_that_instant(shop: Path, tmp_path: Path) -> None:
    """The daemon writes on while it is copied; what it wrote afterwards is not in the copy."""
    store = opened(shop)
    store.claim()
    first = takes(store, "before")
    does("backup", str(tmp_path / "copy.db"), "--config", str(shop))
    takes(store, "after")
    store.close()
    assert oct((tmp_path / "copy.db").stat().st_mode & 0o777) == "0o600"
    assert not list(tmp_path.glob("copy.db?*"))
    does("restore", str(tmp_path / "copy.db"), "--config", str(shop))
    assert [row["sha256"] for row in ask(shop, "message", "list")] == [sha256(first)]


def test_restored_store_is_on_hold_and_the_old_one_keeps_another_name(shop: Path, tmp_path: Path) -> None:
    """A mistake costs nothing: what was replaced is still there, whole."""
    store = opened(shop)
    does("backup", str(tmp_path / "copy.db"), "--config", str(shop))
    late = takes(store, "late")
    store.close()
    said = does("restore", str(tmp_path / "copy.db"), "--config", str(shop))
    assert "on hold: all; 0 mails would leave" in said
    (aside,) = shop.glob("mailgate.db.until-*Z")
    assert [row[0] for row in sqlite3.connect(aside).execute("SELECT raw FROM spool")] == [late]
    assert opened(shop).read(memory.holds) == ("all",)


def test_backup_never_replaces_a_file(shop: Path, tmp_path: Path) -> None:
    """Last night's copy is not lost to a slip."""
    opened(shop).close()
    (tmp_path / "copy.db").write_text("last night's")
    with pytest.raises(StoreError, match="never replaces"):
        does("backup", str(tmp_path / "copy.db"), "--config", str(shop))
    assert (tmp_path / "copy.db").read_text() == "last night's"


@pytest.mark.parametrize("what", ["torn", "foreign", "newer", "absent"])
def test_file_that_is_no_whole_copy_is_refused_and_nothing_changes(shop: Path, tmp_path: Path, what: str) -> None:
    """Whatever is wrong with the file, the store that is there stays in its place."""
    store = opened(shop)
    raw = takes(store, "kept")
    store.close()
    copy = tmp_path / "copy.db"
    if what != "absent":
        does("backup", str(copy), "--config", str(shop))
        spoil(copy, what)
    with pytest.raises((StoreError, SchemaError)):
        does("restore", str(copy), "--config", str(shop))
    assert [row["sha256"] for row in ask(shop, "message", "list")] == [sha256(raw)]
    assert not list(shop.glob("mailgate.db.*restored*"))
    assert opened(shop).read(memory.holds) == ()


def test_copy_of_an_older_version_is_brought_up_to_date_as_it_is_restored(shop: Path, tmp_path: Path) -> None:
    """What was backed up before an upgrade is not lost with it; nothing lies about afterwards."""
    engine = connect("sqlite:///older.db", tmp_path)
    migrate.upgrade(engine, "0006")
    engine.dispose()
    assert "0 mails would leave" in does("restore", str(tmp_path / "older.db"), "--config", str(shop))
    assert opened(shop).read(migrate.revision) not in (None, "0006")
    assert not list(shop.glob("mailgate.db.*restored*"))


def spoil(copy: Path, how: str) -> None:
    """Make the copy one that was cut off, one of another program, or one of a later mailgate."""
    if how == "torn":
        os.truncate(copy, copy.stat().st_size // 2)
        return
    with sqlite3.connect(copy) as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'" if how == "newer" else "DROP TABLE spool")


def test_store_that_a_daemon_serves_is_not_replaced(shop: Path, tmp_path: Path) -> None:
    """Its daemon would go on writing to a file that has no name any more."""
    opened(shop).close()
    does("backup", str(tmp_path / "copy.db"), "--config", str(shop))
    held = claim(shop / "mailgate.db")
    assert isinstance(held, int)
    with pytest.raises(StoreError, match=f"process {os.getpid()} serves"):
        does("restore", str(tmp_path / "copy.db"), "--config", str(shop))
    os.close(held)
