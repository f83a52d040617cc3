"""A damaged SQLite store (R13): it is refused with a sentence, and nothing is written to it."""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path

import pytest
from running import house, verb
from sqlalchemy.exc import DatabaseError

from mailgate.store import spool, sqlite
from mailgate.store.engine import Store, StoreError

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
            store = Store.open(URL, folder)
            store.claim()
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
    store = Store.open(URL, tmp_path)
    store.claim()
    store.close()


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
