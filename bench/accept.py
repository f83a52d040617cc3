"""How fast the door accepts mail, as ratios to stock aiosmtpd that throws it away.

    PYTHONPATH=. python bench/accept.py [--rounds 5] [--mails 2000] [--accept MODULE:NAME]

Three servers run side by side, each in its own process: (a) stock aiosmtpd, discarding; (b) our Doors, discarding;
(c) our Doors with an accept that keeps the mail, by default a group-committed SQLite insert with synchronous=FULL.
A load generator in a process of its own, raw on sockets, visits them in turn, round by round, over 20 connections
with a mail of 3 KB. The table holds medians; compare the ratios, the figures are this machine's today.
NAME is an async `accept(envelope, content)`, or is called with a scratch folder and returns one.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import inspect
import json
import os
import queue
import selectors
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller

from mailgate.mail.message import Envelope
from mailgate.wire.lobby import Accept
from mailgate.wire.smtp_in import Doors, Limits, Outcome

CONNECTIONS = 20
CASES = ("stock, discarding", "doors, discarding", "doors, keeping")
MAIL = (
    b"From: Ann <ann@client.test>\r\nTo: desk@shop.test\r\nSubject: Where is my order?\r\n"
    b"Message-ID: <1@client.test>\r\nDate: Mon, 1 Jun 2026 10:00:00 +0000\r\n\r\n" + (b"x" * 70 + b"\r\n") * 40
)
TICK = os.sysconf("SC_CLK_TCK")
OK = Outcome(250, "2.0.0 ok")


# The servers


class Stock:
    """Stock's handler: throws mail away."""

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        return "250 OK"


class Quiet:
    """Events nobody reads."""

    def session_refused(self, client: str, reason: str) -> None: ...

    def session_failed(self, client: str, error_id: str, error: BaseException) -> None: ...

    def data_refused(self, client: str, reason: str) -> None: ...


async def discard(envelope: Envelope, content: bytes) -> Outcome:
    return OK


def group_commit(folder: Path) -> Accept:
    """An accept whose mails are committed together: whatever waits when the last commit is done, in one."""
    waiting: queue.SimpleQueue[tuple[asyncio.Future[None], tuple[Any, ...]]] = queue.SimpleQueue()

    def write(loop: asyncio.AbstractEventLoop) -> None:
        database = sqlite3.connect(folder / "bench.db", isolation_level=None)
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("PRAGMA synchronous=FULL")
        database.execute("CREATE TABLE spool (id INTEGER PRIMARY KEY, reverse_path, forward_paths, at, raw BLOB)")
        while True:
            batch = [waiting.get()]
            while len(batch) < 256 and not waiting.empty():
                batch.append(waiting.get())
            database.execute("BEGIN IMMEDIATE")
            insert = "INSERT INTO spool (reverse_path, forward_paths, at, raw) VALUES (?, ?, ?, ?)"
            database.executemany(insert, [row for _, row in batch])
            database.execute("COMMIT")
            loop.call_soon_threadsafe(_wake, [future for future, _ in batch])

    started: list[threading.Thread] = []

    async def accept(envelope: Envelope, content: bytes) -> Outcome:
        loop = asyncio.get_running_loop()
        if not started:
            started.append(threading.Thread(target=write, args=(loop,), daemon=True))
            started[0].start()
        future = loop.create_future()
        row = (envelope.reverse_path, " ".join(envelope.forward_paths), envelope.received_at.isoformat(), content)
        waiting.put((future, row))
        await future
        return OK

    return accept


def _wake(futures: list[asyncio.Future[None]]) -> None:
    for future in futures:
        if not future.done():
            future.set_result(None)


def named(name: str, folder: Path) -> Accept:
    """The accept that `name` means."""
    if not name:
        return group_commit(folder)
    module, _, attribute = name.partition(":")
    found = getattr(importlib.import_module(module), attribute)
    return found if inspect.iscoroutinefunction(found) else found(folder)


def serve(case: int, name: str, folder: Path) -> None:
    """Run one server until stdin closes; its port is the first line it prints."""
    if case == 0:
        controller = Controller(Stock(), hostname="127.0.0.1", port=0, server_hostname="mx.shop.test")
        controller.port = _free_port()
        controller.start()
        print(controller.port, flush=True)
        sys.stdin.read()
        controller.stop()
        return
    accept = discard if case == 1 else named(name, folder)
    asyncio.run(_serve_doors(accept))


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


async def _serve_doors(accept: Accept) -> None:
    doors = Doors(accept, lambda _: True, Limits(), "mx.shop.test", Quiet())
    [address] = await doors.open(["127.0.0.1:0"], "smtp", None, [])
    print(address.rpartition(":")[2], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    await doors.drain(1)


# The load generator: one process, one selector, no SMTP library


class Visitor:
    """One connection after another, each with so many mails; every reply is waited for."""

    def __init__(self, port: int, mails: Callable[[], bool], each: int) -> None:
        self.port, self.mails, self.each = port, mails, each
        self.socket: socket.socket | None = None
        self.steps: list[bytes] = []

    def come(self) -> bool:
        """True if there is a mail left to send, over a new connection."""
        if not self.mails():
            return False
        self.socket = socket.create_connection(("127.0.0.1", self.port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.left = self.each
        self.steps = [*self._mail(), b"EHLO client.test\r\n"]
        return True

    def _mail(self) -> list[bytes]:
        self.left -= 1
        return [
            MAIL + b".\r\n",
            b"DATA\r\n",
            b"RCPT TO:<desk@shop.test>\r\n",
            b"MAIL FROM:<ann@client.test>\r\n",
        ]

    def hear(self) -> bool:
        """Read a reply, say the next line; False when the connection is done."""
        assert self.socket is not None
        heard = self.socket.recv(4096)
        while heard and not (heard.endswith(b"\r\n") and heard[heard.rfind(b"\n", 0, -1) + 4 :][:1] != b"-"):
            heard += self.socket.recv(4096)
        if heard[:1] not in b"23" or not heard:
            raise SystemExit(f"unexpected reply: {heard!r}")
        if not self.steps:
            if heard.startswith(b"221"):
                self.socket.close()
                return False
            self.steps = self._mail() if self.left > 0 and self.mails() else [b"QUIT\r\n"]
        self.socket.sendall(self.steps.pop())
        return True


def load(port: int, mails: int, each: int) -> float:
    """Seconds that `mails` mails took, `each` of them over one connection."""
    left = mails

    def take() -> bool:
        nonlocal left
        left -= 1
        return left >= 0

    selector = selectors.DefaultSelector()
    start = time.perf_counter()
    for visitor in (Visitor(port, take, each) for _ in range(CONNECTIONS)):
        if visitor.come():
            selector.register(visitor.socket, selectors.EVENT_READ, visitor)  # type: ignore[arg-type]
    while selector.get_map():
        for key, _ in selector.select():
            visitor, old = key.data, key.fileobj
            if not visitor.hear():
                selector.unregister(old)
                if visitor.come():
                    selector.register(visitor.socket, selectors.EVENT_READ, visitor)
    return time.perf_counter() - start


# The comparison


def run(arguments: argparse.Namespace) -> None:
    """Start the servers, visit them in turn, print the table."""
    with tempfile.TemporaryDirectory(dir=arguments.folder) as scratch:
        servers = [_server(case, arguments.accept, scratch) for case in range(3)]
        ports = [int(server.stdout.readline()) for server in servers]
        try:
            for each, label in ((1, "one mail a connection"), (10**9, "many mails a connection")):
                for port in ports:
                    _measure(port, 200, each)
                rounds = [
                    [_visit(server, port, arguments.mails, each) for server, port in zip(servers, ports, strict=True)]
                    for _ in range(arguments.rounds)
                ]
                _print(label, rounds)
        finally:
            for server in servers:
                server.stdin.close()
                server.wait(10)


def _server(case: int, accept: str, scratch: str) -> Any:
    command = [sys.executable, __file__, "--serve", str(case), "--accept", accept, "--folder", scratch]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def _visit(server: Any, port: int, mails: int, each: int) -> tuple[float, float]:
    """Mails a second, and CPU milliseconds of the server for each."""
    before = _cpu(server.pid)
    seconds = _measure(port, mails, each)
    return mails / seconds, (_cpu(server.pid) - before) * 1000 / mails


def _measure(port: int, mails: int, each: int) -> float:
    command = [sys.executable, __file__, "--load", str(port), "--mails", str(mails), "--each", str(each)]
    return float(json.loads(subprocess.run(command, check=True, capture_output=True).stdout))


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def _print(label: str, rounds: list[list[tuple[float, float]]]) -> None:
    print(f"{label:<26}{'msg/s':>8}{'min–max':>16}{'x of (a)':>10}{'min–max':>14}{'CPU ms':>8}")
    for case, name in enumerate(CASES):
        rates = [one[case][0] for one in rounds]
        ratios = [one[case][0] / one[0][0] for one in rounds]
        cpu = statistics.median(one[case][1] for one in rounds)
        print(
            f"({'abc'[case]}) {name:<22}{statistics.median(rates):>8.0f}{min(rates):>9.0f}–{max(rates):<6.0f}"
            f"{statistics.median(ratios):>10.2f}{min(ratios):>8.2f}–{max(ratios):<5.2f}{cpu:>8.3f}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--mails", type=int, default=2000)
    parser.add_argument("--accept", default="", help="MODULE:NAME")
    parser.add_argument("--folder", default=None, help="where the scratch folder lies: the disk that is measured")
    parser.add_argument("--serve", type=int, default=-1, help=argparse.SUPPRESS)
    parser.add_argument("--load", type=int, default=0, help=argparse.SUPPRESS)
    parser.add_argument("--each", type=int, default=1, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve >= 0:
        serve(arguments.serve, arguments.accept, Path(arguments.folder))
    elif arguments.load:
        print(load(arguments.load, arguments.mails, arguments.each))
    else:
        run(arguments)


if __name__ == "__main__":
    main()
