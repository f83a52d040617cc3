"""From SQLite to PostgreSQL by one command: everything or nothing, compared, and never over something."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from postgres import Server
from running import house
from sqlalchemy import insert, select

from mailgate import cli
from mailgate.store import copying, memory, migrate, outbox, spool
from mailgate.store.engine import Store
from mailgate.store.outbox import Outgoing
from mailgate.store.schema import clocks, events, metadata, nodes

from .conftest import arrival

pytestmark = pytest.mark.real
NOON = datetime(2026, 6, 1, 12, 0, 0, 123456, tzinfo=UTC)


@pytest.fixture
def old(tmp_path: Path) -> Iterator[Store]:
    """A SQLite store with something of each kind in it: bytes, instants, JSON, truth, NUL, and an id that is no more."""
    house(tmp_path)
    store = Store.open("sqlite:///mailgate.db", tmp_path)
    notice = Outgoing("reminder", "support", "a@b.test", "x@shop.test", b"\0\xff bytes", NOON, 1, visible=("a@b.test",))
    clock = {
        "subject": "ticket:1", "name": "respond", "episode": 1, "state": "running", "started_at": NOON, "due": None,
        "next_due_at": NOON, "marks": [["remind", 1, NOON, None]], "pauses": [], "version": 1,
    }  # fmt: skip
    entry = {"desk": "support", "event": "told", "at": NOON, "recorded_at": NOON, "data": {"ü": ["\0", "ی"]}}

    def fill(connection):
        spool.put(connection, [arrival(f"mail {n}") for n in range(3)])
        outbox.reserve(connection, notice)
        gone = outbox.reserve(connection, Outgoing("n", "support", "gone@b.test", "y@shop.test", b"", NOON))
        connection.execute(outbox.outbox.delete().where(outbox.outbox.c.id == gone))
        connection.execute(insert(clocks), clock)
        connection.execute(insert(events), entry)
        memory.set_flag(connection, "nul", "a\0b")
        memory.set_away(connection, "support", "acme", True, NOON)

    store.call(fill)
    yield store
    store.close()


@pytest.fixture
def empty(postgres_server: Server) -> str:
    """The URL of a database without any table."""
    return postgres_server.database(empty=True)


def migrates(directory: Path, *words: str) -> Result:
    """What `mailgate migrate` did."""
    return CliRunner().invoke(cli.cli, ["migrate", "--config", str(directory), *words])


def test_everything_arrives_as_it_was(old: Store, empty: str, tmp_path: Path) -> None:
    """Counts and digests of every table are the same; the next ids go on behind the highest that was ever given."""
    done = migrates(tmp_path, "--to", empty)
    assert done.exit_code == 0, done.output
    assert "8 rows copied and compared" in done.output
    new = Store.open(empty, tmp_path)
    for table in copying.TABLES:
        assert old.read(partial(copying.summed, table=table)) == new.read(partial(copying.summed, table=table))
    row = new.read(lambda one: one.execute(select(clocks)).one())
    assert (row.next_due_at, row.marks) == (NOON, [["remind", 1, NOON.isoformat(), None]])
    assert new.read(partial(memory.flag, name="nul")) == "a\ufffdb"
    assert new.call(partial(outbox.reserve, one=Outgoing("n", "support", "c@b.test", "z@shop.test", b"", NOON))) == 3
    assert new.call(partial(spool.put, arrivals=[arrival("next")])) == (4,)
    new.close()


def test_database_with_something_in_it_is_refused(old: Store, empty: str, tmp_path: Path) -> None:
    """The second time there is something in it: nothing is written, nothing is lost."""
    assert migrates(tmp_path, "--to", empty).exit_code == 0
    again = migrates(tmp_path, "--to", empty)
    assert "the database is not empty: there is something in" in str(again.exception)
    new = Store.open(empty, tmp_path)
    assert len(new.read(spool.listed)) == 3
    new.close()


def test_store_in_use_is_refused(old: Store, empty: str, tmp_path: Path) -> None:
    """A daemon on the SQLite file, or a node on the target: first they stop."""
    old.claim()
    assert "serves" in str(migrates(tmp_path, "--to", empty).exception)
    old.close()
    migrates(tmp_path, "--set", f"store.url={empty}")
    new = Store.open(empty, tmp_path)
    new.call(lambda one: one.execute(insert(nodes), {"name": "n", "started_at": NOON, "alive_until": NOON}))
    assert "there is something in nodes" in str(migrates(tmp_path, "--to", empty).exception)
    new.close()


def test_row_that_changes_on_its_way_stops_it(old: Store, empty: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The digests are compared before anything is kept."""
    real = copying._copied

    def spoilt(left, right, table):
        found = real(left, right, table)
        if table.name == "spool":
            right.exec_driver_sql("UPDATE spool SET raw = 'other' WHERE id = 2")
        return found

    monkeypatch.setattr(copying, "_copied", spoilt)
    assert "spool is not the same" in str(migrates(tmp_path, "--to", empty).exception)
    new = Store.open(empty, tmp_path)
    assert new.read(spool.listed) == ()
    new.close()


def test_tables_of_a_server_are_made_by_the_verb_alone(empty: str, tmp_path: Path) -> None:
    """A daemon does not change a database that others use: `mailgate migrate` does, once."""
    house(tmp_path)
    with pytest.raises(migrate.SchemaError, match="stop every node, then run `mailgate migrate`"):
        Store.open(empty, tmp_path)
    words = ("--set", f"store.url={empty}")
    assert migrates(tmp_path, *words).output == "the tables are brought up to date\n"
    assert migrates(tmp_path, *words).output == "the tables are up to date\n"
    store = Store.open(empty, tmp_path)
    assert set(metadata.tables) <= set(store.read(lambda one: one.dialect.get_table_names(one)))
    store.close()


def test_server_that_is_not_there_is_told_in_a_sentence(tmp_path: Path) -> None:
    """Exit code 69's sentence, without a password in it."""
    house(tmp_path)
    done = migrates(tmp_path, "--set", "store.url=postgresql+psycopg://mailgate@127.0.0.1:1/mailgate")
    assert "store.url postgresql+psycopg://mailgate@127.0.0.1:1/mailgate: " in str(done.exception)
    assert "refused" in str(done.exception)
