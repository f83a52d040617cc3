"""Complaints at Digikala: held until they name an answered request, then for the senior experts (K-12…K-18)."""

from __future__ import annotations

import pytest
from exchange import Gate
from people import Mail, Person

PACK = "digikala"
DESK = ("tickets@desk.example", "readers@staff.example")
COMPLAINTS = "panel_disruption_and_complaints"


def _asked(gate: Gate, seller: Person) -> Mail:
    gate.at("2026-06-08T16:00")
    mail = seller.states("تسویه حساب", "تسویه نشده است.", to=DESK, Category="payment", Reference="A-77")
    gate.sends("opened", seller)
    return mail


def _complains(seller: Person, **facts: str) -> Mail:
    how = {"attaching": "sanad.pdf"}
    return seller.states("درخواست شکایت", "با پاسخ موافق نیستم.", to=DESK, how=how, **{"Category": COMPLAINTS, **facts})


def _answers(support: Person, mail: Mail) -> Mail:
    return support.replies(mail, "پرداخت شد.", adding=[DESK[0]])


@pytest.mark.parametrize("number", ["MG-1", "1", "۱", "MG-۱", "١"])
def test_complaint_about_an_answered_request_goes_to_the_senior_experts(
    gate: Gate, seller: Person, support: Person, senior: Person, number: str
) -> None:
    """K-12, K-16: the earlier number in any digits; the seniors get the complaint itself, and its overdue too."""
    _answers(support, _asked(gate, seller))
    complaint = _complains(seller, Numbers=number)
    assert (complaint.event, gate.ticket(2).kind) == ("complained", "complaint")
    assert complaint.canary in gate.sends("route_senior", senior).text
    gate.at("2026-06-10T00:00")
    gate.sends("overdue", senior)


def test_complaint_without_a_number_is_held_until_it_comes(gate: Gate, seller: Person, support: Person, senior: Person) -> None:
    """K-12, KR-05: held, no clock; the seller's next mail with the number lets it go on."""
    _answers(support, _asked(gate, seller))
    assert _complains(seller).event == "complaint_unfounded"
    wanted = gate.sends("notice_complaint_reference", seller)
    assert (gate.ticket(2).state, gate.ticket(2).clock("answer")) == ("held", None)
    gate.later(hours=3)
    again = seller.replies(wanted, "شماره درخواست: ۱\n\nببخشید.", adding=[DESK[1]])
    assert again.event == "complained"
    gate.sends("route_senior", senior)
    assert gate.ticket(2).state == "open"


def test_complaint_before_the_answer_waits_for_it(gate: Gate, seller: Person, support: Person, senior: Person) -> None:
    """K-13: held while the cited request is not answered, re-checked at the seller's next mail and not before."""
    first = _asked(gate, seller)
    assert _complains(seller, Numbers="MG-1").event == "complaint_premature"
    waits = gate.sends("notice_complaint_premature", seller)
    assert "MG-1" in waits.message.subject
    _answers(support, first)
    gate.later(hours=1)
    gate.stays_silent()
    assert seller.replies(waits, "با این پاسخ موافق نیستم.", adding=[DESK[1]]).event == "complained"
    gate.sends("route_senior", senior)


def test_another_sellers_number_founds_no_complaint(
    gate: Gate, seller: Person, rival: Person, support: Person, senior: Person
) -> None:
    """K-12, G-14: an earlier request of his own; that MG-1 exists for somebody else is not told."""
    _answers(support, _asked(gate, seller))
    assert _complains(rival, Numbers="MG-1").event == "complaint_unfounded"
    gate.sends("notice_complaint_reference", rival)


def test_complaint_in_another_category_is_put_right(gate: Gate, seller: Person, support: Person, senior: Person) -> None:
    """K-14: the category is set and the seller told; the complaint goes on."""
    _answers(support, _asked(gate, seller))
    _complains(seller, Numbers="MG-1", Category="payment")
    gate.sends("notice_complaint_category", seller)
    gate.sends("route_senior", senior)
    assert gate.ticket(2).facts["category"] == COMPLAINTS


def test_complaint_without_documents_is_accepted_all_the_same(
    gate: Gate, seller: Person, support: Person, senior: Person
) -> None:
    """K-15: asked for, not demanded."""
    _answers(support, _asked(gate, seller))
    complaint = seller.states("شکایت", "موافق نیستم.", to=DESK, Category=COMPLAINTS, Numbers="MG-1")
    assert complaint.event == "complained"
    gate.sends("notice_complaint_documents", seller)
    gate.sends("route_senior", senior)


def test_experts_answer_ends_the_complaint(gate: Gate, seller: Person, support: Person, senior: Person, agent: Person) -> None:
    """K-16, K-24: an answer of the desk's experts stops its clock; nobody is told that it was overdue."""
    _answers(support, _asked(gate, seller))
    complaint = _complains(seller, Numbers="MG-1")
    gate.sends("route_senior", senior)
    assert agent.replies(complaint, "بررسی شد و پاسخ همان است.", adding=[DESK[0]]).event == "answered"
    gate.later(days=5)
    gate.stays_silent()
