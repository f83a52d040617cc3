"""A copy of a running SQLite store in one file, and a store made of such a copy.

A copy is the whole database as it was at one instant: readers and the writer go on meanwhile. It is on hold, so that a daemon
that serves it sends nothing until people have looked at what it would send: replies that came after the copy are not in it.
A file appears under its name only when it is complete and on disk.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from mailgate.store.claim import claim
from mailgate.store.engine import Store, StoreError

HOLD = "hold:all"
PART = ".part"
ENDS = ("-wal", "-shm", "")


class BackupError(StoreError):
    """A copy that can't be made or taken; the text says why."""


def file_of(url: str, root: Path) -> Path:
    """The file of the SQLite store at `url`; a relative path starts at `root`. Raises BackupError where there is none."""
    name = url.removeprefix("sqlite:///")
    if name == url or name in ("", ":memory:"):
        raise BackupError("only a store in an SQLite file is copied here; pg_dump and pg_restore do it for PostgreSQL")
    return root / name


def back_up(database: Path, to: Path, now: datetime) -> int:
    """Copy `database` into the new file `to`; the copy is on hold. Its size in bytes. Raises BackupError, OSError."""
    if to.exists():
        raise BackupError(f"{to} is there already; a backup never replaces a file")
    return _copied(database, to, f"backup of {now.astimezone(UTC).isoformat(timespec='seconds')}")


def restore(backup: Path, database: Path, now: datetime) -> Path | None:
    """Make `database` of a copy; where the store that was there has gone, None if there was none. It is on hold.

    Raises BackupError while a daemon serves it, and for a file that is no whole copy of a store; then nothing has changed.
    """
    database.parent.mkdir(parents=True, exist_ok=True)
    held = claim(database)
    if isinstance(held, str):
        raise BackupError(f"{held} serves {database}; stop it first")
    incoming = database.with_name(database.name + ".restored")
    try:
        incoming.unlink(missing_ok=True)
        _copied(backup, incoming, f"restored {now.astimezone(UTC).isoformat(timespec='seconds')}")
        Store.open(f"sqlite:///{incoming.absolute()}", Path()).close()  # an older one is brought up to date, a newer one refused
        aside = _put_aside(database, now)
        os.replace(incoming, database)
        _synced(database.parent)
        return aside
    finally:
        for end in (*ENDS, ".lock"):
            incoming.with_name(incoming.name + end).unlink(missing_ok=True)
        os.close(held)


def _copied(source: Path, to: Path, why: str) -> int:
    part = to.with_name(to.name + PART)
    part.unlink(missing_ok=True)
    try:
        os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        with closing(_opened(source)) as old, closing(sqlite3.connect(part)) as new:
            old.backup(new)
            new.execute("PRAGMA journal_mode=DELETE")
            _checked(new, source)
            new.execute("INSERT OR REPLACE INTO flags (name, value) VALUES (?, ?)", (HOLD, why))
            new.commit()
        with part.open("rb+") as file:
            os.fsync(file.fileno())
        os.link(part, to)  # never over a file that somebody made meanwhile
        _synced(to.parent)
    except sqlite3.Error as error:
        raise BackupError(f"{source} can't be copied: {error}") from error
    except FileExistsError:
        raise BackupError(f"{to} is there already; a backup never replaces a file") from None
    finally:
        part.unlink(missing_ok=True)
    return to.stat().st_size


def _opened(source: Path) -> sqlite3.Connection:
    if not source.is_file():
        raise BackupError(f"there is no file {source}")
    return sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True)


def _checked(copy: sqlite3.Connection, source: Path) -> None:
    """Raise BackupError for a database that is damaged, or is no store of ours."""
    found = copy.execute("PRAGMA quick_check").fetchone()[0]
    if found != "ok":
        raise BackupError(f"{source} is damaged: {found}")
    tables = {row[0] for row in copy.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if not {"alembic_version", "spool", "flags"} <= tables:
        raise BackupError(f"{source} is no store of mailgate's")


def _put_aside(database: Path, now: datetime) -> Path | None:
    """Give the store that is there another name, its log beside it, so that nothing is lost by a mistake."""
    if not database.exists():
        return None
    aside = database.with_name(f"{database.name}.until-{now.astimezone(UTC):%Y%m%dT%H%M%SZ}")
    if aside.exists():
        raise BackupError(f"{aside} is there already")
    for end in ENDS:
        part = database.with_name(database.name + end)
        if part.exists():
            os.rename(part, aside.with_name(aside.name + end))
    return aside


def _synced(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
