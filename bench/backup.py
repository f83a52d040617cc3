"""A backup while the daemon takes mail, put back elsewhere: what is missing of it, and does it keep still?

    python bench/backup.py [--rounds 20] [--senders 4] [--seed N]

Four senders send as in kill.py, to a daemon on hold whose desk hands its mail on. Each round notes what was answered with 250,
calls `mailgate backup` beside the daemon, and puts the copy elsewhere with `mailgate restore`, which lists what would leave. A
daemon that serves it settles what waits, says that it is on hold and sends nothing; after `mailgate release` all leaves.

missing          recipients that were answered with 250 before the copy was begun, and are not in it: it has to be none
besides          recipients that were answered while it was made, and are in it
listed           what `mailgate restore` said would leave, of what was in the outbox of the copy
sent on hold     mails that left before the release: it has to be none
sent             mails that left after it, of what waited then
built anew       tickets that are not the same when they are built anew from their mail
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import sys
import tempfile
import threading
import time
from pathlib import Path

import kill  # bench/kill.py, beside this file
from anew import differing
from nursery import Nursery, Sink, started
from running import does, quiet, rows, until

WAITING = "SELECT id FROM outbox WHERE state IN ('queued', 'deferred', 'uncertain')"
SPARED = shutil.ignore_patterns("mailgate.db*", "*.log", "outgoing")


def handing_on(directory: Path, hop: str) -> Path:
    """A configuration with two desks, of which one hands on."""
    desks = kill.houses(directory) / "desks.toml"
    desks.write_text(desks.read_text("utf-8").replace("[desk.support]\n", f'[desk.support]\nhand_on = "{hop}"\n'), "utf-8")
    return directory


def ids(directory: Path) -> set[str]:
    """The mails in the outbox that have not left."""
    return {str(number) for (number,) in rows(directory, WAITING)}


def restored(shop: Path, copy: Path, elsewhere: Path, before: set[kill.Told], nursery: Nursery, hop: Sink) -> bool:
    """Put the copy into a store of its own, serve it, release it; True if all held. Prints the figures."""
    shutil.copytree(shop, elsewhere, ignore=SPARED)
    said = does("restore", str(copy), "--config", str(elsewhere))
    waiting = ids(elsewhere)
    listed = {line.split()[0] for line in said.splitlines() if line[:1].isdigit()}
    there = {(digest, one) for digest, to in rows(elsewhere, "SELECT sha256, forward_paths FROM spool") for one in json.loads(to)}
    running = nursery.start(elsewhere, *kill.WORDS).wait_ready()
    until(lambda: not rows(elsewhere, "SELECT 1 FROM spool WHERE state = 'received' LIMIT 1"), 120, "settled")
    told, early, going = len(running.lines("outbox.on_hold")), len(hop.taken), len(ids(elsewhere))
    does("release", "--config", str(elsewhere))
    until(lambda: quiet(elsewhere), 120, "sent")
    status, anew = running.kill(15), differing(elsewhere)
    sound, missing = rows(elsewhere, "PRAGMA integrity_check")[0][0], len(before - there)
    print(
        f"answered {len(before)}   missing {missing}   besides {len(there - before)}   listed {len(listed)} of {len(waiting)}",
        end="   ",
    )
    print(f"sent on hold {early}   sent {len(hop.taken)} of {going}   built anew {len(anew)}   {sound}", flush=True)
    return (
        not (missing or early or anew or status or listed != waiting) and told == 1 and len(hop.taken) == going and sound == "ok"
    )


def play(said: argparse.Namespace, folder: Path, nursery: Nursery) -> int:
    """How many rounds were good."""
    hop, load, dice, good = Sink(), kill.Load(), random.Random(said.seed), 0
    with started(hop) as word:
        shop = handing_on(folder / "shop", word.removeprefix("smarthost.url="))
        live = nursery.start(shop, *kill.WORDS).wait_ready()
        does("hold", "--config", str(shop))
        threads = [threading.Thread(target=kill.sender, args=(load, n, said.seed), daemon=True) for n in range(said.senders)]
        for thread in threads:
            thread.start()
        for n in range(said.rounds):
            load.running = live
            time.sleep(dice.uniform(0.0, 0.6))
            with load.lock:
                before = set(load.accepted)
            does("backup", str(folder / f"{n}.db"), "--config", str(shop))
            load.running = None  # the senders rest, or the rounds would take longer and longer
            hop.taken.clear()
            good += restored(shop, folder / f"{n}.db", folder / str(n), before, nursery, hop)
        load.running, load.stopping = live, True
        for thread in threads:
            thread.join(60)
        return good if live.kill(15, 30) == 0 else 0


def main() -> None:
    """Run as the docstring says; exit status 1 if anything did not hold."""
    asked = kill.options(__doc__ or "")
    asked.set_defaults(rounds=20)
    said = asked.parse_args()
    print(f"seed {said.seed}")
    nursery, begun = Nursery(), time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        good = play(said, Path(folder), nursery)
    nursery.close()
    print(f"{good} of {said.rounds} good, {time.monotonic() - begun:.0f} s")
    sys.exit(0 if good == said.rounds else 1)


if __name__ == "__main__":
    main()
