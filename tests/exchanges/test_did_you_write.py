"""Did you write this? A first writer whom nobody vouches for is asked; nothing happens before his yes (docs/rules.md G-16)."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest
from exchange import Gate
from passage import Notice
from people import Mail, Person

from mailgate import anew, needs
from mailgate.desk.order import Order
from mailgate.mail.message import Envelope
from mailgate.simulate.stage import UNPROVEN
from mailgate.store import orders, spool

PACK = "clickbank"
YES = "Yes, I wrote it"
TEXT = "It does not start, and I would like to have my money back. Could you please help me with this?"


def asks(consumer: Person, text: str = TEXT, *, proven: bool = False, subject: str = "A-77", **facts: str) -> Mail:
    """A first mail that no host vouches for."""
    return consumer.states(subject, text, how={"proven": proven}, **{"Seller": "shop", "Request": "refund", **facts})


def asked(gate: Gate, consumer: Person, text: str = TEXT) -> tuple[Mail, Notice]:
    """The mail, and the question."""
    mail = asks(consumer, text)
    return mail, gate.sends("did_you_write", consumer)


def begins(gate: Gate, vendor: Person, consumer: Person) -> Notice:
    """The ticket's opening, which hands on now what was written before (G-14)."""
    gate.mails = [replace(one, at=gate.now) for one in gate.mails]
    return gate.sends("mail_ticket_opened", [vendor, consumer])


def test_nothing_happens_before_his_yes(gate: Gate, consumer: Person, vendor: Person) -> None:
    """G-16: the ticket is there, and is unconfirmed; no clock runs, and the vendor hears nothing."""
    mail, _ = asked(gate, consumer)
    assert (mail.event, gate.ticket().tags, gate.ticket().clocks) == ("unconfirmed", {"unconfirmed"}, ())
    gate.later(days=3)
    gate.stays_silent()


def test_question_says_not_a_word_of_the_mail(gate: Gate, consumer: Person) -> None:
    """G-16: who never wrote gets no text that somebody else wants him to read, and one link."""
    mail, question = asked(gate, consumer)
    assert list(question.links) == [YES]
    for word in ("A-77", "money", "refund", "shop", mail.canary):
        assert word not in question.said
    assert "Did you write to ClickBank just now?" in question.said


@pytest.mark.parametrize("by", ["link", "word", "Portuguese", "Italian", "Persian"])
def test_at_his_yes_the_ticket_begins(gate: Gate, consumer: Person, vendor: Person, by: str) -> None:
    """G-16, G-01: by the link or a word that the reply address signs; what starts counts from when his mail came."""
    mail, question = asked(gate, consumer)
    came = gate.now
    gate.later(hours=2)
    words = {"word": "Yes!", "Portuguese": "Sim", "Italian": "Sì", "Persian": "بله"}
    said = consumer.follows(question, YES, proven=False) if by == "link" else consumer.replies(question, words[by], proven=False)
    assert (said.event, said.ticket) == ("confirmed", 1)
    opened = begins(gate, vendor, consumer)
    assert mail.canary in opened.copy(vendor).text
    assert (gate.ticket().kind, gate.ticket().tags) == ("refund", frozenset())
    clock = gate.ticket().clock("process")
    assert clock is not None
    assert clock.started_at == came
    assert [one["event"] for one in gate.stage.history() if one["ticket"] == 1].count("opened") == 2
    assert len(gate.ticket().participants) == len({one.address for one in gate.ticket().participants})
    gate.orders("close")
    gate.disregards()


def test_what_he_wrote_meanwhile_is_handed_on_with_it(gate: Gate, consumer: Person, vendor: Person) -> None:
    """G-16: his further mail waits with the first one, in the order in which it came."""
    first, question = asked(gate, consumer)
    gate.later(minutes=20)
    second = consumer.follows_up(first, "And one more thing.", proven=False)
    assert (second.event, second.ticket) == ("unconfirmed", 1)
    gate.stays_silent()
    consumer.follows(question, YES, proven=False)
    begins(gate, vendor, consumer)
    assert "And one more thing." in gate.sends("mail_reply", [vendor, consumer]).copy(vendor).text
    assert [one.event for one in gate.ticket().spoken] == ["opened", "replied", "confirmed"]
    gate.orders("close")
    gate.disregards()


@pytest.mark.parametrize("text", ["No, that was not me.", "Who are you?", "Yes, but I did not write anything."])
def test_anything_but_yes_starts_nothing(gate: Gate, consumer: Person, text: str) -> None:
    """G-16: a signed answer proves the address, not the mail."""
    _, question = asked(gate, consumer)
    assert consumer.replies(question, text, proven=False).event == "unconfirmed"
    assert gate.ticket().tags == {"unconfirmed"}


def test_yes_without_the_signed_address_starts_nothing(gate: Gate, consumer: Person) -> None:
    """Design §5: whoever forged the first mail can forge a second one, in its thread."""
    mail, _ = asked(gate, consumer)
    assert consumer.follows_up(mail, "Yes", proven=False).event == "unconfirmed"


def test_yes_counts_once(gate: Gate, consumer: Person, vendor: Person) -> None:
    """Design §5: a link is single-use, and the ticket begins once."""
    _, question = asked(gate, consumer)
    consumer.follows(question, YES, proven=False)
    begins(gate, vendor, consumer)
    gate.later(minutes=1)
    consumer.follows(question, YES, proven=False)
    assert "the link was already used" in gate.sends("command_refused", consumer).said
    gate.orders("close")
    gate.disregards()


def test_word_yes_on_any_other_ticket_is_an_answer_like_others(gate: Gate, consumer: Person, vendor: Person) -> None:
    """C-08: who is asked something by the vendor may say yes."""
    asks(consumer, proven=True)
    opened = gate.sends("mail_ticket_opened", [vendor, consumer])
    assert consumer.replies(opened.copy(consumer), "Yes").event == "replied"
    gate.orders("close")
    gate.disregards()


def test_one_address_is_asked_once_an_hour(gate: Gate, consumer: Person) -> None:
    """G-16: forged mail by the hundred is one question an hour, whatever +form of the address it names."""
    asked(gate, consumer)
    gate.later(minutes=30)
    asks(consumer, subject="Other")
    asks(consumer.at("consumer+x@mail.example"), subject="Third")
    gate.stays_silent()
    gate.later(minutes=31)
    asks(consumer, subject="Fourth")
    gate.sends("did_you_write", consumer)


def test_machines_are_never_asked(gate: Gate, consumer: Person) -> None:
    """RFC 3834 §2: neither automatic replies nor what a machine wrote."""
    for number, header in enumerate(("auto-replied", "auto-generated")):
        how = {"proven": False, "headers": {"Auto-Submitted": header}}
        consumer.states(f"A-{number}", TEXT, how=how, Seller="shop")
    gate.stays_silent()


def test_mail_from_nobody_is_not_answered(gate: Gate, consumer: Person) -> None:
    """RFC 5321 §4.5.5: no backscatter to <>; the ticket waits for people."""
    mail = consumer.states("A-77", TEXT, how={"proven": False, "unseen": True}, Seller="shop")
    envelope = Envelope(None, (gate.stage.desk.address,), gate.now, UNPROVEN)
    gate.stage.store.call(partial(spool.put, arrivals=[(envelope, mail.raw, None)]))
    gate.takes_in_hand()
    gate.stays_silent()


def test_mail_that_somebody_vouches_for_is_not_asked_about(gate: Gate, consumer: Person, vendor: Person) -> None:
    """G-16: authenticated is enough."""
    asks(consumer, proven=True)
    gate.sends("mail_ticket_opened", [vendor, consumer])
    gate.orders("close")
    gate.disregards()


@pytest.mark.parametrize(("customer", "known"), [("consumer@mail.example", True), ("other@mail.example", False)])
def test_known_buyer_is_not_asked_where_trust_lets_him_start(
    gate: Gate, consumer: Person, vendor: Person, customer: str, known: bool
) -> None:
    """G-16: an order of his own speaks for him; the number of somebody else's does not."""
    house = gate.stage.house
    gate.stage.house = replace(house, allowed={**house.allowed, "claimed": ("add", "start", "stop")})
    bought = Order("A-77", customer=customer)
    gate.stage.store.call(partial(orders.put, desk="desk", new=[bought], now=gate.now))
    mail = asks(consumer, Order="A-77")
    assert mail.event == ("opened" if known else "unconfirmed")
    if known:
        gate.sends("mail_ticket_opened", [vendor, consumer])
        gate.orders("close")
    gate.disregards()


def test_people_hear_of_who_does_not_answer_and_may_vouch_for_him(
    gate: Gate, consumer: Person, vendor: Person, staff: Person
) -> None:
    """Design §5: `needs_you` lists him; the staff's yes is as good as his."""
    mail, _ = asked(gate, consumer)
    work = partial(needs.tell_desk, desk=gate.stage.desk, house=gate.stage.house, now=gate.now)
    gate.stage.store.call(work)
    gate.stage.deliver(gate.now)
    listed = gate.sends("needs_you", staff)
    assert '"A-77" consumer@mail.example (MG-1): we do not know the sender' in listed.said
    staff.follows(listed, f"{YES}: MG-1", proven=False)
    assert mail.canary in begins(gate, vendor, consumer).text
    gate.orders("close")
    gate.disregards()


def test_ticket_that_is_built_anew_stays_what_it_was(gate: Gate, consumer: Person, vendor: Person) -> None:
    """Design §2: confirmed or not, mending a ticket does not ask again; his later mail counts as before."""
    _, question = asked(gate, consumer)
    rebuild = partial(anew.rebuild, house=gate.stage.house, number=1)
    gate.stage.store.call(rebuild)
    assert gate.ticket().tags == {"unconfirmed"}
    consumer.follows(question, YES, proven=False)
    begins(gate, vendor, consumer)
    before = gate.ticket()
    gate.stage.store.call(rebuild)
    after = gate.ticket()
    assert (after.state, after.kind, after.facts, after.tags) == (before.state, before.kind, before.facts, before.tags)
    assert [(one.name, one.state, one.due) for one in after.clocks] == [(one.name, one.state, one.due) for one in before.clocks]
    assert after.opened_at == before.opened_at
    gate.orders("close")
    gate.disregards()


def test_question_is_asked_in_the_language_of_the_mail(gate: Gate, consumer: Person) -> None:
    """G-17: what he plainly wrote in, else the desk's."""
    text = "Buongiorno, il corso che ho comprato non si apre e vorrei sapere che cosa posso fare, grazie."
    _, question = asked(gate, consumer, text)
    assert list(question.links) == ["Sì, l'ho scritta io"]
