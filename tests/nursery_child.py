"""Child of the crash tests: imports mailgate and reads what is shipped once, then forks a daemon for each line it reads.

A line is JSON: directory, log, words (for `--set`), and optionally `kill`: "module:object.attribute", before or after, and at
which call. The named function is then wrapped so that the process sends itself SIGKILL there: the kernel ends it, nothing is
finished or flushed. Time is the real one plus the seconds in the file `ahead`, so that a test can let days pass; the file `wall`
moves the clock of the machine instead, which the daemon doubts.
Answers: the process id of each daemon; to {"wait": pid} its status, or null while it runs.
"""

from __future__ import annotations

import asyncio
import functools
import gc
import importlib
import itertools
import json
import os
import signal
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

from mailgate import config, courier, daemon, gateway, nodes, timekeeper
from mailgate.config import ConfigError
from mailgate.store import nodes as stored
from mailgate.store import postgres, sqlite
from mailgate.store.engine import StoreError
from mailgate.wire import clock, imap_in

running: set[int] = set()
ended: dict[int, int] = {}


def main() -> None:
    """Serve until the test closes the pipe."""
    warm()
    for line in sys.stdin:
        asked = json.loads(line)
        reap()
        answer = status(asked["wait"]) if "wait" in asked else start(asked)
        print(json.dumps(answer), flush=True)
    reap()
    for pid in running:
        os.kill(pid, signal.SIGKILL)


def warm() -> None:
    """Read a configuration as `init` writes it: each daemon would parse the same templates and patterns again."""
    with tempfile.TemporaryDirectory() as made:
        config.init(Path(made, "house"), "support@shop.test", "digistore24")
        config.load(Path(made, "house"))
    gc.freeze()


def status(pid: int) -> int | None:
    """The exit status of a daemon, negative for a signal; None while it runs."""
    return ended.pop(pid, None)


def reap() -> None:
    """Take note of every daemon that has ended, asked for or not: none stays a zombie, and a number is not killed twice."""
    with suppress(ChildProcessError):
        while (found := os.waitpid(-1, os.WNOHANG))[0]:
            running.discard(found[0])
            ended[found[0]] = os.waitstatus_to_exitcode(found[1])


def start(asked: dict[str, Any]) -> int:
    """The process id of a new daemon."""
    if pid := os.fork():
        running.add(pid)
        ended.pop(pid, None)  # of one that had this number before
        return pid
    code = 70
    try:
        run(asked)
        code = 0
    except (ConfigError, StoreError, OSError) as error:
        print(error, file=sys.stderr)
        code = 69
    except Exception:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def run(asked: dict[str, Any]) -> None:
    """The daemon itself, with the clock and the one function wrapped."""
    log = os.open(asked["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(log, 2)
    os.dup2(log, 1)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    ahead = Path(asked["directory"]) / "ahead"
    wall, said = clock.steady, Path(asked["directory"]) / "wall"
    clock.STAYS = asked.get("stays", clock.STAYS)
    clock.steady = clock.Steady(lambda: wall.now() + timedelta(seconds=_number(said)), clock._boot_time)
    real = clock.now
    clock.now = lambda: real() + timedelta(seconds=_number(ahead))
    timekeeper.LONGEST_SLEEP = gateway.LOOK = nodes.EVERY = 0.1
    courier.LOOK = 0.0
    if alive := asked.get("alive"):  # seconds after which a silent node is dead, and its transaction ended
        stored.ALIVE, nodes.EVERY = timedelta(seconds=alive), alive / 4
        postgres.SETTINGS["idle_in_transaction_session_timeout"] = f"{alive:g}s"
    if look := asked.get("look"):
        imap_in.Pace = functools.partial(imap_in.Pace, look=look)
    if kill := asked.get("kill"):
        deadly(*kill)
    daemon.DRAIN = asked.get("drain", daemon.DRAIN)
    os.environ.update(asked.get("environment", {}))
    if patience := asked.get("patience"):  # milliseconds for a lock of the database
        sqlite.PRAGMAS = tuple(f"busy_timeout={patience}" if one.startswith("busy") else one for one in sqlite.PRAGMAS)
        postgres.SETTINGS["lock_timeout"] = str(patience)
    sqlite.CHECKED = asked.get("checked", sqlite.CHECKED)
    if word := asked.get("synchronous"):
        sqlite.PRAGMAS = tuple(f"synchronous={word}" if one.startswith("synchronous") else one for one in sqlite.PRAGMAS)
    if asked.get("hasty"):  # 250 first, the store later: what a bench must notice
        wrap("mailgate.gateway:Gateway.accept", _hasty)
    daemon.WATCH, daemon.STILL = asked.get("watch", (daemon.WATCH, daemon.STILL))
    if hangs := asked.get("hangs"):
        wrap(hangs, _blocking if asked.get("blocks") else _hanging)
    if raises := asked.get("raises"):
        wrap(raises, _broken)
    daemon.serve(Path(asked["directory"]), tuple(asked["words"]))


def _number(path: Path) -> float:
    return float((path.read_text() if path.exists() else "") or 0)


def deadly(where: str, when: str, call: int) -> None:
    """Wrap the function at `where` so that its `call`th call ends the process, before or after it did its work."""
    calls = itertools.count(1)

    def ends(moment: str, number: int) -> None:
        if (moment, number) == (when, call):
            os.kill(os.getpid(), signal.SIGKILL)

    def around(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        async def later(*args: Any, **named: Any) -> Any:
            ends("before", number := next(calls))
            result = await function(*args, **named)
            ends("after", number)
            return result

        @functools.wraps(function)
        def at_once(*args: Any, **named: Any) -> Any:
            ends("before", number := next(calls))
            result = function(*args, **named)
            ends("after", number)
            return result

        return later if asyncio.iscoroutinefunction(function) else at_once

    wrap(where, around)


def _hasty(function: Callable[..., Any]) -> Callable[..., Any]:
    under_way: set[asyncio.Task[Any]] = set()

    async def accepts(*args: Any, **named: Any) -> int:
        under_way.add(asyncio.create_task(function(*args, **named)))
        return 0

    return accepts


def _hanging(function: Callable[..., Any]) -> Callable[..., Any]:
    async def later(*args: Any, **named: Any) -> Any:
        await asyncio.Event().wait()

    return later if asyncio.iscoroutinefunction(function) else lambda *args, **named: threading.Event().wait()


def _blocking(function: Callable[..., Any]) -> Callable[..., Any]:
    async def later(*args: Any, **named: Any) -> Any:
        await asyncio.sleep(1)
        threading.Event().wait()  # and with it the whole loop

    return later


def _broken(function: Callable[..., Any]) -> Callable[..., Any]:
    def fails(*args: Any, **named: Any) -> Any:
        raise RuntimeError("a planted fault")

    return fails


def wrap(where: str, around: Callable[[Callable[..., Any]], Callable[..., Any]]) -> None:
    """Put `around(function)` in the place of the function at "module:object.attribute"."""
    module, _, path = where.partition(":")
    *owners, name = path.split(".")
    owner: Any = importlib.import_module(module)
    for one in owners:
        owner = getattr(owner, one)
    setattr(owner, name, around(getattr(owner, name)))


main()
