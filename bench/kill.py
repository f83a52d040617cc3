"""kill -9 at random moments under load: is everything kept that was accepted, and does it happen once?

    python bench/kill.py [--rounds 200] [--senders 4] [--seed N] [--plant]

Each round starts the daemon, lets the senders send over open sessions, and ends it with SIGKILL after a random moment. Each mail
goes by SMTP or by LMTP, to 1 to 50 addresses of two desks, now and then to a stranger's. A sender whose line breaks before the
last answer sends the same bytes to the same addresses again, as a mail server does. At the end a last daemon settles what waits,
and what the senders know is compared with what the verbs and the store say. `--plant` makes the daemon say 250 before it has
written anything: then mail has to be lost, and the exit status is 0 only if it was.

accepted         recipients that were answered with 250 (by LMTP each has an answer of its own), and mails
lost             of these, recipients whose mail is not there for them, by sha256, or not settled
bounced          recipients at our desks that were refused for good
doubled          mails that are there more than once for a desk
strangers        refused recipients that a mail was kept for all the same
answered again   mails that were stored, but whose sender learned it only from a second try
doubled effects  tickets, history, clocks or notices beyond one for each mail and desk
built anew       tickets that are not the same when they are built anew from their mail
"""

from __future__ import annotations

import argparse
import json
import random
import smtplib
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from anew import differing  # noqa: E402
from nursery import Nursery  # noqa: E402
from running import DESK, HELPDESK, SELLER, Running, house, mail, quiet, rows, sha256, until  # noqa: E402

WORDS = (
    "smarthost.url=maildir:outgoing",
    "timers.catch_up=0s",
    "limits.connections_per_network=100",
    'lmtp.listen=["127.0.0.1:0"]',
)
OTHER, STRANGER = "billing@bills.test", "nobody@else.test"
DESKS = {DESK: "support", OTHER: "billing"}
Told = tuple[str, str]  # sha256 and recipient


def houses(directory: Path) -> Path:
    """A configuration with two desks."""
    desks = house(directory) / "desks.toml"
    desks.write_text(desks.read_text("utf-8") + f'\n[desk.billing]\naddress = "{OTHER}"\npack = "digistore24"\n', "utf-8")
    return directory


@dataclass
class Load:
    """What the senders share: the daemon of this round, who was answered what, and when to stop."""

    running: Running | None = None
    stopping: bool = False
    accepted: set[Told] = field(default_factory=set)
    refused: set[Told] = field(default_factory=set)
    doors: Counter[str] = field(default_factory=Counter)
    broken: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)


def sender(load: Load, number: int, seed: int) -> None:
    """Send one mail after the other, each until every recipient is answered."""
    dice = random.Random(seed * 1000 + number)
    sessions: dict[str, Any] = {}
    count = 0
    while not load.stopping:
        count += 1
        body = "\r\n".join("word " * 14 for _ in range(dice.choice((1, 5, 40, 400))))
        raw = mail(HELPDESK, SELLER, f"{number}-{count}", f"Order {number}-{count}", cc="", text=body)
        deliver(load, sessions, raw, dice.choice(("smtp", "lmtp")), recipients(dice))


def recipients(dice: random.Random) -> list[str]:
    """1 to 50 addresses, those of the desks and of their +forms, and one in ten times a stranger's among them."""
    wanted = dice.choice((1, 1, 2, 10, 50))
    named = [address.replace("@", f"+{n}@") for n in range(wanted - 1) for address in (dice.choice((DESK, OTHER)),)]
    to = [DESK, *named] if dice.random() < 0.5 else [OTHER, *named]
    return [*to[:49], STRANGER] if dice.random() < 0.1 else to


def deliver(load: Load, sessions: dict[str, Any], raw: bytes, kind: str, to: Sequence[str]) -> None:
    """Send until there is an answer for everybody; the session is kept for the next mail."""
    while True:
        running = load.running
        if running is None:
            time.sleep(0.005)
            continue
        try:
            if sessions.get("of") is not running:
                _hang_up(sessions)
                sessions |= {"of": running}
            if kind not in sessions:
                sessions[kind] = running.client(kind)
            answers = offer(sessions[kind], raw, to)
        except (OSError, smtplib.SMTPException):
            _hang_up(sessions)
            with load.lock:
                load.broken += 1
            time.sleep(0.01)
            continue
        with load.lock:
            load.doors[kind] += 1
            load.accepted |= {(sha256(raw), one) for one, code in answers.items() if code == 250}
            load.refused |= {(sha256(raw), one) for one, code in answers.items() if code >= 500}
        if all(code == 250 or code >= 500 for code in answers.values()):
            return
        time.sleep(0.01)


def offer(client: smtplib.SMTP, raw: bytes, to: Sequence[str]) -> dict[str, int]:
    """The last answer for each of these recipients: one for all after the dot, or by LMTP one for each (RFC 2033 §4.2)."""
    client.ehlo_or_helo_if_needed()
    if client.mail("a@client.test")[0] != 250:
        raise smtplib.SMTPServerDisconnected("no MAIL")
    answers = {one: client.rcpt(one)[0] for one in to}
    going = [one for one, code in answers.items() if code == 250]
    if going and client.docmd("DATA")[0] != 354:
        raise smtplib.SMTPServerDisconnected("no DATA")
    client.send(raw.replace(b"\r\n.", b"\r\n..") + b".\r\n")
    by_each = isinstance(client, smtplib.LMTP)
    codes = [client.getreply()[0] for _ in (going if by_each else going[:1])]
    return answers | dict(zip(going, codes if by_each else codes * len(going), strict=True))


def _hang_up(sessions: dict[str, Any]) -> None:
    for kind in ("smtp", "lmtp"):
        with suppress(KeyError, OSError):
            sessions.pop(kind).close()
    sessions.clear()


def rounds(load: Load, start: Callable[[], Running], count: int, dice: random.Random) -> Iterator[int]:
    """Kill `count` daemons; the number of each, once it is dead."""
    for n in range(count):
        load.running = running = start().wait_ready()
        time.sleep(dice.uniform(0.0, 0.6))
        assert running.kill() == -9
        load.running = None
        yield n
        if n % 20 == 19:
            print(f"{n + 1:4} kills, {len(load.accepted)} recipients accepted", flush=True)


def play(said: argparse.Namespace, directory: Path, start: Callable[[], Running], died: Callable[[int], None]) -> bool:
    """True if nothing was lost or doubled; prints the figures. `died` is called with the number of each daemon that is dead."""
    load = Load()
    threads = [threading.Thread(target=sender, args=(load, n, said.seed), daemon=True) for n in range(said.senders)]
    for thread in threads:
        thread.start()
    for n in rounds(load, start, said.rounds, random.Random(said.seed)):
        died(n)
    load.stopping = True
    load.running = start().wait_ready()
    for thread in threads:
        thread.join(60)
    until(lambda: quiet(directory), 600)
    status = load.running.kill(15)
    print(f"kills {said.rounds}   lines broken {load.broken}   the last daemon ended with {status}")
    return verdict(load, directory) and status == 0


def verdict(load: Load, directory: Path, answers: int = 0, known: Sequence[str] = ()) -> bool:
    """Print the figures; True if nothing was lost or doubled.

    So many mails were `answers`, which open no ticket; tickets may differ by what is in `known`.
    """
    kept = rows(directory, "SELECT sha256, desk, forward_paths FROM spool WHERE state = 'settled'")
    there = {(digest, one) for digest, _, paths in kept for one in json.loads(paths)}
    desks = {(digest, desk) for digest, desk, _ in kept}
    lost = {one for one in load.accepted if one not in there or (one[0], _desk(one[1])) not in desks}
    doubled = [one for one, times in Counter((digest, desk) for digest, desk, _ in kept).items() if times > 1]
    strangers = (load.refused & there) | {one for one in there - load.accepted if one[1] == STRANGER}
    bounced = [one for one in load.refused if one[1] != STRANGER]
    again = rows(directory, "SELECT count(DISTINCT spool_id) FROM sightings")[0][0]
    tickets = rows(directory, "SELECT count(*) FROM tickets")[0][0]
    other = rows(directory, "SELECT count(*) FROM spool WHERE state <> 'settled'")[0][0]
    effects = sum(rows(directory, query)[0][0] for query in EFFECTS) + abs(tickets + answers - len(desks))
    anew = [one for one in differing(directory) if not one.startswith(tuple(known))]
    by = ", ".join(f"{count} by {kind}" for kind, count in sorted(load.doors.items()))
    print(f"accepted {len(load.accepted)} recipients of {len({one for one, _ in load.accepted})} mails ({by})   ", end="")
    print(
        f"lost {len(lost)}   bounced {len(bounced)}   doubled {len(doubled)}   strangers {len(strangers)} of {len(load.refused)}"
    )
    print(f"answered again {again}   doubled effects {effects}   not settled {other}   ", end="")
    print(f"built anew: {len(anew)} of {tickets} differ{': ' + anew[0] if anew else ''}")
    sound = rows(directory, "PRAGMA integrity_check")[0][0]
    print(f"integrity_check: {sound}")
    return not (lost or bounced or doubled or strangers or effects or other or anew) and sound == "ok"


def _desk(recipient: str) -> str:
    user, _, domain = recipient.partition("@")
    return DESKS[f"{user.partition('+')[0]}@{domain}"]


EFFECTS = (
    "SELECT count(*) FROM (SELECT 1 FROM events WHERE event IN ('opened', 'asked') GROUP BY ticket, event HAVING count(*) > 1)",
    "SELECT count(*) FROM (SELECT 1 FROM clocks WHERE subject LIKE 'ticket:%' GROUP BY subject HAVING count(*) > 1)",
    "SELECT count(*) FROM (SELECT 1 FROM outbox GROUP BY message_id, reader HAVING count(*) > 1)",
    "SELECT count(*) FROM (SELECT 1 FROM messages GROUP BY desk, message_id HAVING count(*) > 1)",
)


def options(doc: str) -> argparse.ArgumentParser:
    """What both benches are told."""
    asked = argparse.ArgumentParser(description=doc.partition("\n")[0])
    asked.add_argument("--rounds", type=int, default=200)
    asked.add_argument("--senders", type=int, default=4)
    asked.add_argument("--seed", type=int, default=time.time_ns() % 10**6)
    return asked


def main() -> None:
    """Run as the docstring says; exit status 1 if anything was lost or doubled."""
    asked = options(__doc__ or "")
    asked.add_argument("--plant", action="store_true")
    said = asked.parse_args()
    print(f"seed {said.seed}")
    nursery, begun = Nursery(), time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        directory = houses(Path(folder))
        good = play(said, directory, lambda: nursery.start(directory, *WORDS, hasty=said.plant), lambda _: None)
        print(f"{time.monotonic() - begun:.0f} s")
    nursery.close()
    sys.exit(0 if good != said.plant else 1)


if __name__ == "__main__":
    main()
