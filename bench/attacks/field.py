"""Where an attack takes place: a daemon as `init` and `serve` make it, hostile clients, and a good one all the while.

The hostile ones come from 127.0.0.5, the good one from 127.0.0.9; neither is a relay of [trust]. Whatever a family does, the
same must hold afterwards (`Field.aftermath`): what was answered with 250 is stored with these bytes and the rest is not, the log
is JSON without control bytes, no descriptor is left open, the good client was served, and the daemon lives.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from running import DESK, Running, ask, house, rows, serve, sha256, until

from attacks.wire import EVIL, GOOD, PATIENCE, Wire

SLOWEST = 2.0  # seconds from the banner to 250, for the good client's 99th percentile
SPARE = 5  # descriptors more or less than before


@dataclass(frozen=True)
class Case:
    """One thing tried, and what came of it."""

    name: str
    ok: bool
    wanted: str = ""
    got: str = ""


def expect(name: str, got: str, *wanted: str) -> Case:
    """A case that is good if `got` begins with one of `wanted`; an empty one stands for a closed connection."""
    return Case(name, any(got == one if one == "" else got.startswith(one) for one in wanted), " or ".join(wanted), got[:120])


def verdict(name: str, ok: bool, wanted: object = "", got: object = "") -> Case:
    """A case that is good if `ok`."""
    return Case(name, bool(ok), str(wanted)[:120], str(got)[:120])


def stuffed(raw: bytes) -> bytes:
    """`raw` as an honest client sends it, with the final dot."""
    body = b"\r\n".join(b"." + line if line.startswith(b".") else line for line in raw.split(b"\r\n"))
    return body + (b"" if body.endswith(b"\r\n") or not body else b"\r\n") + b".\r\n"


def letter(name: str, text: bytes = b"Where is it?\r\n", author: str = "Eve <eve@evil.test>", extra: bytes = b"") -> bytes:
    """A plain mail to the desk with the Message-ID `<name@evil.test>`."""
    head = f"From: {author}\r\nTo: {DESK}\r\nSubject: {name}\r\nMessage-ID: <{name}@evil.test>\r\n"
    return head.encode("utf-8", "surrogateescape") + b"Date: Mon, 01 Jun 2026 10:00:00 +0000\r\n" + extra + b"\r\n" + text


@dataclass
class Tolls:
    """What the daemon took while somebody watched: resident octets at the most, the good client's times in seconds."""

    peak: int = 0
    times: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    @property
    def worst(self) -> float:
        """The good client's slowest mail."""
        return max(self.times, default=0.0)

    @property
    def p99(self) -> float:
        """What 99 of 100 of his mails took less than."""
        return sorted(self.times)[max(0, int(len(self.times) * 0.99) - 1)] if self.times else 0.0


class Field:
    """A daemon under attack. `accepted`: sha256 of the mails answered with 250, by count; `unheard`: without an answer."""

    def __init__(self, *words: str, lmtp: bool = False, start: Callable[[Path, Sequence[str]], Running] | None = None) -> None:
        self.directory = house(Path(tempfile.mkdtemp(prefix="attack-")))
        sets = [*words, *(['lmtp.listen=["127.0.0.1:0", "unix:lmtp.sock"]'] if lmtp else [])]
        said = [each for word in sets for each in ("--set", word.replace("unix:", f"unix:{self.directory}/"))]
        self.running = start(self.directory, said) if start else serve(self.directory, *said)
        self.accepted: Counter[str] = Counter()
        self.refused: set[str] = set()
        self.unheard: set[str] = set()
        self.figures: dict[str, str] = {}
        self.tolls = Tolls()
        self._stop = threading.Event()
        self._count = 0
        self._client = threading.Thread(target=self._good_client, daemon=True)
        self._watch = threading.Thread(target=self._watching, daemon=True)

    # Setting

    def __enter__(self) -> Field:
        self._good_mail()
        until(self.is_settled)
        self.base = self.resident()
        self.descriptors = self.count_descriptors()
        self._client.start()
        self._watch.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop_watching()
        with contextlib.suppress(AssertionError):
            if self.running.ended() is None:
                self.running.kill(signal.SIGKILL)
        shutil.rmtree(self.directory, ignore_errors=True)

    def stop_watching(self) -> None:
        """No more good mail."""
        self._stop.set()
        for thread in (self._client, self._watch):
            if thread.is_alive():
                thread.join(30)

    def address(self, kind: str = "smtp") -> tuple[str, int]:
        """Host and port of the first door of this kind."""
        host, _, port = self.running.ready[kind][0].rpartition(":")
        return host, int(port)

    def wire(self, kind: str = "smtp", source: str = EVIL, patience: float = PATIENCE) -> Wire:
        """A hostile connection that has heard nothing yet."""
        return Wire(self.address(kind), source, patience)

    # What the daemon is like

    def resident(self) -> int:
        """Octets in memory."""
        return self._status("VmRSS:") * 1024

    def count_descriptors(self) -> int:
        """Open descriptors."""
        return len(os.listdir(f"/proc/{self.running.pid}/fd"))

    def is_settled(self) -> bool:
        """True when every mail has been dealt with."""
        return rows(self.directory, "SELECT count(*) FROM spool WHERE state = 'received'") == [(0,)]

    def stored(self) -> list[dict[str, str]]:
        """What `message list` says."""
        return ask(self.directory, "message", "list")

    def log_lines(self) -> list[bytes]:
        """The raw lines of the log."""
        return self.running.log.read_bytes().split(b"\n")[:-1]

    def _status(self, name: str) -> int:
        try:
            lines = Path(f"/proc/{self.running.pid}/status").read_text().splitlines()
        except OSError:
            return 0
        return next((int(line.split()[1]) for line in lines if line.startswith(name)), 0)

    # Mail

    def note(self, raw: bytes, reply: str) -> None:
        """Remember what was said about these bytes."""
        if reply.startswith("2"):
            self.accepted[sha256(raw)] += 1
        elif reply[:1] in ("4", "5"):
            self.refused.add(sha256(raw))
        else:
            self.unheard.add(sha256(raw))

    def sends(self, raw: bytes, wire: Wire | None = None, wired: bytes = b"") -> str:
        """The reply to one mail, in a session of its own unless `wire` is past DATA; `wired` is what really goes out."""
        with contextlib.ExitStack() as stack:
            if wire is None:
                wire = stack.enter_context(self.wire())
                if not (reply := wire.begins()).startswith("354"):
                    return reply
            reply = wire.says(wired or stuffed(raw))
        self.note(raw, reply)
        return reply

    def _good_mail(self) -> None:
        self._count += 1
        raw = letter(f"good-{self._count}", author="Ann <ann@good.test>")
        begun = time.monotonic()
        with self.wire(source=GOOD, patience=60) as wire:
            if not wire.begins(hello="EHLO good.test", sender="ann@good.test").startswith("354"):
                self.tolls.failures.append("no DATA")
                return
            reply = wire.says(stuffed(raw))
            self.note(raw, reply)
            self.tolls.times.append(time.monotonic() - begun)
            if not reply.startswith("250"):
                self.tolls.failures.append(reply)
            wire.says("QUIT")

    def _good_client(self) -> None:
        while not self._stop.wait(0.1):
            try:
                self._good_mail()
            except OSError as error:
                if not self._stop.is_set():
                    self.tolls.failures.append(repr(error))

    def _watching(self) -> None:
        while not self._stop.wait(0.01):
            self.tolls.peak = max(self.tolls.peak, self.resident())

    def growth(self) -> int:
        """Octets by which the daemon grew at the most since the last call."""
        peak, self.tolls.peak = self.tolls.peak, 0
        return max(0, peak - self.base)

    # Afterwards

    def aftermath(self, timed: bool = True) -> Iterator[Case]:
        """What must hold after every attack; how long the good client waited only where that is `timed`."""
        alive = self.running.ended() is None
        yield verdict("the daemon lives", alive, "alive", self.running.ended())
        if not alive:
            return
        self.stop_watching()
        tolls = self.tolls
        yield verdict("the good client was served", not tolls.failures, "250 each time", tolls.failures[:3])
        if timed:
            yield verdict("the good client did not wait", tolls.p99 < SLOWEST, f"p99 < {SLOWEST} s", f"{tolls.p99:.2f} s")
        with contextlib.suppress(AssertionError):
            until(self.is_settled)
        listed = self.stored()
        got = Counter(row["sha256"] for row in listed if row["sha256"] not in self.unheard)
        lost, more = set(self.accepted) - set(got), got - self.accepted
        yield verdict("what was accepted is stored", not lost and not more, "equal", f"{len(lost)} lost, {more.total()} too many")
        yield verdict("what was refused is not", not (self.refused - set(self.accepted)) & set(got), "none", "")
        waiting = [row for row in listed if row["state"] == "received"]
        yield verdict("every mail is settled", not waiting, "none waits", f"{len(waiting)} wait")
        with contextlib.suppress(AssertionError):
            until(lambda: abs(self.count_descriptors() - self.descriptors) <= SPARE, 10)
        left = self.count_descriptors()
        yield verdict("descriptors are back", abs(left - self.descriptors) <= SPARE, f"{self.descriptors} ± {SPARE}", left)
        yield from self.log_is_clean()

    def log_is_clean(self) -> Iterator[Case]:
        """Every line is one JSON object without a control byte, and none tells of a fault of ours."""
        lines = self.log_lines()
        bad = [line for line in lines if not _is_clean(line)]
        yield verdict("the log is JSON", not bad, "one object a line", bad[:1])
        faults = [
            line for line in lines if b'"session.failed"' in line or b'"library.warned"' in line or b'"loop.failed"' in line
        ]
        yield verdict("no fault of ours in the log", not faults, "none", faults[:1])


def _is_clean(line: bytes) -> bool:
    try:
        row = json.loads(line)
    except ValueError:
        return False
    printable = all(0x20 <= byte < 0x7F for byte in line)
    return isinstance(row, dict) and "event" in row and printable and "\\u00" not in line.decode("ascii")
