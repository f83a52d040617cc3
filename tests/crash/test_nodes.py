"""Three nodes on one PostgreSQL, killed and stopped at any moment: each mail once, each step once, each notice at least once."""

from __future__ import annotations

import random
import subprocess
from collections.abc import Iterator
from pathlib import Path

import postgres
import pytest
from cluster import Cluster, Senders, faults
from nursery import Nursery, Sink
from postgres import Server
from running import DESK, HELPDESK, SELLER, does, house, mail, until

pytestmark = [pytest.mark.real, pytest.mark.slow]
AHEAD = 49 * 3600


@pytest.fixture
def cluster(nursery: Nursery, postgres_server: Server, sink: tuple[Sink, str], tmp_path: Path) -> Iterator[Cluster]:
    """No node yet, an empty database."""
    made = Cluster(nursery, house(tmp_path), postgres_server.database(), (sink[1],))
    yield made
    made.end()


@pytest.mark.timeout(240)
def test_nodes_are_killed_and_stopped_and_everything_happens_once(
    cluster: Cluster, sink: tuple[Sink, str], tmp_path: Path
) -> None:
    """R15, R16, T23: trouble while mail comes in, and again while reminders fall due."""
    dice = random.Random(4)
    cluster.start(3)
    senders = Senders(cluster)
    senders.start(3, most=12, pause=0.1)
    for _ in range(3):
        cluster.trouble(dice)
    senders.join()
    (tmp_path / "ahead").write_text(str(AHEAD))
    for _ in range(2):
        cluster.trouble(dice)
    until(lambda: cluster.ask("SELECT count(*) FROM steps WHERE step = 'reminder'")[0][0] == 36, 60, "36 reminders")
    until(cluster.quiet, 60, "quiet")
    assert faults(cluster, senders, sink[0]) == []


def test_database_stops_at_once_and_nothing_accepted_is_lost(nursery: Nursery, sink: tuple[Sink, str], tmp_path: Path) -> None:
    """R17: while the database is away the doors say 451; when it is back, everything goes on by itself."""
    with postgres.server() as own:
        cluster = Cluster(nursery, house(tmp_path), own.database(), (sink[1],))
        cluster.start(2)
        senders = Senders(cluster)
        senders.start(3, most=15, pause=0.05)
        for _ in range(2):
            settled = len(senders.accepted)
            until(lambda n=settled: len(senders.accepted) > n)
            own.stop("immediate")
            refused = senders.answers[451]
            until(lambda n=refused: senders.answers[451] > n, what="a 451")
            own.start()
        senders.join()
        until(cluster.quiet, what="quiet")
        assert set(senders.answers) <= {451, 421}
        assert faults(cluster, senders, sink[0]) == []
        assert cluster.end() == [0, 0]


def test_database_that_forgot_what_it_confirmed_stops_every_node(
    nursery: Nursery, sink: tuple[Sink, str], tmp_path: Path
) -> None:
    """R18: a failover to a copy that lacks the last commits: they say so and end, so that a person looks before they go on."""
    with postgres.server() as own:
        cluster = Cluster(nursery, house(tmp_path), own.database(), (sink[1],))
        cluster.start(2)
        own.stop("fast")
        subprocess.run(["cp", "-a", own.place / "data", own.place / "earlier"], check=True)
        own.start()
        senders = Senders(cluster)
        senders.start(2, most=3)
        senders.join()
        until(cluster.quiet, what="quiet")
        for one in cluster.nodes:  # the same bytes once more: their row goes, and nobody takes that for a loss
            assert one is not None
            assert one.sends(mail(HELPDESK, SELLER, "a0-1", "Order a0-1"))
        until(lambda: cluster.ask("SELECT count(*) FROM sightings") == [(2,)], what="two sightings")
        until(cluster.quiet, what="quiet")
        (beat,) = cluster.ask("SELECT min(alive_until) FROM nodes")[0]
        until(lambda: cluster.ask("SELECT min(alive_until) FROM nodes")[0][0] > beat, what="a beat of each")
        assert [one.lines("store.went_back") for one in cluster.nodes if one] == [[], []]
        own.stop("immediate")
        (own.place / "data").rename(own.place / "lost")
        (own.place / "earlier").rename(own.place / "data")
        own.start()
        nodes = [one for one in cluster.nodes if one is not None]
        until(lambda: all(one.ended() is not None for one in nodes), what="the end of both")
        assert [len(one.lines("store.went_back")) for one in nodes] == [1, 1]
        assert {line["reason"] for one in nodes for line in one.lines("daemon.stopping")} == {
            "the database has forgotten what it had confirmed"
        }
        cluster.nodes = []
        cluster.end()


def test_failover_with_everything_is_nothing_to_nodes_that_live(nursery: Nursery, sink: tuple[Sink, str], tmp_path: Path) -> None:
    """R18: a living node knows that nothing is lost; who starts after it needs not ask."""
    with postgres.server() as own:
        cluster = Cluster(nursery, house(tmp_path), own.database(), (sink[1],))
        cluster.start(1)
        (before,) = cluster.ask("SELECT value FROM flags WHERE name = 'database'")
        own.fails_over()
        cluster.reconnect()
        until(lambda: cluster.ask("SELECT value FROM flags WHERE name = 'database'") != [before], what="a beat")
        cluster.start(2)
        assert cluster.ask("SELECT * FROM flags WHERE name LIKE 'hold:%'") == []
        assert [one.lines("store.replaced") for one in cluster.nodes if one] == [[], []]
        assert cluster.end() == [0, 0]


def test_node_that_starts_on_a_database_that_nobody_saw_replaced_sends_nothing(
    nursery: Nursery, sink: tuple[Sink, str], tmp_path: Path
) -> None:
    """R18: restored, or a standby took over while no node lived: what is missing nobody knows, so people look first."""
    with postgres.server() as own:
        cluster = Cluster(nursery, house(tmp_path), own.database(), (sink[1],))
        cluster.start(1)
        assert cluster.end() == [0]
        own.fails_over()
        cluster.reconnect()
        cluster.nodes = []
        cluster.start(1)
        node = cluster.nodes[0]
        assert node is not None
        assert len(node.lines("store.replaced")) == len(node.lines("outbox.on_hold")) == 1
        assert node.sends(mail(HELPDESK, SELLER, "ask", "Order 1"))
        assert node.sends(mail(SELLER, DESK, "answer", "Re: Order 1", cc="", answers="ask"))
        until(lambda: cluster.ask("SELECT state FROM outbox") == [("queued",)], what="a notice that waits")
        node.kill()
        cluster.nodes = []
        cluster.start(1)
        assert cluster.ask("SELECT name FROM flags WHERE name LIKE 'hold:%'") == [("hold:all",)]
        assert sink[0].taken == []
        does("release", "--config", str(tmp_path), "--set", cluster.words[0])
        until(lambda: sink[0].taken, what="the notice")
        assert cluster.end() == [0]
