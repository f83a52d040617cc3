"""The agenda: one mail a day with what somebody promised and has not done yet (docs/rules.md G-15, G-04, D-29)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from zoneinfo import ZoneInfo

import pytest
from exchange import Gate
from passage import Exchange
from people import Person

from mailgate import courier, timekeeper
from mailgate.desk.calendar import Calendar
from mailgate.desk.route import Roster
from mailgate.simulate.cases import _result, staged
from mailgate.simulate.players import write
from mailgate.store import clocks
from mailgate.store.outbox import Outgoing
from mailgate.wire.smtp_out import Sent

START = datetime(2026, 6, 1, tzinfo=UTC)
TOMORROW = "2026-06-02T08:30"


@pytest.fixture
def _at_half_past_eight(gate: Gate) -> None:
    gate.at("2026-06-01T09:00")
    gate.registers("acme", agenda_at="08:30", checklist=_confirmed())
    gate.winds()


def _confirmed() -> dict[str, str]:
    return dict.fromkeys(("support_address", "helpdesk", "us_holidays", "backup"), "2026-01-15")


def _desk(gate: Gate, **keys: object) -> None:
    gate.moves_to(gate.stage.desk.model_copy(update=keys))
    gate.winds()


def _longer(gate: Gate) -> None:
    """Answers are due after a month: nothing but the agenda comes."""
    gate.under(respond_within="30d", max_reminders=0)


@pytest.mark.usefixtures("_at_half_past_eight")
class TestTheSellersAgenda:
    """G-15: to his support address, at his own hour."""

    def test_lists_what_he_owes_the_most_urgent_first(self, gate: Gate, inc: Person, acme: Person) -> None:
        """G-15: by due time; what is overdue says so; the desk's words, not the customer's."""
        gate.under(max_reminders=0)
        first = inc.writes([acme], subject="Order 1")
        gate.later(hours=3)
        second = inc.writes([acme], subject="Order 2")
        gate.at(TOMORROW)
        mail = gate.sends("agenda", acme, tickets=[1, 2])
        assert mail.message.subject == "Open promises on Tue 2 Jun 2026: 2"
        assert mail.message.text.index("Order 1") < mail.message.text.index("Order 2")
        assert "OVERDUE" not in mail.message.text
        acme.replies(second)
        gate.at("2026-06-03T08:30")
        assert "OVERDUE" not in gate.sends("agenda", acme, tickets=[1]).message.text
        gate.at("2026-06-04T08:30")
        mail = gate.sends("agenda", acme, tickets=[1])
        assert "OVERDUE since Wed 3 Jun 2026, 09:00 (New York time): MG-1" in " ".join(mail.message.text.split())
        acme.replies(first)

    def test_nothing_open_no_mail(self, gate: Gate, inc: Person, acme: Person) -> None:
        """G-15: silence on days without a promise, and the next day with one has its mail."""
        gate.later(days=5)
        gate.stays_silent()
        ask = inc.writes([acme])
        gate.at("2026-06-07T08:30")
        gate.sends("agenda", acme)
        acme.replies(ask)
        gate.later(days=5)
        gate.stays_silent()

    def test_comes_at_his_hour_before_and_after_the_clocks_change(self, gate: Gate, inc: Person, acme: Person) -> None:
        """G-04: 08:30 by the wall on each side of 1 November 2026, when New York falls back."""
        _longer(gate)
        gate.at("2026-10-30T12:00")
        ask = inc.writes([acme])
        sent = []
        for day in ("2026-10-31", "2026-11-01", "2026-11-02"):
            gate.at(f"{day}T08:29")
            gate.stays_silent()
            gate.at(f"{day}T08:30")
            sent.append(gate.sends("agenda", acme).at)
        assert [sent[1] - sent[0], sent[2] - sent[1]] == [timedelta(hours=25), timedelta(hours=24)]
        acme.replies(ask)

    def test_hour_that_does_not_exist_comes_a_gap_later(self, gate: Gate, inc: Person, acme: Person) -> None:
        """G-04: Sydney has no 02:30 on 4 October 2026; 03:30 is 12:30 in New York, and the next one is an hour earlier."""
        _longer(gate)
        gate.registers("acme", zone="Australia/Sydney", agenda_at="02:30")
        gate.winds()
        gate.at("2026-10-02T14:00")
        ask = inc.writes([acme])
        gate.at("2026-10-03T12:29")
        gate.stays_silent()
        gate.at("2026-10-03T12:30")
        gate.sends("agenda", acme)
        gate.at("2026-10-04T11:30")
        assert "Mon 5 Oct 2026" in gate.sends("agenda", acme).message.subject
        acme.replies(ask)

    def test_outage_of_three_days_is_one_agenda(self, gate: Gate, inc: Person, acme: Person) -> None:
        """Design: a level, not an edge; the mail says the day on which it leaves, and the next comes at its hour."""
        _longer(gate)
        ask = inc.writes([acme])
        gate.sleeps(days=3, hours=4)
        mail = gate.sends("agenda", acme)
        assert "Thu 4 Jun 2026" in mail.message.subject
        gate.at("2026-06-05T08:29")
        gate.stays_silent()
        gate.at("2026-06-05T08:30")
        gate.sends("agenda", acme)
        acme.replies(ask)

    def test_next_hop_that_was_away_for_three_days_gets_the_newest_alone(self, gate: Gate, inc: Person, acme: Person) -> None:
        """G-15: what could not leave gives way; nobody finds three of them in his mailbox."""
        _longer(gate)
        ask = inc.writes([acme])
        gate.stage.hop = _busy
        gate.at("2026-06-04T12:00")
        gate.stage.hop = _takes
        gate.later(hours=5)
        mail = gate.sends("agenda", acme)
        assert "Thu 4 Jun 2026" in mail.message.subject
        states = [row["state"] for row in gate.outgoing() if row["notice"] == "agenda"]
        assert states == ["superseded", "superseded", "sent"]
        acme.replies(ask)

    def test_restart_and_reload_double_nothing(self, gate: Gate, inc: Person, acme: Person) -> None:
        """The clock that runs is kept; one that is set to another hour is another one."""
        _longer(gate)
        ask = inc.writes([acme])
        gate.winds()
        gate.at(TOMORROW)
        gate.sends("agenda", acme)
        gate.winds()
        gate.at("2026-06-03T08:00")
        gate.stays_silent()
        gate.registers("acme", agenda_at="17:00")
        gate.winds()
        gate.at("2026-06-03T16:59")
        gate.stays_silent()
        gate.at("2026-06-03T17:00")
        gate.sends("agenda", acme)
        acme.replies(ask)

    def test_hour_that_was_taken_back_ends_it(self, gate: Gate, inc: Person, acme: Person) -> None:
        """agenda_at = "" is no agenda; a seller who left the directory gets none either."""
        _longer(gate)
        ask = inc.writes([acme])
        gate.registers("acme", agenda_at="")
        gate.winds()
        gate.later(days=3)
        gate.stays_silent()
        acme.replies(ask)

    def test_step_is_unique_in_the_store(self, gate: Gate, inc: Person, acme: Person) -> None:
        """Design: whatever crashes, an occurrence leaves once; firing it again finds nothing due."""
        _longer(gate)
        ask = inc.writes([acme])
        before = gate.stage.store.read(partial(clocks.get, subject="agenda:desk/acme", name="agenda", episode=1))
        gate.at(TOMORROW)
        gate.sends("agenda", acme)
        assert before is not None
        again = partial(timekeeper.fire, clock=before, house=gate.stage.house, now=gate.now)
        assert gate.stage.store.call(again) is None
        gate.stays_silent()
        acme.replies(ask)

    def test_seller_whose_support_was_taken_over_is_asked_for_nothing(self, gate: Gate, inc: Person, acme: Person) -> None:
        """D-29."""
        _longer(gate)
        inc.writes([acme])
        gate.registers("acme", takeover=True)
        gate.later(days=2)
        gate.stays_silent()

    def test_is_his_alone(self, gate: Gate, inc: Person, acme: Person, nova: Person, buyer: Person) -> None:
        """G-11: nobody else's tickets, and nobody else reads it."""
        _longer(gate)
        ask = inc.writes([acme], cc=[buyer], subject="His order")
        other = inc.writes([nova], subject="Nova's order")
        gate.at(TOMORROW)
        mail = gate.sends("agenda", acme, tickets=[1])
        assert "Nova" not in mail.message.text
        assert mail.row.visible == (acme.address,)
        acme.replies_to_all(ask)
        nova.replies(other)

    def test_goes_where_he_can_be_reached_in_words_for_him(self, gate: Gate, inc: Person, acme: Person) -> None:
        """G-15, G-17: his language; and his answer is read by a person, it is no internal mail."""
        _longer(gate)
        gate.registers("acme", language="it")
        ask = inc.writes([acme])
        gate.at(TOMORROW)
        mail = gate.sends("agenda", acme)
        assert "Content-Language: it" in mail.row.raw.decode()
        assert "interna" not in mail.message.text
        acme.replies(ask)


def _busy(row: Outgoing) -> Sent:
    return Sent("deferred", 451, "4.3.0 later", {})


def _takes(row: Outgoing) -> Sent:
    return Sent("sent", 250, "2.0.0 taken", {})


def test_seller_who_asks_for_none_gets_none(gate: Gate, inc: Person, acme: Person) -> None:
    """G-15: for any role that wants it."""
    _longer(gate)
    gate.registers("acme", checklist=_confirmed())
    gate.winds()
    ask = inc.writes([acme])
    gate.later(days=3)
    gate.stays_silent()
    acme.replies(ask)


def test_desks_agenda_lists_no_sellers_promises(gate: Gate, inc: Person, acme: Person) -> None:
    """G-15: runs_for says whose promise it is; Digistore24's are all the sellers'."""
    _longer(gate)
    gate.registers("acme", checklist=_confirmed())
    _desk(gate, agenda_at="07:00")
    ask = inc.writes([acme])
    gate.later(days=3)
    gate.stays_silent()
    acme.replies(ask)


def test_desk_that_answers_sellers_hears_what_it_owes_them() -> None:
    """G-15, K-24: Digikala's desk promises answers; its staff's agenda comes at the desk's hour, listed as a courtesy."""
    case = staged({"policy": "digikala", "seller_tz": "Asia/Tehran"})
    desk = case.stage.desk.model_copy(update={"agenda_at": "08:30", "staff": ("team@desk.example",)})
    house = replace(case.stage.house, roster=Roster.of({desk.name: desk}, case.stage.house.roster.sellers))
    stage = case.stage = Exchange(house, desk, case.stage.store)
    start = Calendar(ZoneInfo(desk.zone)).midnight(date(2026, 6, 1))
    stage.store.call(partial(timekeeper.wind, house=stage.house, now=start))
    asked = start + timedelta(hours=12)
    write(case, {"ticket": "T1"}, asked, "seller", author=case.seller.support, to=[desk.address], subject="Payout")
    stage.pass_until(start + timedelta(days=1, hours=8, minutes=30), inclusive=True)
    (row,) = [row for _, row in stage.sent if row.notice == "agenda"]
    assert (row.reader, row.role) == ("team@desk.example", "desk_staff")
    told = _result(case)
    assert [one["tickets"] for one in told["courtesy"] if one["action"] == "agenda"] == [["T1"]]
    assert "agenda" not in {one["action"] for one in told["actions"]}


def test_courier_is_not_asked_for_rounds_by_tickets() -> None:
    """A notice about no ticket holds until a newer one takes its place."""
    row = Outgoing("agenda", "desk", "a@b.example", "x@y", b"", START, clock="agenda", episode=1)
    assert courier.holds(None, row)
