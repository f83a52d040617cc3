"""SQLite, the embedded store: in WAL with synchronous=FULL, always; one transaction writes at a time.

A sync that fails needs no new connection: SQLite takes the commit back and writes the same place of the log again. A new one
is the danger, since the kernel calls pages that it could not write clean, so that a commit which never reached the disk is
found in the log as if it had. So a daemon that starts writes all of the log into the database, anew, before it adds to it.
"""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.pool import StaticPool

PRAGMAS = ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=10000", "foreign_keys=ON")
CHECKED = 256 * 2**20  # bytes that are read whole at each start; a larger store is checked by `mailgate backup`


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


def damage(engine: Engine) -> str:
    """What SQLite finds wrong with a database of up to CHECKED bytes; empty if nothing, or if it is larger."""
    database = Path(str(engine.url.database))
    if database.stat().st_size > CHECKED:
        return ""
    found = _answer(engine, "PRAGMA quick_check(1)")
    return "" if found == "ok" else found


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
