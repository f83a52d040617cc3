"""A PostgreSQL that others are at (R19): locked, full, in a hurry, in a deadlock. Nothing is lost, and all goes on."""

from __future__ import annotations

import smtplib
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest
from cluster import Cluster, Senders, faults
from nursery import Nursery, Sink
from postgres import Server
from running import DESK, HELPDESK, SELLER, mail, until
from running import house as written

pytestmark = [pytest.mark.real, pytest.mark.slow]
Session = psycopg.Connection[Any]
OUT = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'mailgate' AND pid <> pg_backend_pid()"


@contextmanager
def locked(other: Session, _: Callable[[], Session]) -> Iterator[None]:
    """Somebody holds the table that every mail goes into."""
    with other.transaction():
        other.execute("LOCK TABLE spool IN ACCESS EXCLUSIVE MODE")
        yield


@contextmanager
def full(other: Session, more: Callable[[], Session]) -> Iterator[None]:
    """Others have every place at the server, and ours has none: it may win one back between its end and the next comer."""
    with ExitStack() as all_of_them:

        def taken() -> bool:
            with suppress(psycopg.OperationalError):  # too many clients
                while True:
                    all_of_them.enter_context(more())
            return not other.execute(OUT).fetchall()

        until(taken, what="every place")
        yield


@contextmanager
def hurried(other: Session, _: Callable[[], Session]) -> Iterator[None]:
    """The server cancels what takes longer than a tenth of a second, and nothing is fast now."""
    name = other.info.dbname
    other.execute(f"ALTER DATABASE {name} SET statement_timeout = '100ms'")
    other.execute(OUT)
    with locked(other, _):
        yield
    other.execute(f"ALTER DATABASE {name} RESET statement_timeout")
    other.execute(OUT)


@pytest.mark.parametrize("trouble", [locked, full, hurried], ids=["locked", "full", "hurried"])
def test_database_in_trouble_is_451_with_an_id_and_all_goes_on(
    nursery: Nursery, postgres_server: Server, sink: tuple[Sink, str], tmp_path: Path, trouble: Any
) -> None:
    """The sender keeps his mail and can ask us about it by an id; when the trouble is over nobody has to do anything."""
    url = postgres_server.database()
    cluster = Cluster(nursery, written(tmp_path), url, (sink[1],), patience=500)
    cluster.start(1)
    senders = Senders(cluster)
    with postgres_server.session(url) as other:
        senders.start(2, most=12, pause=0.05)
        until(lambda: senders.accepted, what="a mail")
        with trouble(other, lambda: postgres_server.session(url)):
            until(lambda: senders.answers[451] > 3, what="451")
            node = cluster.nodes[0]
            assert node is not None
            said = until(lambda: refused(node, mail(HELPDESK, SELLER, "extra", "Order extra")), what="451 with an id")
    senders.join()
    until(cluster.quiet, what="quiet")
    assert any(one["error_id"] in said for one in node.lines("session.failed")), said
    assert set(senders.answers) <= {451, 421}
    assert faults(cluster, senders, sink[0]) == []
    assert cluster.end() == [0]


def refused(node: Any, raw: bytes) -> str:
    """What the 451 for this mail says; empty if it was taken all the same."""
    try:
        with node.client() as client:
            client.sendmail("a@client.test", [DESK], raw)
    except smtplib.SMTPDataError as error:
        return error.smtp_error.decode() if error.smtp_code == 451 else ""
    except (OSError, smtplib.SMTPException):
        pass
    return ""


def test_deadlocks_cost_a_try_and_park_no_mail(
    nursery: Nursery, postgres_server: Server, sink: tuple[Sink, str], tmp_path: Path
) -> None:
    """Somebody takes the locks the other way round; whoever the server ends tries again."""
    url = postgres_server.database()
    cluster = Cluster(nursery, written(tmp_path), url, (sink[1],))
    cluster.start(1)
    senders = Senders(cluster)
    with postgres_server.session(url) as other:
        senders.start(2, most=30, pause=0.02)
        for table in ("tickets", "events", "outbox"):
            until(lambda: not cluster.quiet(), what="work")
            try:
                with other.transaction():
                    other.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
                    time.sleep(0.3)  # until the node waits for it, in its turn
                    other.execute("SELECT * FROM turns FOR UPDATE")
            except psycopg.errors.DeadlockDetected:
                continue
    senders.join()
    until(cluster.quiet, what="quiet")
    assert faults(cluster, senders, sink[0]) == []
    assert cluster.end() == [0]
