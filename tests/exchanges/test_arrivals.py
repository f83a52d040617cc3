"""Mail that comes twice, late, or while the daemon was down; notices that cannot leave (docs/rules.md G-01…G-11; design §2)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from exchange import Gate
from passage import TAKEN
from people import Person

from mailgate import timekeeper
from mailgate.wire.smtp_out import Sent

FRIDAY, SUNDAY, MONDAY, TUESDAY = "2026-06-12T18:30", "2026-06-14T18:30", "2026-06-15T18:30", "2026-06-16T18:30"
DOWN = Sent("deferred", 451, "4.3.0 not now", {})
NOBODY_KNOWS = Sent("uncertain", 0, "the connection broke behind the dot", {})


@pytest.fixture(autouse=True)
def _from_friday(gate: Gate) -> None:
    gate.at(FRIDAY)


# -- G-07: what counts once, and what never


def test_same_mail_again_is_one_more_sighting(gate: Gate, inc: Person, acme: Person, buyer: Person) -> None:
    """G-07, design §8: same id and content; the seller gets one letter, not three."""
    ask = inc.writes([acme], cc=[buyer])
    answer = acme.replies(ask)
    for _ in range(2):
        assert gate.again(answer).event == "duplicate"
    gate.sends("notice_noncompliant", acme)
    gate.stays_silent()


def test_same_mail_by_another_way_is_one_more_sighting(gate: Gate, inc: Person, acme: Person, buyer: Person) -> None:
    """Design §8: a further Received line makes no other mail."""
    answer = acme.replies(inc.writes([acme], cc=[buyer]))
    gate.again(answer, raw=b"Received: from a by b; Fri, 12 Jun 2026 22:30:00 +0000\r\n" + answer.raw)
    gate.sends("notice_noncompliant", acme)
    assert len([one for one in gate.ticket().spoken if one.party == "seller"]) == 1


def test_ask_that_comes_twice_restarts_nothing(gate: Gate, inc: Person, acme: Person) -> None:
    """G-07, DR-06: even where a second ask would restart the clock."""
    gate.under(followup_ask="restart")
    ask = inc.writes([acme])
    gate.later(hours=10)
    gate.again(ask)
    gate.at(SUNDAY)
    gate.sends("remind", [acme, inc], n=1)
    acme.replies(ask)


def test_same_id_with_other_words_is_another_mail(gate: Gate, inc: Person, acme: Person, agent: Person) -> None:
    """G-07, design §8: a new message; the answer in it counts."""
    ask = agent.writes([acme], cc=[inc])
    acme.replies(ask, message_id="one@acme.example")
    gate.sends("notice_noncompliant", acme)
    answer = acme.replies_to_all(ask, "With the helpdesk now.", message_id="one@acme.example")
    assert answer.event == "answered"
    assert answer.settled
    assert answer.settled.reused is not None


@pytest.mark.parametrize(
    "headers",
    [
        {"Auto-Submitted": "auto-replied"},
        {"Auto-Submitted": "auto-replied; owner-email=support@acme.example"},
        {"X-Autoreply": "yes", "Auto-Submitted": "no"},
        {"Precedence": "auto_reply", "Auto-Submitted": "no"},
    ],
)
@pytest.mark.parametrize("to_all", [False, True])
def test_automatic_replies_never_answer_and_are_never_answered(
    gate: Gate, inc: Person, acme: Person, buyer: Person, headers: dict[str, str], to_all: bool
) -> None:
    """G-07: neither a stop nor a letter about what is missing."""
    ask = inc.writes([acme], cc=[buyer] if to_all else [])
    acme.auto_replies(ask, headers=headers)
    assert gate.clock().running
    gate.stays_silent()


def test_helpdesks_automatic_reply_asks_nothing(gate: Gate, inc: Person, acme: Person) -> None:
    """G-07: it starts no clock."""
    question = acme.writes([inc], subject="Hello")
    inc.auto_replies(question)
    gate.later(days=10)
    gate.stays_silent()


def test_machine_that_writes_for_a_seller_answers_nothing(gate: Gate, inc: Person, acme: Person) -> None:
    """G-07: auto-generated mail of somebody who is no notifier is stored and starts nothing."""
    ask = inc.writes([acme])
    assert acme.replies(ask, headers={"Auto-Submitted": "auto-generated"}).event == "wrote"
    assert gate.clock().running


def test_our_own_notice_that_comes_back_is_not_activity(gate: Gate, inc: Person, acme: Person) -> None:
    """G-09: the copied door shows us our own reminder; nothing moves, nothing is answered."""
    ask = inc.writes([acme])
    gate.at(SUNDAY)
    reminder = gate.sends("remind", [acme, inc], n=1)
    gate.stage.receive(reminder.message.raw, gate.now)
    gate.stage.receive(reminder.copy(inc).message.raw, gate.now)
    gate.stays_silent()
    gate.at(MONDAY)
    gate.sends("remind", [acme, inc], n=2)
    acme.replies(ask)


def test_customer_hears_nothing_of_reminders_and_escalations(
    gate: Gate, inc: Person, acme: Person, buyer: Person, manager: Person
) -> None:
    """G-11: he stands in Cc of the ask, and in none of our notices."""
    inc.writes([acme], cc=[buyer])
    gate.at(TUESDAY)
    for number in (1, 2):
        assert buyer.address.encode() not in gate.sends("remind", [acme, inc], n=number).row.raw.partition(b"\r\n\r\n")[0]
    gate.sends("escalate", [manager, inc])


# -- a mail in hand beats a timer


def test_mail_in_hand_beats_the_timer(gate: Gate, inc: Person, acme: Person) -> None:
    """Design §2: accepted before the reminder was due, settled after: it is in time, and no reminder leaves."""
    ask = inc.writes([acme])
    gate.at("2026-06-14T18:29")
    acme.replies(ask, in_hand=True)
    gate.at("2026-06-14T20:00")
    gate.stays_silent()
    assert gate.takes_in_hand().decision.event == "answered"
    gate.stays_silent()


def test_mail_accepted_after_the_due_instant_holds_nothing_up(gate: Gate, inc: Person, acme: Person) -> None:
    """Design §2: the reminder was due before the mail came; the second one, due after it, waits."""
    ask = inc.writes([acme])
    gate.sleeps(hours=60)
    acme.replies(ask, in_hand=True)
    gate.at(MONDAY)
    gate.sends("remind", [acme, inc], n=1)
    assert gate.takes_in_hand().decision.event == "answered"


def test_answer_that_proves_to_have_come_in_time_withdraws_the_escalation(
    gate: Gate, inc: Person, acme: Person, manager: Person, ops: Person
) -> None:
    """Design §2: no strike, no tag, and whoever got the escalation is told."""
    gate.under(max_reminders=0, takeover_strikes=1)
    answer = acme.replies(inc.writes([acme]), unseen=True)
    gate.at(MONDAY)
    gate.sends("escalate", [manager, inc])
    gate.sends("propose_takeover", [manager, ops])
    gate.later(hours=1)
    assert gate.finds(answer, gate.now - timedelta(hours=30)).event == "answered"
    gate.sends("escalation_withdrawn", [manager, inc])
    assert gate.ticket().tags == frozenset()
    again = inc.writes([acme], subject="Another one")
    gate.later(hours=50)
    acme.replies(again)  # late: the only strike that stands
    gate.sends("propose_takeover", [manager, ops])
    assert gate.is_the_same_built_anew()


def test_withdrawn_escalation_comes_again_when_the_answer_bounces(
    gate: Gate, inc: Person, acme: Person, owner: Person, manager: Person
) -> None:
    """D-14, D-21: the answer that stopped the clock never arrived, the escalation is overdue, and it leaves once more."""
    gate.under(max_reminders=0)
    answer = acme.replies(inc.writes([acme]), unseen=True)
    gate.at(MONDAY)
    first = gate.sends("escalate", [manager, inc])
    gate.later(hours=1)
    gate.finds(answer, gate.now - timedelta(hours=30))
    gate.sends("escalation_withdrawn", [manager, inc])
    gate.later(hours=1)
    gate.returns(answer, inc)
    gate.sends("alert_delivery", [owner, manager])
    second = gate.sends("escalate", [manager, inc])
    assert second.row.message_id != first.row.message_id
    assert gate.ticket().tags == {"potential_chargeback"}
    gate.later(days=9)
    gate.stays_silent()
    assert gate.is_the_same_built_anew()


def test_withdrawn_escalation_leaves_a_late_answer(gate: Gate, inc: Person, acme: Person, manager: Person, ops: Person) -> None:
    """DR-08: after the deadline, before the escalation was due; one strike for the other."""
    gate.under(max_reminders=0, takeover_strikes=1)
    answer = acme.replies(inc.writes([acme]), unseen=True)
    gate.at(MONDAY)
    gate.sends("escalate", [manager, inc])
    gate.sends("propose_takeover", [manager, ops])
    gate.later(hours=1)
    gate.finds(answer, gate.now - timedelta(hours=10))
    gate.sends("escalation_withdrawn", [manager, inc])
    assert [one.kind for one in gate.strikes("acme")] == ["late_answer"]
    assert gate.is_the_same_built_anew()


# -- G-10: after an outage


def test_host_that_slept_nine_hours_sends_each_ticket_one_mail(gate: Gate, inc: Person, acme: Person) -> None:
    """C03: a reminder of each ticket came due at some hour of that night: one catching up, no storm."""
    for n in range(12):
        inc.writes([acme], subject=f"Order {n}")
        gate.later(minutes=30)
    gate.later(hours=42)
    gate.sleeps(hours=9)
    gate.disregards()
    told = {(row["ticket"], row["message_id"]) for row in gate.outgoing() if row["ticket"]}
    assert sorted(ticket for ticket, _ in told) == list(range(1, 13))


def test_reminders_found_after_an_outage_are_one_mail(gate: Gate, inc: Person, acme: Person, manager: Person) -> None:
    """G-10: both reminders in one mail that names them both, then the escalation; the log keeps due and real instant."""
    inc.writes([acme])
    gate.sleeps(hours=100)
    both = gate.sends("remind", [acme, inc])
    assert "Reminders 1 and 2 of 2" in both.message.subject
    gate.sends("escalate", [manager, inc])
    logged = gate.logged("remind")
    assert [one["at"] for one in logged] == [gate.now - timedelta(hours=52), gate.now - timedelta(hours=28)]
    assert {one["recorded_at"] for one in logged} == {gate.now}


async def test_timers_wait_for_mail_that_waited_elsewhere(gate: Gate, inc: Person, acme: Person) -> None:
    """Design §2: after an outage nothing fires until `catch_up` has passed; what came meanwhile counts."""
    keeper = timekeeper.Timekeeper(gate.stage.store, gate.stage.house, timedelta(minutes=20))
    asks = [inc.writes([acme], subject="1"), inc.writes([acme], subject="2")]
    await keeper.tick(gate.now)
    gate.sleeps(hours=50)
    for minute in range(0, 20, 4):
        assert await keeper.tick(gate.now) == (), minute
        gate.sleeps(minutes=4)
    gate.finds(acme.replies(asks[0], unseen=True), gate.now - timedelta(hours=5))
    assert [one.ticket for one in await keeper.tick(gate.now)] == [2]
    gate.sends("remind", [acme, inc], n=1)
    acme.replies(asks[1])
    assert gate.is_the_same_built_anew()


def test_each_step_fires_once_however_often_one_looks(gate: Gate, inc: Person, acme: Person) -> None:
    """G-10: a level, not an edge."""
    ask = inc.writes([acme])
    gate.sleeps(hours=50)
    gate.sends("remind", [acme, inc], n=1)
    for _ in range(3):
        gate.later(minutes=1)
        gate.stays_silent()
    acme.replies(ask)


# -- notices that cannot leave


def test_ladder_waits_while_the_smarthost_has_not_taken_a_reminder(
    gate: Gate, inc: Person, acme: Person, manager: Person
) -> None:
    """Design §2: a reminder counts when the next hop took it."""
    inc.writes([acme])
    gate.stage.hop = lambda row: DOWN
    gate.at(TUESDAY)
    gate.later(hours=2)
    gate.stays_silent()
    assert gate.logged("escalate") == []
    gate.stage.hop = lambda row: TAKEN
    gate.later(hours=5)
    gate.sends("remind", [acme, inc])
    gate.sends("remind", [acme, inc])
    gate.sends("escalate", [manager, inc])


async def test_ladders_that_wait_hold_up_no_other(
    gate: Gate, inc: Person, acme: Person, nova: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Design §2: however many clocks wait for their notices to leave, those behind them are looked at in the same tick."""
    asks = [inc.writes([acme], subject="1"), inc.writes([nova], subject="2")]
    gate.stage.hop = lambda row: DOWN if row.ticket == 1 else TAKEN
    gate.at(SUNDAY)
    gate.sends("remind", [nova, inc], n=1)
    gate.sleeps(hours=24)
    monkeypatch.setattr(timekeeper, "LIMIT", 1)
    keeper = timekeeper.Timekeeper(gate.stage.store, gate.stage.house, timedelta(minutes=20))
    assert [one.ticket for one in await keeper.tick(gate.now)] == [2]
    gate.sends("remind", [nova, inc], n=2)
    acme.replies(asks[0])
    nova.replies(asks[1])


def test_notice_is_superseded_when_the_answer_came_before_it_left(gate: Gate, inc: Person, acme: Person) -> None:
    """Design §2: before each attempt the courier asks whether the notice still holds."""
    ask = inc.writes([acme])
    gate.stage.hop = lambda row: DOWN
    gate.at(SUNDAY)
    gate.stays_silent()
    acme.replies(ask)
    gate.stage.hop = lambda row: TAKEN
    gate.later(days=2)
    gate.stays_silent()


def test_mail_that_nobody_knows_the_fate_of_goes_again_as_the_same_mail(gate: Gate, inc: Person, acme: Person) -> None:
    """Design §2: a time-out after the dot is uncertain; the second copy bears the same Message-ID."""
    ask = inc.writes([acme])
    gate.stage.hop = lambda row: NOBODY_KNOWS
    gate.at("2026-06-14T18:31")
    gate.stays_silent()
    before = {row["message_id"] for row in gate.outgoing()}
    gate.stage.hop = lambda row: TAKEN
    gate.later(hours=1)
    again = gate.sends("remind", [acme, inc], n=1)
    assert {again.row.message_id} == before
    acme.replies(ask)


@pytest.mark.parametrize("scope", ["all", "desk:desk", "seller:acme"])
def test_hold_keeps_notices_back_and_release_lets_them_go(gate: Gate, inc: Person, acme: Person, scope: str) -> None:
    """Design §5, the brake: mail is accepted, nothing leaves."""
    ask = inc.writes([acme])
    gate.holds(scope)
    gate.at(MONDAY)
    gate.stays_silent()
    gate.releases(scope)
    gate.sends("remind", [acme, inc], n=1)
    gate.sends("remind", [acme, inc], n=2)
    acme.replies(ask)


def test_hold_of_one_seller_holds_no_other(gate: Gate, inc: Person, acme: Person, nova: Person) -> None:
    """Design §5: by seller."""
    asks = [inc.writes([acme], subject="1"), inc.writes([nova], subject="2")]
    gate.holds("seller:acme")
    gate.at(SUNDAY)
    gate.sends("remind", [nova, inc], n=1)
    gate.stays_silent()
    acme.replies(asks[0])  # what was held no longer holds
    nova.replies(asks[1])
    gate.releases("seller:acme")
    gate.stays_silent()
