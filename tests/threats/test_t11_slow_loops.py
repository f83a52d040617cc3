"""T11: a loop without headers: a machine that looks like a person.

Caps in figures: tests/exchanges/test_notice_caps.py, the brake: tests/store/test_brake.py.
"""

from __future__ import annotations

import pytest
from exchange import Gate
from people import Person

PACK = "clickbank"
SAYS = "Thank you for contacting us. Your request has been received and somebody will answer you soon."


@pytest.mark.parametrize("hours", [0.02, 1.0, 20.0])
def test_t11_third_time_the_same_words_are_a_machines(gate: Gate, consumer: Person, vendor: Person, hours: float) -> None:
    """Design §5: of one author, on one ticket, within a week, word for word; from then on it is kept and relayed to nobody."""
    consumer.states("A-77", "It does not start.", Seller="shop", Request="support")
    opened = gate.sends("mail_ticket_opened", [vendor, consumer]).copy(vendor)
    events = []
    for number in range(6):
        gate.later(hours=hours)
        headers = {"In-Reply-To": f"<{opened.message.message_id}>"}
        raw = f"From: {vendor.address}\nTo: tickets@desk.example\nSubject: Re: A-77\nMessage-ID: <{number}@v>\n"
        raw += "".join(f"{name}: {value}\n" for name, value in headers.items()) + f"\n{SAYS}\n"
        events.append(gate.stage.receive(raw.replace("\n", "\r\n").encode(), gate.now).event)
    assert events == ["replied", "replied", "auto_reply", "auto_reply", "auto_reply", "auto_reply"]
    gate.orders("close")
    gate.disregards()


def test_t11_machine_with_new_words_each_time_is_held_by_the_cap(gate: Gate, consumer: Person, vendor: Person) -> None:
    """`notices_per_ticket`: so many an hour to one reader, whatever it says."""
    consumer.states("A-77", "It does not start.", Seller="shop", Request="support")
    opened = gate.sends("mail_ticket_opened", [vendor, consumer]).copy(vendor)
    for number in range(30):
        vendor.replies(opened, f"{SAYS} Your number is {number}.")
    per_reader = [row.reader for _, row in gate.stage.sent]
    assert per_reader.count(consumer.address) <= gate.stage.house.caps.ticket + 1
    gate.mails.clear()
    gate.orders("close")
    gate.disregards()
