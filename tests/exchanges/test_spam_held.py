"""Mail that a trusted relay's filter calls spam is held: no ticket, no notice; a person may let it go on (docs/rules.md G-16)."""

from __future__ import annotations

from functools import partial

import pytest
from exchange import RECEIVED, Gate
from passage import Notice
from people import Mail, Person

from mailgate import needs
from mailgate.desk.trust import spam_mark
from mailgate.gateway import Settled, tell
from mailgate.mail.message import Envelope, parse
from mailgate.store import spool

RELAY, OTHER = "192.0.2.9", "198.51.100.7"
FLAG = "X-Spam-Flag: YES"


@pytest.fixture(autouse=True)
def _behind_a_filter(gate: Gate) -> None:
    gate.at("2026-06-12T18:30")
    gate.trusts(RELAY, "mx.desk.example")


def comes(gate: Gate, mail: Mail, *heads: str, client: str = RELAY) -> Settled:
    """The mail comes from `client`, which wrote these headers on top."""
    passed = "Authentication-Results: mx.desk.example; dmarc=pass header.from=" + (mail.message.author or "").partition("@")[2]
    raw = "".join(f"{one}\r\n" for one in (*heads, passed, RECEIVED)).encode() + mail.raw
    envelope = Envelope("x@y.example", (gate.stage.desk.address,), gate.now, "smtp", client)
    gate.stage.store.call(partial(spool.put, arrivals=[(envelope, raw, None)]))
    return gate.takes_in_hand()


def told(gate: Gate, staff: Person) -> Notice:
    """The staff is told of what waits."""
    gate.stage.store.call(partial(needs.tell_desk, desk=gate.stage.desk, house=gate.stage.house, now=gate.now))
    gate.stage.deliver(gate.now)
    return gate.sends("needs_you", staff)


def test_spam_opens_nothing_and_tells_nobody(gate: Gate, inc: Person, acme: Person) -> None:
    """G-16: held, with the filter's reason, where `mailgate spool list --state held` shows it."""
    done = comes(gate, inc.writes([acme], unseen=True), FLAG)
    tell(done, 0.0)
    assert (done.state, done.ticket, done.reason) == ("held", None, "X-Spam-Flag")
    (row,) = gate.stage.store.read(partial(spool.listed, state="held"))
    assert (row["reason"], row["desk"]) == ("marked as spam: X-Spam-Flag", "desk")
    gate.later(days=5)
    gate.stays_silent()


@pytest.mark.parametrize("by", ["verb", "link"])
def test_released_spam_goes_on_as_if_it_had_just_come(gate: Gate, inc: Person, acme: Person, staff: Person, by: str) -> None:
    """`mailgate spool retry`, or the link: settled like other mail, from when it came (G-01), and not held again."""
    came = gate.now
    done = comes(gate, inc.writes([acme], unseen=True), FLAG)
    gate.later(hours=3)
    listed = told(gate, staff)
    assert '"Order 4711" helpdesk@digistore24.com (#1): a mail server marked it as spam' in listed.said
    if by == "link":
        staff.follows(listed, "Take it up after all: #1")
    else:
        gate.stage.store.call(partial(spool.retry, spool_ids=[done.spool_id]))
    after = gate.takes_in_hand()
    assert (after.state, after.event) == ("settled", "asked")
    assert gate.clock().started_at == came
    acme.replies(inc.writes([acme], unseen=True))
    gate.orders("no_answer_needed")
    gate.disregards()


@pytest.mark.parametrize(
    ("head", "held"),
    [
        (FLAG, True),
        ("X-Spam-Flag: NO", False),
        ("X-Spam-Status: Yes, score=8.1 required=5.0", True),
        ("X-Spam-Status: No, score=-1.2 required=5.0", False),
        ("X-Spam: Yes", True),
        ("X-Barracuda-Spam-Flag: YES", True),
        ("X-Gm-Spam: 1", True),
        ("X-Gm-Spam: 0", False),
        ("X-MS-Exchange-Organization-SCL: 5", True),
        ("X-MS-Exchange-Organization-SCL: 9", True),
        ("X-MS-Exchange-Organization-SCL: 1", False),
        ("X-MS-Exchange-Organization-SCL: -1", False),
        ("X-Forefront-Antispam-Report: CIP:1.2.3.4;CTRY:US;LANG:en;SCL:6;SRV:;SFV:SPM", True),
        ("X-Forefront-Antispam-Report: CIP:1.2.3.4;CTRY:US;LANG:en;SCL:1;SFV:NSPM", False),
        ("X-Spam-Level: *****", False),
        ("X-Spam-Score: 99", False),
    ],
)
def test_words_of_the_usual_filters(head: str, held: bool) -> None:
    """SpamAssassin, Rspamd, Amavis, Barracuda, Google, Microsoft; a bare score says nothing without its limit."""
    mail = parse(f"{head}\r\nFrom: a@b.example\r\n\r\nHello\r\n".encode())
    assert bool(spam_mark(mail.headers)) is held


def test_anybody_elses_word_does_not_hold_a_mail(gate: Gate, inc: Person, acme: Person) -> None:
    """G-16: only a relay of [trust] may say so; a header that came along from outside is nothing."""
    assert comes(gate, inc.writes([acme], unseen=True), FLAG, client=OTHER).state == "settled"


def test_local_socket_is_a_trusted_relay(gate: Gate, inc: Person, acme: Person) -> None:
    """Design §5: what hands mail over by a unix socket is our own mail system."""
    assert comes(gate, inc.writes([acme], unseen=True), FLAG, client="unix").state == "held"


def test_mail_that_was_settled_is_not_held_when_it_comes_once_more(gate: Gate, inc: Person, acme: Person, staff: Person) -> None:
    """G-07: the second way led through a filter; it is the same mail, and counts once."""
    ask = inc.writes([acme])
    assert comes(gate, ask, FLAG).state == "duplicate"
    gate.orders("no_answer_needed")
    gate.disregards()
