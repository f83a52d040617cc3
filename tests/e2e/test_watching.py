"""A daemon that watches real mailboxes of a real Dovecot: the desk's own, and a seller's with its Sent and Junk."""

from __future__ import annotations

import signal
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner
from dovecot import DESK as ADDRESS
from dovecot import SELLER as ACME
from dovecot import Dovecot
from nursery import Nursery
from running import DESK, HELPDESK, Running, ask, house, mail, rows, until

from mailgate import cli

pytestmark = pytest.mark.real
FILES = "smarthost.url=maildir:outgoing"
ASK = mail(HELPDESK, ACME, "ask", "Order 4711", text="Please send the tracking link.")
REPLY = mail(ACME, HELPDESK, "reply", "Re: Order 4711", cc=DESK, answers="ask", text="It is TRACK-1.")


@pytest.fixture
def shop(tmp_path: Path, dovecot: Dovecot) -> Path:
    """A configuration whose seller is Acme, and whose only door is the seller's mailbox."""
    directory = house(tmp_path)
    (directory / "sellers" / "example-seller.toml").write_text(
        f'[seller]\nname = "Acme"\nsupport = "{ACME}"\nentities = ["inc"]\n', "utf-8"
    )
    secret = directory / "acme.secret"
    secret.write_text(dovecot.users[ACME] + "\n", "utf-8")
    secret.chmod(0o600)
    watch = f"""
[mailbox.acme]
host = "localhost"
port = {dovecot.tls_port}
ca_file = "{dovecot.certificate}"
username = "{ACME}"
password_file = "acme.secret"
folders = {{ INBOX = "inbox", Sent = "sent", Junk = "junk" }}
since = 2026-01-01
"""
    main = directory / "mailgate.toml"
    main.write_text(
        main.read_text("utf-8").replace('claimed_may = ["add", "start", "stop"]', 'claimed_may = ["add"]') + watch, "utf-8"
    )
    return directory


@pytest.fixture
def start(shop: Path, nursery: Nursery) -> Iterator[Callable[..., Running]]:
    """Starts the daemon; the last one stops as it should."""
    running: list[Running] = []

    def begin(*words: str, **more: float) -> Running:
        running.append(nursery.start(shop, FILES, *words, **more).wait_ready())
        return running[-1]

    yield begin
    if running and running[-1].ended() is None:
        assert running[-1].kill(signal.SIGTERM) == 0


def listed(directory: Path) -> dict[str, tuple[str, str | None, str]]:
    """State, ticket and door of each mail, by its id."""
    found = ask(directory, "message", "list")
    return {str(row["message_id"]).partition("@")[0]: (row["state"], row["ticket"], row["door"]) for row in found}


def settled(running: Running, count: int) -> None:
    """Wait until so many mails were judged."""
    names = ("message.settled", "message.held", "message.duplicate")
    until(lambda: sum(len(running.lines(name)) for name in names) >= count, 30)


def ready(running: Running) -> tuple[int, str]:
    """What /readyz says."""
    try:
        with urllib.request.urlopen(f"http://{running.ready['http'][0]}/readyz", timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_seller_speaks_by_his_sent_folder(shop: Path, dovecot: Dovecot, start: Callable[..., Running]) -> None:
    """The ask lies in his inbox, the answer in Sent: it counts as proven, where a mere From would not."""
    dovecot.puts(ACME, ASK, mail("friend@home.test", ACME, "private", "Lunch?", cc=""))
    running = start()
    settled(running, 2)
    spam = mail(HELPDESK, ACME, "spam", "Win", text="Prize")
    dovecot.puts(ACME, REPLY, folder="Sent")
    dovecot.puts(ACME, spam, folder="Junk")
    settled(running, 4)
    assert listed(shop) == {
        "ask": ("settled", "MG-1", "imap"), "private": ("settled", None, "imap"),
        "reply": ("settled", "MG-1", "imap"), "None": ("held", None, "imap"),
    }  # fmt: skip
    (held,) = running.lines("message.held")
    assert (held["message_id"], held["reason"]) == ("spam@mail.test", "the junk folder of acme")
    told = {line["message_id"].partition("@")[0]: line for line in running.lines("message.settled")}
    assert (told["reply"]["trust"], told["private"]["desk"]) == ("authenticated", None)
    assert ready(running)[0] == 200
    with urllib.request.urlopen(f"http://{running.ready['http'][0]}/metrics", timeout=5) as answer:
        assert 'mailgate_imap_connected{mailbox="acme"} 1.0' in answer.read().decode()
    for folder in ("INBOX", "Sent", "Junk"):
        assert set(dovecot.flags(ACME, folder)) == {""}, "nobody sees that we looked"
    assert dovecot.users[ACME] not in running.log.read_text("utf-8")


def test_mail_by_two_doors_is_one(shop: Path, dovecot: Dovecot, start: Callable[..., Running]) -> None:
    """By SMTP as a copy and in the mailbox: one message with two sightings, and one ticket."""
    running = start()
    assert running.sends(ASK)
    settled(running, 1)
    dovecot.puts(ACME, ASK)
    settled(running, 2)
    assert [row["message_id"] for row in ask(shop, "message", "list")] == ["ask@mail.test"]
    assert rows(shop, "SELECT door FROM sightings") == [("imap",)]
    assert len(ask(shop, "ticket", "list")) == 1


@pytest.mark.parametrize(
    ("where", "when"),
    [
        ("mailgate.store.watched:take", "after"),  # taken, not committed
        ("mailgate.gateway:Gateway.take", "after"),  # durable, and the watcher does not know
    ],
)
def test_daemon_that_dies_takes_each_mail_once(shop: Path, dovecot: Dovecot, nursery: Nursery, where: str, when: str) -> None:
    """R05: whatever it had fetched, noted or not: the next one goes on there."""
    dovecot.puts(ACME, ASK, *(mail(HELPDESK, ACME, f"more{n}", f"Order {n}") for n in range(3)))
    doomed = nursery.start(shop, FILES, kill=(where, when, 1))
    until(lambda: doomed.ended() == -9)
    running = nursery.start(shop, FILES).wait_ready()
    settled(running, 4)
    until(lambda: running.lines("imap.connected"))
    assert rows(shop, "SELECT count(*), count(DISTINCT sha256) FROM spool") == [(4, 4)]
    assert rows(shop, "SELECT count(*) FROM tickets") == [(4,)]
    assert running.kill(signal.SIGTERM) == 0


@pytest.mark.parametrize("how", ["killed", "stopped", "kicked"])
def test_server_that_goes_away_and_comes_back(shop: Path, dovecot: Dovecot, start: Callable[..., Running], how: str) -> None:
    """SIGKILL, an orderly end, and BYE to our session: the next mail is seen, once."""
    dovecot.puts(ACME, ASK)
    running = start()
    settled(running, 1)
    until(lambda: len(running.lines("imap.connected")) == 3)
    if how == "kicked":
        dovecot.kick(ACME)
    else:
        dovecot.stop(signal.SIGKILL if how == "killed" else signal.SIGTERM)
    until(lambda: len({line["folder"] for line in running.lines("imap.lost")}) == 3)
    if how != "kicked":
        dovecot.start()
    dovecot.puts(ACME, mail(HELPDESK, ACME, "second", "Order 4712"))
    settled(running, 2)
    assert sorted(listed(shop)) == ["ask", "second"]


def test_restart_reads_on_and_a_new_folder_counts_nothing_twice(
    shop: Path, dovecot: Dovecot, start: Callable[..., Running]
) -> None:
    """M03: after a restart nothing comes again; a folder made anew (UIDVALIDITY) comes again without effect."""
    first = start()
    dovecot.puts(ACME, ASK)
    settled(first, 1)
    assert first.kill(signal.SIGKILL) < 0
    dovecot.puts(ACME, mail(HELPDESK, ACME, "second", "Order 4712"))
    again = start(look=0.5)
    settled(again, 1)
    assert sorted(listed(shop)) == ["ask", "second"]
    assert [line["new"] for line in again.lines("imap.fetched")] == [1]
    with dovecot.client(ACME) as client:
        client.select("Junk")
        client.delete("Sent")
        client.create("Sent")
        client.append("Sent", "", "", ASK)
    until(lambda: again.lines("imap.renumbered"), 60)
    settled(again, 2)
    assert sorted(listed(shop)) == ["ask", "second"]
    assert len(ask(shop, "ticket", "list")) == 2


def test_unreachable_mailbox_is_told_by_readyz(shop: Path, dovecot: Dovecot, start: Callable[..., Running]) -> None:
    """503 and the reason until every folder was looked at; the doors work meanwhile."""
    dovecot.stop()
    running = start()
    until(lambda: running.lines("imap.lost"))
    status, said = ready(running)
    assert status == 503
    assert "mailbox acme, folder INBOX: no connection to localhost" in said
    assert running.sends(ASK)
    dovecot.start()
    until(lambda: ready(running)[0] == 200, 30)


def test_desk_of_its_own_mailbox(shop: Path, dovecot: Dovecot, start: Callable[..., Running]) -> None:
    """desk = "support": whatever lies there is the desk's, and moved away once it is safe."""
    with dovecot.client(ADDRESS) as client:
        client.create("Done")
    secret = shop / "desk.secret"
    secret.write_text(dovecot.users[ADDRESS], "utf-8")
    secret.chmod(0o600)
    main = shop / "mailgate.toml"
    table = f"""
[mailbox.desk]
host = "127.0.0.1"
port = {dovecot.port}
tls = "starttls"
ca_file = "{dovecot.certificate}"
username = "{ADDRESS}"
password_file = "desk.secret"
desk = "support"
since = 2026-01-01
after = "move:Done"
"""
    main.write_text(main.read_text("utf-8") + table, "utf-8")
    dovecot.puts(ADDRESS, mail("buyer@mail.test", "list@lists.test", "hello", "Where is it?", cc=""))
    running = start()
    settled(running, 1)
    until(lambda: dovecot.flags(ADDRESS, "Done") == [""])
    assert running.lines("message.settled")[0]["desk"] == "support"


def test_learning_from_a_mailbox_fills_the_index_and_nothing_else(shop: Path, dovecot: Dovecot) -> None:
    """The first hour: ids of what came since, from inbox and Sent, not from Junk; no mail is kept, nobody sees that we looked."""
    old, new = datetime(2024, 1, 1, tzinfo=UTC), datetime(2026, 6, 1, tzinfo=UTC)
    dovecot.puts(ACME, ASK, came=new)
    dovecot.puts(ACME, mail(HELPDESK, ACME, "old", "Order 1"), came=old)
    dovecot.puts(ACME, REPLY, folder="Sent", came=new)
    dovecot.puts(ACME, mail(HELPDESK, ACME, "spam", "Win"), folder="Junk", came=new)
    done = CliRunner().invoke(cli.cli, ["learn", "imap:acme", "--since", "2026-01-01", "--config", str(shop)])
    assert (done.exit_code, "2 mails read" in done.output) == (0, True), done.output
    assert {row[0] for row in rows(shop, "SELECT message_id FROM ids")} == {"ask@mail.test", "reply@mail.test"}
    assert ask(shop, "message", "list") == ask(shop, "ticket", "list") == []
    assert dovecot.flags(ACME) == ["", ""]
    dovecot.stop()
    gone = CliRunner().invoke(cli.cli, ["learn", "imap:acme", "--config", str(shop)])
    assert (gone.exit_code, "mailbox acme: no connection to localhost" in gone.output) == (69, True)
    assert CliRunner().invoke(cli.cli, ["learn", "imap:nobody", "--config", str(shop)]).exit_code == 2
