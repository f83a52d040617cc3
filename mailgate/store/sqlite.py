"""SQLite, the embedded store: in WAL with synchronous=FULL, always; one transaction writes at a time.

A sync that fails needs no new connection: SQLite takes the commit back and writes the same place of the log again. A new one
is the danger, since the kernel calls pages that it could not write clean, so that a commit which never reached the disk is
found in the log as if it had. So a daemon that starts writes all of the log into the database, anew, before it adds to it.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.pool import StaticPool

PRAGMAS = ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=10000", "foreign_keys=ON")
CHECKED = 256 * 2**20  # bytes that are read whole at each start; a larger store is read whole while it serves
EDGES = "SELECT count(*) FROM (SELECT min(rowid) FROM {0} UNION ALL SELECT max(rowid) FROM {0})"


def connect(url: URL, root: Path) -> Engine:
    """An engine for `url`; a relative path starts at `root`."""
    memory = url.database in (None, "", ":memory:")
    if not memory:
        path = root / str(url.database)
        path.parent.mkdir(parents=True, exist_ok=True)
        url = url.set(database=str(path))
    options: dict[str, Any] = {"connect_args": {"isolation_level": None, "check_same_thread": False}}
    if memory:
        options["poolclass"] = StaticPool
    engine = create_engine(url, hide_parameters=True, **options)
    event.listen(engine, "connect", _pragmas)
    event.listen(engine, "begin", _begin)
    return engine


@dataclass(frozen=True)
class Looked:
    """What a file holds, as far as it was read: what is wrong with it, its migration, its tables. `whole`: all of it was read."""

    damage: str = ""
    revision: str | None = None
    tables: tuple[str, ...] = ()
    whole: bool = True


def look(database: Path, *, whole: bool = False) -> Looked:
    """Read a database, its log with it, and write nothing; beyond CHECKED bytes only the edges of each table, unless `whole`.

    Raises sqlite3.Error for what SQLite can't open.
    """
    whole = whole or database.stat().st_size <= CHECKED
    with closing(sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True, timeout=10)) as connection:
        names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name").fetchall()
        tables = tuple(name for (name,) in names if not name.startswith("sqlite_"))
        if whole:
            found = str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])
        else:
            found = "ok"
            connection.execute("PRAGMA freelist_count").fetchone()
            for table in tables:
                connection.execute(EDGES.format(f'"{table}"')).fetchone()
        version = "SELECT version_num FROM alembic_version" if "alembic_version" in tables else "SELECT NULL WHERE 0"
        row = connection.execute(version).fetchone()
    return Looked("" if found == "ok" else found, row[0] if row else None, tables, whole)


def file_of(url: URL, root: Path) -> Path | None:
    """The file of a SQLite database; None for one in memory, or of another kind."""
    inside = url.get_backend_name() != "sqlite" or url.database in (None, "", ":memory:")
    return None if inside else root / str(url.database)


def empty_log(engine: Engine) -> None:
    """Write the log into the database and start it anew; while somebody else reads it stays as it is."""
    _answer(engine, "PRAGMA wal_checkpoint(TRUNCATE)")


def _answer(engine: Engine, pragma: str) -> str:
    with closing(engine.raw_connection()) as connection, closing(connection.cursor()) as cursor:
        cursor.execute(pragma)
        return str(cursor.fetchall()[0][0])


def _pragmas(connection: Any, _: Any) -> None:
    for pragma in PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Connection) -> None:
    reads = connection.get_execution_options().get("turn") == "read"
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")
