"""Bring the tables up to date (Alembic), all of it in one transaction.

A database newer than this program, or one that another program made, is refused and never touched. Two that start at once on
an empty database wait for each other: the second finds nothing left to do.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, inspect

from mailgate.store import nodes

LOCK = 0x6D61696C67617465  # of those who migrate; no other lock exists before the tables do


class SchemaError(Exception):
    """The database was made by another version of mailgate, or by no mailgate; the text says what to do."""


def upgrade(engine: Engine, to: str = "head") -> bool:
    """Run every migration that the database lacks; True if there was one.

    Raises SchemaError for a newer or foreign database, and for one that nodes live on.
    """
    if not is_behind(engine):
        return False
    config = _config()
    with engine.connect().execution_options(turn="migrate") as connection, connection.begin():
        many = connection.dialect.name == "postgresql"
        if many:
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({LOCK})")
        tables = inspect(connection).get_table_names()
        check_found(revision(connection), tables)
        if many and "nodes" in tables and (count := nodes.living(connection)):
            raise SchemaError(
                f"{count} {'node lives' if count == 1 else 'nodes live'} on this database: stop every node first "
                "(one that was killed counts for ten seconds more)"
            )
        config.attributes["connection"] = connection
        command.upgrade(config, to)
    return True


def is_behind(engine: Engine, *, made: bool = False) -> bool:
    """True for a database whose tables are not those of this program, or not there; `made`: that has tables of ours."""
    with engine.connect().execution_options(turn="read") as connection:
        have = revision(connection)
    return have != ScriptDirectory.from_config(_config()).get_current_head() and not (made and have is None)


def check(connection: Connection) -> None:
    """Raise SchemaError unless the tables are those of this program."""
    known = ScriptDirectory.from_config(_config())
    if revision(connection) == known.get_current_head():
        return
    check_found(revision(connection), inspect(connection).get_table_names())
    raise SchemaError("the database's tables are not up to date: stop every node, then run `mailgate migrate`")


def revision(connection: Connection) -> str | None:
    """The last migration that this database has had; None for one without our tables."""
    return MigrationContext.configure(connection).get_current_revision()


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config


def check_found(have: str | None, tables: Sequence[str]) -> None:
    """Raise SchemaError unless a database with this revision and these tables is empty, or one that we can bring up to date."""
    known = {script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()}
    if have is None and tables:
        found = ", ".join(sorted(tables)[:5])
        raise SchemaError(f"the database holds tables that no mailgate made ({found}); store.url must name another one")
    if have is not None and have not in known:
        raise SchemaError(f"the database has schema {have!r}, which this mailgate does not know; run the version that made it")
