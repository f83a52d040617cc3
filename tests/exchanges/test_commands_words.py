"""Words that stand alone on the first line of a reply: STATUS and HELP act, what closes or moves money needs the signed link."""

from __future__ import annotations

import pytest
from exchange import Gate
from passage import Notice
from people import Person

PACK = "clickbank"
CLOSE = "Close the ticket"


def _opened(gate: Gate, consumer: Person, vendor: Person, request: str = "support") -> Notice:
    consumer.states("A-77", "It does not start.", Seller="shop", Request=request, Subscription="yes")
    return gate.sends("mail_ticket_opened", [vendor, consumer])


@pytest.mark.parametrize(
    "line",
    [
        "STATUS", "status", "Status!", "*Status*", "  Status.  ", "ticket status", "Situação", "SITUACAO", "situação?",
        "andamento", "como está", "Stato", "STATO DEL TICKET", "a che punto siamo", "وضعیت", "وضعيت", "وضعیت تیکت",
        "وضعيت‌تيکت", "پیگیری", "پيگيري", "«وضعیت»", "وَضعیت",
    ],
)  # fmt: skip
def test_anybody_of_the_ticket_asks_how_things_stand(gate: Gate, consumer: Person, vendor: Person, line: str) -> None:
    """G-15: STATUS in any of the four languages, whatever the case, accents, ي/ی, punctuation; only its author hears."""
    opened = _opened(gate, consumer, vendor)
    consumer.replies(opened.copy(consumer), f"{line}\n\nThank you.")
    told = gate.sends("status", consumer).said
    assert "How things stand" in told
    assert "open" in told


@pytest.mark.parametrize("line", ["HELP", "help!", "Ajuda", "comandos", "AIUTO", "راهنما", "كمک", "کمک", "دستورها"])
def test_anybody_of_the_ticket_asks_for_help(gate: Gate, consumer: Person, vendor: Person, line: str) -> None:
    """G-15: HELP lists the words that this reader may write; the vendor's list is his own."""
    opened = _opened(gate, consumer, vendor)
    vendor.replies(opened.copy(vendor), line)
    told = gate.sends("help", vendor).said
    assert "STATUS: Ask how things stand" in told
    assert "CLOSE: Close the ticket" in told


def test_word_of_an_unproven_mail_still_only_asks(gate: Gate, consumer: Person, vendor: Person) -> None:
    """Trust: adding and asking is open to a claimed author, on his own ticket; the letter goes to the address of the role."""
    opened = _opened(gate, consumer, vendor)
    consumer.replies(opened.copy(consumer), "STATUS", proven=False)
    gate.sends("status", consumer)


def test_agent_of_the_desk_asks_too(gate: Gate, consumer: Person, vendor: Person, agent: Person) -> None:
    """G-15: customer, seller and desk alike; each is answered alone."""
    _opened(gate, consumer, vendor)
    first = gate.mails[0]
    agent.replies(first, "STATUS", adding=[gate.stage.desk])
    assert "How things stand" in gate.sends("status", agent).said


@pytest.mark.parametrize(
    "text",
    [
        "Please close the ticket when you are ready.", "I would like to know the status of my order.", "Close? Not yet.",
        "Hello,\nstatus", "We need help with this", "status quo is fine with us", "cancelling is not what I want", "> status",
        "A situação não mudou.", "وضعیت را نمی‌دانم",
    ],
)  # fmt: skip
def test_word_inside_a_sentence_is_a_word(gate: Gate, consumer: Person, vendor: Person, text: str) -> None:
    """Design §8: a command stands alone on the first line; everything else a person reads."""
    opened = _opened(gate, consumer, vendor)
    said = consumer.replies(opened.copy(consumer), f"{text}\n\nBest regards")
    assert said.event == "replied"
    gate.sends("mail_reply", [vendor, consumer])


def test_quoted_word_is_not_the_first_line(gate: Gate, consumer: Person, vendor: Person) -> None:
    """Design §8: only what the author newly wrote counts."""
    opened = _opened(gate, consumer, vendor)
    consumer.replies(opened.copy(consumer), "> STATUS\n> CLOSE\n\nWhat does this mean?")
    gate.sends("mail_reply", [vendor, consumer])


@pytest.mark.parametrize(
    "line", ["CLOSE", "Encerrar", "chiudi il ticket", "بستن", "REFUND", "Reembolso", "Rimborso", "بازپرداخت"]
)
def test_word_that_closes_or_pays_does_nothing_by_itself(gate: Gate, consumer: Person, vendor: Person, line: str) -> None:
    """Design §8: what closes or moves money is answered, and nothing happens; its mail is handed on like any other."""
    opened = _opened(gate, consumer, vendor)
    consumer.replies(opened.copy(consumer), f"{line}\n")
    gate.sends("command_refused", consumer)
    assert [one["data"]["why"] for one in gate.logged("command_refused") if "why" in one["data"]] == ["unsigned"]
    gate.sends("mail_reply", [vendor, consumer])
    assert (gate.ticket().state, gate.ticket().kind) == ("open", "support")


@pytest.mark.parametrize(("line", "link"), [("CLOSE", CLOSE), ("refund", "Turn it into a refund request")])
def test_word_that_closes_is_answered_with_the_signed_link(
    gate: Gate, consumer: Person, vendor: Person, line: str, link: str
) -> None:
    """Design §8: the answer holds the link, and the link does it."""
    opened = _opened(gate, consumer, vendor)
    consumer.replies(opened.copy(consumer), line)
    refused = gate.sends("command_refused", consumer)
    gate.disregards()
    assert link in refused.links
    assert consumer.follows(refused, link).event in ("closed", "changed")
    gate.disregards()


def test_vendor_may_not_write_the_consumers_words(gate: Gate, consumer: Person, vendor: Person) -> None:
    """C-56: a vendor cannot turn his own support ticket into support; whoever asks gets one letter at most."""
    opened = _opened(gate, consumer, vendor)
    vendor.replies(opened.copy(vendor), "change to support")
    gate.disregards()
    assert gate.ticket().kind == "support"


@pytest.mark.parametrize(
    "headers", [{"Auto-Submitted": "auto-replied"}, {"X-Autoreply": "yes"}, {"List-Id": "<all.shop.example>"}]
)
def test_machines_that_say_a_word_are_not_answered(gate: Gate, consumer: Person, vendor: Person, headers: dict[str, str]) -> None:
    """G-07: neither an automatic reply nor a list ever acts, or is answered."""
    opened = _opened(gate, consumer, vendor)
    vendor.replies(opened.copy(vendor), "STATUS", headers=headers)
    vendor.auto_replies(opened.copy(vendor), "CLOSE")
    gate.stays_silent()
    assert gate.ticket().state == "open"


def test_word_in_a_new_mail_is_no_command(gate: Gate, consumer: Person, vendor: Person) -> None:
    """Design §8: a word acts in a reply; a first mail that says STATUS opens a ticket as any other."""
    first = consumer.states("status", "status", Seller="shop")
    assert first.event == "opened"
    gate.sends("mail_ticket_opened", [vendor, consumer])


def test_word_on_a_closed_ticket_does_not_open_it(gate: Gate, consumer: Person, vendor: Person) -> None:
    """G-15, CR-09: to ask for the status is no reply; the ticket stays closed."""
    opened = _opened(gate, consumer, vendor)
    consumer.follows(opened.copy(consumer), CLOSE)
    closed = gate.sends("mail_ticket_closed", [vendor, consumer])
    consumer.replies(closed.copy(consumer), "STATUS")
    assert "closed" in gate.sends("status", consumer).said
    assert gate.ticket().state == "closed"


def test_close_on_a_closed_ticket_does_not_open_it(gate: Gate, consumer: Person, vendor: Person) -> None:
    """CR-09: close of a closed ticket gets reject_closed; that it reopens it is the last thing its author wants."""
    opened = _opened(gate, consumer, vendor)
    consumer.follows(opened.copy(consumer), CLOSE)
    closed = gate.sends("mail_ticket_closed", [vendor, consumer])
    consumer.replies(closed.copy(consumer), "CLOSE")
    gate.sends("reject_closed", consumer)
    assert gate.ticket().state == "closed"


@pytest.mark.parametrize("line", ["CLOSE", "refund"])
def test_forged_mail_of_the_platform_orders_nothing(
    gate: Gate, consumer: Person, vendor: Person, platform: Person, line: str
) -> None:
    """Trust: a claimed author may add only, whoever he claims to be; what closes or pays needs more than a From."""
    opened = _opened(gate, consumer, vendor, "refund")
    vendor.follows(opened.copy(vendor), "Turn it into a support request")
    gate.sends("mail_ticket_changed", [vendor, consumer])
    review = gate.sends("flag_review", platform)
    gate.receives(platform, {"To": "tickets@desk.example", "In-Reply-To": f"<{review.message.message_id}>"}, line, proven=False)
    gate.disregards()
    assert (gate.ticket().state, gate.ticket().kind) == ("open", "support")


def test_question_for_the_status_is_no_message_of_the_case(gate: Gate, consumer: Person, vendor: Person) -> None:
    """G-14, G-15: it was for us; the vendor's history does not list it."""
    opened = _opened(gate, consumer, vendor)
    consumer.replies(opened.copy(consumer), "STATUS")
    gate.sends("status", consumer)
    gate.later(hours=1)
    consumer.replies(opened.copy(consumer), "Any news?")
    assert "commanded" not in gate.sends("mail_reply", [vendor, consumer]).copy(vendor).said


@pytest.mark.parametrize("line", ["STATUS", "HELP", "CLOSE"])
def test_ten_letters_an_hour_are_enough(gate: Gate, consumer: Person, vendor: Person, line: str) -> None:
    """Design §5, [limits] notices_per_ticket: fifteen commands in an hour, at most ten notices to their author."""
    opened = _opened(gate, consumer, vendor)
    for _ in range(15):
        gate.later(minutes=3)
        consumer.replies(opened.copy(consumer), line)
    gate.disregards()
    letters = [row for _, row in gate.stage.sent if row.reader == consumer.address]
    assert len(letters) == 10
    assert [one for one in gate.logged("notice_capped") if one["data"]["to"] == consumer.address]
    gate.later(hours=1, minutes=1)
    consumer.replies(opened.copy(consumer), "STATUS")
    gate.sends("status", consumer)
