"""Asks, reminders, the final window and the escalation (docs/rules.md D-18…D-22, D-28, DR-01, DR-02, DR-05, DR-06, DR-09)."""

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
    gate.sends("remind", [acme, inc], n=1)
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


def test_second_ask_keeps_the_running_clock(gate: Gate, inc: Person, acme: Person) -> None:
    """DR-06 (a): the oldest unanswered request governs."""
    gate.at(FRIDAY)
    ask = inc.writes([acme])
    gate.later(hours=20)
    again = inc.follows_up(ask)
    assert again.event == "asked"
    gate.at(SUNDAY)
    gate.sends("remind", [acme, inc], n=1)
    acme.replies(again)
    assert [one.state for one in gate.ticket().clocks] == ["stopped"]


def test_second_ask_restarts_the_clock_where_the_desk_wants_it(gate: Gate, inc: Person, acme: Person) -> None:
    """DR-06 (b): followup_ask = restart."""
    gate.under(followup_ask="restart")
    gate.at(FRIDAY)
    ask = inc.writes([acme])
    gate.later(hours=20)
    again = inc.follows_up(ask)
    gate.at("2026-06-15T14:29")
    gate.stays_silent()
    gate.at("2026-06-15T14:30")
    gate.sends("remind", [acme, inc], n=1)
    acme.replies(again)
    assert [one.state for one in gate.ticket().clocks] == ["void", "stopped"]


@pytest.mark.parametrize("followup", ["keep", "restart"])
def test_ask_after_an_answer_always_starts_anew(gate: Gate, inc: Person, acme: Person, followup: str) -> None:
    """DR-06: reopened, with all its reminders."""
    gate.under(followup_ask=followup)
    gate.at(FRIDAY)
    answer = acme.replies(inc.writes([acme]))
    gate.later(hours=100)
    again = inc.replies_to_all(answer, "And the invoice?")
    assert again.event == "asked"
    gate.later(hours=48)
    gate.sends("remind", [acme, inc], n=1)
    acme.replies(again)
    assert [one.episode for one in gate.ticket().clocks] == [1, 2]


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


@pytest.mark.parametrize(
    ("text", "event"),
    [
        ("Where is it?", "asked"),
        ("We refunded it.\nFYI\n", "told"),
        ("Não é preciso responder.\n\nObrigada", "told"),
        ("fyi, where is the parcel?", "asked"),
    ],
)
def test_helpdesk_says_that_no_answer_is_needed(gate: Gate, inc: Person, acme: Person, text: str, event: str) -> None:
    """DR-11 asks = all: every mail of the helpdesk asks, unless a line of its own says otherwise."""
    gate.at(FRIDAY)
    assert inc.writes([acme], text=text).event == event


def test_helpdesk_copies_the_info_address_when_it_wants_no_answer(gate: Gate, inc: Person, acme: Person) -> None:
    """DR-11: the desk's +info address in Cc."""
    gate.at(FRIDAY)
    assert inc.writes([acme], cc=["tickets+info@desk.example"]).event == "told"
    gate.later(days=5)
    gate.stays_silent()


@pytest.mark.parametrize(
    ("text", "cc", "event"),
    [
        ("Where is it?", [], "told"),
        ("Where is it?\nAnswer needed", [], "asked"),
        ("Onde está?\nPor favor, responda.", [], "asked"),
        ("Where is it?", ["tickets+ask@desk.example"], "asked"),
    ],
)
def test_only_marked_mails_ask_where_the_desk_marks_them(
    gate: Gate, inc: Person, acme: Person, text: str, cc: list[str], event: str
) -> None:
    """DR-11 asks = marked."""
    gate.under(asks="marked")
    gate.at(FRIDAY)
    assert inc.writes([acme], cc=cc, text=text).event == event


def test_agent_asks_in_the_helpdesks_name(gate: Gate, agent: Person, inc: Person, acme: Person) -> None:
    """DR-11, D-18: asks may come from any address in the desk's agents."""
    gate.at(FRIDAY)
    ask = agent.writes([acme], cc=[inc])
    assert (ask.event, gate.ticket().entity) == ("asked", "inc")
    acme.replies_to_all(ask)
    assert gate.ticket().state == "answered"


def test_customers_mail_becomes_an_ask_when_the_helpdesk_turns_to_the_seller(
    gate: Gate, buyer: Person, inc: Person, acme: Person, manager: Person
) -> None:
    """D-18: the thread began with the customer; from the ask on the seller's clock runs, and he gets the reminders."""
    gate.at("2026-06-12T12:00")
    question = buyer.writes([inc])
    assert question.event == "customer_wrote"
    gate.at(FRIDAY)
    ask = inc.replies(question, "Acme, can you tell?", adding=[acme])
    assert (ask.event, ask.ticket) == ("asked", question.ticket)
    assert gate.ticket().seller == "acme"
    gate.at(SUNDAY)
    gate.sends("remind", [acme, inc], n=1)
    gate.at(MONDAY)
    gate.sends("remind", [acme, inc], n=2)
    gate.at(TUESDAY)
    gate.sends("escalate", [manager, inc])


def test_clock_counts_across_the_hour_that_does_not_exist(gate: Gate, inc: Person, acme: Person) -> None:
    """G-02: 48h are 48 elapsed hours, also over the change to daylight time of 14 March 2027."""
    gate.at("2027-03-13T10:00")
    ask = inc.writes([acme])
    gate.at("2027-03-15T11:00")
    gate.sends("remind", [acme, inc], n=1)
    acme.replies(ask)
