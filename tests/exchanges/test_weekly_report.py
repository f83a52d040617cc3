"""The weekly report on a seller to his account manager (docs/rules.md D-05, D-28, D-29, D-37, D-39, DR-09, G-11)."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from functools import partial
from zoneinfo import ZoneInfo

import pytest
from exchange import Gate
from passage import Exchange, Notice
from people import Person

from mailgate import timekeeper, verb
from mailgate.desk.calendar import Calendar
from mailgate.desk.command import Given
from mailgate.desk.pack import bind
from mailgate.desk.report import Counted, figures, measured, watched
from mailgate.desk.route import Roster
from mailgate.simulate.cases import _packs, _result, staged
from mailgate.simulate.madeiramadeira import EVENTS

MONDAY, NEXT, THIRD = "2026-06-08T08:00", "2026-06-15T08:00", "2026-06-22T08:00"


@pytest.fixture(autouse=True)
def _mondays(gate: Gate) -> None:
    """The desk reports on Mondays at eight; acme has confirmed every fact, so nothing else comes by itself."""
    gate.at("2026-06-01T09:00")
    gate.registers("acme", checklist=dict.fromkeys(("support_address", "helpdesk", "us_holidays", "backup"), date(2026, 1, 15)))
    gate.moves_to(gate.stage.desk.model_copy(update={"report_at": "MON 08:00"}))
    gate.winds()


def _says(gate: Gate, manager: Person) -> str:
    """The words of the report that comes now."""
    return _words(gate.sends("weekly_report", manager))


def _words(mail: Notice) -> str:
    """A mail's text on one line, without colons."""
    return " ".join(mail.message.text.replace(": ", " ").split())


def _answered_after(gate: Gate, inc: Person, acme: Person, **length: float) -> None:
    ask = inc.writes([acme])
    gate.later(**length)
    acme.replies(ask)


def test_week_in_figures_with_the_week_before(gate: Gate, inc: Person, acme: Person, manager: Person) -> None:
    """D-37, D-05: Monday at eight, the seven days before it, and within which time half and nine tenths of the answers came."""
    for hours in (1, 2, 3, 10):
        _answered_after(gate, inc, acme, hours=hours)
    gate.at("2026-06-08T07:59")
    gate.stays_silent()
    gate.at(MONDAY)
    first = gate.sends("weekly_report", manager)
    assert first.message.subject == "The week of Acme, Mon 1 Jun 2026 to Sun 7 Jun 2026"
    text = _words(first)
    for line in ("Questions asked ████ 4 (0)", "Answered in time ████ 4 (0)", "New tickets ████ 4 (0)"):
        assert line in text
    assert "Half of the answers came within 2 hours" in text
    assert "Nine out of ten answers came within 10 hours" in text
    assert "There is nothing you have to decide." in text
    assert "recommended" not in text
    _answered_after(gate, inc, acme, hours=5)
    gate.at(NEXT)
    assert "Questions asked █ 1 (4)" in _says(gate, manager)


def test_silence_after_two_weeks_without_anything(gate: Gate, inc: Person, acme: Person, manager: Person) -> None:
    """D-37: a report comes when there is something to say; that it has become quiet is said once."""
    gate.at(MONDAY)
    gate.stays_silent()
    _answered_after(gate, inc, acme, hours=1)
    gate.at(NEXT)
    _says(gate, manager)
    gate.at(THIRD)
    assert "Questions asked 0 (1)" in _says(gate, manager)
    gate.later(days=30)
    gate.stays_silent()


def test_late_answer_and_what_it_led_to(gate: Gate, inc: Person, acme: Person, manager: Person) -> None:
    """D-28, D-39: reminders, the escalation, the strike, the potential chargeback; and that outside help can be recommended."""
    ask = inc.writes([acme])
    gate.at("2026-06-03T09:00")
    gate.sends("remind", [acme, inc])
    gate.at("2026-06-04T09:00")
    gate.sends("remind", [acme, inc])
    gate.at("2026-06-05T09:00")
    gate.sends("escalate", [manager, inc])
    gate.at("2026-06-05T10:00")
    acme.replies(ask)
    gate.at(MONDAY)
    text = _says(gate, manager)
    for line in ("Answered late █ 1", "Reminders ██ 2", "Escalations █ 1", "Potential chargebacks █ 1", "Strikes █ 1"):
        assert line in text
    assert "No answer, escalated █ 1" in text
    assert "Half of the answers came within 97 hours" in text
    assert "An external support team can be recommended to this seller." in text
    gate.at(NEXT)
    _says(gate, manager)


def test_reply_that_broke_a_rule_and_mail_that_came_back_are_counted(
    gate: Gate, inc: Person, acme: Person, manager: Person, owner: Person, buyer: Person
) -> None:
    """D-10, D-23, D-27."""
    ask = inc.writes([acme], cc=[buyer])
    acme.replies(ask)
    gate.sends("notice_noncompliant", acme)
    acme.replies_to_all(ask)
    lost = inc.writes([acme], subject="Order 12")
    gate.returns(lost, acme)
    gate.sends("alert_delivery", [owner, manager])
    gate.at(MONDAY)
    text = _says(gate, manager)
    assert "Answers that did not count █ 1" in text
    assert "Mails that came back █ 1" in text
    gate.at(NEXT)
    _says(gate, manager)


def test_proposal_that_stands_is_named_with_its_links(
    gate: Gate, inc: Person, notifier: Person, manager: Person, ops: Person
) -> None:
    """D-29: until somebody decides, or its strikes are too old."""
    gate.under(takeover_strikes=2, takeover_window="10d")
    for _ in range(2):
        notifier.writes([inc], subject="Chargeback", text="Seller: acme\nChargeback: yes")
    gate.sends("propose_takeover", [manager, ops])
    gate.at(MONDAY)
    mail = gate.sends("weekly_report", manager)
    text = _words(mail)
    assert "A proposal to take over this seller's support is waiting for a decision." in text
    assert set(mail.links) == {"Take over this seller's support", "Leave it with the seller"}
    assert "Chargebacks ██ 2 (0)" in text
    gate.at(NEXT)  # fourteen days later the strikes do not count any more
    assert "waiting for a decision" not in _says(gate, manager)


def test_proposal_somebody_decided_stands_no_more(
    gate: Gate, inc: Person, notifier: Person, manager: Person, ops: Person
) -> None:
    """D-29: taken over in the directory; the week's figures are told all the same."""
    gate.under(takeover_strikes=1)
    notifier.writes([inc], subject="Chargeback", text="Seller: acme\nChargeback: yes")
    gate.sends("propose_takeover", [manager, ops])
    gate.registers("acme", takeover=True)
    gate.at(MONDAY)
    assert "waiting for a decision" not in _says(gate, manager)
    gate.at(NEXT)
    _says(gate, manager)


@pytest.mark.parametrize("decided", ["leave", "take_over"])
def test_decision_by_verb_ends_the_proposal(
    gate: Gate, inc: Person, notifier: Person, manager: Person, ops: Person, decided: str
) -> None:
    """D-29: whichever way; left with the seller, it stands again only when the alarm sounds anew (DR-08)."""
    gate.under(takeover_strikes=1, takeover_window="30d")
    notifier.writes([inc], subject="Chargeback", text="Seller: acme\nChargeback: yes")
    gate.sends("propose_takeover", [manager, ops])
    gate.at("2026-06-03T09:00")
    house, seller = gate.stage.house, gate.stage.house.roster.sellers["acme"]
    order = partial(verb.on_seller, desk=gate.stage.desk, seller=seller, given=Given(decided, "staff", "signed"), now=gate.now)
    gate.stage.store.call(partial(order, house=house))
    gate.at(MONDAY)
    assert "waiting for a decision" not in _says(gate, manager)
    gate.at(NEXT)
    _says(gate, manager)


def test_report_goes_to_the_resellers_people_and_holds_no_words_of_mails(
    gate: Gate, inc: Person, acme: Person, buyer: Person, manager: Person
) -> None:
    """G-11, G-14: neither the customer nor the seller reads it; it is internal, and each seller's is his own."""
    ask = inc.writes([acme], cc=[buyer], subject="Where is it?", text="A very personal matter")
    acme.replies_to_all(ask)
    gate.at(MONDAY)
    mail = gate.sends("weekly_report", manager)
    assert mail.row.visible == (manager.address,)
    assert "Where is it?" not in mail.message.text
    assert "neither the seller nor the customer sees it" in _words(mail)
    assert {row["reader"] for row in gate.outgoing() if row["notice"] == "weekly_report"} == {manager.address}
    gate.at(NEXT)
    _says(gate, manager)


def test_seller_without_a_manager_is_reported_to_the_desks_staff(gate: Gate, inc: Person, east: Person, staff: Person) -> None:
    """DR-09: nobody is left out of knowing."""
    ask = inc.writes([east])
    east.replies(ask)
    gate.at(MONDAY)
    gate.sends("weekly_report", staff)
    gate.at(NEXT)
    gate.sends("weekly_report", staff)


def test_outage_of_three_weeks_is_one_report_on_the_last_of_them(gate: Gate, inc: Person, acme: Person, manager: Person) -> None:
    """Design: a level, not an edge."""
    _answered_after(gate, inc, acme, hours=1)
    gate.sleeps(days=15)
    _answered_after(gate, inc, acme, hours=1)
    mail = gate.sends("weekly_report", manager)
    assert mail.message.subject == "The week of Acme, Mon 8 Jun 2026 to Sun 14 Jun 2026"
    gate.at(THIRD)
    _says(gate, manager)
    gate.at("2026-06-29T08:00")
    _says(gate, manager)


def test_mail_at_midnight_belongs_to_the_day_that_begins(gate: Gate, inc: Person, acme: Person, manager: Person) -> None:
    """D-37: the desk's local days; Monday 00:00 is the new week's."""
    gate.at("2026-06-08T00:00")
    ask = inc.writes([acme])
    acme.replies(ask)
    gate.at(MONDAY)
    gate.stays_silent()
    gate.at(NEXT)
    assert "Questions asked █ 1 (0)" in _says(gate, manager)
    gate.at(THIRD)
    _says(gate, manager)


def test_report_is_a_courtesy_and_no_action(gate: Gate, inc: Person, acme: Person, manager: Person) -> None:
    """G-15: simulate lists it under courtesy."""
    _answered_after(gate, inc, acme, hours=1)
    gate.at(MONDAY)
    gate.sends("weekly_report", manager)
    (entry,) = gate.logged("weekly_report")
    assert entry["data"]["courtesy"] is True
    assert (entry["ticket"], entry["seller"], entry["data"]["roles"]) == (None, "acme", ["account_manager"])
    gate.at(NEXT)
    _says(gate, manager)


def test_desk_that_asks_for_none_gets_none(gate: Gate, inc: Person, acme: Person) -> None:
    """report_at = "" is the default."""
    gate.moves_to(gate.stage.desk.model_copy(update={"report_at": ""}))
    gate.winds()
    _answered_after(gate, inc, acme, hours=1)
    gate.later(days=20)
    gate.stays_silent()


def test_marketplace_hears_of_mediations_and_forbidden_words_by_month() -> None:
    """M-08, M-10: this week, and this month so far; no account manager there, so the desk's staff reads it."""
    case = staged({"policy": "madeiramadeira", "seller_tz": "America/Sao_Paulo"})
    desk = case.stage.desk.model_copy(update={"report_at": "MON 08:00", "staff": ("team@desk.example",)})
    house = replace(case.stage.house, roster=Roster.of({desk.name: desk}, case.stage.house.roster.sellers))
    stage = case.stage = Exchange(house, desk, case.stage.store)
    start = Calendar(ZoneInfo(desk.zone)).midnight(date(2026, 6, 1))
    stage.store.call(partial(timekeeper.wind, house=house, now=start))
    for day in (1, 9):
        at, ticket = start + timedelta(days=day), f"T{day}"
        EVENTS["open"](case, {"ticket": ticket, "reason": "avaria_produto_entregue"}, at)
        said = {"ticket": ticket, "body": "Me chame no WhatsApp, por favor."}
        EVENTS["seller_message"](case, said, at + timedelta(hours=1))
    stage.pass_until(start + timedelta(days=14, hours=8), inclusive=True)
    reports = [Notice(row, (row,), at) for at, row in stage.sent if row.notice == "weekly_report"]
    assert [one.row.reader for one in reports] == ["team@desk.example"] * 2
    week, _, month = _words(reports[1]).partition("This month so far, in brackets the month before:")
    for said_now in ("Mediations █ 1 (1)", "Forbidden contacts or charges █ 1 (1)", "New tickets █ 1 (1)"):
        assert said_now in week
    assert "Mediations ██ 2 (0)" in month
    assert "Forbidden contacts or charges ██ 2 (0)" in month
    assert {row["action"] for row in _result(case)["courtesy"]} >= {"weekly_report"}


@pytest.mark.parametrize(
    ("pack", "clock", "reminders", "escalations"),
    [
        ("digistore24", "respond", {"remind"}, {"escalate"}),
        ("madeiramadeira", "first_response", {"remind"}, {"breach"}),
        ("clickbank", "", {"mail_inactivity_warning"}, set()),
        ("digikala", "", set(), set()),
        ("amazonpay", "", set(), set()),
    ],
)
def test_packs_say_what_counts_as_what(pack: str, clock: str, reminders: set[str], escalations: set[str]) -> None:
    """D-37: read off the ladders; no pack lists metrics."""
    policy = bind(_packs()[pack].raw, {}, pack)
    assert measured(policy) == clock
    assert watched(policy)["reminders"] >= reminders
    assert watched(policy)["escalations"] == escalations
    told = figures(Counted(tickets=4, events={"recategorised": 1, "mediate": 2, "alert_prohibited": 3}), policy)
    assert (told.misfiled_share, told.metrics["mediations"], told.metrics["prohibited"]) == (0.25, 2, 3)
