"""Mistakes planted one at a time in a copy of the program: does a random story notice each of them?

    python bench/mutants.py [--seeds 60] [--only NAME]

A mistake behind which a second defence stands may go unnoticed; the table says which defence that is.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
STORIES = """
import sys
sys.path[:0] = ["tests", "tests/seeds"]
import mailgate, plot
assert mailgate.__file__.startswith(sys.argv[2]), mailgate.__file__
for seed in range(int(sys.argv[1])):
    try:
        failure = plot.tell(seed).failure
    except Exception as error:
        failure = f"{type(error).__name__}: {error}"
    if failure:
        print(f"seed {seed}: {failure[:110]}")
        break
"""


@dataclass(frozen=True)
class Mutant:
    """One mistake: `old` of a file becomes `new`. `behind`: what keeps the promise all the same."""

    name: str
    file: str
    old: str
    new: str
    behind: str = ""


MUTANTS = tuple(Mutant(**one) for one in tomllib.loads(Path(__file__).with_suffix(".toml").read_text())["mutant"])


def noticed(mutant: Mutant, seeds: int) -> str:
    """What the first story said that noticed; empty if none did."""
    with tempfile.TemporaryDirectory() as folder:
        for name in ("mailgate", "templates", "config", "tests"):
            shutil.copytree(ROOT / name, Path(folder) / name, ignore=shutil.ignore_patterns("__pycache__"))
        file = Path(folder) / "mailgate" / mutant.file
        text = file.read_text()
        if text.count(mutant.old) != 1:
            return f"not planted: its place is there {text.count(mutant.old)} times"
        file.write_text(text.replace(mutant.old, mutant.new))
        told = [sys.executable, "-c", STORIES, str(seeds), folder]
        env = {**os.environ, "PYTHONPATH": folder}
        try:
            done = subprocess.run(told, cwd=folder, env=env, capture_output=True, text=True, timeout=600)
        except subprocess.TimeoutExpired:
            return "its story never ends"
        return done.stdout.strip() or (done.stderr.strip().splitlines() or [""])[-1]


def main() -> int:
    """Plant them all, print the table; 1 if one without a second defence goes unnoticed."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--seeds", type=int, default=60)
    asked.add_argument("--only", default="")
    wanted = asked.parse_args()
    missed = 0
    for mutant in (one for one in MUTANTS if wanted.only in one.name):
        found = noticed(mutant, wanted.seeds)
        missed += not found and not mutant.behind
        unseen = f"not noticed: {mutant.behind}" if mutant.behind else "NOT NOTICED"
        print(f"{mutant.name:44} {found or unseen}", flush=True)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
