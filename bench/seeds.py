"""Random stories with faults at every boundary, on all cores: how many a second, how many virtual years, and which of them fail.

    python bench/seeds.py [--seeds 2000] [--first 0] [--jobs 2]

A story that fails is told again by `pytest tests/seeds --seed N`.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

TESTS = Path(__file__).parent.parent / "tests"
sys.path[:0] = [str(TESTS), str(TESTS / "seeds")]

from plot import Told, tell  # noqa: E402


def main() -> int:
    """Tell them all; 1 if one failed."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--seeds", type=int, default=2000)
    asked.add_argument("--first", type=int, default=0)
    asked.add_argument("--jobs", type=int, default=2)
    wanted = asked.parse_args()
    began, told = time.monotonic(), list[Told]()
    with ProcessPoolExecutor(wanted.jobs) as pool:
        for one in pool.map(tell, range(wanted.first, wanted.first + wanted.seeds), chunksize=10):
            told.append(one)
            if one.failure:
                print(f"seed {one.seed}: {one.failure}", flush=True)
    seconds = time.monotonic() - began
    faults = sum((one.faults for one in told), Counter[str]())
    failed = [one.seed for one in told if one.failure]
    print(f"{len(told)} seeds in {seconds:.0f} s ({len(told) / seconds:.1f} a second), {len(failed)} failed")
    print(f"{sum(one.days for one in told) / 365:.1f} virtual years, {sum(one.letters for one in told)} letters, ", end="")
    print(f"{sum(one.looked for one in told)} transactions, {sum(faults.values())} faults:")
    print("\n".join(f"  {number:6} {name}" for name, number in faults.most_common()))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
