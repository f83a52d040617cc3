"""Many timers due in the same second: how long until all have fired, and how late does the last one leave?

    python bench/timers.py [--tickets 10000] [--busy 0]

One ticket is opened by mail and copied in the store as often as asked; the daemon then finds two days gone by, and each ticket's
first reminder due. `--busy`: so many other processes take the processor meanwhile.

fired            from the tick that found them to the last step: a second, and how many each second
sent             until the next hop has the last notice
"""

from __future__ import annotations

import argparse
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from nursery import Nursery, Sink, started  # noqa: E402
from running import HELPDESK, SELLER, house, mail, quiet, rows, until  # noqa: E402

TWO_DAYS = 49 * 3600
REMINDED = "SELECT count(*), count(DISTINCT subject) FROM steps WHERE clock = 'respond' AND step = 'reminder'"


def copied(database: Path, count: int) -> None:
    """The one ticket `count` times, each with its people, its mail and its clock."""
    with sqlite3.connect(database, timeout=30) as store:
        for table, number in (("tickets", "number"), ("participants", "ticket"), ("messages", "ticket"), ("clocks", "subject")):
            names = [row[1] for row in store.execute(f"PRAGMA table_info({table})")]
            (first,) = store.execute(f"SELECT * FROM {table} WHERE {number} IN (1, 'ticket:1') LIMIT 1").fetchall()
            everybody = store.execute(f"SELECT * FROM {table} WHERE {number} IN (1, 'ticket:1')").fetchall()
            new = [_numbered(dict(zip(names, row, strict=True)), n) for n in range(2, count + 1) for row in everybody]
            assert first
            store.executemany(f"INSERT INTO {table} VALUES ({', '.join(f':{name}' for name in names)})", new)
    store.close()


def _numbered(row: dict[str, object], n: int) -> dict[str, object]:
    changed = {"ticket": n, "subject": f"ticket:{n}", "number": n, "message_id": f"ask{n}@mail.test", "fingerprint": f"copy {n}"}
    kept = {name: changed.get(name, value) for name, value in row.items()}
    if "number" in row:
        kept["subject"] = row["subject"]
    return kept | ({"id": None} if "id" in row else {})


def main() -> None:
    """Run as the docstring says; exit status 1 if a ticket was reminded twice or not at all."""
    options = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    options.add_argument("--tickets", type=int, default=10_000)
    options.add_argument("--busy", type=int, default=0)
    said = options.parse_args()
    nursery, hop = Nursery(), Sink()
    with tempfile.TemporaryDirectory() as folder, started(hop) as word:
        directory = house(Path(folder))
        running = nursery.start(directory, word, "timers.catch_up=0s").wait_ready()
        running.sends(mail(HELPDESK, SELLER, "ask", "Order 4711"))
        until(lambda: quiet(directory))
        assert running.kill(15) == 0
        copied(directory / "mailgate.db", said.tickets)
        others = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(said.busy)]
        (directory / "ahead").write_text(str(TWO_DAYS))
        begun = time.monotonic()
        running = nursery.start(directory, word, "timers.catch_up=0s").wait_ready()
        until(lambda: rows(directory, REMINDED)[0][0] >= said.tickets, 3600)
        took = time.monotonic() - begun
        print(f"{said.tickets} due, {said.busy} busy: fired in {took:.1f} s = {said.tickets / took:.0f}/s,", end=" ", flush=True)
        until(lambda: quiet(directory), 3600)
        print(f"sent after {time.monotonic() - begun:.1f} s ({len(hop.taken)} mails)")
        fired, tickets = rows(directory, REMINDED)[0]
        for one in others:
            one.kill()
            one.wait()
        running.kill(15, 60)
    nursery.close()
    print(f"reminded twice {fired - tickets}, never {said.tickets - tickets}")
    sys.exit(0 if fired == tickets == said.tickets else 1)


if __name__ == "__main__":
    main()
