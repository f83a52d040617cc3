"""Mail found in watched mailboxes: what it proves, what is held, what is left alone, and how the clocks wait for it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from exchange import Gate
from people import Mail, Person

from mailgate import events, timekeeper
from mailgate.desk.house import Mailbox
from mailgate.gateway import Settled, tell
from mailgate.mail.message import Envelope
from mailgate.store import spool

ACME = "support@acme.example"
PASSED = "Authentication-Results: mx.acme.example; dmarc=pass header.from=acme.example"
HOP = (
    "Received: from mx.sender.test (mx.sender.test [198.51.100.9]) by mx.acme.example with ESMTP; Mon, 1 Jun 2026 10:00:00 +0000"
)


@pytest.fixture(autouse=True)
def _watches(gate: Gate) -> None:
    boxes = {"acme": Mailbox((ACME,)), "trusted": Mailbox((), trusted=True)}
    gate.stage.house = replace(gate.stage.house, mailboxes=boxes, authserv_ids=("mx.acme.example",))


def found(gate: Gate, mail: Mail, client: str, *heads: str) -> Settled:
    """The mail lies in a folder of a watched mailbox, with these headers on top."""
    raw = "".join(f"{one}\r\n" for one in heads).encode() + mail.raw
    envelope = Envelope("", (), gate.now, "imap", client)
    gate.stage.store.call(partial(spool.put, arrivals=[(envelope, raw, None)]))
    return gate.takes_in_hand()


async def ticks(keeper: timekeeper.Timekeeper, gate: Gate) -> tuple[timekeeper.Fired, ...]:
    """What fires now; afterwards nothing of the store is in use beside the story."""
    fired = await keeper.tick(gate.now)
    gate.stage.store._alone.close()
    return fired


def test_seller_speaks_by_his_own_sent_folder(gate: Gate, inc: Person, acme: Person) -> None:
    """G-01, D-27: nobody but he can put a mail there; it stops the clock."""
    ask = inc.writes([acme])
    done = found(gate, acme.replies(ask, unseen=True), "acme/sent")
    assert (done.level, done.event) == ("authenticated", "answered")
    assert gate.clock().state == "stopped"


@pytest.mark.parametrize(
    ("client", "heads", "level"),
    [
        ("acme/inbox", (), "claimed"), ("acme/inbox", (PASSED, HOP), "claimed"),
        ("trusted/inbox", (PASSED, HOP), "authenticated"),
        ("trusted/inbox", (HOP, PASSED), "claimed"), ("trusted/sent", (), "claimed"), ("gone/sent", (), "claimed"),
    ],
)  # fmt: skip
def test_other_folders_prove_what_their_server_found(
    gate: Gate, inc: Person, acme: Person, client: str, heads: tuple[str, ...], level: str
) -> None:
    """RFC 8601 §5: only a mailbox whose server is named trusted; only whose owner is known speaks by Sent."""
    ask = inc.writes([acme])
    assert found(gate, acme.replies(ask, unseen=True), client, *heads).level == level
    gate.orders("no_answer_needed")
    gate.disregards()


def test_sent_folder_speaks_for_its_owner_alone(gate: Gate, inc: Person, acme: Person, nova: Person) -> None:
    """Who may write into it may write any From."""
    ask = inc.writes([acme])
    assert found(gate, nova.replies(ask, unseen=True), "acme/sent").level in ("claimed", "stranger")
    acme.replies(ask)
    gate.disregards()


def test_junk_folder_holds_what_lies_in_it(gate: Gate, inc: Person, acme: Person) -> None:
    """G-16: no ticket, no notice, and the reason says where it lay; what a person lets go on is settled."""
    done = found(gate, inc.writes([acme], unseen=True), "acme/junk")
    assert (done.state, done.ticket, done.reason) == ("held", None, "the junk folder of acme")
    gate.stage.store.call(partial(spool.retry, spool_ids=[done.spool_id]))
    assert gate.takes_in_hand().state == "settled"


@pytest.mark.parametrize("client", ["acme/inbox", "acme/junk", "acme/sent"])
def test_private_mail_is_left_alone(gate: Gate, buyer: Person, stranger: Person, client: str) -> None:
    """It concerns no desk: not parked, not held, nobody is asked about it."""
    with events.captured() as lines:
        done = found(gate, buyer.writes([stranger], unseen=True), client)
        tell(done, 0.0)
    assert (done.state, done.desk, done.ticket) == ("settled", "", None)
    assert [line["meaning"] for line in lines] == ["elsewhere"]
    assert gate.stage.store.read(spool.counts) == {"settled": 1}


async def test_step_waits_until_every_folder_was_looked_at_after_it(gate: Gate, inc: Person, acme: Person) -> None:
    """Design §2: a mail in hand beats a timer, also one that lies in a mailbox and was not seen yet."""
    keeper = timekeeper.Timekeeper(gate.stage.store, gate.stage.house, timedelta(minutes=20))
    asks = [inc.writes([acme], subject="1"), inc.writes([acme], subject="2")]
    due = gate.now + timedelta(hours=48)
    keeper._last = due
    gate.sleeps(hours=49)
    keeper._last = gate.now
    for looked in (datetime.min.replace(tzinfo=UTC), due - timedelta(seconds=1), due):
        keeper.looked = partial(lambda instant: instant, looked)
        assert await ticks(keeper, gate) == (), looked
    gate.finds(acme.replies(asks[0], unseen=True), due - timedelta(minutes=1))
    keeper.looked = lambda: due + timedelta(seconds=1)
    assert [one.ticket for one in await ticks(keeper, gate)] == [2]
    gate.sends("remind", [acme, inc], n=1)
    acme.replies(asks[1])


async def test_mailbox_that_was_away_gets_time_to_catch_up(gate: Gate, inc: Person, acme: Person) -> None:
    """Design §2: after its outage nothing fires until `catch_up` has passed, as after an outage of our own."""
    keeper = timekeeper.Timekeeper(gate.stage.store, gate.stage.house, timedelta(minutes=20))
    ask = inc.writes([acme])
    gate.sleeps(hours=50)
    keeper._last = gate.now
    keeper.came_back(gate.now - timedelta(hours=1))
    with events.captured() as lines:
        assert await ticks(keeper, gate) == ()
    assert [line["reason"] for line in lines if line["event"] == "catch_up.started"] == ["mailbox"]
    gate.sleeps(minutes=21)
    keeper._last = gate.now
    assert len(await ticks(keeper, gate)) == 1
    gate.sends("remind", [acme, inc], n=1)
    acme.replies(ask)
