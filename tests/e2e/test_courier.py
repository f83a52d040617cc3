"""The courier at work on a real store: which mail goes to which next hop, and who waits for whom."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from running import house

from mailgate import assembly, config, daemon, events
from mailgate.courier import Courier, Schedule
from mailgate.desk.house import House
from mailgate.mail import token
from mailgate.store import brake, memory, outbox
from mailgate.store.engine import Store
from mailgate.store.outbox import Outgoing
from mailgate.wire import clock
from mailgate.wire.lane import Pace
from mailgate.wire.smtp_out import Sent

SCHEDULE = Schedule((timedelta(hours=1),), timedelta(days=5))
AWAY = Sent("deferred", None, "nobody there", reached=False)
LMTP = "lmtp://people:24"


@dataclass
class Hop:
    """A next hop that holds each mail until it may answer."""

    name: str
    answer: Sent = Sent("sent", 250, "2.0.0 taken")
    open: asyncio.Event = field(default_factory=asyncio.Event)
    came: asyncio.Event = field(default_factory=asyncio.Event)
    heard: list[tuple[str, str]] = field(default_factory=list)
    inside: int = 0
    most: int = 0

    async def send(self, reverse_path: str | None, forward_paths: tuple[str, ...], data: bytes, envid: str = "") -> Sent:
        self.heard.append((forward_paths[0], envid))
        self.inside += 1
        self.most = max(self.most, self.inside)
        self.came.set()
        await self.open.wait()
        self.inside -= 1
        return self.answer

    async def close(self) -> None:
        """Nothing is open."""


@pytest.fixture(scope="module")
def gate(tmp_path_factory: pytest.TempPathFactory) -> House:
    return assembly.house_of(config.load(house(tmp_path_factory.mktemp("gate"))))


@asynccontextmanager
async def at_work(gate: House, store: Store, paces: dict[str, Pace], **hops: Hop) -> AsyncIterator[Courier]:
    """A courier whose loop runs; `smart` is the smarthost, `people` the desk's own next hop."""
    ways = {"": hops["smart"], **({LMTP: hops["people"]} if "people" in hops else {})}
    courier = Courier(store, gate, ways, SCHEDULE, paces)
    work = asyncio.create_task(courier.work())
    try:
        yield courier
    finally:
        for hop in hops.values():
            hop.open.set()
        await daemon._ended([work])
        await courier.finish(5)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store.open("sqlite:///out.db", tmp_path)
    yield made
    made.close()


def queues(store: Store, count: int, domain: str = "mail.test", **fields: str) -> None:
    """So many mails, to one address each."""
    first = len(store.read(outbox.listed))
    for number in range(first, first + count):
        one = Outgoing("remind", "support", f"r{number}@{domain}", f"{number}@gate.test", b"mail", clock.now(), **fields)
        store.call(partial(outbox.reserve, one=one))


async def comes_to(store: Store, **counts: int) -> None:
    """Wait until the outbox stands so."""
    async with asyncio.timeout(20):
        while await store.run(outbox.counts) != counts:  # the writer's turn, after what the courier asked of it
            continue


async def test_slow_next_hop_holds_up_nobody_else(gate: House, store: Store) -> None:
    """The people's LMTP server says nothing: notices leave all the same, and it holds no more than its four."""
    smart, people = Hop("smart"), Hop("people")
    smart.open.set()
    queues(store, 20, route=LMTP)
    queues(store, 20)
    async with at_work(gate, store, {}, smart=smart, people=people):
        await comes_to(store, sent=20, queued=20)
        assert people.most == 4
        people.open.set()
        await comes_to(store, sent=40)
    assert people.most == 4
    assert sorted(to for to, _ in smart.heard) == sorted({to for to, _ in smart.heard})


async def test_dead_next_hop_is_tried_with_one_mail_and_the_others_wait(gate: House, store: Store) -> None:
    """What was tried is deferred, what was not stays queued; the log says that the next hop rests."""
    smart, people = Hop("smart"), Hop("people:24", AWAY)
    smart.open.set()
    people.open.set()
    queues(store, 50, route=LMTP)
    with events.captured() as lines:
        async with at_work(gate, store, {}, smart=smart, people=people):
            await asyncio.wait_for(people.came.wait(), 10)
            queues(store, 3)
            await comes_to(store, sent=3, queued=46, deferred=4)
    rested = [line for line in lines if line["event"] == "hop.rested"]
    assert {(line["hop"], line["reply"]) for line in rested} == {("people:24", "nobody there")}


async def test_domain_with_a_pace_of_its_own_waits_alone(gate: House, store: Store) -> None:
    """One session and one mail a minute to slow.test; everybody else goes at once."""
    smart = Hop("smart")
    smart.open.set()
    queues(store, 5, "Slow.test")
    queues(store, 10)
    queues(store, 2, "notslow.test")
    async with at_work(gate, store, {"": Pace(), "slow.test": Pace(1, 1)}, smart=smart):
        await comes_to(store, sent=13, queued=4)
    assert sum(to.endswith("@Slow.test") for to, _ in smart.heard) == 1


async def test_each_notice_has_a_signed_name_for_its_reports_and_other_mail_has_none(gate: House, store: Store) -> None:
    """RFC 3461: our own mail with a return path only."""
    smart = Hop("smart")
    smart.open.set()
    queues(store, 1, reverse_path="bounces+1.x@shop.test")
    queues(store, 1)
    other = Outgoing("hand_on", "support", "r@mail.test", "x@gate.test", b"mail", clock.now(), reverse_path="a@b.test")
    store.call(partial(outbox.reserve, one=other))
    async with at_work(gate, store, {}, smart=smart):
        await comes_to(store, sent=3)
    named = {to: token.read_envelope_id(envid, gate.keys) for to, envid in smart.heard}
    assert named == {"r0@mail.test": 1, "r1@mail.test": None, "r@mail.test": None}


async def test_mail_on_hold_stays_even_if_it_was_next(gate: House, store: Store) -> None:
    """What a lane has looked up already is asked about once more before it leaves."""
    smart = Hop("smart")
    queues(store, 20)
    async with at_work(gate, store, {}, smart=smart):
        await asyncio.wait_for(smart.came.wait(), 10)
        store.call(partial(memory.set_flag, name="hold:desk:support", value="now"))
        smart.open.set()
        await comes_to(store, sent=4, queued=16)
        store.call(partial(memory.set_flag, name="hold:desk:support", value=None))
        await comes_to(store, sent=20)


async def test_flood_of_escalations_waits_for_a_person_and_other_mail_does_not(gate: House, store: Store) -> None:
    """Design §5: far above the usual rate the brake goes on by itself; what is no escalation leaves, a release lets all go."""
    smart = Hop("smart")
    smart.open.set()
    flood = {"step": "escalate", "clock": "", "ticket": 1}
    for number in range(60):
        one = Outgoing("escalate", "support", f"m{number}@market.test", f"e{number}@gate.test", b"mail", clock.now(), **flood)
        store.call(partial(outbox.reserve, one=one))
    queues(store, 3)
    with events.captured() as lines:
        async with at_work(gate, store, {}, smart=smart) as courier:
            await comes_to(store, sent=3, queued=60)
            assert store.read(memory.holds) == ("brake:support",)
            assert store.call(partial(brake.release, now=clock.now())) == ("support",)
            courier.woken.set()
            await comes_to(store, sent=63)
    (said,) = [line for line in lines if line["event"] == "outbox.braked"]
    assert (said["desk"], said["count"], said["usual"]) == ("support", 60, 0.0)
