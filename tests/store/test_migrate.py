"""The tables: made once, the same as schema.py says, and never in a database that is not ours."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
import remembered
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from click.testing import CliRunner
from postgres import Server
from running import house, verb
from sqlalchemy import create_engine, text

from mailgate import cli
from mailgate.store import memory, mend, migrate, nodes
from mailgate.store.claim import claim
from mailgate.store.engine import Connection, Store, StoreError, connect
from mailgate.store.schema import metadata


@pytest.fixture(autouse=True)
def _as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """The migrations run, where other tests copy what they make."""
    monkeypatch.setattr(migrate, "upgrade", remembered.upgraded)


DDL = text("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'alembic%' ORDER BY name")


def ddl(connection: Connection) -> dict[str, str]:
    """Name and statement of every table and index but Alembic's own."""
    return {row.name: " ".join(row.sql.split()) for row in connection.execute(DDL)}


def test_migrations_make_what_the_schema_says(tmp_path: Path) -> None:
    """Statement by statement: tables, columns, types, keys, indexes."""
    migrated = connect("sqlite:///migrated.db", tmp_path)
    migrate.upgrade(migrated)
    declared = create_engine("sqlite://")
    metadata.create_all(declared)
    with migrated.connect() as left, declared.connect() as right:
        assert ddl(left) == ddl(right)
        assert compare_metadata(MigrationContext.configure(left), metadata) == []
    migrated.dispose()
    declared.dispose()


def test_empty_file_gets_the_tables_once(tmp_path: Path) -> None:
    """An empty file is brought up to date; doing it again changes nothing."""
    (tmp_path / "mailgate.db").touch()
    for _ in range(2):
        store = Store.open("sqlite:///mailgate.db", tmp_path)
        assert store.read(migrate.revision) is not None
        assert set(metadata.tables) <= set(store.read(ddl))
        store.close()


@pytest.mark.parametrize("revision", ["9999", "a1b2c3"])
def test_newer_database_is_refused_untouched(tmp_path: Path, revision: str) -> None:
    """It says which schema it found and what to do; the file stays as it was."""
    store = Store.open("sqlite:///mailgate.db", tmp_path)
    store.call(lambda one: one.exec_driver_sql(f"UPDATE alembic_version SET version_num = '{revision}'"))
    store.close()
    before = (tmp_path / "mailgate.db").read_bytes()
    with pytest.raises(migrate.SchemaError, match=f"schema '{revision}'.*run the version that made it"):
        Store.open("sqlite:///mailgate.db", tmp_path)
    assert (tmp_path / "mailgate.db").read_bytes() == before


def test_foreign_database_is_refused_untouched(tmp_path: Path) -> None:
    """Tables that no mailgate made: their names are told, none of ours is added."""
    foreign = sqlite3.connect(tmp_path / "mailgate.db")
    foreign.execute("CREATE TABLE customers (id INTEGER)")
    foreign.commit()
    foreign.close()
    with pytest.raises(migrate.SchemaError, match=r"tables that no mailgate made \(customers\)"):
        Store.open("sqlite:///mailgate.db", tmp_path)
    with sqlite3.connect(tmp_path / "mailgate.db") as found:
        assert found.execute("SELECT name FROM sqlite_master").fetchall() == [("customers",)]
    found.close()


@pytest.mark.parametrize(
    "content", [b"no database at all, but long enough to have a header" * 50, b"SQLite format 3\x00" + b"\xff" * 4096]
)
def test_file_that_is_no_database_is_refused(tmp_path: Path, content: bytes) -> None:
    """It is told as a sentence, and the file stays as it was."""
    (tmp_path / "mailgate.db").write_bytes(content)
    with pytest.raises(StoreError, match="mailgate.db"):
        Store.open("sqlite:///mailgate.db", tmp_path)
    assert (tmp_path / "mailgate.db").read_bytes() == content


def test_verbs_leave_with_69_on_a_store_they_cannot_use(tmp_path: Path) -> None:
    """One sentence on standard error, no traceback; `serve` as well as the lists."""
    house(tmp_path)
    (tmp_path / "mailgate.db").write_bytes(b"something else" * 500)
    for words in (("serve",), ("message", "list")):
        told = verb(*words, "--config", tmp_path, code=69)
        assert told.startswith("mailgate: ")
        assert "not a database" in told


def test_two_that_start_at_once_make_the_tables_once(tmp_path: Path) -> None:
    """Both succeed; one finds nothing left to do."""
    code = "import sys, pathlib; from mailgate.store.engine import Store; Store.open('sqlite:///m.db', pathlib.Path(sys.argv[1]))"
    both = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path)]) for _ in range(3)]
    assert [one.wait(60) for one in both] == [0, 0, 0]


def test_crash_in_a_migration_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A migration that fails half-way is undone whole, and the next start makes everything (R06)."""
    from mailgate.store.migrate import command

    real = command.upgrade

    def fails(config: object, revision: str) -> None:
        real(config, revision)
        raise RuntimeError("planted")

    monkeypatch.setattr(command, "upgrade", fails)
    with pytest.raises(RuntimeError, match="planted"):
        Store.open("sqlite:///mailgate.db", tmp_path)
    monkeypatch.setattr(command, "upgrade", real)
    with sqlite3.connect(tmp_path / "mailgate.db") as found:
        assert found.execute("SELECT name FROM sqlite_master").fetchall() == []
    found.close()
    Store.open("sqlite:///mailgate.db", tmp_path).close()


def test_verb_of_a_newer_version_leaves_a_store_that_an_older_daemon_serves(tmp_path: Path) -> None:
    """The tables change only when no daemon goes on with the old ones: U06. Once it has stopped, they do."""
    engine = connect("sqlite:///mailgate.db", tmp_path)
    migrate.upgrade(engine, "0006")
    held = claim(tmp_path / "mailgate.db")
    assert isinstance(held, int)
    for opens in (Store.open, Store.upgrade):
        with pytest.raises(StoreError, match=f"process {os.getpid()} serves .* of an older version; stop it first"):
            opens("sqlite:///mailgate.db", tmp_path)
    with engine.connect() as connection:
        assert migrate.revision(connection) == "0006"
    os.close(held)
    Store.open("sqlite:///mailgate.db", tmp_path).close()
    with engine.connect() as connection:
        assert migrate.revision(connection) != "0006"
    engine.dispose()


@pytest.mark.real
def test_tables_below_living_nodes_stay_as_they_are(postgres_server: Server, tmp_path: Path) -> None:
    """`mailgate migrate` waits for every node to end: one that went on would read and write tables that it does not know."""
    url = postgres_server.database(empty=True)
    engine = connect(url, tmp_path)
    migrate.upgrade(engine, "0006")
    with engine.begin() as connection:
        nodes.beat(connection, "gate.1", None)
    with pytest.raises(migrate.SchemaError, match="1 node lives on this database"):
        Store.upgrade(url, tmp_path)
    with engine.begin() as connection:
        nodes.leave(connection, "gate.1")
    assert Store.upgrade(url, tmp_path)
    engine.dispose()


def test_lists_do_not_wait_for_a_busy_writer(tmp_path: Path) -> None:
    """A verb that reads asks for no lock, not even to see that the tables are there."""
    house(tmp_path)
    store = Store.open("sqlite:///mailgate.db", tmp_path)
    with store._engine.begin():
        done = CliRunner().invoke(cli.cli, ["message", "list", "--config", str(tmp_path)])
    assert done.exit_code == 0
    store.close()


def test_marks_of_an_earlier_version_are_known_as_they_stand(tmp_path: Path) -> None:
    """What a ticket needs to be built anew is kept from now on; marks are taken over, and of old mail nothing is made up."""
    engine = connect("sqlite:///mailgate.db", tmp_path)
    migrate.upgrade(engine, "0008")
    at = "2026-06-01 12:00:00.000000"
    with engine.begin() as connection:
        connection.exec_driver_sql(f"INSERT INTO marks VALUES ('desk', 'acme', 'takeover', 'true', '{at}')")
        values = f"1, 1, 'desk', 1, 'a@b', 'f', 'human', 'x@y.example', 'seller', 'asked', '{at}', 'text', '[]', '[]', '[]'"
        connection.exec_driver_sql(f"INSERT INTO messages VALUES ({values})")
    engine.dispose()
    store = Store.open("sqlite:///mailgate.db", tmp_path)
    came = datetime(2026, 6, 1, 12, tzinfo=UTC)
    for at_, known in ((came, {"takeover": "true"}), (came - timedelta(seconds=1), {})):
        assert store.read(partial(memory.marks_at, desk="desk", seller="acme", at=at_)) == known
    assert store.read(partial(mend.premises, spool_id=1)) is None
    store.close()
