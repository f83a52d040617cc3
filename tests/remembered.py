"""What one process of the tests makes once: a TOML text is not parsed again, an empty SQLite store gets its tables by copy.

Hundreds of tests read what is shipped, and open a store of their own, which is most of what the small ones do. The migrations
themselves are the subject of tests/store/test_migrate.py, and every daemon of the tests runs them.
"""

from __future__ import annotations

import pickle
import tomllib
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from mailgate.store import migrate
from mailgate.store.engine import connect

parsed, upgraded = tomllib.loads, migrate.upgrade
_COUNT = "SELECT count(*) FROM sqlite_master"
_OURS = "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' ORDER BY rowid"


def install() -> None:
    """From now on in this process."""
    tomllib.loads = _loads
    migrate.upgrade = _upgrade


@lru_cache(maxsize=512)
def _kept(text: str) -> bytes | None:
    try:
        return pickle.dumps(parsed(text))
    except RecursionError:
        return None


def _loads(text: str, /, *, parse_float: Callable[[str], Any] = float) -> dict[str, Any]:
    kept = _kept(text) if parse_float is float and isinstance(text, str) else None
    return parsed(text, parse_float=parse_float) if kept is None else pickle.loads(kept)


@lru_cache(maxsize=1)
def _tables() -> tuple[str, ...]:
    """The statements that make an empty SQLite database what the migrations make it."""
    engine = connect("sqlite:///:memory:", Path())
    upgraded(engine)
    with engine.connect().execution_options(turn="read") as connection:
        made = connection.exec_driver_sql(_OURS).scalars().all()
        revision = migrate.revision(connection)
    engine.dispose()
    return (*made, f"INSERT INTO alembic_version VALUES ('{revision}')")


def _upgrade(engine: Engine, *to: str) -> bool:
    """`migrate.upgrade`."""
    if engine.dialect.name != "sqlite" or to:
        return upgraded(engine, *to)
    with engine.connect().execution_options(turn="read") as connection:
        if connection.exec_driver_sql(_COUNT).scalar_one():
            return upgraded(engine)
    with engine.connect().execution_options(turn="migrate") as connection, connection.begin():
        if not (others := connection.exec_driver_sql(_COUNT).scalar_one()):
            for statement in _tables():
                connection.exec_driver_sql(statement)
    return upgraded(engine) if others else True
