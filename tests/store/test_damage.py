"""A damaged SQLite store (R13): it is refused with a sentence, and nothing is written to it."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from nursery import Nursery
from running import house, rows, until, verb
from sqlalchemy.exc import DatabaseError

from mailgate.store import spool, sqlite
from mailgate.store.engine import Store, StoreError
from mailgate.store.migrate import SchemaError

from .conftest import arrival

URL = "sqlite:///mailgate.db"


def filled(folder: Path, mails: int = 40) -> Path:
    """A store that holds some mails, closed."""
    store = Store.open(URL, folder)
    for n in range(mails):
        store.call(partial(spool.put, arrivals=[arrival(f"mail {n} " + "x" * 6000)]))
    store.close()
    return folder / "mailgate.db"


def overwritten(database: Path, page: int) -> bytes:
    """The file with one page of it overwritten."""
    content = bytearray(database.read_bytes())
    content[page * 4096 : (page + 1) * 4096] = b"\xa5" * 4096
    database.write_bytes(content)
    return bytes(content)


def test_daemon_refuses_a_store_with_a_page_overwritten(tmp_path: Path) -> None:
    """Exit code 69, the file and what to do are named, and the file is as it was; the verbs that read say it as well."""
    content = overwritten(filled(house(tmp_path)), 3)
    told = verb("serve", "--config", tmp_path, code=69)
    assert f"{tmp_path / 'mailgate.db'} is damaged" in told
    assert "mailgate restore" in told
    assert (tmp_path / "mailgate.db").read_bytes() == content


def test_any_page_overwritten_is_noticed_and_kept(tmp_path: Path) -> None:
    """Each page in turn, but those in the middle of a mail's text, where any bytes may stand: no claim, not a byte changed."""
    whole = filled(tmp_path / "whole", mails=12).read_bytes()
    unnoticed, told, changed = [], [], []
    for page in range(len(whole) // 4096):
        folder = tmp_path / str(page)
        folder.mkdir()
        (folder / "mailgate.db").write_bytes(whole)
        content = overwritten(folder / "mailgate.db", page)
        store = None
        try:
            store = Store.serve(URL, folder)
            unnoticed.append(whole[page * 4096 : page * 4096 + 4100])
        except StoreError as error:
            told.append(str(error))
            if (folder / "mailgate.db").read_bytes() != content:
                changed.append(page)
        if store is not None:
            store.close()
    assert all("is damaged" in one for one in told)
    assert len(told) > len(whole) // 4096 // 2
    assert changed == []
    assert all(one[4:1000] == b"x" * 996 for one in unnoticed)


def test_large_store_is_not_read_whole_at_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the limit the start stays quick; what is wrong is told when it is met, or by the backup."""
    overwritten(filled(tmp_path), 20)
    monkeypatch.setattr(sqlite, "CHECKED", 4096)
    store = Store.serve(URL, tmp_path)
    assert not store.read_whole
    store.close()


async def test_large_store_is_read_whole_while_it_serves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page that no start would have met."""
    database = filled(tmp_path, mails=400)
    monkeypatch.setattr(sqlite, "CHECKED", 4096)
    sound = Store.serve(URL, tmp_path)
    assert await sound.check() == ""
    sound.close()
    overwritten(database, _middle(database))
    store = Store.serve(URL, tmp_path)
    assert await store.check()
    store.close()


def _middle(database: Path) -> int:
    """A page inside the tree of the spool."""
    content = database.read_bytes()
    inner = [n for n in range(1, len(content) // 4096) if content[n * 4096] == 13]  # a leaf of a table (fileformat2.html §1.6)
    return inner[len(inner) // 2]


def test_daemon_on_a_large_store_that_is_damaged_sends_nothing_more(nursery: Nursery, tmp_path: Path) -> None:
    """It serves, finds what is wrong, tells it, and is on hold."""
    directory = house(tmp_path)
    database = filled(directory, mails=400)
    with sqlite3.connect(database) as done:
        done.execute("UPDATE spool SET state = 'settled'")
    done.close()
    overwritten(database, _middle(database))
    running = nursery.start(directory, "smarthost.url=maildir:outgoing", checked=4096).wait_ready()
    until(lambda: running.lines("store.damaged"))
    until(lambda: rows(directory, "SELECT value FROM flags WHERE name = 'hold:all'"))
    assert rows(directory, "SELECT value FROM flags WHERE name = 'hold:all'") == [("the database is damaged",)]


def with_log(folder: Path, spoil: Callable[[Path], None]) -> dict[str, bytes]:
    """A store of a daemon that was killed, its log beside it, spoilt: the files and what they hold."""
    (folder / "live").mkdir()
    filled(folder / "live")
    store = Store.serve(URL, folder / "live")
    for n in range(30):
        store.call(partial(spool.put, arrivals=[arrival(f"{n}" * 3000)]))
    for end in ("", "-wal"):
        shutil.copy(folder / "live" / f"mailgate.db{end}", folder)
    store.close()
    spoil(folder / "mailgate.db")
    return {one.name: one.read_bytes() for one in folder.glob("mailgate.db*") if not one.name.endswith("-shm")}


def _newer(database: Path) -> None:
    other = sqlite3.connect(database, isolation_level=None)
    other.execute("UPDATE alembic_version SET version_num = '9999'")
    kept = {end: database.with_name(database.name + end).read_bytes() for end in ("", "-wal")}
    other.close()  # which empties the log
    for end, content in kept.items():
        database.with_name(database.name + end).write_bytes(content)


@pytest.mark.parametrize(
    ("spoil", "told"),
    [(lambda one: overwritten(one, _middle(one)), "is damaged"), (_newer, "schema '9999'")],
    ids=["damaged", "newer"],
)
def test_store_that_is_refused_is_left_as_it_is_with_its_log(tmp_path: Path, spoil: Callable[[Path], None], told: str) -> None:
    """Not even the log is written back: whoever mends it needs both as they were."""
    before = with_log(tmp_path, spoil)
    assert len(before["mailgate.db-wal"]) > 100_000
    with pytest.raises((StoreError, SchemaError), match=told):
        Store.serve(URL, tmp_path)
    after = {one.name: one.read_bytes() for one in tmp_path.glob("mailgate.db*") if one.name in before}
    assert after == before


def test_damage_met_at_work_is_the_stores_trouble(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not the mail's: it must not be parked for it."""
    monkeypatch.setattr(sqlite, "CHECKED", 4096)
    database = filled(tmp_path)
    store = Store.open(URL, tmp_path)
    last = database.stat().st_size // 4096
    for page in range(last - 40, last):
        overwritten(database, page)
    with pytest.raises(StoreError, match="the database is damaged.*put a backup back") as error:
        store.read(partial(spool.waiting, limit=99))
    assert isinstance(error.value.__cause__, DatabaseError)
    store.close()


def test_log_cut_short_anywhere_leaves_the_mails_before(tmp_path: Path) -> None:
    """As after a power cut, which may tear what was not synced: the mails up to there, whole and in order, and no damage."""
    (tmp_path / "live").mkdir()
    store = Store.open(URL, tmp_path / "live")
    store.claim()
    for n in range(6):
        store.call(partial(spool.put, arrivals=[arrival(f"{n}" * 5000)]))
    log = (tmp_path / "live" / "mailgate.db-wal").read_bytes()
    counts = []
    for length in [*range(0, len(log), 3000), len(log)]:
        folder = tmp_path / str(length)
        folder.mkdir()
        shutil.copy(tmp_path / "live" / "mailgate.db", folder)
        (folder / "mailgate.db-wal").write_bytes(log[:length])
        found = Store.open(URL, folder)
        found.claim()
        mails = found.read(partial(spool.waiting, limit=99))
        assert [mail.raw for mail in mails] == [f"{n}".encode() * 5000 for n in range(len(mails))]
        counts.append(len(mails))
        found.close()
    store.close()
    assert counts == sorted(counts)
    assert set(counts) == set(range(7))
