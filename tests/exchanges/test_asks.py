"""What asks, and what a second ask does (docs/rules.md D-18, DR-06, DR-11)."""

from __future__ import annotations

import pytest
from exchange import Gate
from people import Person

FRIDAY = "2026-06-12T18:30"
SUNDAY, MONDAY, TUESDAY = "2026-06-14T18:30", "2026-06-15T18:30", "2026-06-16T18:30"


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
