"""A support ticket at ClickBank from its opening to its end: what both parties read, and what their answers do."""

from __future__ import annotations

from exchange import Gate
from passage import Notice
from people import Mail, Person

PACK = "clickbank"
CLOSE, REFUND, REVIEW = "Close the ticket", "Turn it into a refund request", "Ask the platform for a review"


def _asks(consumer: Person, text: str = "It does not start.") -> Mail:
    return consumer.states("Help with the course", text, Seller="shop", Order="A-77", Product="Course", Amount="49.90")


def _opened(gate: Gate, consumer: Person, vendor: Person, text: str = "It does not start.") -> Notice:
    _asks(consumer, text)
    return gate.sends("mail_ticket_opened", [vendor, consumer])


def _in_order(text: str, *parts: str) -> bool:
    places = [text.find(one) for one in parts]
    return -1 not in places and places == sorted(places)


def test_consumer_opens_a_ticket_and_both_are_told(gate: Gate, consumer: Person, vendor: Person) -> None:
    """C-05, C-06, C-29: every request becomes a ticket, and both get the same mail, to answer without a login (C-07)."""
    asked = _asks(consumer)
    opened = gate.sends("mail_ticket_opened", [vendor, consumer])
    his, hers = opened.copy(vendor), opened.copy(consumer)
    assert his.message.message_id == hers.message.message_id
    assert his.message.addressed == hers.message.addressed == (vendor.address, consumer.address)
    assert his.message.reply_to != hers.message.reply_to
    assert not set(his.links.values()) & set(hers.links.values())
    assert his.message.header("X-Mailgate-Kind") == "mail_ticket_opened"
    assert (gate.ticket().state, gate.ticket().kind) == ("open", "support")
    assert asked.canary in his.text
    assert asked.canary in hers.text


def test_vendor_without_a_service_address_reads_at_his_account(gate: Gate, consumer: Person, vendor: Person) -> None:
    """C-45: ticket mail goes to the customer-service address; without one to the account address."""
    gate.registers("shop", service=None)
    _asks(consumer)
    gate.sends("mail_ticket_opened", [vendor.at("account@shop.example"), consumer])


def test_vendors_answer_reaches_both_with_its_words(gate: Gate, consumer: Person, vendor: Person) -> None:
    """C-08, C-41: a reply through the ticket notifies both, and so does the reply to that."""
    opened = _opened(gate, consumer, vendor)
    answer = vendor.replies(opened.copy(vendor), "Please restart it.")
    first = gate.sends("mail_reply", [vendor, consumer])
    assert "> Please restart it." in first.copy(consumer).text
    assert answer.canary in first.copy(vendor).text
    consumer.replies(first.copy(consumer), "It works now.")
    second = gate.sends("mail_reply", [vendor, consumer])
    assert "> It works now." in second.copy(vendor).text
    assert "> Please restart it." in second.copy(vendor).text


def test_page_tells_the_reason_first_and_the_history_last(gate: Gate, consumer: Person, vendor: Person) -> None:
    """C-47, C-48: the reason, the latest comments, the links, the ticket, the order, at the bottom the history."""
    opened = _opened(gate, consumer, vendor)
    vendor.replies(opened.copy(vendor), "Please restart it.")
    reply = gate.sends("mail_reply", [vendor, consumer])
    for notice in map(reply.copy, (vendor, consumer)):
        parts = ("message", "Latest message", "> Please restart it.", "mailto:", "Ticket MG-1", "Seller:", "A-77", "History")
        assert _in_order(notice.text, *parts, "> It does not start.")
        assert _in_order(notice.text, "Order\n=====", "Course", "49.90", "History")


def test_vendor_closes_and_both_get_the_whole_history(gate: Gate, consumer: Person, vendor: Person) -> None:
    """C-09, C-43: either may close a support ticket; the closing mail holds every message, for both."""
    opened = _opened(gate, consumer, vendor)
    said = [f"Step {number} is done." for number in range(1, 13)]
    for number, words in enumerate(said):
        gate.later(minutes=7)
        (vendor if number % 2 else consumer).replies(opened.copy(vendor if number % 2 else consumer), words)
        gate.sends("mail_reply", [vendor, consumer])
    gate.later(hours=1)
    assert vendor.follows(opened.copy(vendor), CLOSE).event == "closed"
    closed = gate.sends("mail_ticket_closed", [vendor, consumer])
    for words in ("It does not start.", *said):
        assert words in closed.copy(vendor).text
        assert words in closed.copy(consumer).text
    assert (gate.ticket().state, gate.ticket().facts["closed_by"]) == ("closed", "vendor")


def test_last_words_of_the_closer_are_part_of_the_history(gate: Gate, consumer: Person, vendor: Person) -> None:
    """C-43: both parties have the whole history, the comment that came with the closing too (C-41)."""
    opened = _opened(gate, consumer, vendor)
    last = vendor.follows(opened.copy(vendor), CLOSE, "We solved it on the phone.")
    closed = gate.sends("mail_ticket_closed", [vendor, consumer])
    assert last.canary in closed.copy(vendor).text
    assert last.canary in closed.copy(consumer).text


def test_closing_without_a_word_withholds_no_text(gate: Gate, consumer: Person, vendor: Person) -> None:
    """C-43: the full history is shown; a mail that says nothing has nothing to hide."""
    opened = _opened(gate, consumer, vendor)
    consumer.follows(opened.copy(consumer), CLOSE)
    assert "its text is not shown" not in gate.sends("mail_ticket_closed", [vendor, consumer]).text


def test_consumer_reopens_a_closed_ticket_by_a_reply(gate: Gate, consumer: Person, vendor: Person) -> None:
    """CR-09: a consumer's reply reopens it as support, both hear of it, and his clock runs anew."""
    opened = _opened(gate, consumer, vendor)
    consumer.follows(opened.copy(consumer), CLOSE)
    closed = gate.sends("mail_ticket_closed", [vendor, consumer])
    gate.later(days=1)
    again = consumer.replies(closed.copy(consumer), "It has stopped again.")
    assert (again.event, again.ticket) == ("reopened", 1)
    assert "> It has stopped again." in gate.sends("mail_ticket_opened", [vendor, consumer]).copy(vendor).text
    assert (gate.ticket().state, gate.ticket().kind) == ("open", "support")
    assert gate.ticket().clock("consumer_last") is not None
    gate.later(hours=48)
    gate.sends("mail_inactivity_warning", [vendor, consumer], n=1)


def test_vendor_who_answers_a_closed_ticket_is_told_so_alone(gate: Gate, consumer: Person, vendor: Person) -> None:
    """CR-09: a vendor's reply to a closed ticket gets reject_closed, he alone, and nothing reaches the consumer (G-11)."""
    opened = _opened(gate, consumer, vendor)
    consumer.follows(opened.copy(consumer), CLOSE)
    closed = gate.sends("mail_ticket_closed", [vendor, consumer])
    late = vendor.replies(closed.copy(vendor), "One more thing.")
    assert late.event == "refused_closed"
    assert "already closed" in gate.sends("reject_closed", vendor).message.subject
    assert gate.ticket().state == "closed"


def test_refused_reply_is_in_no_history(gate: Gate, consumer: Person, vendor: Person) -> None:
    """CR-09, G-11: what came after the closing was not added; nobody reads it later."""
    opened = _opened(gate, consumer, vendor)
    consumer.follows(opened.copy(consumer), CLOSE)
    closed = gate.sends("mail_ticket_closed", [vendor, consumer])
    vendor.replies(closed.copy(vendor), "One more thing.")
    gate.sends("reject_closed", vendor)
    gate.later(hours=1)
    consumer.replies(closed.copy(consumer), "It has stopped again.")
    again = gate.sends("mail_ticket_opened", [vendor, consumer])
    assert f"{vendor.address} (seller) refused" not in again.text


def test_closing_twice_refuses_the_second_once(gate: Gate, consumer: Person, vendor: Person) -> None:
    """CR-09: closing a closed ticket gets reject_closed to its author, who may be the other party."""
    opened = _opened(gate, consumer, vendor)
    consumer.follows(opened.copy(consumer), CLOSE)
    gate.sends("mail_ticket_closed", [vendor, consumer])
    assert vendor.follows(opened.copy(vendor), CLOSE).event == "refused_closed"
    assert "closed" in gate.sends("reject_closed", vendor).text


def test_either_side_refers_a_closed_ticket_to_the_platform(
    gate: Gate, consumer: Person, vendor: Person, platform: Person
) -> None:
    """C-20: any closed or changed ticket may be referred to ClickBank by the link of that mail; the platform alone is told."""
    opened = _opened(gate, consumer, vendor)
    vendor.follows(opened.copy(vendor), CLOSE)
    closed = gate.sends("mail_ticket_closed", [vendor, consumer])
    assert REVIEW in closed.copy(vendor).links
    consumer.follows(closed.copy(consumer), REVIEW)
    referred = gate.sends("refer_to_platform", platform)
    assert "customer" in referred.text
    assert "Shop" in referred.text


def test_silence_brings_warnings_and_the_end_to_both(gate: Gate, consumer: Person, vendor: Person) -> None:
    """C-30…C-32, C-38: 48 h, 96 h, closed at 144 h; the consumer's copy points out that he may ask for a refund."""
    gate.at("2026-06-09T10:00")
    _opened(gate, consumer, vendor)
    gate.at("2026-06-11T10:00")
    first = gate.sends("mail_inactivity_warning", [vendor, consumer], n=1, last="consumer")
    assert "turn this ticket into a refund request" in first.copy(consumer).text
    assert "turn this ticket into a refund request" not in first.copy(vendor).text
    assert REFUND in first.copy(consumer).links
    assert "Sat 13 Jun 2026, 10:00" in first.text
    gate.at("2026-06-13T10:00")
    assert "Mon 15 Jun 2026, 10:00" in gate.sends("mail_inactivity_warning", [vendor, consumer], n=2, last="consumer").text
    gate.at("2026-06-15T10:00")
    gate.sends("mail_ticket_closed", [vendor, consumer])
    assert gate.ticket().facts["closed_by"] == "inactivity"


def test_unproven_answer_moves_nothing(gate: Gate, consumer: Person, vendor: Person) -> None:
    """Trust: a mail that bears the vendor's name and nothing else may be added; it stops no clock and tells nobody."""
    opened = _opened(gate, consumer, vendor)
    asked = gate.mails[0]
    forged = gate.receives(vendor, _thread(asked), "Refunded, please close.", proven=False)
    assert (forged.ticket, forged.event) == (1, "unproven")
    clock = gate.ticket().clock("consumer_last")
    assert clock is not None
    assert clock.running
    assert forged.canary not in opened.text


def _thread(mail: Mail) -> dict[str, str]:
    return {"To": "tickets@desk.example", "Subject": "Re: Help", "In-Reply-To": f"<{mail.message.message_id}>"}
