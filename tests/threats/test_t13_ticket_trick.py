"""

T13: a service mails its code to a ticket's address, and whoever owns the ticket reads it ("ticket trick", 2017).
"""

from __future__ import annotations

import pytest
from exchange import Gate
from passage import Notice
from people import Person

PACK = "clickbank"
CODE = "Your sign-in code is 481516."


def opened(gate: Gate, consumer: Person, vendor: Person) -> Notice:
    consumer.states("A-77", "It does not start.", Seller="shop", Request="support")
    return gate.sends("mail_ticket_opened", [vendor, consumer])


@pytest.mark.parametrize("proven", [True, False])
@pytest.mark.parametrize("way", ["reply address", "tag", "our id", "plain desk"])
def test_t13_code_that_a_service_mails_to_a_ticket_is_read_by_none_of_its_people(
    gate: Gate, consumer: Person, vendor: Person, way: str, proven: bool
) -> None:
    """Design §5: its author is no participant, so it opens a ticket of its own; the attacker's ticket does not show it."""
    notice = opened(gate, consumer, vendor).copy(consumer)
    service = Person("noreply@service.example", gate)
    to = notice.message.reply_to[0].address if way == "reply address" else gate.stage.desk.address
    subject = f"Re: {notice.message.subject}" if way == "tag" else "Verify your e-mail"
    headers = {"In-Reply-To": f"<{notice.message.message_id}>"} if way == "our id" else {}
    mail = service.writes([to], subject=subject, text=CODE, headers=headers, proven=proven)
    assert mail.ticket != 1
    consumer.replies(notice, "STATUS")
    gate.later(days=8)
    readers = {row.reader for _, row in gate.stage.sent if b"481516" in row.raw}
    assert not readers & {consumer.address, vendor.address}
    gate.orders("close")
    gate.disregards()


def test_t13_stranger_on_a_ticket_of_people_is_read_by_the_desks_people_alone(
    gate: Gate, consumer: Person, vendor: Person
) -> None:
    """G-16, D-26: held for a person."""
    notice = opened(gate, consumer, vendor).copy(consumer)
    Person("noreply@service.example", gate).writes([notice.message.reply_to[0].address], subject="Code", text=CODE, proven=False)
    assert gate.ticket(2).tags & {"review", "unconfirmed"}
    gate.orders("close")
    gate.disregards()
