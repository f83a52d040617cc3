"""A bad disk (R02, R09 to R12, R19): the power goes, it is full, slow or gone. What was answered with 250 is kept, once.

The daemon is a real one; the disk below its store is played by a preloaded library (tests/disk.py).
"""

from __future__ import annotations

import contextlib
import errno
import os
import random
import shutil
import smtplib
import sqlite3
import subprocess
import threading
import urllib.request
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from disk import Disk, built
from nursery import Nursery
from running import HELPDESK, SELLER, Running, ask, house, mail, quiet, rows, sha256, until, verb

WORDS = ("smarthost.url=maildir:outgoing", "timers.catch_up=0s")


@pytest.fixture(scope="module")
def born(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    """Daemons on a disk that is played."""
    try:
        library = built(tmp_path_factory.mktemp("disk"))
    except LookupError as error:
        pytest.skip(str(error))
    made = Nursery(library)
    yield made
    made.close()


@dataclass
class House:
    """A gate, the disk it stands on, and what its senders were told."""

    nursery: Nursery
    directory: Path
    disk: Disk
    words: tuple[str, ...] = WORDS
    synchronous: str | None = None
    accepted: Counter[str] = field(default_factory=Counter)
    running: Running | None = None
    count: int = 0
    patience: int | None = None

    def opens(self) -> None:
        """A daemon serves."""
        around = self.disk.environment
        how = {"environment": around, "synchronous": self.synchronous, "patience": self.patience}
        started = self.nursery.start(self.directory, *self.words, **how)
        self.running = started.wait_ready()

    def writes(self, name: str = "") -> bytes:
        """A new mail."""
        self.count += 1
        return mail(HELPDESK, SELLER, name or f"m{self.count}", f"Order {self.count}", text="word " * 1500)

    def takes(self, raw: bytes) -> int:
        """The code that the door answers with."""
        assert self.running is not None
        try:
            with self.running.client() as client:
                client.sendmail(HELPDESK, ["support@shop.test"], raw)
        except smtplib.SMTPResponseException as error:
            return error.smtp_code
        self.accepted[sha256(raw)] += 1
        return 250

    def dies(self) -> None:
        """kill -9: what the kernel was given is still there."""
        assert self.running is not None
        assert self.running.kill() == -9

    def goes_dark(self, dice: random.Random) -> None:
        """The power goes."""
        self.dies()
        self.disk.cut(dice)

    def settles(self) -> None:
        """Nothing waits any more."""
        until(lambda: quiet(self.directory), what="quiet")

    @property
    def lost(self) -> set[str]:
        """What was answered with 250 and is not there exactly once."""
        kept = Counter(row["sha256"] for row in ask(self.directory, "message", "list"))
        assert rows(self.directory, "PRAGMA integrity_check") == [("ok",)]
        assert all(times == 1 for times in kept.values())
        return {one for one in self.accepted if one not in kept}


@pytest.fixture
def gate(born: Nursery, tmp_path: Path) -> House:
    """A house whose daemon serves."""
    directory = house(tmp_path / "house")
    made = House(born, directory, Disk(directory / "mailgate.db", tmp_path / "disk"))
    made.opens()
    return made


def test_power_cut_takes_nothing_that_was_accepted(gate: House) -> None:
    """Three times: some mails, the power goes while they are settled, a daemon starts. All of them are there, once."""
    dice = random.Random(1)
    for _ in range(3):
        assert [gate.takes(gate.writes()) for _ in range(4)] == [250] * 4
        gate.goes_dark(dice)
        gate.opens()
    gate.settles()
    assert gate.lost == set()
    assert len(gate.accepted) == 12


def test_power_cut_takes_what_was_not_synced(born: Nursery, tmp_path: Path) -> None:
    """The disk above does forget: a daemon that syncs less than it must loses mail that it has accepted."""
    directory = house(tmp_path / "house")
    gate = House(born, directory, Disk(directory / "mailgate.db", tmp_path / "disk"), synchronous="NORMAL")
    gate.opens()
    assert gate.takes(gate.writes()) == 250
    gate.goes_dark(random.Random(1))
    assert gate.disk.undone > 0
    gate.opens()
    assert len(gate.lost) == 1


@pytest.mark.parametrize(("call", "number"), [("write", errno.ENOSPC), ("write", errno.EROFS), ("sync", errno.EIO)])
def test_failing_disk_refuses_for_now_and_mends_itself(gate: House, call: str, number: int) -> None:
    """Full, read-only, sync fails: 4xx to each mail, none is lost, and once the disk works the same daemon goes on."""
    assert gate.takes(gate.writes()) == 250
    gate.disk.fails(call, number)
    refused = [gate.writes() for _ in range(3)]
    assert {gate.takes(raw) // 10 for raw in refused} == {45}
    gate.disk.works()
    assert [gate.takes(raw) for raw in (*refused, gate.writes())] == [250] * 4
    gate.settles()
    gate.goes_dark(random.Random(1))
    gate.opens()
    gate.settles()
    assert gate.lost == set()


FAULTS = [("write", errno.ENOSPC), ("write", errno.EIO), ("write", errno.EINTR), ("write", 0), ("sync", errno.EIO)]


@pytest.mark.parametrize(("call", "number"), FAULTS)
def test_one_failure_at_any_call_loses_nothing(gate: House, call: str, number: int) -> None:
    """The first call fails, then the second, and so on up to the tenth: nobody hears a false 250, nor a 5xx; the mail follows."""
    for first in range(1, 11):
        raw = gate.writes()
        gate.disk.fails(call, number, first, 1)
        while (code := gate.takes(raw)) != 250:
            assert code // 10 == 45
    gate.disk.works()
    gate.settles()
    gate.goes_dark(random.Random(1))
    gate.opens()
    gate.settles()
    assert gate.lost == set()
    assert len(gate.accepted) == 10


def test_mail_written_after_a_failed_sync_and_a_restart_outlives_a_power_cut(gate: House) -> None:
    """Linux takes pages that a sync could not write for clean: a new daemon reads them, and must not build on them."""
    assert gate.takes(gate.writes()) == 250
    gate.settles()
    gate.disk.fails("sync", errno.EIO)
    assert gate.takes(gate.writes()) // 10 == 45
    gate.dies()
    gate.disk.works()
    gate.opens()
    assert gate.takes(gate.writes()) == 250
    gate.goes_dark(random.Random(1))
    gate.opens()
    gate.settles()
    assert gate.lost == set()


def test_slow_disk_makes_nobody_else_wait_and_no_250_comes_before_the_sync(gate: House) -> None:
    """R12: a sync takes four seconds; others are greeted and asked for their mail, and what was answered outlives a power cut."""
    gate.disk.slow(4)
    answers: list[int] = []
    slow = threading.Thread(target=lambda: answers.append(gate.takes(gate.writes())))
    slow.start()
    assert gate.running is not None
    for _ in range(3):
        with urllib.request.urlopen(f"http://{gate.running.ready['http'][0]}/healthz", timeout=30) as healthy:
            assert healthy.status == 200
        with gate.running.client() as other:
            other.ehlo()
            assert other.mail("b@client.test")[0] == 250
            assert other.rcpt("support@shop.test")[0] == 250
    assert answers == []
    slow.join(60)
    assert answers == [250]
    gate.goes_dark(random.Random(1))
    gate.disk.works()
    gate.opens()
    gate.settles()
    assert gate.lost == set()


def test_store_that_others_lock_is_451_and_nothing_stalls(gate: House) -> None:
    """R19: somebody holds the database for longer than our patience; the daemon answers, and goes on when he lets go."""
    assert gate.running is not None
    assert gate.running.kill(15) == 0
    gate.patience = 1000
    gate.opens()
    gate.settles()
    other = sqlite3.connect(gate.directory / "mailgate.db", isolation_level=None, timeout=30)
    other.execute("BEGIN IMMEDIATE")
    raw = gate.writes()
    assert [gate.takes(raw) for _ in range(2)] == [451, 451]
    with urllib.request.urlopen(f"http://{gate.running.ready['http'][0]}/healthz", timeout=30) as healthy:
        assert healthy.status == 200
    assert ask(gate.directory, "message", "list") == [], "those who read do not wait"
    other.execute("ROLLBACK")
    other.close()
    assert gate.takes(raw) == 250
    gate.settles()
    assert gate.lost == set()


def test_store_that_is_removed_takes_no_mail(gate: House) -> None:
    """R10: what a removed file takes goes with it, so the door says 451; a restart on what is put back goes on."""
    assert gate.takes(gate.writes()) == 250
    gate.settles()
    away = gate.directory.with_name("away")
    gate.directory.rename(away)
    late = mail(HELPDESK, SELLER, "late", "Order 0")
    until(lambda: gate.takes(late) == 451, what="451")
    gate.dies()
    away.rename(gate.directory)
    gate.accepted.pop(sha256(late), None)  # in the second before it was noticed
    gate.opens()
    assert gate.takes(gate.writes()) == 250
    gate.settles()
    assert gate.lost == set()


def test_file_system_without_inodes_is_told_at_the_start(born: Nursery, few_inodes: Path, tmp_path: Path) -> None:
    """R10: a daemon that runs goes on; one that starts says what it can't open, and starts once there are some."""
    directory = house(few_inodes / "house")
    gate = House(born, directory, Disk(directory / "none", tmp_path), (*WORDS, "limits.message_size=1MiB"))
    gate.opens()
    assert gate.takes(gate.writes()) == 250
    gate.settles()
    fillers = _used_up(few_inodes)
    assert gate.takes(gate.writes()) == 250
    assert gate.running is not None
    assert gate.running.kill(15) == 0
    fillers += _used_up(few_inodes)  # what the log had
    told = verb("serve", "--config", directory, "--set", 'smtp.listen=["127.0.0.1:0"]', "--set", 'http.listen=""', code=69)
    assert "mailgate.db: unable to open database file" in told
    for filler in fillers:
        filler.unlink()
    gate.opens()
    gate.settles()
    assert gate.lost == set()
    gate.dies()


def _used_up(folder: Path) -> list[Path]:
    """The empty files that took every inode that was left."""
    made: list[Path] = []
    with contextlib.suppress(OSError):
        while True:
            one = folder / f"filler{random.getrandbits(40)}"
            one.touch()
            made.append(one)
    return made


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 12 MiB, empty."""
    yield from _mounted(tmp_path, "size=12m")


@pytest.fixture
def few_inodes(tmp_path: Path) -> Iterator[Path]:
    """A file system that has room for sixty files."""
    yield from _mounted(tmp_path, "size=50m,nr_inodes=60")


def _mounted(tmp_path: Path, options: str) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", options, "none", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("only root may mount a small file system")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_full_file_system_is_told_before_the_mail(born: Nursery, small_disk: Path, tmp_path: Path) -> None:
    """Less room than two mails of the largest size: 452 to MAIL. What is there is settled, and with room again mail is taken."""
    directory = house(small_disk / "house")
    gate = House(born, directory, Disk(directory / "none", tmp_path), (*WORDS, "limits.message_size=1MiB"))
    gate.opens()
    assert gate.takes(gate.writes()) == 250
    gate.settles()
    filler = small_disk / "filler"
    with filler.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, shutil.disk_usage(small_disk).free)
    until(lambda: gate.takes(gate.writes()) == 452, what="452")
    late = gate.writes()
    assert gate.takes(late) == 452
    filler.unlink()
    until(lambda: gate.takes(late) == 250, what="250")
    gate.settles()
    assert gate.lost == set()
    gate.dies()
