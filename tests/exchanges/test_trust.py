"""Who may do what: forged sellers, strangers, tokens in other hands, two tickets at once (docs/rules.md G-12; design §5)."""

from __future__ import annotations

import pytest
from exchange import Gate
from people import Mail, Person, threaded

FRIDAY, SUNDAY, MONDAY = "2026-06-12T18:30", "2026-06-14T18:30", "2026-06-15T18:30"


@pytest.fixture(autouse=True)
def _from_friday(gate: Gate) -> None:
    gate.at(FRIDAY)


def _reminded(gate: Gate, acme: Person, inc: Person) -> None:
    """Nothing has stopped the clock; then an answer that counts does."""
    gate.at(SUNDAY)
    acme.replies_to_all(gate.sends("remind", [acme, inc], n=1))
    assert gate.ticket().state == "answered"


def _opened_apart(gate: Gate, mail: Mail, doubted: int = 1) -> None:
    """It joined nothing: a ticket of its own, that says what it points to. People look at it, unless it is a mere guess."""
    ticket = gate.ticket(mail.ticket)
    assert mail.ticket != doubted
    assert ticket.facts.get("linked_to") == doubted
    assert "review" in ticket.tags or mail.evidence == "subject_tag"
    assert mail.message.message_id not in {one.message_id for one in gate.ticket(doubted).spoken}


# -- claimed may only add


def test_forged_sellers_answer_is_kept_and_the_clock_runs_on(gate: Gate, inc: Person, acme: Person) -> None:
    """Design §5: only From says who it is; nothing stops, nobody gets a letter about it."""
    forged = acme.replies_to_all(inc.writes([acme]), proven=False)
    assert (forged.event, forged.ticket) == ("unproven", 1)
    assert forged.settled
    assert forged.settled.level == "claimed"
    gate.stays_silent()
    _reminded(gate, acme, inc)


def test_forged_helpdesk_starts_no_clock(gate: Gate, inc: Person, acme: Person) -> None:
    """Design §5: claimed may add, not start."""
    assert inc.writes([acme], proven=False).event == "unproven"
    gate.later(days=10)
    gate.stays_silent()


def test_forged_seller_who_breaks_a_rule_brings_the_seller_no_letter(
    gate: Gate, inc: Person, acme: Person, buyer: Person
) -> None:
    """D-27: nobody may have letters sent in another's name."""
    ask = inc.writes([acme], cc=[buyer])
    assert acme.replies(ask, proven=False).event == "unproven"
    gate.stays_silent()


def test_signed_answer_needs_no_other_proof(gate: Gate, inc: Person, acme: Person, staff: Person) -> None:
    """Design §5: the reply address of this very party is as good as a signature."""
    inc.writes([acme])
    gate.at(SUNDAY)
    reminder = gate.sends("remind", [acme, inc])
    answer = acme.replies(reminder, proven=False)
    assert answer.settled
    assert (answer.event, answer.settled.level) == ("answered", "signed")
    gate.passes_on(answer, staff)


@pytest.mark.parametrize("upper", [False, True])
def test_token_survives_any_case(gate: Gate, inc: Person, acme: Person, staff: Person, upper: bool) -> None:
    """Design §8: local parts get lower-cased, and upper-cased, on the way."""
    inc.writes([acme])
    gate.at(SUNDAY)
    reminder = gate.sends("remind", [acme, inc])
    address = reminder.message.reply_to[0].address
    written = address.upper() if upper else address.lower()
    answer = acme.writes([written], subject="Re: x", headers=threaded(reminder.message), proven=False)
    assert answer.event == "answered"
    gate.passes_on(answer, staff)
    assert gate.is_the_same_built_anew()


PASSED = "mx.desk.example; dmarc=pass header.from=acme.example"


@pytest.mark.parametrize(
    ("client", "results", "event"),
    [
        ("192.0.2.9", PASSED, "answered"),
        ("192.0.2.9", "mx.desk.example; dkim=pass header.d=acme.example", "answered"),
        ("192.0.2.9", "mx.desk.example; spf=pass smtp.mailfrom=bounce@acme.example", "answered"),
        ("192.0.2.9", "mx.desk.example; dmarc=fail header.from=acme.example", "unproven"),
        ("192.0.2.9", "mx.desk.example; dkim=pass header.d=evil.example", "unproven"),
        ("192.0.2.9", "mx.evil.example; dmarc=pass header.from=acme.example", "unproven"),
        ("198.51.100.7", PASSED, "unproven"),
    ],
)
def test_word_of_a_trusted_host_authenticates(
    gate: Gate, inc: Person, acme: Person, client: str, results: str, event: str
) -> None:
    """Design §5: only lines of our own host, only on mail that a trusted relay hands over, only for the author's domain."""
    gate.trusts("192.0.2.9", "mx.desk.example")
    answer = acme.replies(inc.writes([acme]), unseen=True)
    assert gate.comes_by(client, answer, results).event == event
    gate.disregards()  # by which path he may prove himself is another story (test_sending_paths)


# -- tokens in other hands


def test_token_in_a_strangers_hands_joins_nothing(gate: Gate, inc: Person, acme: Person, stranger: Person, staff: Person) -> None:
    """Design §5: the seller's reminder was forwarded to somebody who answers it."""
    inc.writes([acme])
    gate.at(SUNDAY)
    reminder = gate.sends("remind", [acme, inc])
    answer = stranger.replies(reminder)
    _opened_apart(gate, answer)
    gate.passes_on(answer, staff)
    assert gate.clock().running


def test_token_in_a_partys_hands_is_worth_a_claim(gate: Gate, inc: Person, acme: Person, staff: Person) -> None:
    """Design §5: a token used by another address counts as claimed, be it the seller's own colleague."""
    inc.writes([acme])
    gate.at(SUNDAY)
    reminder = gate.sends("remind", [acme, inc])
    colleague = acme.at("anna@acme.example").replies(reminder, proven=False)
    assert (colleague.event, colleague.ticket) == ("unproven", 1)
    gate.passes_on(colleague, staff)
    assert gate.clock().running


def test_forged_token_locates_nothing(gate: Gate, inc: Person, acme: Person, stranger: Person, staff: Person) -> None:
    """Design §8: HMAC; a changed character is no token."""
    inc.writes([acme])
    gate.at(SUNDAY)
    address = gate.sends("remind", [acme, inc]).message.reply_to[0].address
    forged = address.replace("+t1.", "+t2.") if "+t1." in address else address
    mail = acme.writes([forged], subject="Hello", proven=False)
    assert (mail.evidence, mail.ticket) == ("none", 2)
    gate.passes_on(mail, staff)


# -- strangers


def test_stranger_with_a_copied_in_reply_to_joins_nothing(gate: Gate, inc: Person, acme: Person, stranger: Person) -> None:
    """Design §5: any id can be copied; a match also needs an author who belongs to the ticket."""
    ask = inc.writes([acme])
    _opened_apart(gate, stranger.writes([inc], subject="Re: Order 4711", headers=threaded(ask.message)))


@pytest.mark.parametrize("tag", ["[MG-1]", "(mg 1)", "MG-1", "[ MG #1 ]"])
def test_guessed_tag_joins_nothing(gate: Gate, inc: Person, acme: Person, stranger: Person, tag: str) -> None:
    """Design §5: anyone can type it."""
    inc.writes([acme])
    mail = stranger.writes([inc], subject=f"About {tag}")
    assert mail.ticket == 2
    assert mail.message.message_id not in {one.message_id for one in gate.ticket(1).spoken}


def test_another_seller_who_guesses_the_tag_joins_nothing(gate: Gate, inc: Person, acme: Person, nova: Person) -> None:
    """Design §5: a seller of ours, but not of this ticket."""
    ask = inc.writes([acme])
    _opened_apart(gate, nova.writes([inc], subject="About [MG-1]"))
    mail = nova.writes([inc], subject="Re: Order 4711", headers=threaded(ask.message))
    _opened_apart(gate, mail)


def test_alike_subject_joins_nothing(gate: Gate, inc: Person, acme: Person, buyer: Person) -> None:
    """Design §5: strangers write "Order"; subjects alone join nothing."""
    buyer.writes([inc], subject="Order")
    assert buyer.writes([inc], subject="Re: Order").ticket == 2


# -- two tickets at once


def test_answer_that_names_two_notices_joins_neither(gate: Gate, inc: Person, acme: Person) -> None:
    """Design §5: doubt never joins; a split is mended with a word, a leak never is."""
    inc.writes([acme], subject="Order 1")
    inc.writes([acme], subject="Order 2")
    gate.at(SUNDAY)
    first, second = gate.sends("remind", [acme, inc]), gate.sends("remind", [acme, inc])
    ids = f"<{first.message.message_id}> <{second.message.message_id}>"
    mixed = acme.writes([inc], subject="Re: both", headers={"References": ids})
    _opened_apart(gate, mixed, doubted=2)
    assert mixed.message.message_id not in {one.message_id for one in gate.ticket(1).spoken}
    acme.replies_to_all(first)
    acme.replies_to_all(second)


def test_of_two_peoples_mails_the_nearest_one_is_answered(gate: Gate, inc: Person, acme: Person) -> None:
    """Design §5: In-Reply-To, then References from the newest; a client that keeps an older thread's ids confuses nobody."""
    first = inc.writes([acme], subject="Order 1")
    second = inc.writes([acme], subject="Order 2")
    ids = f"<{first.message.message_id}> <{second.message.message_id}>"
    last = f"<{second.message.message_id}>"
    answer = acme.writes([inc], subject="Re: Order 2", headers={"References": ids, "In-Reply-To": last})
    assert (answer.ticket, answer.event) == (2, "answered")
    assert gate.clock(1).running
    acme.replies(first)


def test_stranger_of_the_nearest_ticket_joins_none(gate: Gate, inc: Person, acme: Person, nova: Person) -> None:
    """Design §5: nova's own ticket is named too, yet the mail it answers is not nova's."""
    mine, other = inc.writes([nova], subject="Order 1"), inc.writes([acme], subject="Order 2")
    ids = f"<{mine.message.message_id}> <{other.message.message_id}>"
    mail = nova.writes([inc], subject="Re: Order 2", headers={"References": ids, "In-Reply-To": f"<{other.message.message_id}>"})
    assert mail.ticket != other.ticket
    assert gate.clock(other.ticket).running


# -- who the seller is


def test_two_sellers_of_one_domain_are_told_apart_by_the_ticket(gate: Gate, inc: Person, east: Person, west: Person) -> None:
    """DR-10: help@agency.example belongs to both; on east's ticket it speaks for east, in a new mail for nobody."""
    for_east = inc.writes([east], subject="Order 1")
    for_west = inc.writes([west], subject="Order 2")
    assert [gate.ticket(n).seller for n in (for_east.ticket, for_west.ticket)] == ["east", "west"]
    shared = Person("help@agency.example", gate)
    shared.replies(for_east)
    assert [gate.ticket(n).state for n in (1, 2)] == ["answered", "waiting"]
    lone = shared.writes([inc], subject="Shipping takes longer")
    assert (lone.event, gate.ticket(lone.ticket).seller) == ("customer_wrote", None)


def test_exact_address_goes_before_a_domain(gate: Gate, inc: Person, east: Person, manager: Person) -> None:
    """DR-10: east@agency.example is east, though west registered the domain as well."""
    east.writes([inc], subject="Hello")
    assert gate.ticket().seller == "east"


def test_seller_of_another_ticket_is_a_stranger_here(gate: Gate, inc: Person, acme: Person, nova: Person, buyer: Person) -> None:
    """DR-10: put in Cc by the customer he may add, but he stops nothing and gets no letter."""
    ask = inc.writes([acme], cc=[buyer])
    buyer.replies_to_all(ask, adding=[nova])
    mail = nova.replies_to_all(ask)
    assert mail.event not in ("answered", "noncompliant")
    assert gate.clock().running


@pytest.mark.parametrize("author", ["Acme <support@acme.example>, x@evil.example", "support@acme.example <x@evil.example>"])
def test_author_must_be_one_mailbox_by_grammar(gate: Gate, inc: Person, acme: Person, author: str) -> None:
    """Design §5: `seller@v.test <x@evil.test>` is nobody we know."""
    ask = inc.writes([acme])
    mail = Person(author, gate).writes([inc], subject="Re: Order 4711", headers=threaded(ask.message))
    assert mail.event != "answered"
    assert gate.clock().running
