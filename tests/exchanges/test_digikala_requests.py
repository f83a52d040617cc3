"""Sellers ask Digikala's support in Persian: 24 working hours, duplicates, questions back, complex and misfiled requests."""

from __future__ import annotations

import re
import unicodedata

import pytest
from exchange import Gate
from passage import Notice
from people import Mail, Person

PACK = "digikala"
DESK = ("tickets@desk.example", "readers@staff.example")
MONDAY, WEDNESDAY = "2026-06-08T16:00", "2026-06-10T00:00"
CATEGORY = "دسته‌بندی"


def _asks(seller: Person, text: str = "تسویه حساب من انجام نشده است.", subject: str = "تسویه حساب", **facts: str) -> Mail:
    return seller.states(subject, text, to=DESK, **{CATEGORY: "payment", "Reference": "A-77", **facts})


def _opened(gate: Gate, seller: Person, **facts: str) -> Notice:
    gate.at(MONDAY)
    _asks(seller, **facts)
    return gate.sends("opened", seller)


def _answers(support: Person, mail: Mail, text: str = "پرداخت شد.", **how: object) -> Mail:
    return support.replies(mail, text, adding=[DESK[0]], **how)


def test_seller_reads_persian_from_right_to_left(gate: Gate, seller: Person, support: Person) -> None:
    """G-15, G-17: Persian words and digits, Jalali dates, ids as they are; every line runs from right to left."""
    opened = _opened(gate, seller)
    text = opened.text
    assert "مهلت پاسخ" in text
    assert "۲۰ خرداد ۱۴۰۵" in text
    assert "MG-1" in text
    assert "MG-۱" not in text
    assert 'dir="rtl"' in (opened.message.html or "")
    for line in filter(str.strip, text.splitlines()):
        kinds = [unicodedata.bidirectional(char) for char in line]
        assert "mailto:" in line or next((kind for kind in kinds if kind in ("L", "R", "AL")), "R") != "L", line


def test_digits_are_persian_everywhere_but_in_ids(gate: Gate, seller: Person, support: Person) -> None:
    """G-17: outside what is isolated (ids, addresses, quoted words) no ASCII digit stands in our own words."""
    opened = _opened(gate, seller)
    ours = _without_isolates(opened.text.partition("آخرین پیام")[0])
    assert not [char for char in ours if char in "0123456789"]


def test_persian_page_holds_no_english_word_of_ours(gate: Gate, seller: Person, support: Person) -> None:
    """G-17: the history's verbs are Persian like the rest."""
    ours = _without_isolates(_opened(gate, seller).text)
    assert not re.findall(r"[A-Za-z]{2,}", ours)


def test_answer_within_the_working_hours_ends_it(gate: Gate, seller: Person, support: Person) -> None:
    """K-24, KR-01: 8 h on Monday and 16 h on Tuesday; answered at the due instant is in time (G-05)."""
    _opened(gate, seller)
    gate.at(WEDNESDAY)
    assert _answers(support, gate.mails[0]).event == "answered"
    gate.later(days=5)
    gate.stays_silent()
    assert gate.ticket().state == "answered"
    assert gate.is_the_same_built_anew()


def test_overdue_goes_to_the_team_and_never_to_the_seller(gate: Gate, seller: Person, support: Person) -> None:
    """K-11, K-26: support hears when 24 working hours are over; the seller waits and is not reminded."""
    _opened(gate, seller)
    gate.at(WEDNESDAY)
    overdue = gate.sends("overdue", support)
    assert "۱۴۰۵" in overdue.text
    gate.later(days=5)
    gate.stays_silent()


def test_team_marks_complex_by_the_link_and_the_seller_is_told(gate: Gate, seller: Person, support: Person) -> None:
    """K-25, KR-04, G-15: after that no clock runs until the answer; the seller reads that it takes longer."""
    gate.at(MONDAY)
    first = _asks(seller)
    gate.sends("opened", seller)
    gate.orders("mark_complex")
    assert "زمان بیشتری" in gate.sends("marked_complex", seller).said
    gate.later(days=30)
    gate.stays_silent()
    assert _answers(support, first).event == "answered"


def test_same_request_twice_joins_the_older(gate: Gate, seller: Person, support: Person) -> None:
    """K-23: the seller is told which one, the older clock stays, and the second has none."""
    _opened(gate, seller)
    gate.later(hours=2)
    assert _asks(seller, "چرا پاسخ نمی‌دهید؟").event == "repeated"
    told = gate.sends("notice_duplicate", seller, of=1)
    assert "MG-1" in told.message.subject
    assert gate.ticket(2).state == "merged"
    gate.at(WEDNESDAY)
    assert gate.sends("overdue", support).row.ticket == 1
    assert gate.is_the_same_built_anew()


@pytest.mark.parametrize("facts", [{CATEGORY: "shipping"}, {"Reference": "A-78"}])
def test_other_subject_is_another_request(gate: Gate, seller: Person, support: Person, facts: dict[str, str]) -> None:
    """K-22, K-23: one request for each subject; only the same category and reference are the same."""
    _opened(gate, seller)
    assert _asks(seller, **facts).event == "requested"
    gate.sends("opened", seller)
    assert gate.ticket(2).state == "open"


def test_another_sellers_equal_request_is_no_duplicate(gate: Gate, seller: Person, rival: Person, support: Person) -> None:
    """K-23, G-14: same seller only; nobody learns of another's request."""
    _opened(gate, seller)
    assert _asks(rival).event == "requested"
    assert "MG-1" not in gate.sends("opened", rival).said


def test_repeated_call_is_referred_to_the_team_again(gate: Gate, seller: Person, team: Person) -> None:
    """K-07: on the telephone about a request in progress: to the assigned team, no new clock."""
    _opened(gate, seller)
    facts = {CATEGORY: "payment", "Reference": "A-77"}
    again = seller.states("تسویه", "تماس", to=DESK, how={"headers": {"X-Via": "phone"}}, **facts)
    assert again.event == "called_again"
    assert "MG-1" in gate.sends("refer_again", team, of=1).said


def test_question_pauses_and_the_sellers_reply_resumes(gate: Gate, seller: Person, support: Person) -> None:
    """KR-03: asked Tue 12:00 (12 of 24 hours gone), answered Wed 12:00: due Wed 24:00."""
    gate.at(MONDAY)
    first = _asks(seller)
    gate.sends("opened", seller)
    gate.at("2026-06-09T12:00")
    asked = _answers(support, first, "لطفاً اطلاعات تکمیلی را ارسال کنید")
    assert asked.event == "info_requested"
    gate.at("2026-06-10T12:00")
    assert seller.replies(asked, "شمارهٔ شبا پیوست است.", adding=DESK).event == "replied"
    gate.at("2026-06-10T23:59")
    gate.stays_silent()
    gate.at("2026-06-11T00:00")
    gate.sends("overdue", support)


def test_referral_does_not_stop_the_clock(gate: Gate, seller: Person, support: Person) -> None:
    """K-10, KR-03: a note that the case was passed on is no answer."""
    _opened(gate, seller)
    assert _answers(support, gate.mails[0], "به تیم مربوطه ارجاع شد").event == "referred_note"
    gate.at(WEDNESDAY)
    gate.sends("overdue", support)


def test_referred_team_is_reminded_where_the_desk_wants_it(gate: Gate, seller: Person, support: Person, team: Person) -> None:
    """K-11: team_within, to the assigned team alone."""
    gate.under(team_within="4wh")
    _opened(gate, seller)
    _answers(support, gate.mails[0], "به تیم مربوطه ارجاع شد")
    gate.later(hours=4)
    gate.sends("remind", team)


def test_answered_request_that_goes_on_has_a_new_clock(gate: Gate, seller: Person, support: Person) -> None:
    """KR-03: a seller's reply after the answer starts 24 working hours anew."""
    gate.at(MONDAY)
    answer = _answers(support, _asks(seller))
    gate.sends("opened", seller)
    gate.at("2026-06-09T08:00")
    assert seller.replies(answer, "هنوز نرسیده است.", adding=DESK).event == "asked_again"
    gate.at("2026-06-10T16:00")
    gate.sends("overdue", support)


def test_new_subject_in_an_old_request_opens_nothing(gate: Gate, seller: Person, support: Person) -> None:
    """K-27: the seller is asked for a request of its own; no clock moves, and it does not reopen."""
    gate.at(MONDAY)
    answer = _answers(support, _asks(seller))
    gate.sends("opened", seller)
    assert seller.replies(answer, "موضوع جدید: بله\n\nارسال کالا", adding=DESK).event == "changed_subject"
    gate.sends("notice_new_ticket", seller)
    assert gate.ticket().state == "answered"


def test_missing_attachment_and_many_subjects_are_told(gate: Gate, seller: Person, support: Person) -> None:
    """K-21, K-22: the text speaks of an attachment and there is none; two subjects: the clock runs for the first."""
    gate.at(MONDAY)
    _asks(seller, "فایل پیوست را ببینید.", Topics="payment, shipping")
    gate.sends("opened", seller)
    assert "پرداخت" in gate.sends("notice_split", seller).said
    gate.sends("notice_attachment_missing", seller)


def test_recategorised_request_keeps_its_clock(gate: Gate, seller: Person, support: Person) -> None:
    """K-19: a new category never resets the clock."""
    _opened(gate, seller)
    gate.later(hours=6)
    gate.orders("recategorise", category="shipping")
    assert gate.ticket().facts["category"] == "shipping"
    gate.at(WEDNESDAY)
    gate.sends("overdue", support)


def _without_isolates(text: str) -> str:
    kept, depth = [], 0
    for char in text:
        depth += char in "\u2066\u2067\u2068"
        if depth == 0:
            kept.append(char)
        depth -= char == "\u2069" and depth > 0
    return "".join(kept)
