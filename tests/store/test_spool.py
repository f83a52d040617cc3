"""What was accepted: in which order it is settled, when it counts as seen before, how it is parked and taken up again."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from running import HELPDESK, SELLER, house, mail, sha256
from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError

from mailgate import assembly, config, gateway, understand
from mailgate.desk.house import House
from mailgate.desk.ticket import Clock, Mark
from mailgate.mail.message import Envelope
from mailgate.store import clocks, retention, schema, spool, tickets
from mailgate.store.engine import Store
from mailgate.store.schema import sightings

from .conftest import NOON, arrival


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> House:
    """The house that `mailgate init` writes."""
    return assembly.house_of(config.load(house(tmp_path_factory.mktemp("shop"))))


@pytest.fixture
def desk(store: Store, shop: House) -> Desk:
    """The gateway's stages 2 to 8 on this store, without a loop."""
    return Desk(store, shop)


class Desk:
    """Takes mail and settles it."""

    def __init__(self, store: Store, house: House) -> None:
        self.store, self.house = store, house

    def takes(self, raw: bytes, minutes: int = 0) -> int:
        """The spool id of a mail that is accepted."""
        envelope = Envelope("a@client.test", ("support@shop.test",), NOON + timedelta(minutes=minutes))
        return self.store.call(partial(spool.put, arrivals=[(envelope, raw, "support")]))[0]

    def settles(self) -> list[gateway.Settled]:
        """What became of all that waits."""
        return [self.again(one) for one in self.store.read(partial(spool.waiting, limit=99))]

    def again(self, one: spool.Spooled) -> gateway.Settled:
        """What becomes of this mail now, whatever became of it before."""
        got = understand.read(one.raw, one.envelope, self.house)
        return self.store.call(partial(gateway.settle, mail=one, got=got, house=self.house, now=NOON))

    def listed(self) -> list[dict[str, Any]]:
        """The rows of `message list`."""
        return list(self.store.read(spool.listed))


ASK = mail(HELPDESK, SELLER, "ask", "Order 4711")


@pytest.mark.parametrize(
    "size", [0, spool.FIRST - 1, spool.FIRST, spool.FIRST + 1, spool.FIRST + spool.PIECE, spool.FIRST + 2 * spool.PIECE + 7]
)
def test_large_mail_comes_back_whole(store: Store, size: int) -> None:
    """Its row holds the beginning alone: what changes in the row does not write all of the mail anew."""
    raw = bytes(n % 251 for n in range(1021)) * (size // 1021 + 1)
    envelope, _, desk = arrival("large", 1)
    [one] = store.call(partial(spool.put, arrivals=[(envelope, raw[:size], desk)]))
    assert store.read(partial(spool.waiting, limit=9))[0].raw == raw[:size]
    found = store.read(partial(spool.get, spool_id=one))
    assert found is not None
    assert (found.raw, found.sha256) == (raw[:size], sha256(raw[:size]))
    held = store.read(lambda connection: connection.execute(select(func.length(schema.spool.c.raw))).scalar_one())
    assert held == min(size, spool.FIRST)


def test_large_mails_are_not_taken_up_together(store: Store) -> None:
    """What waits may be more than fits into memory: as many at a time as make eight MiB, and one at least."""
    half = b"x" * (spool.AT_ONCE // 2)
    envelope, _, desk = arrival("large", 1)
    store.call(partial(spool.put, arrivals=[(envelope, raw, desk) for raw in (half, half, half, half * 3, b"small")]))
    assert [len(one.raw) for one in store.read(partial(spool.waiting, limit=9))] == [len(half)] * 2


def test_large_mail_that_leaves_takes_its_pieces_along(store: Store, desk: Desk) -> None:
    """A second arrival of the same bytes, and what retention lets go."""
    raw = mail(HELPDESK, SELLER, "ask", "Order 4711", text="word " * spool.FIRST)
    first, _ = desk.takes(raw), desk.takes(raw, 1)
    desk.settles()
    left = select(schema.pieces.c.spool_id).distinct()
    assert store.read(lambda connection: connection.execute(left).scalars().all()) == [first]
    store.call(lambda connection: connection.execute(update(schema.clocks).values(state="stopped")))
    store.call(partial(retention.purge, before=NOON + timedelta(days=1)))
    assert store.read(lambda connection: connection.execute(left).scalars().all()) == []
    found = store.read(partial(spool.get, spool_id=first))
    assert found is not None
    assert found.raw == b""


def test_spool_gives_the_oldest_first(store: Store) -> None:
    """By received_at, then by id; what is settled, parked or held is not given."""
    put = [arrival("late", 5), arrival("early", 1), arrival("same", 5), arrival("gone", 0), arrival("parked", 0)]
    ids = store.call(partial(spool.put, arrivals=put))
    store.call(partial(spool.settle, spool_id=ids[3], now=NOON))
    store.call(partial(spool.park, spool_id=ids[4], reason="broken", now=NOON))
    assert [one.raw for one in store.read(partial(spool.waiting, limit=9))] == [b"early", b"late", b"same"]
    assert store.read(spool.oldest_waiting) == NOON + timedelta(minutes=1)
    assert [one.raw for one in store.read(partial(spool.waiting, limit=1))] == [b"early"]


def test_parked_mail_is_taken_up_again(store: Store) -> None:
    """`retry` counts only mail that is parked or held."""
    ids = store.call(partial(spool.put, arrivals=[arrival("one"), arrival("two")]))
    store.call(partial(spool.park, spool_id=ids[0], reason="x" * 900, now=NOON))
    assert store.call(partial(spool.retry, spool_ids=[*ids, 99])) == 1
    assert [one.id for one in store.read(partial(spool.waiting, limit=9))] == list(ids)


def test_same_bytes_again_are_a_sighting(desk: Desk) -> None:
    """One row in the list, one ticket, one sighting (G-07)."""
    first = desk.takes(ASK)
    desk.takes(ASK, 1)
    assert [one.state for one in desk.settles()] == ["settled", "duplicate"]
    assert [(row["spool_id"], row["state"]) for row in desk.listed()] == [(first, "settled")]
    assert desk.store.read(lambda one: one.execute(select(sightings.c.spool_id)).scalars().all()) == [first]
    assert len(desk.store.read(tickets.listed)) == 1


def test_same_content_on_another_way_is_settled_beside_it(desk: Desk) -> None:
    """The bytes differ by a trace line: both are kept, the second names the first, and nothing follows from it."""
    first = desk.takes(ASK)
    second = desk.takes(b"Received: by mx.shop.test; Mon, 1 Jun 2026 12:00:00 +0000\r\n" + ASK, 1)
    desk.settles()
    assert [(row["spool_id"], row["duplicate_of"], row["ticket"]) for row in desk.listed()] == [
        (first, None, 1),
        (second, first, 1),
    ]
    assert len(desk.store.read(partial(tickets.history, number=1))) == 3


def test_bytes_that_came_again_on_that_way_are_a_sighting_of_their_own_row(desk: Desk) -> None:
    """A client that never hears its 250 fills no spool: whichever way its mail took, equal bytes are kept once (G-07)."""
    first = desk.takes(ASK)
    other_way = b"Received: by mx.shop.test; Mon, 1 Jun 2026 12:00:00 +0000\r\n" + ASK
    second = desk.takes(other_way, 1)
    desk.takes(other_way, 2)
    desk.takes(ASK, 3)
    assert [one.state for one in desk.settles()] == ["settled", "duplicate", "duplicate", "duplicate"]
    assert [row["spool_id"] for row in desk.listed()] == [first, second]
    seen = desk.store.read(lambda one: one.execute(select(sightings.c.spool_id)).scalars().all())
    assert sorted(seen) == [first, second]


def test_same_id_with_other_content_is_another_mail(desk: Desk) -> None:
    """A Message-ID proves nothing: both are settled, neither is a duplicate."""
    desk.takes(ASK)
    desk.takes(ASK + b"A second line.\r\n", 1)
    assert [one.state for one in desk.settles()] == ["settled", "settled"]
    assert [row["duplicate_of"] for row in desk.listed()] == [None, None]


def test_mail_that_is_settled_already_is_left_alone(desk: Desk) -> None:
    """Two loops, or two daemons, may hold the same mail: who comes second changes nothing, and never removes it."""
    desk.takes(ASK)
    (one,) = desk.store.read(partial(spool.waiting, limit=9))
    assert desk.again(one).state == "settled"
    before = desk.listed(), desk.store.read(tickets.history)
    assert desk.again(one).state == "gone"
    assert (desk.listed(), desk.store.read(tickets.history)) == before
    assert [row["state"] for row in desk.listed()] == ["settled"]


def test_id_of_a_removed_row_is_not_given_again(desk: Desk) -> None:
    """A client was told `stored as 2`: that number never means another mail."""
    desk.takes(ASK)
    again = desk.takes(ASK, 1)
    desk.settles()
    assert desk.takes(mail(HELPDESK, SELLER, "other", "Order 12")) > again


def test_ticket_that_changed_meanwhile_is_not_written(desk: Desk) -> None:
    """The version read is the version written, or nothing is."""
    desk.takes(ASK)
    desk.settles()
    read = desk.store.read(partial(tickets.load, numbers=[1]))[1]
    desk.store.call(partial(tickets.write, ticket=replace(read, subject="first")))
    with pytest.raises(tickets.ChangedError):
        desk.store.call(partial(tickets.write, ticket=replace(read, subject="second")))
    assert desk.store.read(partial(tickets.load, numbers=[1]))[1].subject == "first"


def test_step_fires_once(store: Store) -> None:
    """Its row is unique; the transaction that would fire it again is undone."""
    clock = Clock("ticket:1", "respond", 1, "running", NOON, NOON)
    marks = (Mark("remind", 1, NOON), Mark("remind", 2, NOON))
    store.call(partial(clocks.fire, clock=clock, marks=marks[:1], now=NOON))
    with pytest.raises(IntegrityError):
        store.call(partial(clocks.fire, clock=clock, marks=marks, now=NOON))
    store.call(partial(clocks.fire, clock=clock, marks=marks[1:], now=NOON))
