"""kill -9 at random moments under load: is everything kept that was accepted, and does it happen once?

    python bench/kill.py [--rounds 200] [--senders 4] [--seed N]

Each round starts the daemon, lets the senders send over open sessions, and ends it with SIGKILL after a random moment. A sender
whose line breaks before the answer sends the same bytes again to the next daemon, as a mail server does. At the end a last
daemon settles what waits, and what the senders know is compared with what `message list` and `ticket list` say.

accepted         mails that were answered with 250
lost             of these, mails that are not there, by sha256, or not settled
doubled          mails that are there more than once
answered again   mails that were stored, but whose sender learned it only from a second try
doubled effects  tickets, history, clocks or notices beyond one for each mail
"""

from __future__ import annotations

import argparse
import random
import smtplib
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from nursery import Nursery  # noqa: E402
from running import DESK, HELPDESK, SELLER, Running, ask, house, mail, quiet, rows, sha256, until  # noqa: E402

WORDS = ("smarthost.url=maildir:outgoing", "timers.catch_up=0s", "limits.connections_per_network=100")


@dataclass
class Load:
    """What the senders share: the daemon of this round, who was answered, and when to stop."""

    running: Running | None = None
    stopping: bool = False
    accepted: Counter[str] = field(default_factory=Counter)
    broken: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)


def sender(load: Load, number: int, seed: int) -> None:
    """Send one mail after the other, each until it is answered."""
    dice = random.Random(seed * 1000 + number)
    count = 0
    while not load.stopping:
        count += 1
        body = "\r\n".join("word " * 14 for _ in range(dice.choice((1, 5, 40, 400))))
        raw = mail(HELPDESK, SELLER, f"{number}-{count}", f"Order {number}-{count}", text=body)
        deliver(load, raw)


_local = threading.local()


def deliver(load: Load, raw: bytes) -> None:
    """Send until there is a 250; the session is kept for the next mail."""
    while True:
        running = load.running
        if running is None:
            time.sleep(0.005)
            continue
        try:
            if getattr(_local, "of", None) is not running:
                _local.client, _local.of = running.client(), running
            _local.client.sendmail("a@client.test", [DESK], raw)
        except (OSError, smtplib.SMTPException):
            _local.of = None
            with load.lock:
                load.broken += 1
            time.sleep(0.01)
        else:
            with load.lock:
                load.accepted[sha256(raw)] += 1
            return


def rounds(load: Load, start: Callable[[], Running], count: int, dice: random.Random) -> Iterator[int]:
    """Kill `count` daemons; the number of each, once it is dead."""
    for n in range(count):
        load.running = running = start().wait_ready()
        time.sleep(dice.uniform(0.0, 0.6))
        assert running.kill() == -9
        load.running = None
        yield n
        if n % 20 == 19:
            print(f"{n + 1:4} kills, {len(load.accepted)} mails accepted", flush=True)


def verdict(load: Load, directory: Path, kills: int) -> bool:
    """Print the figures; True if nothing was lost or doubled."""
    listed = Counter(row["sha256"] for row in ask(directory, "message", "list") if row["state"] == "settled")
    lost = [one for one in load.accepted if not listed[one]]
    doubled = [one for one, times in listed.items() if times > 1]
    again = rows(directory, "SELECT count(DISTINCT spool_id) FROM sightings")[0][0]
    effects = sum(rows(directory, query)[0][0] for query in EFFECTS)
    tickets = rows(directory, "SELECT count(*) FROM tickets")[0][0]
    other = rows(directory, "SELECT count(*) FROM spool WHERE state <> 'settled'")[0][0]
    print(f"kills {kills}   lines broken {load.broken}   tickets {tickets}   not settled {other}")
    print(f"accepted {len(load.accepted)}   lost {len(lost)}   doubled {len(doubled)}   answered again {again}   ", end="")
    print(f"doubled effects {effects + abs(tickets - len(listed))}")
    sound = rows(directory, "PRAGMA integrity_check")[0][0]
    print(f"integrity_check: {sound}")
    return not (lost or doubled or effects or other or tickets != len(listed)) and sound == "ok"


EFFECTS = (
    "SELECT count(*) FROM (SELECT 1 FROM events WHERE event IN ('opened', 'asked') GROUP BY ticket, event HAVING count(*) > 1)",
    "SELECT count(*) FROM (SELECT 1 FROM clocks WHERE subject LIKE 'ticket:%' GROUP BY subject HAVING count(*) > 1)",
    "SELECT count(*) FROM (SELECT 1 FROM outbox GROUP BY message_id, reader HAVING count(*) > 1)",
    "SELECT count(*) FROM (SELECT 1 FROM messages GROUP BY message_id HAVING count(*) > 1)",
)


def main() -> None:
    """Run as the docstring says; exit status 1 if anything was lost or doubled."""
    options = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    options.add_argument("--rounds", type=int, default=200)
    options.add_argument("--senders", type=int, default=4)
    options.add_argument("--seed", type=int, default=time.time_ns() % 10**6)
    said = options.parse_args()
    print(f"seed {said.seed}")
    load, nursery, begun = Load(), Nursery(), time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        directory = house(Path(folder))
        threads = [threading.Thread(target=sender, args=(load, n, said.seed)) for n in range(said.senders)]
        for thread in threads:
            thread.start()
        for _ in rounds(load, lambda: nursery.start(directory, *WORDS), said.rounds, random.Random(said.seed)):
            pass
        load.stopping = True
        load.running = nursery.start(directory, *WORDS).wait_ready()
        for thread in threads:
            thread.join(60)
        until(lambda: quiet(directory), 300)
        status = load.running.kill(15)
        good = verdict(load, directory, said.rounds) and status == 0
        print(f"{time.monotonic() - begun:.0f} s, the last daemon ended with {status}")
    nursery.close()
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
