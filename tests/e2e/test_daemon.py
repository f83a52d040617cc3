"""The daemon from outside: what a person types, what a mail server sends, what a service manager signals."""

from __future__ import annotations

import json
import os
import signal
import smtplib
import socket
import sys
import time
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from email import message_from_bytes
from functools import partial
from pathlib import Path

import pytest
from nursery import Nursery, Sink
from running import DESK, HELPDESK, SELLER, Running, ask, does, house, mail, quiet, rows, serve, sha256, until, verb

from mailgate import cli
from mailgate import daemon as server
from mailgate.mail.message import Envelope
from mailgate.store import spool
from mailgate.store.claim import claim
from mailgate.store.engine import Store

ASK = mail(HELPDESK, SELLER, "ask", "Order 4711", text="Please send the tracking link.")
LACKING = mail(SELLER, "buyer@mail.test", "lacking", "Re: Order 4711", cc="", answers="ask")
FILES = "smarthost.url=maildir:outgoing"


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A configuration as `init` writes it."""
    return house(tmp_path)


@pytest.fixture
def daemon(shop: Path, nursery: Nursery) -> Iterator[Running]:
    """A daemon that stops as it should."""
    running = nursery.start(shop, FILES, f'lmtp.listen=["unix:{shop}/lmtp", "127.0.0.1:0"]').wait_ready()
    yield running
    if running.ended() is None:
        assert running.kill(signal.SIGTERM) == 0


def settled(directory: Path, count: int) -> list[dict[str, object]]:
    """The list of mails, once so many are settled."""
    until(lambda: len(ask(directory, "message", "list")) == count and quiet(directory))
    return ask(directory, "message", "list")


def test_first_hour(tmp_path: Path) -> None:
    """init, serve, a mail, the lists, explain, inspect, replay; each verb a process of its own."""
    directory = tmp_path / "run"
    assert "wrote" in verb("init", directory, "--address", DESK)
    running = serve(directory)
    assert running.sends(ASK)
    assert running.sends(LACKING)
    host = running.ready["http"][0]
    assert urllib.request.urlopen(f"http://{host}/readyz", timeout=5).status == 200
    until(lambda: running.lines("notice.sent") and len(running.lines("message.settled")) == 2)
    listed = [json.loads(line) for line in verb("message", "list", "--json", "--config", directory).splitlines()]
    assert [(row["sha256"], row["state"], row["ticket"], row["door"]) for row in listed] == [
        (sha256(ASK), "settled", "MG-1", "smtp"), (sha256(LACKING), "settled", "MG-1", "smtp"),
    ]  # fmt: skip
    (shown,) = ask(directory, "ticket", "show", "MG-1")
    assert (shown["state"], shown["messages"], shown["clocks"][0]["state"]) == ("waiting", 2, "running")
    assert "notice_noncompliant" in [event["event"] for event in shown["events"]]
    explained = verb("explain", "1", "--config", directory)
    assert "clock respond, episode 1: running" in explained
    sent = ask(directory, "outbox", "list")
    assert {row["state"] for row in sent} == {"sent"}
    files = [message_from_bytes(path.read_bytes()) for path in (directory / "outgoing" / "new").iterdir()]
    assert {one["Message-ID"].strip("<>") for one in files} == {row["message_id"] for row in sent}
    assert running.kill(signal.SIGTERM, 10) == 0
    assert running.lines("daemon.stopped")[0]["clean"] is True
    assert ask(directory, "message", "list") == listed, "the lists read the store of a daemon that has ended"


def test_verbs_that_need_no_daemon(tmp_path: Path) -> None:
    """inspect, replay and simulate answer one JSON object a line."""
    (tmp_path / "1.eml").write_bytes(ASK)
    (tmp_path / "2.eml").write_bytes(LACKING)
    (inspected,) = [json.loads(line) for line in verb("inspect", "--json", tmp_path / "1.eml").splitlines()]
    assert (inspected["message_id"], inspected["class"]) == ("ask@mail.test", "human")
    replayed = [json.loads(line) for line in verb("replay", "--json", "--desk", DESK, tmp_path).splitlines()]
    assert [(row["ticket"], row["new"]) for row in replayed] == [("T1", True), ("T1", False)]
    case = {"id": "c1", "policy": "digistore24", "options": {}, "events": [], "until": "2026-06-08T00:00:00Z"}
    (tmp_path / "cases.jsonl").write_text(json.dumps(case) + "\n")
    assert json.loads(verb("simulate", "--json", tmp_path / "cases.jsonl"))["id"] == "c1"


def test_sigterm_finishes_the_mail_in_hand(shop: Path, nursery: Nursery) -> None:
    """A mail in DATA gets its 250; a silent session is cut when the time for it is over; the end is 0."""
    assert server.DRAIN < 9
    running = nursery.start(shop, FILES, drain=2).wait_ready()
    with running.client() as talks, running.client() as silent:
        for client in (talks, silent):
            client.ehlo()
            client.mail("a@client.test")
            client.rcpt(DESK)
            assert client.docmd("DATA")[0] == 354
        half = len(ASK) // 2
        talks.send(ASK[:half])
        begun = time.monotonic()
        os.kill(running.pid, signal.SIGTERM)
        until(lambda: running.lines("daemon.stopping"))
        talks.send(ASK[half:] + b".\r\n")
        assert talks.getreply()[0] == 250
        assert running.kill(signal.SIGTERM) == 0
        assert time.monotonic() - begun < 8
        talks.close()
        silent.close()
    assert [(row["sha256"], row["state"]) for row in ask(shop, "message", "list")] == [(sha256(ASK), "settled")]


def test_sigterm_right_after_the_start_is_obeyed(shop: Path, nursery: Nursery) -> None:
    """Whatever the loops were about to do: a cancellation that one of them missed comes again."""
    for _ in range(5):
        assert nursery.start(shop, FILES).wait_ready().kill(signal.SIGTERM) == 0


def test_sighup_takes_all_or_nothing(shop: Path, daemon: Running) -> None:
    """A broken file changes nothing and is named; a good one is in force at once."""
    new = shop / "sellers" / "nova.toml"
    new.write_text("[seller]\nname = 7\n")
    os.kill(daemon.pid, signal.SIGHUP)
    until(lambda: daemon.lines("config.refused"))
    assert "nova.toml" in str(daemon.lines("config.refused")[0]["problems"])
    assert daemon.sends(ASK)
    new.write_text('[seller]\nname = "Nova"\nsupport = "support@nova.test"\nentities = ["inc"]\n')
    os.kill(daemon.pid, signal.SIGHUP)
    until(lambda: daemon.lines("config.reloaded"))
    assert daemon.lines("config.reloaded")[0]["sellers"] == 2
    assert daemon.sends(mail(HELPDESK, "support@nova.test", "nova", "Order 12"))
    settled(shop, 2)
    assert [row["seller"] for row in ask(shop, "ticket", "list")] == ["example-seller", "nova"]
    assert len(daemon.lines("config.refused")) == 1


def test_lmtp_and_unix_doors(shop: Path, daemon: Running) -> None:
    """LMTP answers for each recipient, on a port and on a unix socket."""
    for n, where in enumerate((f"{shop}/lmtp", daemon.ready["lmtp"][1])):
        host, _, port = where.rpartition(":") if n else (where, "", "0")
        with smtplib.LMTP(host, int(port), "client.test") as client:
            client.sendmail("a@client.test", [DESK], mail(HELPDESK, SELLER, f"lmtp{n}", f"Order {n}"))
    assert [row["door"] for row in settled(shop, 2)] == ["lmtp", "lmtp"]


def test_strangers_recipient_is_refused(daemon: Running) -> None:
    """RCPT is taken for desks, their +forms and return paths; else 550 5.7.1."""
    with daemon.client() as client:
        client.ehlo()
        client.mail("a@client.test")
        assert client.rcpt("someone@else.test")[0] == 550
        assert client.rcpt("support+t1@shop.test")[0] == 250
        assert client.rcpt("bounces+1.abc@shop.test")[0] == 250


def test_second_daemon_on_the_store_is_refused(shop: Path, daemon: Running, nursery: Nursery) -> None:
    """It names the first and leaves with 69; the first goes on (R15)."""
    told = verb("serve", "--config", shop, "--set", 'smtp.listen=["127.0.0.1:0"]', "--set", 'http.listen=""', code=69)
    assert f"process {daemon.pid} serves" in told
    assert daemon.sends(ASK)
    settled(shop, 1)


def test_daemon_whose_claim_was_removed_takes_it_again(shop: Path, nursery: Nursery) -> None:
    """R15: somebody tidied up beside the store; a second daemon does not get in by that."""
    running = nursery.start(shop, FILES, watch=(0.1, 120.0)).wait_ready()
    lock = shop / "mailgate.db.lock"
    lock.unlink()
    until(lambda: lock.exists() and lock.read_text() == str(running.pid), what="the claim")
    told = verb("serve", "--config", shop, "--set", 'smtp.listen=["127.0.0.1:0"]', "--set", 'http.listen=""', code=69)
    assert f"process {running.pid} serves" in told
    assert running.sends(ASK)


def test_daemon_that_finds_another_one_on_its_store_ends(shop: Path, nursery: Nursery) -> None:
    """R15: one came in while the claim was away; of two that would send what is due one goes, and the other goes on."""
    running = nursery.start(shop, FILES, watch=(0.1, 120.0)).wait_ready()

    def taken() -> int:
        (shop / "mailgate.db.lock").unlink(missing_ok=True)
        held = claim(shop / "mailgate.db")
        return held if isinstance(held, int) else 0

    held = until(taken, what="the claim")
    until(lambda: running.ended() == 0, what="the end of the first")
    assert running.lines("daemon.stopping")[0]["reason"] == f"process {os.getpid()} serves the store now"
    os.close(held)


def test_hold_keeps_and_release_sends(shop: Path, daemon: Running) -> None:
    """While on hold mail is accepted and settled, and nothing leaves; after `release` it does."""
    settled(shop, 0)
    before = len(ask(shop, "outbox", "list", "--state", "sent"))
    does("hold", "--config", str(shop))
    assert daemon.sends(ASK)
    assert daemon.sends(LACKING)
    until(lambda: len(daemon.lines("message.settled")) == 2)
    waiting = ask(shop, "outbox", "list", "--state", "queued")
    assert [row["notice"] for row in waiting] == ["notice_noncompliant"]
    assert len(ask(shop, "outbox", "list", "--state", "sent")) == before
    host = f"http://{daemon.ready['http'][0]}"
    assert urllib.request.urlopen(f"{host}/readyz", timeout=5).read() == b"ready; on hold: all\n"
    does("release", "--config", str(shop))
    assert urllib.request.urlopen(f"{host}/readyz", timeout=5).read() == b"ready\n"
    assert b'mailgate_holds{scope="all"}' in urllib.request.urlopen(f"{host}/metrics", timeout=5).read()
    until(lambda: quiet(shop))
    assert len(ask(shop, "outbox", "list", "--state", "sent")) == before + 1


def test_parked_mail_is_settled_by_retry(shop: Path, nursery: Nursery) -> None:
    """A fault of ours parks the mail with its reason, the loop goes on; mended, `spool retry` settles it."""
    broken = nursery.start(shop, FILES, raises="mailgate.gateway:decide").wait_ready()
    assert broken.sends(ASK)
    until(lambda: broken.lines("message.parked"))
    (parked,) = ask(shop, "spool", "list")
    assert parked["reason"] == "RuntimeError: a planted fault"
    assert [row["state"] for row in ask(shop, "message", "list")] == ["parked"]
    assert broken.kill(signal.SIGTERM) == 0
    mended = nursery.start(shop, FILES).wait_ready()
    assert does("spool", "retry", str(parked["spool_id"]), "--config", str(shop)).startswith("1 of 1")
    until(lambda: mended.lines("message.settled"))
    assert [(row["state"], row["ticket"]) for row in ask(shop, "message", "list")] == [("settled", "MG-1")]
    assert mended.kill(signal.SIGTERM) == 0


def test_notices_leave_by_smtp(shop: Path, nursery: Nursery, sink: tuple[Sink, str]) -> None:
    """The smarthost gets each notice once, for its reader, with the Message-ID of the outbox."""
    hop, words = sink
    running = nursery.start(shop, words).wait_ready()
    assert running.sends(ASK)
    assert running.sends(LACKING)
    settled(shop, 2)
    taken = [(reader, message_from_bytes(raw)["Message-ID"].strip("<>")) for reader, raw in hop.taken]
    assert sorted(taken) == sorted(rows(shop, "SELECT reader, message_id FROM outbox"))
    assert running.kill(signal.SIGTERM) == 0


def test_exit_codes_of_verbs(shop: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """64 usage, 65 data, 74 input and output; a sentence each, never a traceback."""
    (shop / "cases.jsonl").write_text("{not json\n")
    said = {
        64: ["ticket", "show", "99", "--config", str(shop)],
        65: ["simulate", "--json", str(shop / "cases.jsonl")],
        74: ["spool", "export", "1", str(shop / "no" / "folder"), "--config", str(shop)],
        78: ["check", "--config", str(shop / "nowhere")],
    }
    store = Store.open("sqlite:///mailgate.db", shop)
    store.call(partial(spool.put, arrivals=[(Envelope(None, (DESK,), datetime(2026, 6, 1, tzinfo=UTC)), ASK, None)]))
    store.close()
    for code, words in said.items():
        monkeypatch.setattr(sys, "argv", ["mailgate", *words])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        told = capsys.readouterr().err
        assert (ended.value.code, "Traceback" in told, bool(told)) == (code, False, True), told


def test_exit_codes_of_serve(shop: Path) -> None:
    """74 for a door that is taken, 78 for a configuration that is faulty, with file, key, expected and got."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        door = f'smtp.listen=["127.0.0.1:{taken.getsockname()[1]}"]'
        assert "in use" in verb("serve", "--config", shop, "--set", door, "--set", 'http.listen=""', code=74)
    (shop / "desks.toml").write_text("[desk.support]\naddress = 3\n")
    assert "desks.toml: desk.support.address: expected" in verb("serve", "--config", shop, code=78)
