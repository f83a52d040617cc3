"""What leaves by age, and what stays: `[retention] keep_raw`, `mailgate person export`."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

import pytest
from exchange import Gate
from people import Person

from mailgate import mend
from mailgate.store import person, retention, spool
from mailgate.timekeeper import Timekeeper

KEPT = timedelta(days=400)


async def purges(gate: Gate) -> int:
    """What the daemon's timer loop does once a day."""
    return await Timekeeper(gate.stage.store, gate.stage.house, timedelta(), KEPT).purge(gate.now)


def bytes_of(gate: Gate, number: int) -> bytes:
    row = gate.stage.store.read(partial(spool.get, spool_id=number))
    assert row is not None
    return row.raw


async def test_old_mail_loses_its_bytes_and_keeps_its_history(gate: Gate, inc: Person, acme: Person) -> None:
    """The ticket reads as before; only what came over the wire has gone."""
    ask = inc.writes([acme])
    acme.replies_to_all(ask)
    before = gate.ticket()
    gate.later(days=399)
    assert await purges(gate) == 0
    gate.later(days=2)
    assert await purges(gate) == 2
    assert bytes_of(gate, 1) == b""
    assert gate.ticket() == before


async def test_mail_of_a_ticket_whose_clock_rests_keeps_its_bytes(gate: Gate, inc: Person, acme: Person, agent: Person) -> None:
    """What is promised is not forgotten, however long it is on hold."""
    inc.writes([acme])
    gate.orders("hold")
    gate.later(days=500)
    assert await purges(gate) == 0
    assert bytes_of(gate, 1)


async def test_late_answer_to_a_mail_without_bytes_still_finds_its_ticket(gate: Gate, inc: Person, acme: Person) -> None:
    """Threading stands on ids, not on bytes."""
    ask = inc.writes([acme])
    acme.replies_to_all(ask)
    gate.later(days=401)
    await purges(gate)
    assert inc.writes([acme], subject="Another order").ticket == 2
    assert acme.replies_to_all(ask, "One more thing.").ticket == 1
    gate.disregards()


async def test_ticket_whose_mail_has_left_is_not_built_anew(gate: Gate, inc: Person, acme: Person) -> None:
    """Without its bytes a mail says nothing: rather a refusal than a ticket that lost half its history."""
    ask = inc.writes([acme])
    acme.replies_to_all(ask)
    gate.later(days=401)
    await purges(gate)
    with pytest.raises(mend.MendError, match="no longer kept as it came"):
        gate.stage.store.call(partial(mend.move, house=gate.stage.house, spool_ids=[2], target=None, now=gate.now))
    assert len(gate.ticket().spoken) == 2


async def test_purge_takes_all_there_is_in_parts(gate: Gate, inc: Person, acme: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store of years is worked off in small transactions."""
    monkeypatch.setattr(retention, "BATCH", 2)
    for number in range(5):
        acme.replies_to_all(inc.writes([acme], subject=f"Order {number}"))
    gate.later(days=401)
    assert await purges(gate) == 10


def test_export_holds_what_a_person_wrote_and_was_shown_and_nothing_else(
    gate: Gate, inc: Person, acme: Person, nova: Person, buyer: Person
) -> None:
    """His tickets, his mail, the mail addressed to him, the notices to him: what others said among themselves stays out."""
    ask = inc.writes([acme], [buyer], text="Where is the parcel?")
    acme.replies_to_all(ask, "It left today.")
    inc.writes([nova], text="Somebody else's case.")
    gate.later(hours=1)
    found = gate.stage.store.read(lambda connection: tuple(person.known_of(connection, buyer.address)))
    kinds = [kind for kind, _ in found]
    assert kinds == ["ticket", "mail", "mail"]
    assert [row["raw"] for kind, row in found if kind == "mail"] == [ask.raw, gate.mails[2].raw]
    assert "Somebody else" not in str(found)
    gate.disregards()


def test_export_tells_of_reminders_and_of_an_address_that_mail_does_not_reach(
    gate: Gate, inc: Person, acme: Person, owner: Person, manager: Person
) -> None:
    """A seller asks what is kept about his support address."""
    ask = inc.writes([acme])
    gate.later(hours=48)
    gate.sends("remind", [acme, inc])
    gate.returns(ask, acme)
    gate.disregards()
    found = gate.stage.store.read(lambda connection: tuple(person.known_of(connection, acme.address.upper())))
    assert [kind for kind, row in found if row.get("notice") == "remind"] == ["notice"]
    assert found[-1][0] == "unreachable"
