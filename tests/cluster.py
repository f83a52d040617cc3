"""Several nodes on one PostgreSQL, senders that send until they are answered, and trouble: nodes killed, stopped and woken.

What must hold whatever happens (`faults`): each mail that was answered with 250 is there once and settled once, each step fired
once, each notice reached the next hop at least once, always with one Message-ID.
"""

from __future__ import annotations

import os
import random
import signal
import smtplib
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nursery import Nursery, Sink
from running import DESK, HELPDESK, SELLER, Running, mail, sha256, until
from sqlalchemy import text

from mailgate.store.engine import connect

WORDS = ("timers.catch_up=0s", "limits.connections_per_network=200", 'http.listen=""')
ALIVE = 2.0


class Cluster:
    """The nodes, by place; a place is empty while its node is dead."""

    def __init__(
        self, nursery: Nursery, directory: Path, url: str, words: Sequence[str], *, alive: float = ALIVE, **more: Any
    ) -> None:
        self.nursery, self.directory, self.alive, self.more = nursery, directory, alive, more
        self.words = (f"store.url={url}", *WORDS, *words)
        self.nodes: list[Running | None] = []
        self._database = connect(url, Path())

    def start(self, count: int) -> None:
        """Fill every place up to `count`, and wait until all are ready."""
        self.nodes += [None] * (count - len(self.nodes))
        begun = [one or self.nursery.start(self.directory, *self.words, alive=self.alive, **self.more) for one in self.nodes]
        self.nodes = [one.wait_ready() for one in begun]

    def ask(self, query: str) -> list[Any]:
        """What the database answers, read beside the nodes."""
        with self._database.connect().execution_options(turn="read") as connection:
            return list(connection.execute(text(query)).all())

    def reconnect(self) -> None:
        """The database was away: our own line to it is made anew."""
        self._database.dispose()

    def kill(self, place: int) -> None:
        """SIGKILL."""
        node, self.nodes[place] = self.nodes[place], None
        assert node is not None
        node.kill()

    def pause(self, place: int, seconds: float) -> None:
        """SIGSTOP, and SIGCONT after a while."""
        node = self.nodes[place]
        assert node is not None
        os.kill(node.pid, signal.SIGSTOP)
        time.sleep(seconds)
        os.kill(node.pid, signal.SIGCONT)

    def trouble(self, dice: random.Random) -> str:
        """Kill a node and start another, or let one sleep for shorter or longer than the others wait for it."""
        place = dice.randrange(len(self.nodes))
        if dice.random() < 0.5:
            self.kill(place)
            time.sleep(dice.uniform(0, self.alive))
            self.start(len(self.nodes))
            return "killed"
        self.pause(place, dice.choice((0.2, 0.5, 2.5)) * self.alive)
        return "stopped"

    def quiet(self) -> bool:
        """True when no mail waits to be settled and no notice to be sent."""
        waiting = self.ask("SELECT count(*) FROM spool WHERE state = 'received'")[0][0]
        return bool(waiting + self.ask("SELECT count(*) FROM outbox WHERE state IN ('queued', 'uncertain')")[0][0] == 0)

    def end(self) -> list[int]:
        """How the nodes that are left end when they are told to."""
        found = [one.kill(signal.SIGTERM, 30) for one in self.nodes if one is not None]
        self._database.dispose()
        return found


@dataclass
class Senders:
    """Sends asks of the helpdesk, each until some node answers 250; `accepted` counts the answers by sha256."""

    cluster: Cluster
    name: str = "a"
    accepted: Counter[str] = field(default_factory=Counter)
    answers: Counter[int] = field(default_factory=Counter)
    broken: int = 0
    stopping: bool = False
    _threads: list[threading.Thread] = field(default_factory=list)

    def start(self, count: int, most: int | None = None, pause: float = 0.0) -> None:
        """Begin; each sends `most` mails (None: until it is stopped), with a pause behind each."""
        self._threads = [threading.Thread(target=self._send, args=(n, most, pause)) for n in range(count)]
        for one in self._threads:
            one.start()

    def join(self, seconds: float = 120) -> None:
        """Wait until all have sent what they had begun."""
        for one in self._threads:
            one.join(seconds)
            assert not one.is_alive()

    def _send(self, number: int, most: int | None, pause: float) -> None:
        dice, count = random.Random(number), 0
        while not self.stopping and (most is None or count < most):
            count += 1
            name = f"{self.name}{number}-{count}"
            raw = mail(HELPDESK, SELLER, name, f"Order {name}")
            until(lambda raw=raw: self._sent(raw, dice), 120, "an answer")
            time.sleep(pause)

    def _sent(self, raw: bytes, dice: random.Random) -> bool:
        node = dice.choice(self.cluster.nodes)
        if node is None:
            return False
        try:
            client = node.client()
            client.timeout = 5
            with client:
                client.sendmail("a@client.test", [DESK], raw)
        except smtplib.SMTPResponseException as error:
            self.answers[error.smtp_code] += 1
            return False
        except (OSError, smtplib.SMTPException):
            self.broken += 1
            return False
        self.accepted[sha256(raw)] += 1
        return True


ONCE = {
    "mail twice in the spool": "SELECT sha256 FROM spool GROUP BY sha256 HAVING count(*) > 1",
    "mail not settled": "SELECT sha256 FROM spool WHERE state <> 'settled'",
    "mail settled twice": "SELECT spool_id FROM messages GROUP BY spool_id HAVING count(*) > 1",
    "mail without its ticket": "SELECT s.id FROM spool s LEFT JOIN messages m ON m.spool_id = s.id WHERE m.ticket IS NULL",
    "ticket opened twice": "SELECT ticket FROM events WHERE event = 'opened' GROUP BY ticket HAVING count(*) <> 1",
    "two tickets of one mail": "SELECT message_id FROM messages GROUP BY message_id HAVING count(*) > 1",
    "clock started twice": "SELECT subject FROM clocks WHERE subject LIKE 'ticket:%' GROUP BY subject HAVING count(*) > 1",
    "notice written twice": "SELECT ticket FROM outbox GROUP BY ticket, notice, step, occurrence, reader HAVING count(*) > 1",
}


def faults(cluster: Cluster, senders: Senders, sink: Sink) -> list[str]:
    """What does not hold; empty if all is well."""
    found = [f"{name}: {rows[:3]}" for name, query in ONCE.items() if (rows := cluster.ask(query))]
    stored = {row[0] for row in cluster.ask("SELECT sha256 FROM spool WHERE state = 'settled'")}
    found += [f"answered {code}" for code in senders.answers if not 400 <= code < 500]  # a fault of ours is never the sender's
    found += [f"lost: {one}" for one in senders.accepted if one not in stored]
    written = {(row[0], row[1]) for row in cluster.ask("SELECT message_id, reader FROM outbox WHERE state = 'sent'")}
    taken = {(_message_id(raw), reader) for reader, raw in sink.taken}
    found += [f"never sent: {one}" for one in written - taken] + [f"never written: {one}" for one in taken - written]
    return found


def _message_id(raw: bytes) -> str:
    head = raw.partition(b"\r\n\r\n")[0].decode()
    return next(line.split(":", 1)[1].strip(" <>") for line in head.split("\r\n") if line.lower().startswith("message-id:"))
