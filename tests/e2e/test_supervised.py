"""What a service manager sees (U03, U04, R08): when the daemon says that it serves, lives, ends; signals; its socket."""

from __future__ import annotations

import os
import signal
import smtplib
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from nursery import Nursery
from running import DESK, HELPDESK, PLAIN, SELLER, Running, ask, house, mail, quiet, rows, sha256, until

FILES = ("smarthost.url=maildir:outgoing", "timers.catch_up=0s")
ASK = mail(HELPDESK, SELLER, "ask", "Order 4711")


@dataclass
class Manager:
    """The service manager's end of NOTIFY_SOCKET (sd_notify(3))."""

    channel: socket.socket
    path: str
    said: list[str] = field(default_factory=list)

    @property
    def heard(self) -> list[str]:
        """Every assignment that was sent so far."""
        while True:
            try:
                self.said += self.channel.recv(4096).decode().split("\n")
            except BlockingIOError:
                return self.said

    def starts(self, nursery: Nursery, directory: Path, **more: Any) -> Running:
        """A daemon under this manager; it looks at its loops ten times a second, and one second is too long for any."""
        found = {"NOTIFY_SOCKET": self.path}
        return nursery.start(directory, *FILES, environment=found, watch=(0.1, 1.0), **more)


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    """A manager that nobody has spoken to."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.bind(str(tmp_path / "notify"))
        channel.setblocking(False)
        yield Manager(channel, str(tmp_path / "notify"))


def test_daemon_says_ready_when_it_serves_and_stopping_when_it_ends(nursery: Nursery, manager: Manager, tmp_path: Path) -> None:
    """READY=1 means: the doors answer, the store is open, what a crash left is known; then it lives, then it stops."""
    running = manager.starts(nursery, house(tmp_path / "house"))
    until(lambda: "READY=1" in manager.heard)
    assert running.wait_ready().sends(ASK)
    assert urllib.request.urlopen(f"http://{running.ready['http'][0]}/readyz", timeout=5).status == 200
    until(lambda: manager.heard.count("WATCHDOG=1") >= 3)
    os.kill(running.pid, signal.SIGHUP)
    until(lambda: manager.heard.count("READY=1") == 2)
    assert manager.heard.index("RELOADING=1") < len(manager.heard)
    assert running.kill(signal.SIGTERM) == 0
    told = [one for one in manager.heard if one != "WATCHDOG=1"]
    assert told == [
        "STATUS=opening the store", "EXTEND_TIMEOUT_USEC=600000000", "READY=1", "STATUS=serving", "RELOADING=1", "READY=1",
        "STOPPING=1",
    ]  # fmt: skip


def test_daemon_is_not_ready_before_it_knows_what_a_crash_left(nursery: Nursery, manager: Manager, tmp_path: Path) -> None:
    """Recovery hangs: no READY=1, no door."""
    running = manager.starts(nursery, house(tmp_path / "house"), hangs="mailgate.daemon:Daemon._recover")
    until(lambda: running.lines("daemon.started"))
    assert running.ended() is None
    assert "READY=1" not in manager.heard
    assert running.lines("daemon.ready") == []


HANGS = {
    "the timers": "mailgate.timekeeper:Timekeeper.tick",
    "the courier": "mailgate.courier:Courier.deliver",
    "a store's thread": "mailgate.store.outbox:counts",
    "the whole loop": "mailgate.needs:Needs.work",
}


@pytest.mark.parametrize("where", HANGS.values(), ids=HANGS)
def test_watchdog_is_not_fed_while_something_hangs(nursery: Nursery, manager: Manager, tmp_path: Path, where: str) -> None:
    """The service manager then ends the daemon and starts it anew."""
    manager.starts(nursery, house(tmp_path / "house"), hangs=where, blocks=where.endswith("Needs.work"))
    until(lambda: "READY=1" in manager.heard)
    fed = -1
    while fed != (fed := manager.heard.count("WATCHDOG=1")):
        time.sleep(1.5)  # a loop that hangs is found after one second; one that moves is seen ten times a second


@pytest.mark.parametrize("loop", ["timers", "courier"])
def test_daemon_asks_to_be_ended_when_a_loop_hangs(nursery: Nursery, manager: Manager, tmp_path: Path, loop: str) -> None:
    """What the daemon can see itself need not wait until the watchdog misses its food; a probe hears it, too."""
    running = manager.starts(nursery, house(tmp_path / "house"), hangs=HANGS[f"the {loop}"])
    until(lambda: "WATCHDOG=trigger" in manager.heard)
    named = {"timers": "timekeeper"}.get(loop, loop)
    assert {one["loop"] for one in running.lines("loop.hangs")} == {named}
    with pytest.raises(urllib.error.HTTPError, match="503"):
        urllib.request.urlopen(f"http://{running.wait_ready().ready['http'][0]}/healthz", timeout=5)


def test_storm_of_signals_leaves_a_daemon_that_works(nursery: Nursery, tmp_path: Path) -> None:
    """R08: a hundred SIGHUP, SIGSTOP for three seconds and SIGCONT: no descriptor is lost, the session that was open goes on."""
    running = nursery.start(house(tmp_path), *FILES).wait_ready()
    with running.client() as client:
        client.ehlo()
        until(lambda: quiet(tmp_path))
        before = len(os.listdir(f"/proc/{running.pid}/fd"))
        for _ in range(100):
            os.kill(running.pid, signal.SIGHUP)
        until(lambda: running.lines("config.reloaded"))
        os.kill(running.pid, signal.SIGSTOP)
        threading.Timer(3, os.kill, (running.pid, signal.SIGCONT)).start()
        client.sendmail("a@client.test", [DESK], ASK)  # answered once it goes on
    until(lambda: quiet(tmp_path) and len(ask(tmp_path, "message", "list")) == 1)
    until(lambda: len(os.listdir(f"/proc/{running.pid}/fd")) <= before)
    assert running.lines("loop.failed") == []
    assert running.kill(signal.SIGTERM) == 0


def test_second_signal_to_stop_changes_nothing(nursery: Nursery, tmp_path: Path) -> None:
    """R08: the mail in hand still gets its 250."""
    running = nursery.start(house(tmp_path), *FILES, drain=5).wait_ready()
    with running.client() as client:
        client.ehlo()
        client.mail("a@client.test")
        client.rcpt(DESK)
        assert client.docmd("DATA")[0] == 354
        os.kill(running.pid, signal.SIGINT)
        until(lambda: running.lines("daemon.stopping"))
        os.kill(running.pid, signal.SIGTERM)
        client.send(ASK + b".\r\n")
        assert client.getreply()[0] == 250
        client.close()
    assert running.kill(signal.SIGTERM) == 0
    assert [row["sha256"] for row in ask(tmp_path, "message", "list")] == [sha256(ASK)]


def test_restart_behind_the_managers_socket_refuses_nobody(tmp_path: Path) -> None:
    """U04: whoever connects meanwhile waits in the socket's queue; a 421 of the daemon that ends is the only no."""
    shop, seen, sent = house(tmp_path), Counter[str](), Counter[str]()
    with socket.create_server(("127.0.0.1", 0), backlog=256) as listener:
        port, done = listener.getsockname()[1], threading.Event()

        def sends(who: int) -> None:
            count = 0
            while not done.is_set() or not count:
                raw = mail(HELPDESK, SELLER, f"{who}-{count}", f"Order {who}-{count}")
                try:
                    with smtplib.SMTP("127.0.0.1", port, "client.test", timeout=60) as client:
                        client.sendmail("a@client.test", [DESK], raw)
                except smtplib.SMTPResponseException as error:
                    seen[str(error.smtp_code)] += 1
                except OSError as error:
                    seen[type(error).__name__] += 1
                else:
                    sent[sha256(raw)] += 1
                    count += 1

        threads = [threading.Thread(target=sends, args=(n,)) for n in range(4)]
        for thread in threads:
            thread.start()
        for _ in range(2):
            running = _behind(listener, shop)
            before = len(sent)
            until(lambda before=before: len(sent) > before + 10)
            assert running.kill(signal.SIGTERM) == 0
        running = _behind(listener, shop)
        done.set()
        for thread in threads:
            thread.join(60)
        until(lambda: quiet(shop))
        assert running.kill(signal.SIGTERM) == 0
    assert not {"ConnectionRefusedError", "TimeoutError"} & set(seen), seen
    stored = {row[0] for row in rows(shop, "SELECT sha256 FROM spool")}
    assert set(sent) <= stored
    print(f"{len(sent)} mails over two restarts; {dict(seen)}")


def _behind(listener: socket.socket, shop: Path) -> Running:
    script = "import os, sys; os.dup2(int(sys.argv[1]), 3, inheritable=True); "
    script += "os.execv(sys.executable, [sys.executable, '-m', 'mailgate', *sys.argv[2:]])"
    words = [
        "serve",
        "--config",
        str(shop),
        "--set",
        'smtp.listen=["fd:3"]',
        "--set",
        'http.listen=""',
        *PLAIN,
        "--set",
        FILES[0],
    ]
    log = shop / f"log-{len(list(shop.glob('log-*')))}"
    with log.open("wb") as errors:
        command = [sys.executable, "-c", script, str(listener.fileno()), *words]
        process = subprocess.Popen(command, pass_fds=[listener.fileno()], stderr=errors)
    return Running(shop, log, process.pid, process.poll).wait_ready()
