"""The links in our notices: each does what it says when its own reader sends the mail that it opens, and nothing else does."""

from __future__ import annotations

from functools import partial

import pytest
from exchange import Gate
from passage import Notice
from people import Person

from mailgate import mend

PACK = "clickbank"
CLOSE, AGREE, REVIEW = "Close the ticket", "Yes, I agree", "Ask the platform for a review"
REFUND, CANCEL, SUPPORT = (f"Turn it into a {one} request" for one in ("refund", "cancellation", "support"))


def _opened(gate: Gate, consumer: Person, vendor: Person, request: str = "support", subject: str = "A-77") -> Notice:
    consumer.states(subject, "It does not start.", Seller="shop", Request=request, Subscription="yes", Sale="2026-05-20T10:00")
    return gate.sends("mail_ticket_opened", [vendor, consumer])


def _stood_still(gate: Gate, number: int = 1) -> bool:
    one = gate.ticket(number)
    return (one.state, one.kind, one.facts["free"]) == ("open", "support", False)


@pytest.mark.parametrize(
    ("request_", "reader", "link", "event", "says"),
    [
        ("support", "consumer", CLOSE, "closed", "mail_ticket_closed"),
        ("support", "vendor", CLOSE, "closed", "mail_ticket_closed"),
        ("support", "consumer", REFUND, "changed", "mail_ticket_changed"),
        ("support", "consumer", CANCEL, "changed", "mail_ticket_changed"),
        ("support", "vendor", REFUND, "changed", "mail_ticket_changed"),
        ("support", "vendor", CANCEL, "changed", "mail_ticket_changed"),
        ("refund", "consumer", CLOSE, "closed", "mail_ticket_closed"),
        ("refund", "consumer", SUPPORT, "changed", "mail_ticket_changed"),
        ("refund", "consumer", AGREE, "consented", ""),
        ("refund", "vendor", CLOSE, "closed_unasked", "mail_ticket_closed"),
        ("refund", "vendor", SUPPORT, "changed_unasked", "mail_ticket_changed"),
        ("cancel", "consumer", SUPPORT, "changed", "mail_ticket_changed"),
    ],
)
def test_reader_follows_a_link_and_it_does_what_it_says(
    gate: Gate, consumer: Person, vendor: Person, request_: str, reader: str, link: str, event: str, says: str
) -> None:
    """C-07, C-09, C-15, C-36: the mail that a link opens, sent as it is, by its reader."""
    opened = _opened(gate, consumer, vendor, request_)
    who = {"consumer": consumer, "vendor": vendor}[reader]
    done = who.follows(opened.copy(who), link)
    assert (done.event, done.ticket) == (event, 1)
    assert done.settled is not None
    assert done.settled.level == "signed"
    if says:
        gate.sends(says, [vendor, consumer])
    gate.disregards()


def test_no_notice_offers_what_would_be_refused(gate: Gate, consumer: Person, vendor: Person) -> None:
    """C-56: support offers no change to support, a refund none to a cancellation; only the consumer may agree."""
    support, refund = _opened(gate, consumer, vendor), _opened(gate, consumer, vendor, "refund", "A-78")
    assert set(support.copy(consumer).links) == {CLOSE, REFUND, CANCEL}
    assert set(support.copy(vendor).links) == {CLOSE, REFUND, CANCEL}
    assert set(refund.copy(consumer).links) == {CLOSE, SUPPORT, AGREE}
    assert set(refund.copy(vendor).links) == {CLOSE, SUPPORT}


def test_other_partys_link_does_nothing_and_its_user_is_told(gate: Gate, consumer: Person, vendor: Person) -> None:
    """Trust: a link is its reader's own; the vendor who sends the consumer's gets one polite letter, and she hears nothing."""
    opened = _opened(gate, consumer, vendor)
    stolen = vendor.follows(opened.copy(consumer), REFUND)
    refused = gate.sends("command_refused", vendor)
    assert "may not give this command" in refused.said
    gate.again(stolen)
    gate.stays_silent()
    assert _stood_still(gate)


def test_stranger_with_a_link_does_nothing(gate: Gate, consumer: Person, vendor: Person, stranger: Person) -> None:
    """Trust: whoever a notice was forwarded to cannot act by it, and the parties are not bothered."""
    opened = _opened(gate, consumer, vendor)
    for link in opened.copy(consumer).links:
        stranger.follows(opened.copy(consumer), link)
    gate.disregards()
    assert {row.reader for _, row in gate.stage.sent} <= {vendor.address, consumer.address, stranger.address}
    assert len([row for _, row in gate.stage.sent if row.reader == consumer.address]) == 1
    assert _stood_still(gate)


def test_unproven_mail_from_its_reader_acts_all_the_same(gate: Gate, consumer: Person, vendor: Person) -> None:
    """Design §5: the signed address itself proves its reader; a broken SPF or DKIM does not take his link away."""
    opened = _opened(gate, consumer, vendor)
    assert consumer.follows(opened.copy(consumer), CLOSE, proven=False).event == "closed"
    gate.sends("mail_ticket_closed", [vendor, consumer])


def test_link_works_once(gate: Gate, consumer: Person, vendor: Person) -> None:
    """Design §5: what closes or moves money is single-use; a second try is refused, and nothing happens twice."""
    opened = _opened(gate, consumer, vendor)
    consumer.follows(opened.copy(consumer), REFUND)
    changed = gate.sends("mail_ticket_changed", [vendor, consumer])
    gate.later(hours=1)
    consumer.follows(changed.copy(consumer), SUPPORT)
    gate.sends("mail_ticket_changed", [vendor, consumer])
    gate.later(hours=1)
    consumer.follows(opened.copy(consumer), REFUND)
    assert "already used" in gate.sends("command_refused", consumer).said
    assert _stood_still(gate)


def test_links_of_two_notices_are_two_links(gate: Gate, consumer: Person, vendor: Person) -> None:
    """Design §5: a used link takes the same action of a later notice from nobody."""
    opened = _opened(gate, consumer, vendor)
    consumer.follows(opened.copy(consumer), CLOSE)
    closed = gate.sends("mail_ticket_closed", [vendor, consumer])
    consumer.replies(closed.copy(consumer), "Sorry, it is back.")
    again = gate.sends("mail_ticket_opened", [vendor, consumer])
    assert consumer.follows(again.copy(consumer), CLOSE).event == "closed"
    gate.sends("mail_ticket_closed", [vendor, consumer])


@pytest.mark.parametrize(("days", "event"), [(30, "referred"), (31, "commanded")])
def test_link_lasts_thirty_days(gate: Gate, consumer: Person, vendor: Person, platform: Person, days: int, event: str) -> None:
    """Design §5: an action expires after 30 days, and says so."""
    opened = _opened(gate, consumer, vendor)
    consumer.follows(opened.copy(consumer), CLOSE)
    closed = gate.sends("mail_ticket_closed", [vendor, consumer])
    gate.later(days=days)
    assert consumer.follows(closed.copy(consumer), REVIEW).event == event
    if event == "referred":
        gate.sends("refer_to_platform", platform)
    else:
        assert "expired" in gate.sends("command_refused", consumer).said


def test_link_acts_on_its_own_ticket_alone(gate: Gate, consumer: Person, vendor: Person) -> None:
    """Design §5: bound to ticket and party, in whatever thread its mail is sent."""
    _opened(gate, consumer, vendor)
    other = _opened(gate, consumer, vendor, subject="A-78")
    first = gate.mails[0]
    headers = {"In-Reply-To": f"<{first.message.message_id}>", "References": f"<{first.message.message_id}>"}
    done = consumer.follows(other.copy(consumer), CLOSE, headers=headers)
    assert done.ticket == 2
    gate.sends("mail_ticket_closed", [vendor, consumer])
    assert (gate.ticket(1).state, gate.ticket(2).state) == ("open", "closed")


def test_every_changed_character_takes_a_link_its_force(gate: Gate, consumer: Person, vendor: Person) -> None:
    """Design §5: 128 bits of HMAC; a forged address is no action, and the mail is read as any other of its author's."""
    opened = _opened(gate, consumer, vendor)
    local, _, host = _address(opened.copy(consumer), CLOSE).rpartition("@")
    for at in (local.index("+a") + 2, local.index(".") + 1, len(local) - 30, len(local) - 1, len(local) - 13):
        other = "b" if local[at] == "a" else "a"
        forged = consumer.follows(opened.copy(consumer), CLOSE, to=f"{local[:at]}{other}{local[at + 1 :]}@{host}")
        assert forged.event in ("replied", "opened")
    gate.disregards()
    assert _stood_still(gate)


def test_link_survives_capitals(gate: Gate, consumer: Person, vendor: Person) -> None:
    """Design §5: what a system on the way does to the case of a local part does not matter."""
    opened = _opened(gate, consumer, vendor)
    done = consumer.follows(opened.copy(consumer), CLOSE, to=_address(opened.copy(consumer), CLOSE).upper())
    assert done.event == "closed"
    gate.sends("mail_ticket_closed", [vendor, consumer])


def test_quoted_links_do_not_act(gate: Gate, consumer: Person, vendor: Person) -> None:
    """Design §5: a token in quoted text only locates; a reply that repeats the whole notice is a reply."""
    opened = _opened(gate, consumer, vendor)
    quoted = "\n".join(f"> {line}" for line in opened.copy(consumer).text.splitlines())
    assert consumer.replies(opened.copy(consumer), f"Thank you.\n\nOn Monday, ClickBank wrote:\n{quoted}").event == "replied"
    reply = gate.sends("mail_reply", [vendor, consumer])
    assert "mailto:" in reply.text
    assert _stood_still(gate)


@pytest.mark.parametrize(
    "headers",
    [
        {"Auto-Submitted": "auto-replied"}, {"X-Autoreply": "yes"}, {"Precedence": "auto_reply"},
        {"List-Id": "<all.shop.example>"},
    ],
)  # fmt: skip
def test_machines_that_write_to_a_link_do_nothing(gate: Gate, consumer: Person, vendor: Person, headers: dict[str, str]) -> None:
    """G-07: automatic replies and lists never act, and are never answered."""
    opened = _opened(gate, consumer, vendor)
    consumer.follows(opened.copy(consumer), CLOSE, headers=headers)
    gate.stays_silent()
    assert _stood_still(gate)


def test_link_of_a_merged_ticket_does_not_act_on_the_wrong_one(gate: Gate, consumer: Person, vendor: Person) -> None:
    """Design §5: bound to its ticket; what was merged into another is not closed under the old number, nor the other by it."""
    old = _opened(gate, consumer, vendor)
    _opened(gate, consumer, vendor, subject="A-78")
    gate.stage.store.call(partial(_merged, gate=gate))
    gate.disregards()
    late = consumer.follows(old.copy(consumer), REFUND)
    gate.disregards()
    assert gate.ticket(2).kind == "support"
    assert late.settled is not None
    assert late.settled.decision.refused


def _merged(connection: object, gate: Gate) -> None:
    mend.merge(connection, gate.stage.house, 1, 2, gate.now)  # type: ignore[arg-type]


def _address(notice: Notice, link: str) -> str:
    return notice.links[link].partition("?")[0].removeprefix("mailto:").replace("%2B", "+")
