"""Who stands in, and which facts a seller keeps current (docs/rules.md D-06…D-09, D-15…D-17, D-35, D-38, G-07)."""

from __future__ import annotations

from datetime import date

import pytest
from exchange import Gate
from people import Person

FRIDAY, SUNDAY, MONDAY = "2026-06-12T18:30", "2026-06-14T18:30", "2026-06-15T18:30"
BACKUP = "stand-in@backup.example"


@pytest.fixture
def _stand_in(gate: Gate) -> None:
    gate.registers("acme", backup=BACKUP)
    gate.at(FRIDAY)


@pytest.mark.usefixtures("_stand_in")
class TestTheBackup:
    """D-38: hears of reminders while the seller himself is not there; nothing stops for that."""

    def test_reminder_on_a_declared_holiday_goes_to_the_backup_too(
        self, gate: Gate, inc: Person, acme: Person, backup: Person
    ) -> None:
        """D-38, D-17: the date is the seller's local one; the second reminder is on no holiday."""
        gate.registers("acme", holidays=["2026-06-14"])
        ask = inc.writes([acme])
        gate.at(SUNDAY)
        gate.sends("remind", [acme, backup, inc], n=1)
        gate.at(MONDAY)
        gate.sends("remind", [acme, inc], n=2)
        acme.replies(ask)

    def test_public_holidays_of_his_country_count(self, gate: Gate, inc: Person, acme: Person, backup: Person) -> None:
        """D-17, G-08: a country calendar; 3 July 2026 is the observed Independence Day."""
        gate.registers("acme", calendar="US")
        gate.at("2026-07-01T12:00")
        ask = inc.writes([acme])
        gate.at("2026-07-03T12:00")
        gate.sends("remind", [acme, backup, inc], n=1)
        acme.replies(ask)

    @pytest.mark.parametrize(("first", "last", "covered"), [("2026-06-14", "2026-06-14", 1), ("2026-06-01", "2026-06-30", 2)])
    def test_declared_absence_covers_both_its_ends(
        self, gate: Gate, inc: Person, acme: Person, backup: Person, first: str, last: str, covered: int
    ) -> None:
        """D-38: AWAY … UNTIL …"""
        gate.registers("acme", absences=[{"from": date.fromisoformat(first), "until": date.fromisoformat(last)}])
        ask = inc.writes([acme])
        for number, when in enumerate((SUNDAY, MONDAY), 1):
            gate.at(when)
            gate.sends("remind", [acme, backup, inc] if number <= covered else [acme, inc], n=number)
        acme.replies(ask)

    def test_absence_reply_brings_in_the_backup_until_he_writes_again(
        self, gate: Gate, inc: Person, acme: Person, backup: Person
    ) -> None:
        """D-38, G-07: it stops nothing; the following reminders also go to the backup."""
        ask = inc.writes([acme])
        acme.auto_replies(ask)
        assert gate.clock().running
        gate.at(SUNDAY)
        gate.sends("remind", [acme, backup, inc], n=1)
        acme.writes([inc], subject="I am back")
        gate.at(MONDAY)
        gate.sends("remind", [acme, inc], n=2)
        acme.replies(ask)

    def test_absence_reply_to_a_reminder_brings_in_the_backup_for_the_next(
        self, gate: Gate, inc: Person, acme: Person, backup: Person
    ) -> None:
        """D-38: whatever it answers."""
        ask = inc.writes([acme])
        gate.at(SUNDAY)
        acme.auto_replies(gate.sends("remind", [acme, inc], n=1))
        gate.at(MONDAY)
        gate.sends("remind", [acme, backup, inc], n=2)
        acme.replies(ask)

    def test_receipt_of_his_helpdesk_is_no_absence(self, gate: Gate, inc: Person, acme: Person) -> None:
        """D-38: "we have received your request" comes from somebody who is there."""
        ask = inc.writes([acme])
        acme.auto_replies(ask, "Your request has been received and will be answered shortly.", subject="Re: Order 4711")
        gate.at(SUNDAY)
        gate.sends("remind", [acme, inc], n=1)
        acme.replies(ask)

    def test_colleagues_absence_is_not_the_support_address_away(self, gate: Gate, inc: Person, acme: Person) -> None:
        """D-38: an absence reply from vendor_support."""
        ask = inc.writes([acme], cc=["anna@acme.example"])
        acme.at("anna@acme.example").auto_replies(ask)
        gate.at(SUNDAY)
        gate.sends("remind", [acme, inc], n=1)
        acme.replies(ask)

    def test_backup_answers_for_the_seller(self, gate: Gate, inc: Person, acme: Person, backup: Person, staff: Person) -> None:
        """D-38, DR-10: a registered address; he answers our reminder from his own copy."""
        ask = inc.writes([acme])
        acme.auto_replies(ask)
        gate.at(SUNDAY)
        reminder = gate.sends("remind", [acme, backup, inc])
        gate.passes_on(backup.replies(reminder.copy(backup)), staff)
        assert gate.ticket().state == "answered"


def test_seller_without_a_backup_is_reminded_alone(gate: Gate, inc: Person, acme: Person) -> None:
    """D-38: optional."""
    gate.registers("acme", holidays=["2026-06-14"])
    gate.at(FRIDAY)
    ask = inc.writes([acme])
    gate.at(SUNDAY)
    gate.sends("remind", [acme, inc], n=1)
    acme.replies(ask)


CONFIRMED = date(2026, 1, 15)


def _only(gate: Gate, *open_items: str, **seller: object) -> None:
    """Every fact of acme is confirmed but `open_items`; the other sellers have no admin who would be asked."""
    every = ("support_address", "helpdesk", "tracking_access", "return_address", "us_holidays", "backup")
    gate.registers("acme", checklist={one: CONFIRMED for one in every if one not in open_items}, **seller)
    gate.winds()


@pytest.mark.parametrize("item", ["support_address", "helpdesk", "backup"])
def test_missing_fact_is_asked_for_at_nine(gate: Gate, acme: Person, owner: Person, item: str) -> None:
    """D-06, D-07, D-09, D-38: the admin is asked, the next local morning."""
    gate.at("2026-06-12T18:30")
    _only(gate, item)
    gate.at("2026-06-13T08:59")
    gate.stays_silent()
    gate.at("2026-06-13T09:00")
    gate.sends("remind_checklist", owner, item=item)


@pytest.mark.parametrize("item", ["tracking_access", "return_address"])
@pytest.mark.parametrize("physical", [False, True])
def test_facts_about_parcels_are_asked_of_those_who_send_any(gate: Gate, owner: Person, item: str, physical: bool) -> None:
    """D-15, D-16."""
    gate.at("2026-06-12T18:30")
    _only(gate, item, physical=physical)
    gate.at("2026-06-13T09:00")
    if physical:
        gate.sends("remind_checklist", owner, item=item)


def test_seller_with_a_backup_is_not_asked_for_one(gate: Gate) -> None:
    """D-38."""
    gate.at("2026-06-12T18:30")
    _only(gate, "backup", backup=BACKUP)
    gate.later(days=20)
    gate.stays_silent()


def test_fact_goes_stale_after_a_year(gate: Gate, owner: Person) -> None:
    """D-06: older than checklist_every, counted from the confirmation; the backup is declared, so nobody asks for it."""
    gate.at("2026-06-12T18:30")
    gate.registers(
        "acme", backup=BACKUP, checklist={"support_address": date(2025, 6, 20), "helpdesk": CONFIRMED, "us_holidays": CONFIRMED}
    )
    gate.winds()
    gate.at("2026-06-21T08:59")
    gate.stays_silent()
    gate.at("2026-06-21T09:00")
    gate.sends("remind_checklist", owner, item="support_address")


def test_desk_chooses_when_a_fact_is_stale(gate: Gate, owner: Person) -> None:
    """D-06 checklist_every."""
    gate.under(checklist_every="30cd")
    gate.at("2026-06-12T18:30")
    checklist = dict.fromkeys(("support_address", "helpdesk", "us_holidays"), date(2026, 6, 12))
    gate.registers("acme", backup=BACKUP, checklist={**checklist, "helpdesk": date(2026, 6, 1)})
    gate.winds()
    gate.at("2026-07-02T09:00")
    gate.sends("remind_checklist", owner, item="helpdesk")


def test_missing_fact_is_asked_for_again_until_it_is_confirmed(gate: Gate, owner: Person) -> None:
    """D-06: once a month; a date of confirmation ends it."""
    gate.at("2026-06-12T18:30")
    _only(gate, "helpdesk")
    gate.at("2026-06-13T09:00")
    gate.sends("remind_checklist", owner)
    gate.at("2026-07-14T09:00")
    gate.sends("remind_checklist", owner)
    gate.winds()  # a restart asks nothing twice
    _only(gate)
    gate.at("2026-10-01T09:00")
    gate.stays_silent()


def test_holiday_schedule_is_asked_for_in_december_for_the_next_year(gate: Gate, owner: Person) -> None:
    """D-17: per calendar year, and again while December lasts; confirming it settles the matter for a year."""
    gate.at("2026-06-12T18:30")
    checklist = dict.fromkeys(("support_address", "helpdesk"), date(2026, 6, 12))
    gate.registers("acme", backup=BACKUP, checklist={**checklist, "us_holidays": CONFIRMED})
    gate.winds()
    gate.at("2026-12-01T08:59")
    gate.stays_silent()
    gate.at("2026-12-01T09:00")
    gate.sends("remind_checklist", owner, item="us_holidays")
    gate.registers("acme", checklist={**checklist, "us_holidays": date(2026, 12, 3)})
    gate.winds()
    gate.at("2027-06-01T09:00")
    gate.stays_silent()


def test_schedule_that_was_never_given_waits_for_december_too(gate: Gate, owner: Person) -> None:
    """D-17."""
    gate.at("2026-06-12T18:30")
    _only(gate, "us_holidays")
    gate.at("2026-12-01T09:00")
    gate.sends("remind_checklist", owner, item="us_holidays")
    gate.at("2027-01-01T09:00")
    gate.sends("remind_checklist", owner, item="us_holidays")


def test_reminder_of_the_checklist_is_about_no_ticket(gate: Gate, owner: Person) -> None:
    """D-06: its answer stops no clock; it opens a mail of its own for people to read."""
    gate.at("2026-06-12T18:30")
    _only(gate, "helpdesk")
    gate.at("2026-06-13T09:00")
    asked = gate.sends("remind_checklist", owner)
    assert asked.row.ticket is None
    answer = owner.replies(asked, "We are still setting it up.")
    assert answer.event == "wrote"
    gate.passes_on(answer, Person("readers@staff.example", gate))
