"""A node's beat: which database it writes to."""

from __future__ import annotations

from pathlib import Path

import pytest
from postgres import Server

from mailgate.store import memory, nodes
from mailgate.store.engine import connect

pytestmark = pytest.mark.real


def test_node_that_may_not_ask_which_database_this_is_lives_all_the_same(postgres_server: Server, tmp_path: Path) -> None:
    """A provider's PostgreSQL may keep such functions to itself: then nothing is noticed, and nothing fails."""
    url = postgres_server.database()
    with postgres_server.session(url) as owner:
        owner.execute("CREATE ROLE tenant LOGIN")
        owner.execute("GRANT ALL ON ALL TABLES IN SCHEMA public TO tenant")
        owner.execute("REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC")
        try:
            engine = connect(url.replace("mailgate@", "tenant@"), tmp_path)
            with engine.begin() as connection:
                assert not nodes.beat(connection, "gate.1", None).replaced
                assert nodes.living(connection) == 1
            engine.dispose()
        finally:
            owner.execute("GRANT EXECUTE ON FUNCTION pg_control_system() TO PUBLIC")
            owner.execute("DROP OWNED BY tenant")
            owner.execute("DROP ROLE tenant")


def test_first_beat_on_another_database_holds_everything_and_a_later_one_does_not(
    postgres_server: Server, tmp_path: Path
) -> None:
    """R18: who lived through the change knows that nothing is lost; who starts after it does not."""
    engine = connect(postgres_server.database(), tmp_path)
    with engine.begin() as connection:
        first = nodes.beat(connection, "gate.1", None)
        memory.set_flag(connection, nodes.DATABASE, "another.1.00000001")
        assert not nodes.beat(connection, "gate.1", first).replaced
        assert memory.holds(connection) == ()
        memory.set_flag(connection, nodes.DATABASE, "another.1.00000001")
        assert nodes.beat(connection, "gate.2", None).replaced
        assert memory.holds(connection) == ("all",)
        assert not nodes.beat(connection, "gate.3", None).replaced
    engine.dispose()
