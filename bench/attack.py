"""Attack the doors of a real daemon, family by family, and see that nothing is lost, smuggled in or held up.

    python bench/attack.py [FAMILY ...] [--list] [--quiet]

Each family meets a fresh `mailgate init` and `mailgate serve`. The attackers come from 127.0.0.5, which is no relay; a good
client at 127.0.0.9 sends mail all the while. After each family: what was answered with 250 is stored, byte for byte, and the
rest is not; the log is JSON without control bytes; descriptors are back; 99 of 100 of the good client's mails took under 2 s from
banner to 250. A row for each family, then every case that failed: what was expected, what came.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from attacks.families import FAMILIES, Family  # noqa: E402
from attacks.field import Case, Field  # noqa: E402


def main() -> int:
    """Run them; 1 if a case failed."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("families", nargs="*", metavar="FAMILY", help="names or rows (N01); default: all")
    asked.add_argument("--list", action="store_true", help="say which there are")
    wanted = asked.parse_args()
    chosen = [one for one in FAMILIES if not wanted.families or {one.row, one.name} & set(wanted.families)]
    if wanted.list or not chosen:
        for one in FAMILIES:
            print(f"{one.row:4} {one.name:16} {(one.attack.__doc__ or '').strip()}")
        return 0 if wanted.list else 64
    failed = {one.name: bad for one in chosen if (bad := run(one))}
    for name, cases in failed.items():
        for case in cases:
            print(f"FAILED  {name}: {case.name}: expected {case.wanted}; got {case.got}")
    return 1 if failed else 0


def run(family: Family) -> list[Case]:
    """The failed cases of one family; prints its row."""
    begun = time.monotonic()
    with Field(*family.words, lmtp=family.lmtp, start=family.start) as field:
        cases = [*_tried(family, field), *(field.aftermath() if family.aftermath else ())]
        good = [case for case in cases if case.ok]
        times = f"good client p99 {field.tolls.p99:.2f} s, worst {field.tolls.worst:.2f} s"
        figures = "; ".join([times, *(f"{name} {value}" for name, value in field.figures.items())])
    took = time.monotonic() - begun
    print(f"{family.row:4} {family.name:16} {len(good):3}/{len(cases):<3} {took:5.0f} s  {figures}", flush=True)
    return [case for case in cases if not case.ok]


def _tried(family: Family, field: Field) -> list[Case]:
    """The cases of the attack; one that breaks off is a failed case."""
    cases: list[Case] = []
    try:
        cases.extend(family.attack(field))
    except Exception as error:  # noqa: BLE001 - whatever it is, the other families want their turn
        cases.append(Case("the attack itself", False, "an end", f"{type(error).__name__}: {error}"))
    return cases


if __name__ == "__main__":
    raise SystemExit(main())
