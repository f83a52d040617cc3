"""How long a large seller directory takes: read and check it, index it, and take it in anew under a working loop.

    python bench/sellers.py [--sellers 5000] [--rounds 3]

Each form of the directory, one CSV and a TOML file a seller, is written to a scratch configuration, with every kind of column in
use. The table holds the medians of: `config.load` (what a start and a reload read, with every check across files), `check` with
its warnings, the roster's index, and a whole reload of a daemon. `longest pause` is the longest time for which the daemon's loop
did not turn meanwhile: mail waits so long.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from mailgate import config
from mailgate.config import seller_rows
from mailgate.daemon import Daemon
from mailgate.desk.party import Seller
from mailgate.desk.route import Roster

WITH_DATES = ("id", "holidays", "absences", "checklist")
COLUMNS = ("load", "check", "roster", "reload", "longest pause")
TICK = 0.01
GOALS = {"csv": 3.0, "toml": 6.0}


def row(number: int) -> dict[str, str]:
    """The number-th seller."""
    host = f"shop{number}.example"
    return {
        "id": f"shop-{number}", "name": f"Shop {number}", "support": f"help@{host}", "admin": f"owner@{host}",
        "backup": f"backup@{host}", "manager": f"m{number % 20}@market.example", "service": f"service@{host}",
        "account": f"account@{host}", "claims": f"claims@{host}", "addresses": f"@{host};desk{number}@mail.example",
        "entities": "inc;ltd", "products": f"Course {number}=inc;Book {number}=ltd", "zone": "America/New_York",
        "language": "en", "calendar": ("US", "BR-SP", "DE-BY")[number % 3], "holidays": "2026-12-24;2026-12-31",
        "absences": "2026-08-01..2026-08-14", "physical": "yes", "return_address": f"{number} Main Street",
        "checklist": "support_address=2026-01-15;helpdesk=2026-02-01",
    }  # fmt: skip


def as_toml(values: dict[str, str]) -> str:
    """The same seller as a file of his own."""
    table, _ = seller_rows.table_of(values)
    lines = [f"{name} = {_toml(value)}" for name, value in table.items() if name not in WITH_DATES]
    lines += ["holidays = [2026-12-24, 2026-12-31]", "absences = [{ from = 2026-08-01, until = 2026-08-14 }]"]
    return "\n".join(["[seller]", *lines, "checklist = { support_address = 2026-01-15, helpdesk = 2026-02-01 }", ""])


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "{ " + ", ".join(f'"{key}" = "{each}"' for key, each in value.items()) + " }"
    return "[" + ", ".join(f'"{one}"' for one in value) + "]" if isinstance(value, list) else f'"{value}"'


def house(folder: Path, form: str, sellers: int) -> Path:
    """A configuration with so many sellers."""
    directory = folder / form
    config.init(directory, "support@shop.test", "digistore24")
    (directory / "sellers" / "example-seller.toml").unlink()
    if form == "csv":
        seller_rows.write(directory / "sellers.csv", map(row, range(sellers))).replace(directory / "sellers.csv")
    else:
        for number in range(sellers):
            (directory / "sellers" / f"shop-{number}.toml").write_text(as_toml(row(number)), "utf-8")
    return directory


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """(seconds, what it returned)."""
    started = time.perf_counter()
    result = work()
    return time.perf_counter() - started, result


async def reloaded(directory: Path) -> tuple[float, float]:
    """(seconds of a whole reload, the longest pause of the loop meanwhile)."""
    daemon = Daemon(config.load(directory), partial(config.load, directory))
    await daemon.reload()  # the first sets every seller's checklist clocks
    pauses: list[float] = []
    ticking = asyncio.create_task(_tick(pauses))
    started = time.perf_counter()
    await daemon.reload()
    seconds = time.perf_counter() - started
    ticking.cancel()
    daemon.store.close()
    return seconds, max(pauses)


async def _tick(pauses: list[float]) -> None:
    while True:
        before = time.perf_counter()
        await asyncio.sleep(TICK)
        pauses.append(time.perf_counter() - before - TICK)


def measured(directory: Path) -> dict[str, float]:
    """One round's figures, in seconds."""
    load, settings = timed(lambda: config.load(directory))
    check, found = timed(lambda: config.check(directory))
    assert not found[0], found[0][:3]
    roster, _ = timed(lambda: Roster.of(settings.desks, settings.sellers))
    reload, pause = asyncio.run(reloaded(directory))
    return {"load": load, "check": check, "roster": roster, "reload": reload, "longest pause": pause}


def main() -> None:
    """Write the directories, run the rounds, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sellers", type=int, default=5000)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    assert set(row(0)) <= set(Seller.model_fields)
    print(f"{args.sellers} sellers   " + "".join(f"{name:>15}" for name in COLUMNS))
    with tempfile.TemporaryDirectory() as folder:
        for form, goal in GOALS.items():
            directory = house(Path(folder), form, args.sellers)
            rounds = [measured(directory) for _ in range(args.rounds)]
            figures = "".join(f"{statistics.median(one[name] for one in rounds):>13.3f} s" for name in rounds[0])
            print(f"{form:<15}{figures}   (goal: load < {goal:g} s)")


if __name__ == "__main__":
    main()
