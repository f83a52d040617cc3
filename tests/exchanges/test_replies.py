"""What a seller's answer must keep: all of them, the right copy, the thread (docs/rules.md D-23…D-27, DR-03, DR-04, DR-12)."""

from __future__ import annotations

import pytest
from exchange import Gate
from people import Mail, Person, threaded

FRIDAY, SUNDAY = "2026-06-12T18:30", "2026-06-14T18:30"


@pytest.fixture(autouse=True)
def _from_friday(gate: Gate) -> None:
    gate.at(FRIDAY)


def _misses(gate: Gate, acme: Person, answer: Mail, *missing: str) -> None:
    """The answer did not count, the seller was told why, and the clock runs on (D-27)."""
    assert answer.event == "noncompliant"
    gate.sends("notice_noncompliant", acme, missing=list(missing))
    assert gate.clock().running
    gate.stays_silent()


# -- D-23: reply to all


def test_reply_that_drops_the_customer_is_no_reply_to_all(gate: Gate, inc: Person, acme: Person, buyer: Person) -> None:
    """D-23: To and Cc hold everyone of the latest ask."""
    ask = inc.writes([acme], cc=[buyer])
    answer = acme.replies(ask)
    _misses(gate, acme, answer, "reply_all")
    assert answer.settled
    assert answer.settled.decision.violations[0].missing == (buyer.address,)


def test_reply_to_all_counts(gate: Gate, inc: Person, acme: Person, buyer: Person) -> None:
    """D-23, D-25: the plain case."""
    acme.replies_to_all(inc.writes([acme], cc=[buyer]))
    assert gate.ticket().state == "answered"


def test_everyone_of_the_latest_ask_is_meant(gate: Gate, inc: Person, acme: Person, buyer: Person, stranger: Person) -> None:
    """D-23: of the latest ask, not of the first one."""
    first = inc.writes([acme], cc=[buyer])
    latest = inc.writes([acme, stranger], cc=[buyer], subject="Re: Order 4711", headers=threaded(first.message))
    _misses(gate, acme, acme.replies_to_all(first), "reply_all")
    acme.replies_to_all(latest)
    assert gate.ticket().state == "answered"


def test_reply_all_is_not_asked_for_where_it_is_off(gate: Gate, inc: Person, acme: Person, buyer: Person) -> None:
    """DR-04 reply_all = off."""
    gate.under(reply_all="off")
    acme.replies(inc.writes([acme], cc=[buyer]))
    assert gate.ticket().state == "answered"


@pytest.mark.parametrize(
    "left_out",
    [
        "anna@acme.example",  # registered
        "joe@help.acme.example",  # registered as @domain
        "owner@acme.example",  # the admin address
        "tickets@desk.example",
        "tickets+info2@desk.example",
        "helpline@desk.example",
        "maria@agents.example",  # speaks as the desk
        "helpdesk@digistore24.ie",  # D-25's business
        "no-reply@shop.example",
        "noreply@mail.example",
        "MAILER-DAEMON@mail.example",
    ],
)
def test_some_addresses_are_never_missed(gate: Gate, inc: Person, acme: Person, left_out: str) -> None:
    """D-23: mailgate's own addresses, the author's other ones, helpdesks, no-reply."""
    ask = inc.writes([acme], cc=[left_out])
    acme.replies(ask)
    assert gate.ticket().state == "answered"


def test_dead_address_is_never_missed(gate: Gate, inc: Person, acme: Person, buyer: Person) -> None:
    """D-23: the customer's address has bounced for good; nobody can be asked to write to it."""
    ask = inc.writes([acme], cc=[buyer])
    gate.returns(ask, buyer, "5.1.1")
    gate.later(hours=1)
    acme.replies(ask)
    assert gate.ticket().state == "answered"


def test_address_that_writes_again_is_dead_no_more(gate: Gate, inc: Person, acme: Person, buyer: Person) -> None:
    """D-23: known-dead only until he is heard of."""
    ask = inc.writes([acme], cc=[buyer])
    gate.returns(ask, buyer, "5.2.1")
    buyer.replies_to_all(ask, "My mailbox works again.")
    _misses(gate, acme, acme.replies(ask), "reply_all")


def test_all_of_a_notice_is_its_own_addressees(gate: Gate, inc: Person, acme: Person, buyer: Person) -> None:
    """D-23: an answer to our reminder need not know the customer of the ask, by Reply as by Reply to all."""
    inc.writes([acme], cc=[buyer])
    gate.at(SUNDAY)
    reminder = gate.sends("remind", [acme, inc])
    assert gate.would(acme.replies_to_all(reminder, unseen=True).raw).event == "answered"
    answer = acme.replies(reminder)
    assert gate.ticket().state == "answered"
    gate.passes_on(answer, Person("readers@staff.example", gate))


# -- D-25: the right copy


@pytest.mark.parametrize(
    "copy",
    [
        "helpdesk@digistore24.com",
        "Helpdesk@Digistore24.COM",
        "helpdesk+acme@digistore24.com",
        "tickets+anything@desk.example",
        "helpline@desk.example",
    ],
)
@pytest.mark.parametrize("where", ["to", "cc"])
def test_any_form_of_the_helpdesks_address_is_its_copy(gate: Gate, agent: Person, acme: Person, copy: str, where: str) -> None:
    """D-25, D-26: +forms, aliases, whatever case; in To or in Cc (DR-03 (a)); the desk's own addresses count too."""
    ask = agent.writes([acme], cc=["helpdesk@digistore24.com"])
    to, cc = ([copy], ["x@x.example"]) if where == "to" else (["x@x.example"], [copy])
    answer = acme.writes([*to, agent], cc=cc, subject="Re: Order 4711", headers=threaded(ask.message, "in_reply_to"))
    assert answer.event == "answered"
    if "desk.example" in copy:
        gate.passes_on(answer, Person("readers@staff.example", gate))


def test_alias_of_an_entity_counts(gate: Gate, agent: Person, acme: Person) -> None:
    """D-25: listed aliases of the entity's helpdesk."""
    desk = gate.stage.desk
    aliased = desk.entities["inc"].model_copy(update={"aliases": ("care@digistore24.com",)})
    gate.moves_to(desk.model_copy(update={"entities": {**desk.entities, "inc": aliased}}))
    ask = agent.writes([acme], cc=["helpdesk@digistore24.com"])
    assert acme.replies_to_all(ask, without=["helpdesk@digistore24.com"], adding=["care@digistore24.com"]).event == "answered"


def test_another_entitys_address_does_not_do(gate: Gate, inc: Person, ltd: Person, acme: Person, agent: Person) -> None:
    """D-25: sold through Inc., copied to Ltd."""
    ask = agent.writes([acme], cc=[inc])
    _misses(gate, acme, acme.replies_to_all(ask, without=[inc], adding=[ltd]), "required_copy")


def test_blind_copy_does_not_do(gate: Gate, inc: Person, acme: Person, agent: Person) -> None:
    """D-25: visible in To or Cc."""
    ask = agent.writes([acme], cc=[inc])
    _misses(gate, acme, acme.replies_to_all(ask, without=[inc], bcc=[inc]), "required_copy")


def test_blind_copy_does_where_received_is_enough(gate: Gate, inc: Person, acme: Person, agent: Person) -> None:
    """DR-03 received: also a copy that reached us without being visible."""
    gate.under(required_copy_in="received")
    ask = agent.writes([acme], cc=[inc])
    assert acme.replies_to_all(ask, without=[inc], bcc=[inc]).event == "answered"


@pytest.mark.parametrize("choice", ["received", "to_or_cc", "cc"])
def test_no_copy_at_all_never_does(gate: Gate, inc: Person, acme: Person, agent: Person, choice: str) -> None:
    """DR-03: that mailgate reads along is not a copy to the helpdesk."""
    gate.under(required_copy_in=choice)
    ask = agent.writes([acme], cc=[inc])
    _misses(gate, acme, acme.replies_to_all(ask, without=[inc]), "required_copy")


def test_helpdesk_in_to_is_no_cc_where_cc_alone_counts(gate: Gate, inc: Person, acme: Person) -> None:
    """DR-03 (b): the Cc header only."""
    gate.under(required_copy_in="cc")
    ask = inc.writes([acme])
    _misses(gate, acme, acme.replies(ask), "required_copy")
    acme.replies_to_all(ask, adding=[inc])
    assert gate.ticket().state == "answered"


@pytest.mark.parametrize(("product", "entity"), [("Course", "inc"), ("Book", "ltd"), ("Unknown", "mslw")])
def test_product_decides_whose_copy_is_required(
    gate: Gate, mslw: Person, inc: Person, ltd: Person, acme: Person, product: str, entity: str
) -> None:
    """D-04: each product is approved for one reseller; without one it is the reseller whose helpdesk asks."""
    ask = mslw.writes([acme], text=f"Product: {product}\n\nWhere is it?")
    assert gate.ticket().entity == entity
    right = {"inc": inc, "ltd": ltd, "mslw": mslw}[entity]
    assert acme.replies_to_all(ask, adding=[right]).event == "answered"


# -- D-24: the same thread


def test_new_mail_with_the_ticket_in_its_subject_is_not_in_the_thread(gate: Gate, inc: Person, acme: Person) -> None:
    """D-24, G-12, DR-04 (a): a token in the subject only locates."""
    inc.writes([acme])
    answer = acme.writes([inc], subject="About [MG-1]")
    assert answer.ticket == 1
    _misses(gate, acme, answer, "same_thread")


def test_ticket_in_the_subject_suffices_where_the_desk_says_so(gate: Gate, inc: Person, acme: Person) -> None:
    """DR-04 (b) references_or_token."""
    gate.under(same_thread="references_or_token")
    inc.writes([acme])
    assert acme.writes([inc], subject="About [MG-1]").event == "answered"


def test_mail_to_our_reply_address_alone_is_not_in_the_thread(gate: Gate, inc: Person, acme: Person, staff: Person) -> None:
    """G-12: the address says which ticket, References say which thread."""
    inc.writes([acme])
    gate.at(SUNDAY)
    address = gate.sends("remind", [acme, inc]).message.reply_to[0].address
    answer = acme.writes([address], subject="My answer")
    assert answer.ticket == 1
    _misses_and_passes_on(gate, acme, staff, answer)


def _misses_and_passes_on(gate: Gate, acme: Person, staff: Person, answer: Mail) -> None:
    gate.passes_on(answer, staff)
    _misses(gate, acme, answer, "same_thread")


def test_answer_in_no_thread_and_without_a_token_is_no_answer(gate: Gate, inc: Person, acme: Person) -> None:
    """DR-04: a reply with neither is not tied to the ticket at all; the same subject ties nothing."""
    inc.writes([acme])
    answer = acme.writes([inc], subject="Re: Order 4711")
    assert (answer.ticket, answer.event) == (2, "wrote")
    gate.at(SUNDAY)
    gate.sends("remind", [acme, inc])


# -- D-27: what did not count


def test_one_letter_names_everything_that_is_missing(gate: Gate, agent: Person, inc: Person, acme: Person, buyer: Person) -> None:
    """D-27: all broken rules of one answer in one letter, sorted; and all three steps still come (worked example §7)."""
    agent.writes([acme], cc=[inc, buyer])
    answer = acme.writes([agent], subject="About [MG-1]")
    _misses(gate, acme, answer, "reply_all", "required_copy", "same_thread")
    gate.at(SUNDAY)
    gate.sends("remind", [acme, inc], n=1)


def test_complete_answer_after_an_incomplete_one_counts(gate: Gate, agent: Person, inc: Person, acme: Person) -> None:
    """D-27: the clock runs on until the complete one."""
    ask = agent.writes([acme], cc=[inc])
    _misses(gate, acme, acme.replies(ask), "required_copy")
    gate.later(hours=1)
    acme.replies_to_all(ask)
    assert gate.ticket().state == "answered"


# -- DR-10: who counts as the seller


@pytest.mark.parametrize("address", ["anna@acme.example", "joe@help.acme.example"])
def test_registered_addresses_answer_for_the_seller(gate: Gate, inc: Person, acme: Person, address: str) -> None:
    """DR-10: only registered addresses, an entry may be a whole domain."""
    assert acme.at(address).replies_to_all(inc.writes([acme])).event == "answered"


@pytest.mark.parametrize("address", ["intern@acme.example", "joe@sub.help.acme.example", "freelancer@mail.example"])
def test_others_of_the_thread_neither_stop_the_clock_nor_get_a_notice(
    gate: Gate, inc: Person, acme: Person, address: str
) -> None:
    """DR-10: a colleague who is not registered."""
    ask = inc.writes([acme], cc=[address])
    answer = Person(address, gate).replies(ask)
    assert answer.event not in ("answered", "noncompliant")
    assert gate.clock().running
