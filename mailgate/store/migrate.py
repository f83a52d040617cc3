"""Bring the tables up to date (Alembic). A database newer than this program is refused, never touched."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine


class SchemaError(Exception):
    """The database was made by another version of mailgate; the text says what to do."""


def upgrade(engine: Engine) -> None:
    """Run every migration that the database lacks. Raises SchemaError for a newer or foreign database."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    known = ScriptDirectory.from_config(config)
    with engine.connect() as connection:
        have = MigrationContext.configure(connection).get_current_revision()
        connection.rollback()
        if have == known.get_current_head():
            return
        if have is not None and have not in {script.revision for script in known.walk_revisions()}:
            raise SchemaError(
                f"the database has schema {have!r}, which this mailgate does not know; run the version that made it"
            )
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
