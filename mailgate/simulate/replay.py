"""Run past mail through the whole message path into a scratch store, as if it had just come in (docs/replay.md)."""

from __future__ import annotations

import mailbox
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from mailgate.desk.house import House, Source
from mailgate.desk.notice import Templates
from mailgate.desk.pack import bind
from mailgate.desk.party import Desk
from mailgate.gateway import Settled
from mailgate.mail import address as addresses
from mailgate.mail import subject, token, visible
from mailgate.mail.message import parse
from mailgate.simulate.stage import Stage, scratch_house
from mailgate.store import clues, tickets

EVERYONE = ["desk", "seller", "customer", "notifier", "staff", "stranger"]
PLAIN: Mapping[str, Any] = {
    "title": "Replay",
    "mail": [{"event": "wrote", "by": EVERYONE, "opens": True}],
    "states": {"start": "open"},
}
EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


def plain_house(address: str) -> tuple[House, Desk]:
    """A house with one desk at `address` and a pack without clocks: mail is threaded and nothing else."""
    desk = Desk(name="desk", address=address, pack="replay")
    policy = bind(PLAIN, {}, "replay").model_copy(update={"hash": "replay"})
    return scratch_house(policy, Source("replay", PLAIN, {}), desk, {}, Templates({}, {}, "")), desk


@dataclass
class Replay:
    """One replay: its stage, the instant it has come to, and which threads evidence has linked."""

    stage: Stage
    now: datetime = EPOCH
    threads: dict[int, int] = field(default_factory=dict)
    count: int = 0
    first: dict[str, str] = field(default_factory=dict)

    def mail(self, raw: bytes, at: datetime | None = None) -> Settled:
        """What becomes of one mail, at `at` or its own Date or the instant of the one before, whichever is known and later."""
        message = parse(raw)
        stated = at or (message.date.astimezone(UTC) if message.date else self.now)
        self.now = max(self.now, stated) if at is None else at
        done = self.stage.receive(raw, self.now)
        roots = [self._root(one) for one in (*done.match.names, done.ticket) if one is not None]
        self.threads |= dict.fromkeys(roots, min(roots, default=0))
        return done

    def _root(self, number: int) -> int:
        while self.threads.get(number, number) != number:
            number = self.threads[number]
        return number

    def thread(self, done: Settled) -> str:
        """The id that all mails share which evidence links, joined or not."""
        if done.ticket is not None:
            return f"T{self._root(done.ticket)}"
        return f"M{done.spool_id}"

    def sent(self, raw: bytes, number: int, smtp_reply: str) -> dict[str, str]:
        """Note an agent's answer on a ticket as mailgate would send it; what was stamped on it."""
        message, house, desk = parse(raw), self.stage.house, self.stage.desk
        self.count += 1
        stamped = token.message_id(("replay", str(self.count)), number, addresses.domain(desk.address), house.keys)
        people = [one for one in (*message.to, *message.cc) if addresses.is_address(one.address)]
        party = self.stage.store.call(partial(_answered, number=number, people=people, stamped=stamped, reply=smtp_reply))
        known = clues.Sought(message, subject.read(message.subject), desk.name, self.now)
        text = message.readable or visible.visible(None, message.html)
        self.stage.store.call(partial(clues.learn, number=number, known=known, text=text))
        plus = addresses.detail(token.reply_address(desk.address, number, party, house.keys)) or ""
        return {"message_id": stamped, "tag": f"[MG-{number}]", "token": token.body_token(number, house.keys), "plus": plus}


def _answered(connection: Any, number: int, people: list[Any], stamped: str, reply: str) -> int:
    """Everybody addressed joins the ticket; our id and the relay's own become ids of it. The first addressee's party id."""
    from mailgate.desk.ticket import Participant

    ticket = tickets.load(connection, [number])[number]
    known = {addresses.key(one.address) for one in ticket.participants}
    new = tuple(Participant(one.address, "customer", one.name) for one in people if addresses.key(one.address) not in known)
    ticket = tickets.write(connection, replace(ticket, participants=(*ticket.participants, *new)))
    tickets.know(connection, number, None, (), (stamped,))
    tickets.alias(connection, number, tickets.relay_ids(reply))
    first = addresses.key(people[0].address) if people else ""
    return next((one.id for one in ticket.participants if addresses.key(one.address) == first), 0)


def mails_of(paths: list[Path]) -> Iterator[tuple[str, int, bytes]]:
    """(file, index, bytes) of every mail in mbox files, Maildirs, folders of .eml files (by name) and .eml files."""
    for path in paths:
        if path.is_dir() and (path / "cur").is_dir():
            box = mailbox.Maildir(path, create=False)
            for index, key in enumerate(sorted(box.keys())):
                yield str(path), index, box.get_bytes(key)
        elif path.is_dir():
            for index, one in enumerate(sorted(path.rglob("*.eml"))):
                yield str(one), index, one.read_bytes()
        elif path.suffix != ".eml" and path.read_bytes()[:5] == b"From ":
            mbox = mailbox.mbox(path, create=False)
            for index, name in enumerate(mbox.keys()):
                yield str(path), index, mbox.get_bytes(name)
        else:
            yield str(path), 0, path.read_bytes()


def row(done: Settled, file: str, index: int, replayed: Replay) -> dict[str, Any]:
    """The answer of `replay --json` for one mail."""
    match, opened = done.match, done.decision.opened
    if done.message_id:
        replayed.first.setdefault(done.message_id, done.message_id)
    return {
        "file": file,
        "index": index,
        "message_id": done.message_id,
        "class": done.kind,
        "ticket": f"T{done.ticket}" if done.ticket is not None else None,
        "new": opened,
        "evidence": match.evidence,
        "points_to": f"T{match.points_to}" if match.points_to is not None else None,
        "held": done.reason or None,
        "violations": sorted(violation.rule for violation in done.decision.violations),
        "duplicate_of": done.message_id if done.state == "duplicate" else None,
    }


def answer(done: Settled, number: int, replayed: Replay) -> dict[str, Any]:
    """The answer of `replay --stream` for one mail that came in."""
    match = done.match
    joined = match.ticket is not None or done.state == "duplicate"
    review = not joined and match.review
    return {
        "n": number,
        "decision": "merge" if joined else "review" if review else "new",
        "ticket": f"T{done.ticket}" if done.ticket is not None else f"M{done.spool_id}",
        "candidate": f"T{match.points_to}" if match.points_to is not None else None,
        "thread": replayed.thread(done),
        "evidence": match.evidence,
    }
