"""Two nodes on one PostgreSQL: a watched mailbox has one watcher, the guard of either works, whoever has the turn."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from cluster import Cluster
from dovecot import SELLER as ACME
from dovecot import Dovecot
from nursery import Nursery, Sink, started
from postgres import Server
from running import DESK, HELPDESK, SELLER, Running, house, mail, until

pytestmark = pytest.mark.real
BUYER = "buyer@mail.test"


@pytest.fixture
def cluster(nursery: Nursery, postgres_server: Server, tmp_path: Path) -> Iterator[Cluster]:
    """No node yet, an empty database."""
    made = Cluster(nursery, house(tmp_path), postgres_server.database(), ("smarthost.url=maildir:outgoing",))
    yield made
    made.end()


def turn(cluster: Cluster) -> tuple[int, Running]:
    """The place of the node that settles, and the node."""

    def found() -> tuple[int, Running] | None:
        (holder,) = cluster.ask("SELECT holder FROM turns")[0]
        return next(((n, one) for n, one in enumerate(cluster.nodes) if one and f".{one.pid}." in holder), None)

    return until(found, what="a node with the turn")  # type: ignore[return-value]


def watching(cluster: Cluster, dovecot: Dovecot) -> None:
    """The seller's inbox and Sent folder are watched."""
    (cluster.directory / "sellers" / "example-seller.toml").write_text(
        f'[seller]\nname = "Acme"\nsupport = "{ACME}"\nentities = ["inc"]\n', "utf-8"
    )
    secret = cluster.directory / "acme.secret"
    secret.write_text(dovecot.users[ACME] + "\n", "utf-8")
    secret.chmod(0o600)
    with (cluster.directory / "mailgate.toml").open("a", encoding="utf-8") as main:
        main.write(
            f'[mailbox.acme]\nhost = "localhost"\nport = {dovecot.tls_port}\nca_file = "{dovecot.certificate}"\n'
            f'username = "{ACME}"\npassword_file = "acme.secret"\nfolders = {{ INBOX = "inbox", Sent = "sent" }}\n'
            "since = 2026-01-01\n"
        )


def asks(count: int, name: str = "ask") -> list[bytes]:
    """Mails of the helpdesk to the seller."""
    return [mail(HELPDESK, ACME, f"{name}{n}", f"Order {name} {n}") for n in range(count)]


def test_mailbox_is_watched_by_the_node_with_the_turn_alone(cluster: Cluster, dovecot: Dovecot) -> None:
    """One login for each folder. That node dies: the other goes on where it was, and every mail is there once."""
    watching(cluster, dovecot)
    dovecot.puts(ACME, *asks(5))
    cluster.start(2)
    place, first = turn(cluster)
    settled = "SELECT count(*) FROM messages"
    until(lambda: cluster.ask(settled) == [(5,)], what="5 mails")
    second = cluster.nodes[1 - place]
    assert second is not None
    assert {line["folder"] for line in first.lines("imap.connected")} == {"INBOX", "Sent"}
    assert second.lines("imap.connected") == []
    cluster.kill(place)
    dovecot.puts(ACME, *asks(5, "later"))
    until(lambda: cluster.ask(settled) == [(10,)], what="10 mails")
    assert {line["folder"] for line in second.lines("imap.connected")} == {"INBOX", "Sent"}
    assert cluster.ask("SELECT count(*), count(DISTINCT sha256) FROM spool") == [(10, 10)]
    assert cluster.ask("SELECT count(*) FROM tickets") == [(10,)]


def test_guard_of_one_node_is_judged_by_the_other(cluster: Cluster) -> None:
    """The ask and an answer without the copy pass through the guard of the node that has not the turn."""
    beyond = Sink()
    with started(beyond) as word:
        hop = word.replace("smarthost.url", "guard.next_hop")
        cluster.words += ('guard.listen=["127.0.0.1:0"]', hop, 'guard.networks=["127.0.0.1"]')
        cluster.start(2)
        place, _ = turn(cluster)
        node = cluster.nodes[1 - place]
        assert node is not None
        ask = mail(HELPDESK, SELLER, "ask", "Order 4711", cc=f"{DESK}, {BUYER}")
        answer = mail(SELLER, BUYER, "answer", "Re: Order 4711", cc="", answers="ask")
        for raw, sender, to in ((ask, HELPDESK, [SELLER, BUYER]), (answer, SELLER, [BUYER])):
            with node.client("guard") as client:
                client.sendmail(sender, to, raw)
            until(cluster.quiet, what="quiet")
        assert [raw for _, raw in beyond.taken][-1].count(b"answer@mail.test")
        assert cluster.ask("SELECT state, reason, ticket FROM spool ORDER BY id") == [("settled", None, 1)] * 2
        assert cluster.ask("SELECT event FROM messages ORDER BY id") == [("asked",), ("noncompliant",)]
