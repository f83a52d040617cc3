"""What people mend: a mail that sits on the wrong ticket, two tickets that are one. Clocks run again from the mail."""

from __future__ import annotations

from functools import partial

import pytest
from exchange import Gate
from people import Person

from mailgate import anew, mend


@pytest.fixture(autouse=True)
def _from_friday(gate: Gate) -> None:
    gate.at("2026-06-12T18:30")


def move(gate: Gate, *spool_ids: int, to: int | None) -> mend.Mended:
    work = partial(mend.move, house=gate.stage.house, spool_ids=spool_ids, target=to, now=gate.now)
    return gate.stage.store.call(work)


def merge(gate: Gate, number: int, into: int) -> mend.Mended:
    return gate.stage.store.call(partial(mend.merge, house=gate.stage.house, number=number, into=into, now=gate.now))


def test_answer_that_was_put_on_the_wrong_ticket_counts_on_the_right_one(gate: Gate, inc: Person, acme: Person) -> None:
    """Moving it lets the clock run again where it came from, and stops the one where it belongs."""
    first, second = inc.writes([acme], subject="Order 1"), inc.writes([acme], subject="Order 2")
    gate.later(hours=1)
    answer = acme.replies(first)
    assert (gate.clock(1).state, gate.clock(2).state) == ("stopped", "running")
    move(gate, answer.settled.spool_id, to=second.ticket)
    assert gate.clock(1).state == "running"
    assert answer.message.message_id in {said.message_id for said in gate.ticket(2).spoken}
    acme.replies(first)
    acme.replies(second)


def test_split_gives_a_mail_a_ticket_of_its_own(gate: Gate, inc: Person, acme: Person) -> None:
    """The new ticket has its own clock from the instant the mail came; answers to that mail follow it."""
    first = inc.writes([acme], subject="Order 1")
    gate.later(hours=2)
    other = inc.follows_up(first, text="And what about order 2?")
    done = move(gate, other.settled.spool_id, to=None)
    assert done.ticket != first.ticket
    assert gate.clock(done.ticket).started_at == gate.ticket(done.ticket).spoken[0].at
    assert acme.replies(other).ticket == done.ticket
    assert (gate.clock(first.ticket).state, gate.clock(done.ticket).state) == ("running", "stopped")
    acme.replies(first)


def test_merged_tickets_keep_the_older_clock_and_every_way_leads_to_one(gate: Gate, inc: Person, acme: Person) -> None:
    """The oldest unanswered request governs (DR-06); mail that names the merged ticket joins the one that stays."""
    first = inc.writes([acme], subject="Order 1")
    gate.later(hours=3)
    second = inc.writes([acme], subject="Order 1 again")
    assert second.ticket != first.ticket
    merge(gate, second.ticket, into=first.ticket)
    assert gate.ticket(second.ticket).state == "merged"
    assert acme.replies(second).ticket == first.ticket
    assert gate.clock(first.ticket).state == "stopped"
    gate.later(days=9)
    gate.stays_silent()


def test_step_that_fired_is_not_fired_again_after_a_move(gate: Gate, inc: Person, acme: Person, nova: Person) -> None:
    """What was sent stays sent."""
    ask = inc.writes([acme], subject="Order 1")
    gate.later(hours=48)
    gate.sends("remind", [acme, inc], n=1)
    stray = nova.writes([inc], subject="Something else")
    move(gate, stray.settled.spool_id, to=ask.ticket)
    gate.stays_silent()
    gate.later(hours=24)
    gate.sends("remind", [acme, inc], n=2)
    acme.replies(ask)


def test_what_cannot_be_mended_is_said(gate: Gate, inc: Person, acme: Person) -> None:
    """An unknown mail, an unknown ticket, a ticket into itself."""
    ask = inc.writes([acme])
    with pytest.raises(mend.MendError, match="belongs to no ticket"):
        move(gate, 4711, to=None)
    with pytest.raises(mend.MendError, match="no ticket MG-99"):
        move(gate, ask.settled.spool_id, to=99)
    with pytest.raises(mend.MendError, match="into itself"):
        merge(gate, ask.ticket, into=ask.ticket)
    acme.replies(ask)


def test_ticket_built_anew_from_its_mail_is_the_ticket_that_was(gate: Gate, inc: Person, acme: Person, buyer: Person) -> None:
    """State and clocks are what the mail says (design §2: event-sourced enough)."""
    ask = inc.writes([acme], cc=[buyer])
    gate.later(hours=5)
    acme.writes([buyer], subject="Re: Order 4711", headers={"In-Reply-To": f"<{ask.message.message_id}>"})
    gate.sends("notice_noncompliant", acme)
    gate.later(hours=43)
    gate.sends("remind", [acme, inc], n=1)
    gate.later(hours=1)
    acme.replies_to_all(ask)
    before = gate.ticket()
    gate.stage.store.call(partial(anew.rebuild, house=gate.stage.house, number=1))
    after = gate.ticket()
    assert (after.state, after.seller, after.entity, after.facts) == (before.state, before.seller, before.entity, before.facts)
    assert {person.address for person in after.participants} >= {"support@acme.example", "buyer@mail.example"}
    assert [(said.event, said.missing) for said in after.spoken] == [(said.event, said.missing) for said in before.spoken]
    old, new = before.clocks[0], after.clocks[0]
    assert (new.state, new.started_at, new.due, new.stopped_at, new.marks) == (
        old.state, old.started_at, old.due, old.stopped_at, old.marks,
    )  # fmt: skip
