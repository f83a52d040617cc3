"""What a desk asks a system to carry out, what the parties hear of it and when, and what other systems may order (C-22, C-52)."""

from __future__ import annotations

import json
from dataclasses import replace
from email.message import EmailMessage
from email.policy import SMTP
from typing import Any

import pytest
from exchange import Gate
from people import Mail, Person

from mailgate import events, gateway
from mailgate.mail import instruction
from mailgate.mail.message import Message, parse

PACK = "clickbank"
BILLING, CRM = b"shared with the billing system", b"shared with the other ticket system"
SOLD = "2026-05-20T12:00:00+00:00"


@pytest.fixture
def billing(gate: Gate) -> Person:
    """The system that refunds; customers are told once its mail has left."""
    return _with_effects(gate, "sent")


def _with_effects(gate: Gate, confirm_after: str) -> Person:
    secrets = {"effects": BILLING, "crm": CRM}
    house = gate.stage.house
    address = "effects@billing.example"
    gate.stage.house = replace(house, effects_to=address, confirm_after=confirm_after, systems=secrets)
    return Person(address, gate)


def _signed_mail(gate: Gate, person: Person, secret: bytes, **said: Any) -> bytes:
    """A mail of `person` with a signed JSON part."""
    mail = EmailMessage(policy=SMTP)
    mail["From"], mail["To"], mail["Subject"] = person.address, "tickets@desk.example", "From one system to another"
    mail["Date"], mail["Message-ID"] = "Mon, 01 Jun 2026 12:00:00 +0000", f"<{said['id']}@{person.address.split('@')[1]}>"
    mail.set_content("See the attached instruction.\n")
    payload = instruction.signed({"at": gate.now.isoformat(timespec="seconds"), **said}, secret)
    mail.add_attachment(payload, maintype="application", subtype="json", filename="mailgate.json")
    return mail.as_bytes()


def _orders(gate: Gate, person: Person, secret: bytes, **said: Any) -> Mail:
    """Such a mail, sent."""
    raw = _signed_mail(gate, person, secret, **said)
    return gate.again(Mail(parse(raw), "no canary", at=gate.now), raw=raw)


def _asks_refund(consumer: Person) -> Mail:
    return consumer.states("Refund, please", Seller="shop", Order="A7788991", Request="refund", Sale=SOLD, Subscription="yes")


def test_due_refund_is_asked_for_by_a_signed_mail_and_then_both_are_told(
    gate: Gate, consumer: Person, vendor: Person, billing: Person
) -> None:
    """C-22, C-24: the order is refunded, the subscription ends, confirmation to both; mailgate moves no money itself."""
    _asks_refund(consumer)
    gate.sends("mail_ticket_opened", [vendor, consumer])
    gate.later(hours=25)
    said = [json.loads(part.content) for one in _asked(gate) for part in one.parts if part.filename == "mailgate.json"]
    assert sorted(one["action"] for one in said) == ["cancel_subscription", "process_refund"]
    assert {one["facts"]["order"] for one in said} == {"A7788991"}
    assert {one["mac"] for one in said} == {json.loads(instruction.signed(_unsigned(one), BILLING))["mac"] for one in said}
    gate.sends("mail_refund_confirmation", [vendor, consumer])
    gate.sends("mail_ticket_closed", [vendor, consumer])


def _asked(gate: Gate) -> list[Message]:
    """The mails about effects that have left, each of them expected."""
    gate._settle_down()
    asked = [row for _, row in gate.pending if row.notice == "effect"]
    gate.pending = [one for one in gate.pending if one[1].notice != "effect"]
    return [parse(row.raw) for row in asked]


def _unsigned(said: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in said.items() if name not in ("mac", "v")}


def test_parties_wait_until_the_system_says_that_it_is_done(gate: Gate, consumer: Person, vendor: Person) -> None:
    """Design §4: confirm_after = acknowledged."""
    billing = _with_effects(gate, "acknowledged")
    _asks_refund(consumer)
    gate.sends("mail_ticket_opened", [vendor, consumer])
    gate.later(hours=25)
    assert [one.addressed for one in _asked(gate)] == [(billing.address,)] * 2
    gate.later(hours=5)
    gate.stays_silent()
    _orders(gate, billing, BILLING, system="effects", id="done-1", action="acknowledge", ticket=1)
    gate.sends("mail_refund_confirmation", [vendor, consumer])
    gate.sends("mail_ticket_closed", [vendor, consumer])


def test_other_system_opens_a_ticket_for_a_customer_and_closes_it(
    gate: Gate, consumer: Person, vendor: Person, billing: Person
) -> None:
    """C-52: third-party ticket systems open and close tickets."""
    crm = Person("robot@crm.example", gate)
    facts = {"by": "customer", "customer": consumer.address, "seller": "shop", "type": "refund", "sale_at": SOLD}
    _orders(gate, crm, CRM, system="crm", id="crm-1", action="open", facts=facts)
    gate.sends("mail_ticket_opened", [vendor, consumer])
    assert (gate.ticket().kind, gate.ticket().state) == ("refund", "open")
    _orders(gate, crm, CRM, system="crm", id="crm-2", action="close", ticket=1)
    gate.sends("mail_ticket_closed", [vendor, consumer])
    gate.later(hours=48)
    gate.stays_silent()


@pytest.mark.parametrize("fault", ["again", "forged", "stale", "nobody"])
def test_instruction_that_does_not_count_does_nothing(
    gate: Gate, consumer: Person, vendor: Person, billing: Person, fault: str
) -> None:
    """An id counts once, a wrong signature, an old instant and an unknown system never."""
    _asks_refund(consumer)
    gate.sends("mail_ticket_opened", [vendor, consumer])
    crm = Person("robot@crm.example", gate)
    said: dict[str, Any] = {"system": "crm", "id": "crm-9", "action": "acknowledge", "ticket": 1}
    if fault == "again":
        _orders(gate, crm, CRM, **said)
        _orders(gate, crm, CRM, **{**said, "action": "close"})
    elif fault == "forged":
        _orders(gate, crm, b"a secret that nobody shares", **{**said, "action": "close"})
    elif fault == "stale":
        _orders(gate, crm, CRM, **{**said, "action": "close", "at": "2026-05-01T00:00:00Z"})
    else:
        _orders(gate, crm, CRM, **{**said, "action": "close", "system": "elsewhere"})
    assert gate.ticket().state == "open"
    gate.stays_silent()


@pytest.mark.parametrize(
    ("reason", "differs", "secret"),
    [
        ("spent", {}, CRM),
        ("mac", {"id": "crm-2"}, b"a secret that nobody shares"),
        ("stale", {"id": "crm-2", "at": "2026-05-01T00:00:00Z"}, CRM),
        ("system", {"id": "crm-2", "system": "elsewhere"}, CRM),
    ],
)
def test_instruction_that_does_not_count_is_a_line_of_log(
    gate: Gate, consumer: Person, vendor: Person, billing: Person, reason: str, differs: dict[str, str], secret: bytes
) -> None:
    """C-52: the people who run both systems learn why one was not followed."""
    _asks_refund(consumer)
    gate.sends("mail_ticket_opened", [vendor, consumer])
    crm = Person("robot@crm.example", gate)
    said: dict[str, Any] = {"system": "crm", "id": "crm-1", "action": "acknowledge", "ticket": 1}
    _orders(gate, crm, CRM, **said)
    raw = _signed_mail(gate, crm, secret, **{**said, "action": "close", **differs})
    done = gate.stage.receive(raw, gate.now)
    with events.captured() as heard:
        gateway.tell(done, 0.0)
    (line,) = (one for one in heard if one["event"] == "instruction.refused")
    assert (line["reason"], line["system"], line["spool_id"]) == (reason, differs.get("system", "crm"), done.spool_id)
    gate.stays_silent()


def test_own_effect_mail_sent_back_to_us_does_nothing(gate: Gate, consumer: Person, vendor: Person, billing: Person) -> None:
    """A loop of systems ends at once."""
    _asks_refund(consumer)
    gate.sends("mail_ticket_opened", [vendor, consumer])
    gate.later(hours=25)
    back = _asked(gate)[0]
    gate.sends("mail_refund_confirmation", [vendor, consumer])
    gate.sends("mail_ticket_closed", [vendor, consumer])
    gate.stage.receive(back.raw, gate.now)
    gate.stays_silent()
