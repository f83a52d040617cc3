"""T12: mail lands on the wrong ticket and shows it to the wrong people.

Every kind of evidence: tests/store/test_evidence.py.
"""

from __future__ import annotations

import pytest
from exchange import Gate
from people import Person, threaded


@pytest.mark.parametrize(
    "by", ["subject", "our tag", "another's subject and order", "forwarded", "both ids", "the other's quoted text", "body token"]
)
def test_t12_evidence_that_somebody_else_could_have_joins_nothing(
    gate: Gate, inc: Person, acme: Person, nova: Person, by: str
) -> None:
    """Design §5: doubt never joins; it opens a linked ticket for people."""
    first = inc.writes([acme], subject="Order 4711", text="Acme's customer lives in Oak Street 5.")
    second = inc.writes([nova], subject="Order 4712", text="Nova's customer lives in Elm Street 7.")
    gate.later(hours=48)
    notice = gate.sends("remind", [acme, inc])
    gate.sends("remind", [nova, inc])
    how: dict[str, object] = {
        "subject": {"subject": "Re: Order 4711"},
        "our tag": {"subject": "Re: [MG-1] Order 4711"},
        "another's subject and order": {"subject": "Re: Order 4711", "text": "About order 4711."},
        "forwarded": {"subject": "Fwd: Order 4711", "text": f"FYI\n\n-----Original Message-----\n{notice.text}"},
        "both ids": {"headers": {"References": f"<{first.message.message_id}> <{second.message.message_id}>"}},
        "the other's quoted text": {"subject": "Re: Order 4711", "text": "Hm.\n\n> Acme's customer lives in Oak Street 5."},
        "body token": {"text": f"> {notice.text}"},
    }[by]
    mail = nova.writes([inc, gate.stage.desk], **{"subject": "Re: Hello", **how})
    assert mail.ticket not in (1,)
    assert nova.address not in {one.address for one in gate.ticket(1).participants}
    later = [row for _, row in gate.stage.sent if row.reader == nova.address]
    assert not any(b"Oak Street" in row.raw for row in later)
    gate.disregards()
    gate.mails.clear()


def test_t12_colleague_joins_by_what_only_our_mail_could_carry(gate: Gate, inc: Person, acme: Person) -> None:
    """Design §5: the same organisation, and our own signed id; a guess is not enough for him either."""
    inc.writes([acme])
    gate.later(hours=48)
    notice = gate.sends("remind", [acme, inc])
    colleague = Person("new@acme.example", gate)
    assert colleague.writes([inc], subject="Re: [MG-1] Something else").ticket != 1
    assert colleague.writes([inc], subject="Re: x", headers=threaded(notice.message)).ticket == 1
    gate.disregards()
