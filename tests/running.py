"""A real daemon in a process of its own, as the tests of its outside see it: its log, its doors, its verbs, its store.

Nothing here sleeps for a fixed time: `until` asks again until the answer is true or its deadline has passed.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import signal
import smtplib
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from click.testing import CliRunner

from mailgate import cli, config

T = TypeVar("T")
DESK, HELPDESK, SELLER = "support@shop.test", "helpdesk@digistore24.com", "support@example-seller.example"
MANAGER = "manager@market.test"
PORTS = ("--set", 'smtp.listen=["127.0.0.1:0"]', "--set", 'http.listen="127.0.0.1:0"', "--set", "hostname=gate.shop.test")
PLAIN = ("--set", "logs.addresses=plain")


def until(asked: Callable[[], T], seconds: float = 60.0, what: str = "") -> T:
    """The first true answer to `asked`; fails after `seconds`."""
    end = time.monotonic() + seconds
    while not (answer := asked()):
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds:g} s: {what or asked}")
        time.sleep(0.02)
    return answer


def house(directory: Path) -> Path:
    """A configuration as `mailgate init` writes it, its seller with a manager."""
    config.init(directory, DESK, "digistore24")
    seller = directory / "sellers" / "example-seller.toml"
    seller.write_text(seller.read_text("utf-8") + f'\nmanager = "{MANAGER}"\n', "utf-8")
    return directory


def mail(author: str, to: str, name: str, subject: str, *, cc: str = DESK, answers: str = "", text: str = "") -> bytes:
    """The bytes of a mail with the Message-ID `<name@mail.test>`."""
    lines = [
        f"From: {author}", f"To: {to}", *([f"Cc: {cc}"] if cc else []), f"Subject: {subject}",
        f"Message-ID: <{name}@mail.test>", "Date: Mon, 01 Jun 2026 10:00:00 +0000",
        *([f"In-Reply-To: <{answers}@mail.test>"] if answers else []), "", text or f"This is {name}.", "",
    ]  # fmt: skip
    return "\r\n".join(lines).encode()


def sha256(raw: bytes) -> str:
    """What `message list` says of these bytes."""
    return hashlib.sha256(raw).hexdigest()


def ask(directory: Path, *words: str) -> list[dict[str, Any]]:
    """The rows that a listing verb answers with, in this process."""
    return [json.loads(line) for line in does(*words, "--json", "--config", str(directory)).splitlines()]


def does(*words: str) -> str:
    """What a verb prints, in this process: a new interpreter costs a second."""
    done = CliRunner().invoke(cli.cli, list(words), catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return str(done.stdout)


def verb(*words: str | Path, code: int = 0, text: bytes = b"", cwd: Path | None = None) -> str:
    """What `mailgate WORDS` prints, as a process of its own that must end with `code`."""
    command = [sys.executable, "-m", "mailgate", *map(str, words)]
    done = subprocess.run(command, input=text, capture_output=True, timeout=60, check=False, cwd=cwd)
    assert done.returncode == code, (words, done.returncode, done.stdout.decode()[-2000:], done.stderr.decode()[-2000:])
    assert code in (0, 1) or b"Traceback" not in done.stderr, done.stderr.decode()
    return done.stdout.decode() if code == 0 else done.stderr.decode()


@dataclass
class Running:
    """One daemon: where its files are, its process, its log. `alive` and `ended` know how it was started."""

    directory: Path
    log: Path
    pid: int
    ended: Callable[[], int | None]
    ready: dict[str, Any] = field(default_factory=dict)

    def lines(self, event: str = "") -> list[dict[str, Any]]:
        """The log so far; of one event if it is named."""
        text = self.log.read_text("utf-8", "replace") if self.log.exists() else ""
        whole = [line for line in text.split("\n")[:-1] if line.startswith("{")]
        return [row for line in whole if (row := json.loads(line)) and event in ("", row["event"])]

    def wait_ready(self) -> Running:
        """Itself, once `/readyz` would say 200; fails with the log if it ended before."""

        def asked() -> bool:
            if self.ended() is not None:
                raise AssertionError(f"the daemon ended with {self.ended()}: {self.log.read_text()[-3000:]}")
            return bool(self.lines("daemon.ready"))

        until(asked, what="daemon.ready")
        self.ready = self.lines("daemon.ready")[0]
        return self

    def client(self, kind: str = "smtp") -> smtplib.SMTP:
        """A session at the first door of this kind."""
        host, _, port = self.ready[kind][0].rpartition(":")
        return (smtplib.LMTP if kind == "lmtp" else smtplib.SMTP)(host, int(port), "client.test", timeout=20)

    def sends(self, raw: bytes, sender: str = "a@client.test", to: Sequence[str] = (DESK,)) -> bool:
        """True if the mail was answered with 250; False if the line broke before any answer."""
        try:
            with self.client() as client:
                client.sendmail(sender, list(to), raw)
                with contextlib.suppress(OSError, smtplib.SMTPException):
                    client.quit()
                return True
        except (ConnectionError, smtplib.SMTPServerDisconnected, TimeoutError):
            return False

    def kill(self, number: int = signal.SIGKILL, seconds: float = 15.0) -> int:
        """Its exit status (negative: the signal that ended it) after this signal."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)
        until(lambda: self.ended() is not None, seconds, f"end after {signal.Signals(number).name}")
        return self.ended() or 0


def rows(directory: Path, query: str) -> list[Any]:
    """What the store answers, read beside the daemon."""
    database = sqlite3.connect(f"file:{directory / 'mailgate.db'}?mode=ro", uri=True, timeout=10)
    try:
        return database.execute(query).fetchall()
    finally:
        database.close()


def quiet(directory: Path) -> bool:
    """True when no mail waits to be settled and no notice to be sent."""
    waiting = rows(directory, "SELECT count(*) FROM spool WHERE state = 'received'")[0][0]
    going = rows(directory, "SELECT count(*) FROM outbox WHERE state IN ('queued', 'uncertain')")[0][0]
    return waiting == 0 and going == 0


def serve(directory: Path, *words: str) -> Running:
    """A daemon started as people start it, ready. Its log is `daemon.log` and goes on over restarts under a new number."""
    log = next(path for n in range(1000) if not (path := directory / f"daemon-{n}.log").exists())
    with log.open("wb") as errors:
        command = [sys.executable, "-m", "mailgate", "serve", "--config", str(directory), *PORTS, *PLAIN, *words]
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=errors, stderr=errors)
    return Running(directory, log, process.pid, process.poll).wait_ready()
