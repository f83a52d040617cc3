"""Orders of Digikala's experts and their staff: links in the overdue mail, words in a reply, verbs."""

from __future__ import annotations

import pytest
from exchange import Gate
from passage import Notice
from people import Mail, Person

PACK = "digikala"
DESK = ("tickets@desk.example", "readers@staff.example")
COMPLEX, INFO, CLOSE = "اعلام پیچیده بودن درخواست", "درخواست اطلاعات", "بستن تیکت"


def _asked(gate: Gate, seller: Person) -> Mail:
    gate.at("2026-06-08T16:00")
    mail = seller.states("تسویه", "تسویه نشده است.", to=DESK, Category="payment", Reference="A-77")
    gate.sends("opened", seller)
    return mail


def _overdue(gate: Gate, seller: Person, support: Person) -> Notice:
    _asked(gate, seller)
    gate.at("2026-06-10T00:00")
    overdue = gate.sends("overdue", support)
    gate.later(minutes=10)
    return overdue


def test_overdue_mail_offers_what_the_team_may_do(gate: Gate, seller: Person, support: Person) -> None:
    """K-25, KR-03: mark as complex, ask for information, close: a link each, for the team alone."""
    assert set(_overdue(gate, seller, support).links) == {COMPLEX, INFO, CLOSE}


@pytest.mark.parametrize(
    ("link", "event", "state"),
    [(COMPLEX, "marked_complex", "complex"), (CLOSE, "answered", "answered"), (INFO, "info_requested", "open")],
)
def test_team_follows_a_link(gate: Gate, seller: Person, support: Person, link: str, event: str, state: str) -> None:
    """K-25, KR-03, K-24: by its own reader, once, without a login."""
    overdue = _overdue(gate, seller, support)
    assert support.follows(overdue, link).event == event
    gate.disregards()
    assert gate.ticket().state == state


def test_seller_cannot_use_the_teams_link(gate: Gate, seller: Person, support: Person) -> None:
    """Trust: the notice went to the team; forwarded, it gives the seller nothing."""
    overdue = _overdue(gate, seller, support)
    seller.follows(overdue, CLOSE)
    gate.disregards()
    assert gate.ticket().state == "open"


@pytest.mark.parametrize("line", ["پیچیده", "پيچيده است", "complex", "COMPLEXO", "complesso!"])
def test_expert_writes_a_word_to_the_desk(gate: Gate, seller: Person, support: Person, line: str) -> None:
    """K-25, design §8: the harmless word acts in a signed reply, in any language; the seller is told."""
    overdue = _overdue(gate, seller, support)
    assert support.replies(overdue, line).event == "marked_complex"
    gate.sends("marked_complex", seller)


@pytest.mark.parametrize("line", ["پیچیده", "بستن", "complex"])
def test_seller_cannot_write_the_experts_words(gate: Gate, seller: Person, support: Person, line: str) -> None:
    """K-25: marks are support's; the seller's reply is a reply, and his clock runs on."""
    gate.at("2026-06-08T16:00")
    seller.states("تسویه", "تسویه نشده است.", to=DESK, Category="payment", Reference="A-77")
    opened = gate.sends("opened", seller)
    seller.replies(opened, line, adding=[DESK[1]])
    gate.disregards()
    clock = gate.ticket().clock("answer")
    assert clock is not None
    assert clock.running


def test_word_to_the_desk_alone_is_no_answer_to_the_seller(gate: Gate, seller: Person, support: Person) -> None:
    """K-24: STATUS by an expert answers nobody's request; the clock runs on."""
    overdue = _overdue(gate, seller, support)
    support.replies(overdue, "وضعیت")
    gate.sends("status", support)
    assert gate.ticket().state == "open"


def test_forged_expert_moves_nothing(gate: Gate, seller: Person, support: Person) -> None:
    """Trust: a claimed address may add; it neither answers nor marks, by a word or by a mail."""
    first = _asked(gate, seller)
    for text in ("پیچیده", "پرداخت شد."):
        support.replies(first, text, adding=[DESK[0]], proven=False)
    gate.disregards()
    clock = gate.ticket().clock("answer")
    assert clock is not None
    assert clock.running
    assert gate.ticket().state == "open"


def test_seller_asks_for_the_status_in_persian(gate: Gate, seller: Person, support: Person) -> None:
    """K-08, G-15: state and due time in Persian; whether he writes ي or ی."""
    gate.at("2026-06-08T16:00")
    seller.states("تسویه", "تسویه نشده است.", to=DESK, Category="payment", Reference="A-77")
    opened = gate.sends("opened", seller)
    for line in ("وضعیت", "وضعيت تيكت", "پيگيري"):
        seller.replies(opened, line, adding=[DESK[1]])
        told = gate.sends("status", seller).said
        assert "۲۰ خرداد ۱۴۰۵" in told


def test_command_on_a_merged_request_moves_neither(gate: Gate, seller: Person, support: Person) -> None:
    """K-23: what was merged stays so; a verb on it changes nothing, and the older one keeps its clock."""
    _asked(gate, seller)
    seller.states("تسویه", "باز هم", to=DESK, Category="payment", Reference="A-77")
    gate.sends("notice_duplicate", seller)
    for command in ("mark_complex", "close", "request_info"):
        gate.orders(command, ticket=2)
    gate.stays_silent()
    assert (gate.ticket(2).state, gate.ticket(1).state) == ("merged", "open")
