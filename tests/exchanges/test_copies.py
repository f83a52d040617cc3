"""Copies that come late, and what reached only us (docs/rules.md D-26, D-27, DR-12)."""

from __future__ import annotations

import pytest
from exchange import Gate
from people import Mail, Person

FRIDAY, SUNDAY = "2026-06-12T18:30", "2026-06-14T18:30"


@pytest.fixture(autouse=True)
def _from_friday(gate: Gate) -> None:
    gate.at(FRIDAY)


def _misses(gate: Gate, acme: Person, answer: Mail, *missing: str) -> None:
    """The answer did not count, the seller was told why, and the clock runs on (D-27)."""
    assert answer.event == "noncompliant"
    gate.sends("notice_noncompliant", acme, missing=list(missing))
    assert gate.clock().running
    gate.stays_silent()


# -- DR-12: the copy that comes late


@pytest.mark.parametrize("attached", [False, True])
def test_answer_forwarded_to_the_helpdesk_counts_from_then(
    gate: Gate, agent: Person, inc: Person, acme: Person, attached: bool
) -> None:
    """DR-12 counts: by our ids or as an attached original, by any registered address of the seller."""
    ask = agent.writes([acme], cc=[inc])
    answer = acme.replies(ask)
    _misses(gate, acme, answer, "required_copy")
    gate.later(hours=3)
    late = acme.at("anna@acme.example").forwards(answer, [inc], attached=attached)
    assert late.event == "answered"
    assert gate.clock().stopped_at == gate.now


def test_late_copy_is_only_a_note_where_the_desk_says_so(
    gate: Gate, agent: Person, inc: Person, acme: Person, buyer: Person
) -> None:
    """DR-12 note: a forward that keeps every rule by itself would count; this one lacks the customer."""
    gate.under(late_copy="note")
    ask = agent.writes([acme], cc=[inc, buyer])
    answer = acme.replies_to_all(ask, without=[inc])
    _misses(gate, acme, answer, "required_copy")
    _misses(gate, acme, acme.forwards(answer, [inc]), "reply_all")


def test_forward_by_a_stranger_counts_for_nothing(gate: Gate, agent: Person, inc: Person, acme: Person, buyer: Person) -> None:
    """DR-12: by a registered seller address only."""
    ask = agent.writes([acme], cc=[inc, buyer])
    answer = acme.replies_to_all(ask, without=[inc])
    _misses(gate, acme, answer, "required_copy")
    assert buyer.forwards(answer, [inc]).event == "customer_wrote"
    assert gate.clock().running


# -- D-26: what reached only us


def test_answer_to_our_own_address_is_passed_on_unchanged(gate: Gate, inc: Person, acme: Person, staff: Person) -> None:
    """D-26: the staff gets the very bytes; once, however often the mail arrives."""
    inc.writes([acme])
    gate.at(SUNDAY)
    reminder = gate.sends("remind", [acme, inc])
    answer = acme.replies(reminder, "Está tudo certo, até já.")
    gate.passes_on(answer, staff)
    gate.again(answer)
    gate.stays_silent()


def test_answer_that_the_helpdesk_saw_is_not_passed_on(gate: Gate, inc: Person, acme: Person) -> None:
    """D-26: the helpdesk stands in Cc of a Reply to all; nobody needs a second copy."""
    inc.writes([acme])
    gate.at(SUNDAY)
    acme.replies_to_all(gate.sends("remind", [acme, inc]))
    assert gate.ticket().state == "answered"


def test_without_staff_the_helpdesk_gets_what_reached_only_us(gate: Gate, inc: Person, acme: Person) -> None:
    """D-26: the helpdesk is always included."""
    gate.moves_to(gate.stage.desk.model_copy(update={"staff": ()}))
    inc.writes([acme])
    gate.at(SUNDAY)
    gate.passes_on(acme.replies(gate.sends("remind", [acme, inc])), inc)
