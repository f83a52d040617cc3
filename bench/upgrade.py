"""From an older version to this one with mail in hand, and back: is everything kept, and does it happen once?

    python bench/upgrade.py OLD [--rounds 10] [--senders 4] [--seed N]

OLD is a checkout of an older version (`git worktree add /tmp/old TAG`); it runs with the packages of this one. Each round has a
store of its own. OLD takes mail by SMTP and LMTP as in kill.py while its next hop is away, and ends by SIGKILL or SIGTERM at a
random moment; the senders go on. This version takes the store over, and ends the same way. Then OLD is started on the new store:
it has to refuse, and to change nothing in it. This version serves again, the next hop is back, and two days pass.

Beside what kill.py counts (what is built anew of a ticket that OLD judged may hold facts that OLD did not know):
moved            clocks that were armed under OLD and are due at another instant afterwards
reminded         tickets with their first reminder, of those that wait for an answer
never sent       notices, written under OLD or after, that the next hop did not get as they were written
"""

from __future__ import annotations

import hashlib
import random
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import kill  # bench/kill.py, beside this file
from nursery import Nursery, Sink, started
from running import DESK, PLAIN, PORTS, SELLER, Running, mail, quiet, rows, until

WORDS = (*kill.WORDS[1:], 'smarthost.retry=["1s"]', "limits.surge_from=100000")
AWAY = "smarthost.url=smtp://127.0.0.1:9"
TWO_DAYS, LAME = 49 * 3600, 5
SPOOL = "SELECT state, count(*) FROM spool GROUP BY state"
CLOCKS = "SELECT subject, name, episode, due FROM clocks WHERE state = 'running'"
WRITTEN = "SELECT reader, raw FROM outbox"
REMINDED = "SELECT subject FROM steps WHERE step = 'reminder' AND occurrence = 1"
WAIT = "SELECT count(*) FROM clocks WHERE name = 'respond' AND state = 'running'"


def older(old: Path, directory: Path, *words: str) -> Running:
    """A daemon of the older version, not yet ready."""
    log = next(path for n in range(100) if not (path := directory / f"older-{n}.log").exists())
    sets = [one for word in words for one in ("--set", word)]
    command = [sys.executable, "-m", "mailgate", "serve", "--config", str(directory), *PORTS, *PLAIN, *sets]
    with log.open("wb") as errors:
        process = subprocess.Popen(command, cwd=old, stdin=subprocess.DEVNULL, stdout=errors, stderr=errors)
    return Running(directory, log, process.pid, process.poll)


def content(directory: Path) -> str:
    """The sha256 of all that the store holds."""
    database = sqlite3.connect(f"file:{directory / 'mailgate.db'}?mode=ro", uri=True)
    try:
        return hashlib.sha256("\n".join(database.iterdump()).encode()).hexdigest()
    finally:
        database.close()


class Round:
    """One store on its way from version to version, while the senders send."""

    def __init__(self, old: Path, directory: Path, nursery: Nursery, dice: random.Random) -> None:
        self.old, self.directory, self.nursery, self.dice = old, directory, nursery, dice
        subprocess.run(
            [sys.executable, "-m", "mailgate", "init", directory, "--address", DESK], cwd=old, check=True, capture_output=True
        )
        kill.houses(directory)
        self.load, self.hop, self.faults = kill.Load(), Sink(), list[str]()

    def play(self, senders: int) -> bool:
        """True if all held; prints the figures."""
        threads = [threading.Thread(target=kill.sender, args=(self.load, n, 1), daemon=True) for n in range(senders)]
        first = older(self.old, self.directory, *WORDS, AWAY).wait_ready()
        self.lame_answers(first)
        for thread in threads:
            thread.start()
        self.serves(first)
        armed, waiting = set(rows(self.directory, CLOCKS)), rows(self.directory, WRITTEN)
        spool, judged = rows(self.directory, SPOOL), rows(self.directory, "SELECT number FROM tickets")
        self.serves(self.nursery.start(self.directory, *WORDS, AWAY).wait_ready())
        self.refused()
        with started(self.hop) as hop:
            last = self.load.running = self.nursery.start(self.directory, *WORDS, hop).wait_ready()
            self.load.stopping = True
            for thread in threads:
                thread.join(60)
            until(lambda: quiet(self.directory), 300, "quiet")
            moved = armed - set(rows(self.directory, CLOCKS))
            open_asks = rows(self.directory, WAIT)[0][0]
            (self.directory / "ahead").write_text(str(TWO_DAYS))
            until(lambda: len(rows(self.directory, REMINDED)) == open_asks, 60, "a reminder each")
            until(lambda: quiet(self.directory), 300, "quiet again")
            self.faults += [f"ended with {status}" for status in [last.kill(15)] if status]
        reminded = len(rows(self.directory, REMINDED))
        lost = set(rows(self.directory, WRITTEN)) - set(self.hop.taken)
        print(f"under OLD: spool {dict(spool)}, {len(armed)} clocks, {len(waiting)} notices   moved {len(moved)}   ", end="")
        print(f"reminded {reminded} of {open_asks}   never sent {len(lost)}   {'; '.join(self.faults)}")
        good = kill.verdict(self.load, self.directory, LAME, [f"MG-{number} facts:" for (number,) in judged])
        return good and not (moved or lost or self.faults or reminded != open_asks)

    def lame_answers(self, running: Running) -> None:
        """Asks, and answers to the desk alone, which are passed on."""
        for n in range(LAME):
            ask = mail("helpdesk@digistore24.com", SELLER, f"lame{n}", f"Order lame {n}")
            answer = mail(SELLER, DESK, f"answer{n}", f"Re: Order lame {n}", cc="", answers=f"lame{n}")
            for raw in (ask, answer):
                assert running.sends(raw)
                self.load.accepted.add((kill.sha256(raw), DESK))
        until(lambda: len(rows(self.directory, WRITTEN)) == LAME, what="their notices")

    def serves(self, running: Running) -> None:
        """It serves for a random while, and ends by either signal."""
        self.load.running = running
        time.sleep(self.dice.uniform(0.2, 1.5))
        number = self.dice.choice((9, 15))
        status = running.kill(number, 30)
        self.load.running = None
        if status not in (0, -9):
            self.faults.append(f"ended with {status} by {number}")

    def refused(self) -> None:
        """The older version does not serve the newer store, says so, and changes nothing."""
        before = content(self.directory)
        running = older(self.old, self.directory, *WORDS, AWAY)
        status = until(lambda: running.ended() is not None and [running.ended()], 30)[0]
        said = running.log.read_text()
        if (status, content(self.directory)) != (69, before) or "run the version that made it" not in said or "Traceback" in said:
            self.faults.append(f"downgrade: status {status}, unchanged {content(self.directory) == before}, {said[-300:]}")


def main() -> None:
    """Run as the docstring says; exit status 1 if anything did not hold."""
    asked = kill.options(__doc__ or "")
    asked.set_defaults(rounds=10)
    asked.add_argument("old", type=Path)
    said = asked.parse_args()
    print(f"seed {said.seed}")
    nursery, begun, dice, good = Nursery(), time.monotonic(), random.Random(said.seed), 0
    for _ in range(said.rounds):
        with tempfile.TemporaryDirectory() as folder:
            good += Round(said.old.absolute(), Path(folder), nursery, dice).play(said.senders)
    nursery.close()
    print(f"{good} of {said.rounds} rounds good, {time.monotonic() - begun:.0f} s")
    sys.exit(0 if good == said.rounds else 1)


if __name__ == "__main__":
    main()
