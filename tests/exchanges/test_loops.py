"""Machines that answer machines: whatever is wired to mailgate, a week brings few mails (docs/security.md).

Each machine answers every mail at once and obeys no header. What is counted is what mailgate wrote to it in virtual weeks.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from machines import MACHINES
from world import Sent, World

from mailgate import config, events, gateway
from mailgate.assembly import house_of
from mailgate.mail import address as addresses
from mailgate.mail.message import Envelope
from mailgate.simulate.stage import PROVEN, Stage
from mailgate.store import spool
from mailgate.store.engine import Store

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
WEEK = timedelta(days=7)
ROBOT, GATE, OTHER = "robot@robot.test", "support@gate.test", "support@other.test"
TEXT = "Seller: acme\r\nRequest: refund\r\n\r\nPlease help me, it does not start."


def stage(place: Path, pack: str, seller: str, address: str = GATE) -> Stage:
    """The house that `mailgate init` writes, with one seller, on a store of its own."""
    config.init(place, address, pack)
    (place / "sellers/example-seller.toml").unlink()
    (place / "sellers/acme.toml").write_text(f"[seller]\n{seller}\n")
    settings = config.load(place, [])
    house = replace(house_of(settings), proven_doors=frozenset({PROVEN}))
    return Stage(house, next(iter(settings.desks.values())), Store.open("sqlite:///:memory:", Path()))


def written(author: str, to: str, text: str = TEXT, cc: str = "") -> bytes:
    head = [f"From: {author}", f"To: {to}", *([f"Cc: {cc}"] if cc else []), "Subject: Order 1", "Message-ID: <first@x.test>"]
    return "\r\n".join([*head, "Date: Mon, 02 Mar 2026 09:00:00 +0000", "", text, ""]).encode()


def told(world: World, reader: str, *, timed: bool = False) -> int:
    """How many mails a gateway wrote to `reader`; `timed`: because of a clock, which speaks so often and no oftener."""
    return len([row for _, row in world.carried if row.reader == reader and bool(row.step) is timed])


def closes(world: World) -> None:
    for one in world.stages.values():
        one.store.close()


@pytest.mark.parametrize("machine", MACHINES)
def test_seller_who_is_a_machine_hears_little(tmp_path: Path, machine: str) -> None:
    """The two reminders of the ladder, and a few notices: after its third answer within two minutes nobody writes to it."""
    gate = stage(tmp_path, "digistore24", f'support = "{ROBOT}"\nentities = ["inc"]')
    world = World({"gate.test": gate}, {ROBOT: MACHINES[machine]})
    ask = written("helpdesk@digistore24.com", ROBOT, "What do you offer?", GATE)
    for to in (ROBOT, GATE):
        world.posts(Sent(ask, "helpdesk@digistore24.com", to), START)
    world.passes(START + WEEK)
    assert told(world, ROBOT, timed=True) <= 2
    assert told(world, ROBOT) <= 4
    closes(world)


@pytest.mark.parametrize("machine", MACHINES)
def test_customer_who_is_a_machine_hears_little(tmp_path: Path, machine: str) -> None:
    """On a desk that carries all mail: what clocks say, and three notices more on a ticket; after thirty tickets none at all."""
    gate = stage(tmp_path, "clickbank", 'support = "acme@acme.test"')
    world = World({"gate.test": gate}, {ROBOT: MACHINES[machine]})
    world.posts(Sent(written(ROBOT, GATE), ROBOT, GATE), START)
    world.passes(START + WEEK)
    heard = told(world, ROBOT)
    assert heard <= {"new mail": 100}.get(machine, 10)
    if machine == "new mail":
        world.passes(START + 2 * WEEK)
        assert told(world, ROBOT) == heard
    closes(world)


@pytest.mark.parametrize("machine", ["freshdesk", "fixed text", "new mail", "changing text to all"])
def test_machine_that_nobody_vouches_for_hears_once(tmp_path: Path, machine: str) -> None:
    """G-16: the one polite question; nothing is sent in answer to what answers it, but one more an hour for a new mail."""
    gate = stage(tmp_path, "clickbank", 'support = "acme@acme.test"')
    world = World({"gate.test": gate}, {ROBOT: MACHINES[machine]}, proven=False)
    world.posts(Sent(written(ROBOT, GATE), ROBOT, GATE), START)
    world.passes(START + WEEK)
    assert [row.notice for _, row in world.carried] == ["did_you_write"]
    closes(world)


@pytest.mark.parametrize("headers", ["full", "quiet"])
def test_two_gateways_fall_silent(tmp_path: Path, headers: str) -> None:
    """Each is the other's seller: what one writes to its seller is mail to the other's desk, and its ids say nothing there."""
    seller = 'support = "{}"\nservice = "{}"\nmachine_headers = "' + headers + '"'
    one = stage(tmp_path / "one", "clickbank", seller.format(OTHER, OTHER))
    two = stage(tmp_path / "two", "clickbank", seller.format(GATE, GATE), OTHER)
    two.house = replace(two.house, keys=replace(two.house.keys, current=b"another house's key, not a secret"))
    world = World({"gate.test": one, "other.test": two}, {})
    world.posts(Sent(written("customer@c.test", GATE), "customer@c.test", GATE), START)
    world.passes(START + WEEK)
    between = told(world, OTHER) + told(world, GATE)
    assert 1 <= between <= 10
    closes(world)


def test_each_cap_is_a_line_of_log(tmp_path: Path) -> None:
    """`author.capped` and the tag by which the desk's people find the ticket; the ticket itself is there."""
    gate = stage(tmp_path, "clickbank", 'support = "acme@acme.test"')
    gate.house = replace(gate.house, caps=replace(gate.house.caps, author=2))
    done = []
    for number in range(3):
        raw = written(ROBOT, GATE).replace(b"first@", b"n%d@" % number).replace(b"Order 1", b"Order %d" % number)
        done.append(gate.receive(raw, START + timedelta(minutes=number)))
    with events.captured() as heard:
        for one in done:
            gateway.tell(one, 0.0)
    (line,) = (one for one in heard if one["event"] == "author.capped")
    assert (line["ticket"], line["reason"], line["level"]) == (3, "tickets_per_author", "warning")
    assert gate.ticket(3).tags == {"unconfirmed"}
    assert [one.written.queued != () for one in done] == [True, True, False]
    gate.store.close()


def test_report_to_the_null_sender_brings_nothing(tmp_path: Path) -> None:
    """RFC 5321 §4.5.5: nothing is ever sent in answer to `<>`, whoever From names."""
    gate = stage(tmp_path, "clickbank", 'support = "acme@acme.test"')
    gate.house = replace(gate.house, relays=("192.0.2.9",), authserv_ids=("mx",))
    told = []
    for number, path in enumerate((ROBOT, None)):
        trace = b"Authentication-Results: mx; dmarc=pass header.from=robot.test\r\nReceived: from x (x [203.0.113.9]) by mx\r\n"
        raw = trace + written(ROBOT, GATE).replace(b"first@", b"n%d@" % number)
        envelope = Envelope(path, (GATE,), START, "smtp", "192.0.2.9")
        gate.store.call(partial(spool.put, arrivals=[(envelope, raw, None)]))
        done = gate.store.call(partial(gate._settle, now=START))
        told.append((done.level, [reader for _, _, reader in done.written.queued if reader == ROBOT]))
    assert told == [("authenticated", [ROBOT]), ("authenticated", [])]
    gate.store.close()


@pytest.mark.parametrize(("headers", "bare"), [("full", set[str]()), ("quiet", {ROBOT})])
def test_quiet_seller_alone_gets_what_wants_an_answer_without_machine_headers(
    tmp_path: Path, headers: str, bare: set[str]
) -> None:
    """Design §5: his helpdesk would suspend it; the customer's copy of the same notice says what it is (RFC 3834 §5)."""
    seller = f'support = "{ROBOT}"\nservice = "{ROBOT}"\nmachine_headers = "{headers}"'
    gate = stage(tmp_path, "clickbank", seller)
    gate.receive(written("customer@c.test", GATE), START)
    assert {row.reader for _, row in gate.sent} == {ROBOT, "customer@c.test"}
    assert {row.reader for _, row in gate.sent if b"\r\nAuto-Submitted:" not in row.raw} == bare
    gate.store.close()


@pytest.mark.parametrize("spelled", ["VICTIM@Mail.Test", "victim+3@mail.test"])
def test_other_spelling_of_an_address_is_the_same_author(tmp_path: Path, spelled: str) -> None:
    """What one mailbox hears is counted, whatever a forger makes of its address (docs/security.md)."""
    gate = stage(tmp_path, "clickbank", 'support = "acme@acme.test"')
    gate.house = replace(gate.house, caps=replace(gate.house.caps, author=2))
    done = []
    for number, author in enumerate(("victim@mail.test", "Victim@mail.test", spelled)):
        raw = written(author, GATE).replace(b"first@", b"n%d@" % number).replace(b"Order 1", b"Order %d" % number)
        done.append(gate.receive(raw, START + timedelta(minutes=number)))
    assert [one.storm for one in done] == [False, False, True]
    gate.store.close()


@pytest.mark.parametrize("spelled", ["VICTIM@gmail.com", "v.i.ctim@gmail.com", "victim+2@googlemail.com"])
def test_caps_count_one_mailbox_however_it_is_spelled(spelled: str) -> None:
    """Gmail's dots, a +detail and capitals lead to one person."""
    assert addresses.inbox(spelled) == addresses.inbox("Victim@gmail.com") == "victim@gmail.com"
    assert addresses.inbox("v.i@mail.test") == "v.i@mail.test"
