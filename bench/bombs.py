"""Mail that costs its reader far more than its sender: what each such mail takes of us, and how long it holds up the loop.

    python bench/bombs.py [--scale 1 4] [--only WORD]

Each mail is read in a process of its own, twice: by `inspect`, and as the message path takes it, from the spool to its ticket.
A bomb that a door would refuse is cut at the size that it takes.

cpu      seconds of processor time for one reading, the dearer of the two
growth   MB that the process grew by, beyond five times the mail, which is what keeping any mail takes
held     ms for which the reader let no other thread run, measured in its own processor time: so long the loop stood still
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests" / "fuzz"), str(ROOT)]

from bombs import BOMBS  # noqa: E402
from scratch import scratch  # noqa: E402
from stall import settled  # noqa: E402

from mailgate import config  # noqa: E402
from mailgate.mail import inspect  # noqa: E402
from mailgate.simulate.stage import Stage  # noqa: E402
from mailgate.store.engine import Store  # noqa: E402

LARGEST = 50 * 2**20
AT = datetime(2026, 6, 1, 12, tzinfo=UTC)
BEAT = 0.001
CPU, GROWTH, HELD, COPIES = 1.0, 64.0, 200.0, 5


@dataclass(frozen=True)
class Cost:
    """What one bomb took."""

    name: str
    size: int
    cpu: float
    growth: float
    held: float
    by: str

    @property
    def good(self) -> bool:
        """True if it stays within what we promise."""
        return self.cpu <= CPU and self.growth <= GROWTH and self.held <= HELD


def main() -> int:
    """Measure them all; 1 if one is beyond the limits."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--scale", type=int, nargs="+", default=[1, 4])
    asked.add_argument("--only", default="")
    asked.add_argument("--all", action="store_true", help="show every bomb, not only the dearest")
    wanted = asked.parse_args()
    costs: list[Cost] = []
    for scale in wanted.scale:
        for name in BOMBS:
            if wanted.only in name:
                costs.append(measured(name, scale))
                if wanted.all or not costs[-1].good:
                    show(costs[-1], scale)
    worst = [max(costs, key=by) for by in (lambda one: one.cpu, lambda one: one.growth, lambda one: one.held)]
    print(f"{len(costs)} bombs; the dearest:")
    for one in worst:
        show(one, 0)
    mails = [made(wanted.scale[0])[:LARGEST] for name, made in BOMBS.items() if wanted.only in name]
    ends, (took, what) = settled(mails, Path(tempfile.mkdtemp(prefix="bombs-")))
    print(f"all through the door: {dict(ends)}; the loop's longest callback took {took * 1000:.1f} ms ({what[:60]})")
    return 0 if all(one.good for one in costs) else 1


def show(one: Cost, scale: int) -> None:
    mark = " " if one.good else "!"
    size = f"{one.size / 1e6:6.2f} MB"
    held = f"held {one.held:5.0f} ms  {one.by:7}  {scale}x {one.name}"
    print(f"{mark} {size}  cpu {one.cpu:6.2f} s  growth {one.growth:6.1f} MB  {held}", flush=True)


def measured(name: str, scale: int) -> Cost:
    """The cost of one bomb: each reading in a new process; what looks dear a second time, as a busy machine makes it look so."""
    costs = []
    for by in READERS:
        once = apart(name, scale, by)
        again = once if once.good else apart(name, scale, by)
        least = [min(getattr(one, what) for one in (once, again)) for what in ("cpu", "growth", "held")]
        costs.append(Cost(name, once.size, *least, by))
    dearest = max(costs, key=lambda one: one.cpu)
    return replace(dearest, growth=max(one.growth for one in costs), held=max(one.held for one in costs))


def apart(name: str, scale: int, by: str) -> Cost:
    """`cost` in a process of its own."""
    with ProcessPoolExecutor(1, mp_context=get_context("fork")) as pool:
        return pool.submit(cost, name, scale, by).result()


def cost(name: str, scale: int, by: str) -> Cost:
    """What it takes to read one bomb here and now."""
    read = READERS[by]()
    read(b"From: a@b.example\r\n\r\nhi\r\n")
    raw = BOMBS[name](scale)[:LARGEST]
    Path("/proc/self/clear_refs").write_text("5")
    before, began = resident(), time.process_time()
    held = beside(lambda: read(raw))
    cpu = time.process_time() - began
    return Cost(name, len(raw), cpu, max(0.0, resident("VmHWM") - before - COPIES * len(raw) / 2**20), held, by)


def beside(work: Callable[[], object]) -> float:
    """ms for which `work`, in a thread, let the calling thread not run."""
    ready, failed = threading.Event(), list[BaseException]()

    def worked() -> None:
        ready.wait()
        try:
            work()
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=worked)
    thread.start()
    clock = time.pthread_getcpuclockid(thread.ident or 0)
    ready.set()
    last, longest = 0.0, 0.0
    while thread.is_alive():
        try:
            now = time.clock_gettime(clock)
        except OSError:
            break
        longest, last = max(longest, now - last), now
        time.sleep(BEAT)
    thread.join()
    if failed:
        raise failed[0]
    return longest * 1000


def resident(what: str = "VmRSS") -> float:
    """MB of memory."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(what):
            return int(line.split()[1]) / 1024
    return 0.0


def by_inspect() -> Callable[[bytes], object]:
    signatures = config.signatures()
    return lambda raw: inspect.row(raw, "bomb", signatures)


def by_path() -> Callable[[bytes], object]:
    house, desk = scratch()
    stage = Stage(house, desk, Store.open("sqlite:///bombs.db", Path(tempfile.mkdtemp(prefix="bombs-"))))
    return lambda raw: stage.receive(raw, AT, proven=True)


READERS = {"inspect": by_inspect, "path": by_path}

if __name__ == "__main__":
    sys.exit(main())
