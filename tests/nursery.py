"""Daemons that die where a test says, without a new interpreter each; and a next hop that remembers what it was handed."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from running import PLAIN, PORTS, Running


class Nursery:
    """Starts daemons that die where a test says, on a disk that disk.py plays if its library is preloaded."""

    def __init__(self, preload: Path | None = None) -> None:
        command = [sys.executable, str(Path(__file__).with_name("nursery_child.py"))]
        around = {**os.environ, "LD_PRELOAD": str(preload)} if preload else None
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=around)
        self._turn = threading.Lock()
        self._ended: dict[int, int] = {}
        self._alive: set[int] = set()
        self._count = 0

    def start(self, directory: Path, *words: str, **more: Any) -> Running:
        """A daemon, not yet ready. `kill=(where, when, call)` says where it dies, `raises=where` what fails in it,
        `hangs=where` what never ends (`watch`: seconds between two looks, and until they call it so),
        `synchronous=WORD` how little it syncs, `environment` what it finds there,
        `checked` how large a store it reads whole at once, `patience` its milliseconds for a lock,
        `look` the seconds between two looks into a mailbox.
        """
        self._count += 1
        log = directory / f"daemon-{self._count}.log"
        sets = [one for one in (*PORTS, *PLAIN, *words) if one != "--set"]
        pid = self._ask({"directory": str(directory), "log": str(log), "words": sets, **more})
        self._alive.add(pid)
        return Running(directory, log, pid, lambda: self._status(pid))

    def _status(self, pid: int) -> int | None:
        if pid not in self._ended and (status := self._ask({"wait": pid})) is not None:
            self._ended[pid] = status
            self._alive.discard(pid)
        return self._ended.get(pid)

    def _ask(self, asked: dict[str, Any]) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with self._turn:
            self._process.stdin.write(json.dumps(asked) + "\n")
            self._process.stdin.flush()
            return json.loads(self._process.stdout.readline())

    def clear(self) -> None:
        """End every daemon that a test left behind: an idle one still takes its share of the processor."""
        for pid in [one for one in self._alive if self._status(one) is None]:
            os.kill(pid, signal.SIGKILL)
            self._alive.discard(pid)

    def close(self) -> None:
        """No more daemons."""
        self.clear()
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(timeout=10)
        self._process.stdout.close()


class Sink:
    """The next hop: (recipient, bytes) of every mail it took."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, bytes]] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        self.taken += [(one, envelope.original_content) for one in envelope.rcpt_tos]
        return "250 2.0.0 taken"


@pytest.fixture(scope="session")
def nursery() -> Iterator[Nursery]:
    """One for all tests of a worker."""
    made = Nursery()
    yield made
    made.close()


@contextmanager
def started(found: Sink) -> Iterator[str]:
    """The words that make a daemon send to this next hop, which runs meanwhile."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    controller = Controller(found, "127.0.0.1", port)
    controller.start()
    try:
        yield f"smarthost.url=smtp://127.0.0.1:{port}"
    finally:
        controller.stop()


@pytest.fixture
def sink() -> Iterator[tuple[Sink, str]]:
    """The next hop, and the words that make a daemon send to it."""
    found = Sink()
    with started(found) as words:
        yield found, words
