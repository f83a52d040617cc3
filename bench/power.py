"""Power cuts at random moments under load: is everything kept that was accepted, when the disk forgets what was not synced?

    python bench/power.py [--rounds 200] [--senders 4] [--seed N] [--plant NORMAL|OFF]

As kill.py, and after each SIGKILL the files of the store are rolled back to what was synced (tests/disk.py); in every second
round or so any sectors of the later writes stay. `--plant` makes the daemon sync less than it must: then mail has to be lost,
and the exit status is 0 only if it was. Needs gcc; without it the exit status is 77.

rolled back      writes that were not synced when the power went, and are lost
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from pathlib import Path

import kill  # bench/kill.py, beside this file
from disk import Disk, built
from nursery import Nursery
from running import Running


def play(said: argparse.Namespace, directory: Path, disk: Disk, nursery: Nursery) -> bool:
    """True if nothing was lost or doubled; prints the figures."""
    dice = random.Random(said.seed)

    def start() -> Running:
        return nursery.start(directory, *kill.WORDS, environment=disk.environment, synchronous=said.plant)

    def goes_dark(n: int) -> None:
        lost = disk.cut(dice)
        if n % 20 == 19:
            print(f"{n + 1:4} cuts, {disk.undone} writes rolled back ({lost} the last time)", flush=True)

    good = kill.play(said, directory, start, goes_dark)
    print(f"rolled back {disk.undone}")
    return good


def main() -> None:
    """Run as the docstring says."""
    asked = kill.options(__doc__ or "")
    asked.add_argument("--plant", choices=("NORMAL", "OFF"))
    said = asked.parse_args()
    print(f"seed {said.seed}")
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        directory = kill.houses(Path(folder) / "house")
        try:
            nursery = Nursery(built(Path(folder)))
        except LookupError as error:
            print(error)
            sys.exit(77)
        disk = Disk(directory / "mailgate.db", Path(folder) / "disk")
        try:
            good = play(said, directory, disk, nursery)
        except AssertionError as error:
            good = False
            print(f"the store can't be used any more: {str(error)[-600:]}")
        nursery.close()
    print(f"{time.monotonic() - begun:.0f} s")
    sys.exit(0 if disk.undone and good != bool(said.plant) else 1)


if __name__ == "__main__":
    main()
