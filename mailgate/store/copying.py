"""Everything of a SQLite store into an empty PostgreSQL database, or nothing: one transaction, compared at its end.

Both stores are locked for as long as it takes: nobody writes to the one, nobody starts on the other. Ids stay what they are, and
the ones that come next go on behind the highest that was ever given.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, Table, func, insert, select, text

from mailgate.store.schema import dumps, metadata, nodes, turns
from mailgate.store.trouble import StoreError

AT_ONCE = 500
MEMORY = 8 * 2**20
TABLES = tuple(table for table in metadata.sorted_tables if table not in (nodes, turns))


@dataclass
class Sum:
    """What a table holds: how many rows, and the sum of their digests, whatever their order."""

    rows: int = 0
    digest: int = 0

    def add(self, row: Any) -> int:
        """Count this row; returns its size, roughly."""
        said = "\x1f".join(map(_plain, row))
        self.rows += 1
        self.digest = (self.digest + int.from_bytes(hashlib.sha256(said.encode()).digest())) % 2**256
        return len(said) + sum(len(value) for value in row if isinstance(value, bytes))


def _plain(value: Any) -> str:
    if isinstance(value, bytes):
        return hashlib.sha256(value).hexdigest()
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, list | dict):
        return dumps(value)
    return repr(value.replace("\0", "\ufffd") if isinstance(value, str) else value)  # as postgres.py stores it


def copy(source: Engine, target: Engine, told: Callable[[str, int], object]) -> None:
    """Copy all rows; `told` hears each table's name and rows. Raises StoreError where the target is not empty, or differs."""
    with source.begin() as old, target.connect().execution_options(turn="migrate") as new, new.begin():
        new.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = 0")
        new.exec_driver_sql(f"LOCK TABLE {', '.join(metadata.tables)}")
        for table in (*TABLES, nodes):
            if new.execute(select(table).limit(1)).first() is not None:
                raise StoreError(f"the database is not empty: there is something in {table.name}; name a new one")
        for table in TABLES:
            was = _copied(old, new, table)
            if was != summed(new, table):
                raise StoreError(f"{table.name} is not the same after it was copied; nothing was kept")
            told(table.name, was.rows)
        _count_on(old, new)


def summed(connection: Connection, table: Table) -> Sum:
    """What this table holds."""
    found = Sum()
    for row in _rows(connection, table):
        found.add(row)
    return found


def _rows(connection: Connection, table: Table) -> Iterator[Any]:
    yield from connection.execute(select(table), execution_options={"yield_per": 50})


def _copied(old: Connection, new: Connection, table: Table) -> Sum:
    found, batch, size = Sum(), [], 0
    for row in _rows(old, table):
        size += found.add(row)
        batch.append(dict(row._mapping))
        if len(batch) == AT_ONCE or size > MEMORY:
            new.execute(insert(table), batch)
            batch, size = [], 0
    if batch:
        new.execute(insert(table), batch)
    return found


def _count_on(old: Connection, new: Connection) -> None:
    """The next id of each table is one that nobody ever had."""
    given = {row.name: int(row.seq) for row in old.execute(text("SELECT name, seq FROM sqlite_sequence"))}
    for table in TABLES:
        for column in (one for one in table.primary_key if one.autoincrement is True):
            highest = max(given.get(table.name, 0), old.execute(select(func.max(column))).scalar() or 0)
            if highest:
                new.execute(
                    text("SELECT setval(pg_get_serial_sequence(:name, :column), :highest)"),
                    {"name": table.name, "column": column.name, "highest": highest},
                )
