"""kill -9 at every boundary between two stages (R04, R05): what was accepted is kept, and nothing happens twice.

One story is told: an ask, an answer without the required copy, two days of silence, the reminder, a proper answer. It is first
told to a daemon that nobody kills. Then, for each point, to one that dies there and is started again; the sender sends again
whatever got no answer. Both must end with the same mails, tickets, clocks, history and notices.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from nursery import Nursery, Sink
from running import HELPDESK, SELLER, Running, ask, house, mail, quiet, rows, sha256, until

GATEWAY, SPOOL, COURIER, TIME = "mailgate.gateway", "mailgate.store.spool", "mailgate.courier", "mailgate.timekeeper"
RELAY = "mailgate.wire.smtp_out:Relay"
POINTS = [
    (f"{GATEWAY}:Gateway.accept", "before", 1),  # in memory, nothing written
    (f"{SPOOL}:put", "before", 2),
    (f"{SPOOL}:put", "after", 2),  # written, not committed
    (f"{GATEWAY}:Gateway.accept", "after", 1),  # durable, no 250
    (f"{GATEWAY}:read", "before", 1),
    (f"{GATEWAY}:read", "after", 2),
    (f"{GATEWAY}:look_up", "before", 1),
    (f"{GATEWAY}:look_up", "after", 2),
    (f"{GATEWAY}:decide", "before", 2),
    (f"{GATEWAY}:decide", "after", 1),
    (f"{GATEWAY}:act", "before", 1),
    (f"{GATEWAY}:act", "after", 2),
    ("mailgate.store.settle:remember", "before", 1),
    ("mailgate.store.settle:remember", "after", 3),
    (f"{GATEWAY}:settle", "after", 2),  # all written, not committed
    (f"{GATEWAY}:tell", "before", 1),  # committed, not told
    (f"{GATEWAY}:tell", "after", 2),
    ("mailgate.store.writer:_answer", "before", 9),  # a commit whose caller never hears of it
    (f"{COURIER}:ready", "after", 2),
    (f"{RELAY}.send", "before", 1),
    (f"{RELAY}.send", "after", 1),  # the next hop has it, nobody noted it
    (f"{COURIER}:record", "after", 1),
    (f"{COURIER}:tell", "before", 2),
    (f"{TIME}:fire", "before", 1),  # what the seller must keep current, asked at the first start
    (f"{TIME}:fire", "after", 4),  # the reminder: fired, not committed
    (f"{TIME}:fire", "before", 4),
    (f"{TIME}:tell", "before", 4),  # committed, not told
]
TWO_DAYS = 49 * 3600


@dataclass
class Story:
    """The sender and the operator: what was answered, which daemon runs, how often it had to be started again."""

    directory: Path
    nursery: Nursery
    words: str
    running: Running
    restarts: int = 0
    answered: list[bytes] = field(default_factory=list)
    status: int | None = None

    def again(self) -> None:
        """Start a daemon that nobody kills."""
        self.status = self.running.ended()
        self.restarts += 1
        self.running = self.nursery.start(self.directory, self.words, "timers.catch_up=0s").wait_ready()

    def __post_init__(self) -> None:
        """A daemon may die before it is ready."""
        if self.running.ended() is not None:
            self.again()
        self.running.wait_ready()

    def sends(self, raw: bytes) -> None:
        """Send until there is an answer, then wait until the gate is quiet."""
        until(lambda: self._sent(raw), 30, "an answer")
        self.settles(lambda: quiet(self.directory))

    def _sent(self, raw: bytes) -> bool:
        if self.running.sends(raw):
            self.answered.append(raw)
            return True
        until(lambda: self.running.ended() is not None, what="the end of a daemon that hung up")
        self.again()
        return False

    def settles(self, asked: Any) -> None:
        """Wait, starting the daemon again if it dies meanwhile."""

        def done() -> bool:
            if self.running.ended() is not None:
                self.again()
            return bool(asked())

        until(done, 30, "quiet")

    def passes(self, seconds: int) -> None:
        """Let time pass until the reminder was sent."""
        (self.directory / "ahead").write_text(str(seconds))
        self.settles(lambda: rows(self.directory, "SELECT 1 FROM steps WHERE clock = 'respond'") and quiet(self.directory))


def told(story: Story) -> None:
    """Tell the story."""
    story.sends(mail(HELPDESK, SELLER, "ask", "Order 4711"))
    story.sends(mail(SELLER, "buyer@mail.test", "lacking", "Re: Order 4711", cc="", answers="ask"))
    story.passes(TWO_DAYS)
    story.sends(mail(SELLER, HELPDESK, "answer", "Re: Order 4711", answers="ask"))


def outcome(directory: Path) -> dict[str, Any]:
    """What is left at the end, without ids and instants."""
    ticket = ask(directory, "ticket", "list")
    history = ask(directory, "ticket", "show", "1")[0]["events"]
    sent = [(row["notice"], row["to"], row["state"]) for row in ask(directory, "outbox", "list")]
    return {
        "mails": sorted((row["sha256"], row["state"], row["ticket"]) for row in ask(directory, "message", "list")),
        "tickets": [(row["ticket"], row["state"], row["messages"], sorted(row["participants"])) for row in ticket],
        "clocks": [(row["clock"], row["state"], row["episode"]) for one in ticket for row in one["clocks"]],
        "history": [row["event"] for row in history],
        "outbox": sorted(sent),
        "steps": rows(directory, "SELECT subject, clock, episode, step, occurrence FROM steps"),
        "ids": rows(directory, "SELECT count(*) FROM ids")[0][0],
    }


@pytest.fixture(scope="module")
def unharmed(nursery: Nursery, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """How the story ends when nobody is killed."""
    directory = house(tmp_path_factory.mktemp("unharmed"))
    words = "smarthost.url=maildir:outgoing"
    story = Story(directory, nursery, words, nursery.start(directory, words, "timers.catch_up=0s").wait_ready())
    told(story)
    assert story.running.kill(15) == 0
    assert story.restarts == 0
    return outcome(directory)


def test_story_has_what_the_kills_are_to_harm(unharmed: dict[str, Any]) -> None:
    """The story opens one ticket, fires one step, sends two notices: else the kills below would prove nothing."""
    assert [row[0] for row in unharmed["tickets"]] == ["MG-1"]
    assert len(unharmed["mails"]) == 3
    assert [row[1] for row in unharmed["steps"]].count("respond") == 1
    assert "noncompliant" in unharmed["history"]
    assert {row[2] for row in unharmed["outbox"]} == {"sent"}
    assert len(unharmed["outbox"]) >= 2


@pytest.mark.parametrize(("where", "when", "call"), POINTS)
def test_killed_daemon_keeps_what_it_accepted(
    nursery: Nursery, sink: tuple[Sink, str], unharmed: dict[str, Any], tmp_path: Path, where: str, when: str, call: int
) -> None:
    """Whatever the stage: each mail with a 250 is there once and settled, and nothing that follows from it is doubled."""
    hop, words = sink
    directory = house(tmp_path)
    daemon = nursery.start(directory, words, "timers.catch_up=0s", kill=(where, when, call))
    until(lambda: daemon.ended() is not None or daemon.lines("daemon.ready"))
    story = Story(directory, nursery, words, daemon)
    told(story)
    assert (story.restarts, story.status) == (1, -9)
    assert story.running.kill(15) == 0
    assert Counter(sha256(raw) for raw in story.answered) == Counter(row[0] for row in unharmed["mails"])
    assert outcome(directory) == unharmed
    assert_sent(hop, directory, where)


def assert_sent(hop: Sink, directory: Path, where: str) -> None:
    """Every notice left; twice only if the daemon died between sending and noting it, and then with the same bytes."""
    taken = Counter(hop.taken)
    queued = rows(directory, "SELECT reader, message_id FROM outbox")
    names = Counter((reader, _message_id(raw)) for reader, raw in taken)
    assert names == Counter(queued), "one text for each reader and Message-ID"
    twice = sum(taken.values()) - len(taken)
    assert twice <= (1 if where.startswith((RELAY, COURIER)) else 0)


def _message_id(raw: bytes) -> str:
    line = next(line for line in raw.decode().splitlines() if line.lower().startswith("message-id:"))
    return line.partition("<")[2].partition(">")[0]
