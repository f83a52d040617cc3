"""Reminders, the final window and the escalation (docs/rules.md D-18…D-22, D-28, DR-01, DR-02, DR-05, DR-09)."""

from __future__ import annotations

import pytest
from exchange import Gate
from people import Person

FRIDAY = "2026-06-12T18:30"
SUNDAY, MONDAY, TUESDAY = "2026-06-14T18:30", "2026-06-15T18:30", "2026-06-16T18:30"


def test_seller_who_never_answers_is_reminded_twice_and_then_escalated(
    gate: Gate, inc: Person, acme: Person, manager: Person
) -> None:
    """D-18…D-22, DR-01 (a), DR-02 (a), worked example §7: 48 h, 72 h, and 24 h after the last reminder."""
    gate.at(FRIDAY)
    inc.writes([acme])
    gate.at("2026-06-14T18:29")
    gate.stays_silent()
    gate.at(SUNDAY)
    reminder = gate.sends("remind", [acme, inc], n=1).message
    assert [[one.address for one in line] for line in (reminder.to, reminder.cc)] == [[acme.address], [inc.address]]
    gate.at(MONDAY)
    gate.sends("remind", [acme, inc], n=2)
    gate.at("2026-06-16T18:29")
    gate.stays_silent()
    gate.at(TUESDAY)
    gate.sends("escalate", [manager, inc], tag="potential_chargeback")
    assert gate.ticket().tags == {"potential_chargeback"}  # D-28
    gate.later(days=60)
    gate.stays_silent()


def test_reply_at_the_very_instant_of_the_reminder_is_in_time(gate: Gate, inc: Person, acme: Person) -> None:
    """G-05, worked example §7: a mail stamped exactly at the due instant is in time."""
    gate.at(FRIDAY)
    ask = inc.writes([acme])
    gate.at(SUNDAY)
    acme.replies(ask)
    gate.stays_silent()
    assert gate.ticket().state == "answered"
    assert gate.clock().stopped_at == gate.clock().due


def test_reminder_that_is_too_early_never_leaves(gate: Gate, inc: Person, acme: Person) -> None:
    """D-19: an answer within the 48 hours ends the matter."""
    gate.at(FRIDAY)
    ask = inc.writes([acme])
    gate.later(hours=5)
    acme.replies(ask)
    assert gate.ticket().state == "answered"
    gate.later(days=30)
    gate.stays_silent()


@pytest.mark.parametrize(
    ("remind_after", "first", "second", "escalated"),
    [
        (["24h", "40h"], "2026-06-13T18:30", "2026-06-14T10:30", SUNDAY),
        (["48h", "72h"], SUNDAY, MONDAY, TUESDAY),
    ],
)
def test_reminders_come_when_the_desk_chose(
    gate: Gate, inc: Person, acme: Person, manager: Person, remind_after: list[str], first: str, second: str, escalated: str
) -> None:
    """DR-01 (a) and (b); with both inside the 48 h the final window starts at the deadline at the earliest (DR-02)."""
    gate.under(remind_after=remind_after)
    gate.at(FRIDAY)
    inc.writes([acme])
    gate.at(first)
    gate.sends("remind", [acme, inc], n=1)
    gate.at(second)
    gate.sends("remind", [acme, inc], n=2)
    gate.at(escalated if remind_after[0] != "24h" else MONDAY)
    gate.sends("escalate", [manager, inc])


def test_two_reminders_of_one_instant_are_one_mail(gate: Gate, inc: Person, acme: Person, manager: Person) -> None:
    """DR-01 (c), G-10: both at once at 48 h; the reader gets one mail that names both."""
    gate.under(remind_after=["48h", "48h"])
    gate.at(FRIDAY)
    inc.writes([acme])
    gate.at(SUNDAY)
    both = gate.sends("remind", [acme, inc], n=1)
    assert [one["data"]["say"]["n"] for one in gate.logged("remind")] == [1, 2]
    assert "Reminders 1 and 2 of 2" in both.message.subject
    gate.at(MONDAY)
    gate.sends("escalate", [manager, inc])


@pytest.mark.parametrize(("most", "sent", "escalated"), [(0, [], MONDAY), (1, [SUNDAY], MONDAY), (2, [SUNDAY, MONDAY], TUESDAY)])
def test_there_are_at_most_as_many_reminders(
    gate: Gate, inc: Person, acme: Person, manager: Person, most: int, sent: list[str], escalated: str
) -> None:
    """D-20, DR-01: up to two; with none the final window runs from the deadline."""
    gate.under(max_reminders=most)
    gate.at(FRIDAY)
    inc.writes([acme])
    for number, when in enumerate(sent, 1):
        gate.at(when)
        gate.sends("remind", [acme, inc], n=number)
    gate.at(escalated)
    gate.sends("escalate", [manager, inc])


@pytest.mark.parametrize(
    ("counted_from", "window", "escalated", "reminders"),
    [
        ("last_reminder", "24h", TUESDAY, 2),
        ("first_reminder", "24h", MONDAY, 2),
        ("deadline", "24h", MONDAY, 2),
        ("first_reminder", "12h", "2026-06-15T06:30", 1),
        ("deadline", "30h", "2026-06-16T00:30", 2),
    ],
)
def test_final_window_is_counted_from_where_the_desk_chose(
    gate: Gate, inc: Person, acme: Person, manager: Person, counted_from: str, window: str, escalated: str, reminders: int
) -> None:
    """DR-02: from the last reminder, the first, or the deadline; a reminder not yet sent at escalation is dropped."""
    gate.under(final_window_from=counted_from, final_window=window)
    gate.at(FRIDAY)
    inc.writes([acme])
    gate.at(escalated)
    for number in range(1, reminders + 1):
        gate.sends("remind", [acme, inc], n=number)
    gate.sends("escalate", [manager, inc])
    gate.later(days=10)
    gate.stays_silent()


def test_final_window_never_starts_before_the_deadline(gate: Gate, inc: Person, acme: Person, manager: Person) -> None:
    """DR-02: with reminders after 10 and 20 hours, the 24 hours still run from the missed 48."""
    gate.under(remind_after=["10h", "20h"], final_window_from="first_reminder")
    gate.at(FRIDAY)
    inc.writes([acme])
    gate.at(SUNDAY)
    gate.sends("remind", [acme, inc], n=1)
    gate.sends("remind", [acme, inc], n=2)
    gate.at(MONDAY)
    gate.sends("escalate", [manager, inc])


def test_answer_time_is_the_desks_to_choose(gate: Gate, inc: Person, acme: Person) -> None:
    """DR-01: respond_within moves the deadline; an answer after it is late, whatever the reminders did."""
    gate.under(respond_within="4h")
    gate.at(FRIDAY)
    ask = inc.writes([acme])
    gate.later(hours=4, minutes=1)
    acme.replies(ask)
    assert gate.clock().due is not None
    assert gate.clock().stopped_at > gate.clock().due  # type: ignore[operator]


@pytest.mark.parametrize(
    ("pause_on", "first"),
    [
        ([], "2026-07-04T18:30"),  # a Saturday and a holiday
        (["weekends"], "2026-07-06T18:30"),
        (["holidays"], "2026-07-05T18:30"),
        (["holidays", "weekends"], "2026-07-07T18:30"),
    ],
)
def test_holidays_and_weekends_pause_only_if_the_desk_says_so(
    gate: Gate, inc: Person, acme: Person, manager: Person, pause_on: list[str], first: str
) -> None:
    """DR-05, G-06, D-17: asked on Thursday 2 July 2026; Friday the 3rd is the seller's holiday."""
    gate.registers("acme", holidays=["2026-07-04"] if pause_on == ["holidays"] else ["2026-07-03"])
    gate.under(pause_on=pause_on, max_reminders=1)
    gate.at("2026-07-02T18:30")
    ask = inc.writes([acme])
    gate.at(first)
    gate.sends("remind", [acme, inc], n=1)
    acme.replies(ask)


def test_weekend_is_a_list_of_days(gate: Gate, inc: Person, acme: Person) -> None:
    """DR-05, G-08: a desk whose weekend is Friday alone pauses on Friday alone."""
    gate.under(pause_on=["weekends"], weekend=["FRI"])
    gate.at("2026-06-11T18:30")  # Thursday
    ask = inc.writes([acme])
    gate.at(SUNDAY)
    gate.sends("remind", [acme, inc], n=1)
    acme.replies(ask)


def test_without_a_manager_the_helpdesk_hears_of_the_escalation(gate: Gate, inc: Person, acme: Person, east: Person) -> None:
    """D-22, DR-09: account_manager = false, or a seller who has none."""
    gate.under(account_manager=False, max_reminders=0)
    gate.at(FRIDAY)
    inc.writes([acme])
    inc.writes([east], subject="Order 4712")
    gate.at(MONDAY)
    gate.sends("escalate", inc)
    gate.sends("escalate", inc)
    assert [one["data"]["roles"] for one in gate.logged("escalate")] == [["reseller_helpdesk"]] * 2


def test_seller_without_a_manager_is_escalated_to_the_helpdesk(gate: Gate, inc: Person, east: Person) -> None:
    """DR-09: "if you have an account manager"."""
    gate.under(max_reminders=0)
    gate.at(FRIDAY)
    inc.writes([east])
    gate.at(MONDAY)
    gate.sends("escalate", inc)


def test_clock_counts_across_the_hour_that_does_not_exist(gate: Gate, inc: Person, acme: Person) -> None:
    """G-02: 48h are 48 elapsed hours, also over the change to daylight time of 14 March 2027."""
    gate.at("2027-03-13T10:00")
    ask = inc.writes([acme])
    gate.at("2027-03-15T11:00")
    gate.sends("remind", [acme, inc], n=1)
    acme.replies(ask)
