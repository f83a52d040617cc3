"""Fuzz one reader, or each in turn: what must hold for any bytes is in tests/fuzz/targets.py.

    python bench/fuzz.py [TARGET ...] [--seconds 60] [--seed N] [--corpus DIR] [--dice] [--keep DIR]

With atheris (`pip install atheris`; it is no dependency) the search is guided by coverage; without, or with --dice, our own seeds
meet accidents. --corpus adds the files of a folder to the seeds (*.eml, or all). What breaks a promise is shown with its
traceback, once for each place, and written to --keep; 1 then.

`settle` is the whole message path, from the spool to the ticket; it is only here, as it takes a store.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests" / "fuzz"), str(ROOT)]

GUIDED = "MAILGATE_FUZZ_GUIDED"


def main() -> int:
    """Fuzz what was asked for."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("targets", nargs="*", metavar="TARGET")
    asked.add_argument("--seconds", type=float, default=60)
    asked.add_argument("--seed", type=int, default=0)
    asked.add_argument("--corpus", type=Path)
    asked.add_argument("--dice", action="store_true", help="our own mutator even where atheris is there")
    asked.add_argument("--keep", type=Path, default=Path(tempfile.gettempdir()) / "mailgate-fuzz")
    wanted = asked.parse_args()
    if GUIDED in os.environ:
        return guided(wanted.targets[0], wanted)
    names = wanted.targets or sorted((*targets(), "settle"))
    if unknown := [name for name in names if name != "settle" and name not in targets()]:
        asked.error(f"no such target: {', '.join(unknown)}; there are {', '.join(sorted(targets()))}, settle")
    failed = 0
    for name in names:
        failed += by_atheris(name, wanted) if has_atheris() and not wanted.dice else by_dice(name, wanted)
    return 1 if failed else 0


def targets() -> dict[str, Callable[[bytes], None]]:
    """All targets that need no store."""
    from targets import TARGETS

    return TARGETS


def has_atheris() -> bool:
    """True if coverage can guide us."""
    try:
        import atheris  # noqa: F401
    except ImportError:
        return False
    return True


def target(name: str) -> Callable[[bytes], None]:
    """The function to be fed."""
    return settle() if name == "settle" else targets()[name]


def start(name: str, corpus: Path | None) -> tuple[bytes, ...]:
    """What the search begins with."""
    from mutate import seeds

    files = sorted(path for path in corpus.rglob("*") if path.is_file()) if corpus else []
    mails = [path for path in files if path.suffix == ".eml"] or files
    return (*seeds(name), *(path.read_bytes()[:200_000] for path in mails))


def by_dice(name: str, wanted: argparse.Namespace) -> int:
    """How many places broke their promise."""
    from mutate import mutated

    check, begin, dice = target(name), start(name, wanted.corpus), random.Random(wanted.seed)
    end, runs, broken = time.monotonic() + wanted.seconds, 0, Counter[str]()
    waiting = list(begin)
    while time.monotonic() < end:
        said = waiting.pop() if waiting else mutated(dice, dice.choice(begin), begin)
        runs += 1
        try:
            check(said)
        except Exception as error:
            place = traceback.extract_tb(error.__traceback__)[-1]
            where = f"{type(error).__name__} at {Path(place.filename).name}:{place.lineno}"
            broken[where] += 1
            if broken[where] == 1:
                kept = keep(wanted.keep, name, said)
                traceback.print_exc(limit=-4)
                print(f"  {where}: {said[:300]!r} ({kept})", flush=True)
    tell(name, "our own dice", runs, wanted.seconds, len(broken))
    return len(broken)


def by_atheris(name: str, wanted: argparse.Namespace) -> int:
    """The same, guided by coverage, in a process of its own: libFuzzer ends its process with its first finding."""
    with tempfile.TemporaryDirectory() as folder:
        for number, said in enumerate(start(name, wanted.corpus)):
            (Path(folder) / f"seed-{number}").write_bytes(said)
        wanted.keep.mkdir(parents=True, exist_ok=True)
        words = [
            sys.executable,
            __file__,
            name,
            "--seconds",
            str(wanted.seconds),
            "--seed",
            str(wanted.seed),
            "--keep",
            str(wanted.keep),
        ]
        told = subprocess.run(words, env={**os.environ, GUIDED: folder}, capture_output=True, text=True, errors="replace")
    lines = told.stderr.splitlines()
    done = next((line for line in reversed(lines) if line.startswith("Done ")), "")
    runs = next((int(line.split()[-1]) for line in lines if line.startswith("stat::number_of_executed_units:")), 0)
    covered = next((line for line in reversed(lines) if " cov: " in line), "")
    if told.returncode:
        print("\n".join([*told.stdout.splitlines()[-30:], *lines[-8:]]))
    tell(name, "atheris", runs or int((done.split() or ["", 0])[1]), wanted.seconds, int(told.returncode != 0))
    if " cov: " in covered:
        print(f"    covered: {covered.partition('cov: ')[2].split()[0]}")
    return int(told.returncode != 0)


def guided(name: str, wanted: argparse.Namespace) -> int:
    """The process that atheris drives."""
    import atheris

    with atheris.instrument_imports(include=["mailgate", "mailgate.mail", "mailgate.wire", "mailgate.desk"]):
        import targets  # noqa: F401
    check = target(name)
    options = [
        "-max_len=20000",
        "-print_final_stats=1",
        f"-max_total_time={int(wanted.seconds)}",
        f"-artifact_prefix={wanted.keep}/{name}-",
    ]
    options += [f"-seed={wanted.seed + 1}", "-timeout=20", "-rss_limit_mb=4096"]
    atheris.Setup([sys.argv[0], *options, os.environ[GUIDED]], check)
    atheris.Fuzz()
    return 0


def tell(name: str, how: str, runs: int, seconds: float, broken: int) -> None:
    """The one line of a target."""
    print(f"{name:13} {how}: {runs} runs, {runs / seconds:.0f} a second, {broken} broken", flush=True)


def keep(folder: Path, name: str, said: bytes) -> Path:
    """The file in which what broke a promise was written down."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}-{abs(hash(said)):x}"
    path.write_bytes(said)
    return path


def settle() -> Callable[[bytes], None]:
    """The message path of a desk that carries mail, on a store in memory that is emptied now and then."""
    from scratch import scratch

    from mailgate.simulate.stage import Stage, recycled

    stages: list[Stage] = []
    runs = [0]

    def check(said: bytes) -> None:
        if runs[0] % 500 == 0:
            house, desk = scratch()
            stages[:] = [Stage(house, desk, recycled())]
        runs[0] += 1
        at = datetime(2026, 6, 1, 12, tzinfo=UTC) + timedelta(minutes=runs[0] % 500)
        done = stages[0].receive(said, at, proven=bool(len(said) & 1))
        assert done.state in ("settled", "held", "parked", "duplicate"), done

    return check


if __name__ == "__main__":
    sys.exit(main())
