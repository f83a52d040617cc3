"""Mail in a seller's name that is not his: every shape is stored, and the clock runs on (docs/security.md; design §5).

The seller was asked, and reminded. Then the forged mail comes by the relay that `[trust]` names, which did its work: it put its
Received on top of whatever the sender had written. At the end the seller himself answers, proven, and the clock stops.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import pytest
from exchange import RECEIVED, Gate
from passage import Notice
from people import Mail, Person, threaded

from mailgate.mail import token
from mailgate.mail.message import Envelope
from mailgate.store import spool

RELAY, OUTSIDE = "192.0.2.9", "203.0.113.9"
SELLER, EVIL = "support@acme.example", "x@evil.example"
OURS = "Authentication-Results: mx.desk.example; "
PASSED = f"{OURS}dmarc=pass header.from=acme.example"


@dataclass(frozen=True)
class Shape:
    """A forged mail: its From lines, what the relay wrote on top, what the sender wrote further down, and where it goes."""

    authors: tuple[str, ...] = (f"From: {SELLER}",)
    top: tuple[str, ...] = (f"{OURS}dmarc=fail header.from=acme.example",)
    below: tuple[str, ...] = ()
    to: str = "helpdesk@digistore24.com, tickets@desk.example"
    subject: str = "Re: Order 4711"
    body: str = "Here is the answer."
    client: str = RELAY
    reverse_path: str | None = EVIL
    mime: str = "text/plain; charset=utf-8"


@dataclass(frozen=True)
class Story:
    """What a forger may have got hold of: the question, the seller's reminder, and the copy of its other reader."""

    gate: Gate
    ask: Mail
    reminder: Notice
    others: Notice

    @property
    def reply_to(self) -> str:
        return self.reminder.message.reply_to[0].address

    def bytes_of(self, shape: Shape) -> bytes:
        ids = {"Message-ID": "<forged@evil.example>", **threaded(self.ask.message)}
        own = [f"{name}: {value}" for name, value in ids.items() if not any(one.startswith(name) for one in shape.below)]
        fixed = [f"To: {shape.to}", f"Subject: {shape.subject}", "MIME-Version: 1.0", f"Content-Type: {shape.mime}"]
        lines = [*shape.top, RECEIVED, *shape.below, *shape.authors, *fixed, *own, "", shape.body, ""]
        return "\r\n".join(lines).encode()

    def comes(self, shape: Shape) -> None:
        paths = ("tickets@desk.example", *([shape.to] if "+" in shape.to else ()))
        envelope = Envelope(shape.reverse_path, paths, self.gate.now, "smtp", shape.client)
        self.gate.stage.store.call(partial(spool.put, arrivals=[(envelope, self.bytes_of(shape), None)]))
        self.gate.takes_in_hand()


def by(*authors: str) -> Callable[[Story], Shape]:
    """Other From lines, and a proof that is good for what stands in the angle brackets."""
    top = (f"{OURS}dmarc=pass header.from=evil.example; dkim=pass header.d=evil.example",)
    return lambda story: Shape(authors=authors, top=top)


def named(**changes: object) -> Callable[[Story], Shape]:
    """The seller's own address in From, and something else that pretends to prove it."""
    return lambda story: Shape(**changes)  # type: ignore[arg-type]


SHAPES: dict[str, Callable[[Story], Shape]] = {
    # who wrote it
    "his address and nothing else": named(),
    "no results at all": named(top=()),
    "two From, his last": by(f"From: {EVIL}", f"From: {SELLER}"),
    "two From, his first": by(f"From: {SELLER}", f"From: {EVIL}"),
    "a From with a space before the colon": by(f"From : {SELLER}", f"From: {EVIL}"),
    "two addresses in one From": by(f"From: {SELLER}, {EVIL}"),
    "his address as a name": by(f"From: {SELLER} <{EVIL}>"),
    "his address as a quoted name": by(f'From: "{SELLER}" <{EVIL}>'),
    "his address glued to another": by(f"From: {SELLER}<{EVIL}>"),
    "two angle brackets": by(f"From: <{SELLER}> <{EVIL}>"),
    "his address in a comment": by(f"From: {EVIL} ({SELLER})"),
    "a comment inside the address": by("From: support(x@evil.example)@acme.example"),
    "his address as encoded words": by(f"From: =?utf-8?q?support=40acme=2Eexample?= <{EVIL}>"),
    "an encoded word for the address itself": by("From: =?utf-8?q?support=40acme=2Eexample?="),
    "a group": by(f"From: Acme: {SELLER};"),
    "a group with another": by(f"From: Acme: {SELLER}; {EVIL}"),
    "a source route": by(f"From: <@evil.example:{SELLER}>"),
    "a quoted local part": by(f'From: "{SELLER}"@evil.example'),
    "the percent hack": by("From: support%acme.example@evil.example"),
    "a Cyrillic letter in the domain": lambda story: Shape(
        authors=("From: support@\u0430cme.example",), top=(f"{OURS}dmarc=pass header.from=xn--cme-6cd.example",)
    ),
    "a Cyrillic letter in the name": lambda story: Shape(authors=("From: supp\u043ert@acme.example",), top=(PASSED,)),
    "a zero-width space": lambda story: Shape(authors=("From: support@acme\u200b.example",), top=(PASSED,)),
    "a dot at the end": named(authors=(f"From: {SELLER}.",)),
    "upper case": named(authors=(f"From: {SELLER.upper()}",)),
    "a +form of his address": named(authors=("From: support+x@acme.example",)),
    "a folded address": by("From: support@acme\r\n .example"),
    "no author": by("From: <>", "Sender: support@acme.example"),
    "From missing, Sender his": by(f"Sender: {SELLER}"),
    "his address in Reply-To": by(f"From: {EVIL}", f"Reply-To: {SELLER}"),
    "his address in Resent-From": by(f"From: {EVIL}", f"Resent-From: {SELLER}"),
    "his address in X-Original-From": by(f"From: {EVIL}", f"X-Original-From: {SELLER}"),
    "resent by another, proven": named(below=(f"Resent-From: {EVIL}",), top=(f"{OURS}dkim=pass header.d=evil.example",)),
    "another Sender, proven": named(below=(f"Sender: {EVIL}",), top=(f"{OURS}dkim=pass header.d=evil.example",)),
    "the null sender": named(reverse_path=None),
    "by a mailing list": named(below=("List-Id: <sellers.evil.example>",), top=(f"{OURS}dkim=pass header.d=evil.example",)),
    # what proves it
    "our host's word, from outside": named(top=(PASSED,), client=OUTSIDE),
    "our host's word, under its Received": named(top=(), below=(PASSED,)),
    "under a Received that names our relay": named(
        top=(), below=("Received: from h (h [192.0.2.9]) by mx.desk.example; x", PASSED)
    ),
    "another host's word": named(top=("Authentication-Results: mx.evil.example; dmarc=pass header.from=acme.example",)),
    "a host that is called nearly like ours": named(top=(PASSED.replace("mx.desk.example", "mx.desk.example.evil.example"),)),
    "our host's name in a comment": named(
        top=("Authentication-Results: mx.evil.example (mx.desk.example); dmarc=pass header.from=acme.example",)
    ),
    "a sealed chain": named(below=("ARC-Authentication-Results: i=1; mx.desk.example; dmarc=pass header.from=acme.example",)),
    "a signature that nobody checked": named(below=("DKIM-Signature: v=1; a=rsa-sha256; d=acme.example; s=s1; bh=x; b=x",)),
    "Received-SPF": named(below=(f"Received-SPF: pass client-ip=1.2.3.4; envelope-from={SELLER}",)),
    "a signature of a domain that begins like his": named(top=(f"{OURS}dkim=pass header.d=acme.example.evil.example",)),
    "a signature of a domain that ends like his": named(top=(f"{OURS}dkim=pass header.d=notacme.example",)),
    "a signature of the domain above": named(top=(f"{OURS}dkim=pass header.d=example",)),
    "a return path that plays result": named(
        top=(f'{OURS}spf=fail (domain of "a); dmarc=pass header.from=acme.example ("@evil.example)',),
    ),
    "a return path with his address quoted": named(top=(f'{OURS}spf=pass smtp.mailfrom="{SELLER}"@evil.example',)),
    # ids and tokens
    "a copy of our id": lambda story: Shape(below=(f"Message-ID: <{story.reminder.message.message_id}>",)),
    "an id that looks like ours": named(below=(f"Message-ID: <mg.1.{'a' * 26}.{'a' * 26}@desk.example>",)),
    "our id in References": lambda story: Shape(below=(f"References: <{story.reminder.message.message_id}>",)),
    "our tag": named(subject="Re: [MG-1] Order 4711"),
    "our token in a quotation": lambda story: Shape(body=f"> {token.body_token(1, story.gate.stage.house.keys)}"),
    "our reply address in a quotation": lambda story: Shape(body=f"Answer.\r\n\r\n> Reply-To: {story.reply_to}"),
    "our reply address in the subject": lambda story: Shape(subject=f"Re: {story.reply_to}"),
    "our reply address with another letter": lambda story: Shape(to=story.reply_to.replace("+t1.", "+t1.9")),
    "another reader's reply address": lambda story: Shape(to=story.others.message.reply_to[0].address),
    "his reply address in a stranger's hands": lambda story: Shape(authors=(f"From: {EVIL}",), to=story.reply_to),
    "his reply address in his colleague's name": lambda story: Shape(authors=("From: anna@acme.example",), to=story.reply_to),
    "a link that nobody made": named(to=f"tickets+a1.abcde.100.{'a' * 26}@desk.example"),
    "his own mail attached": lambda story: Shape(
        authors=(f"From: {EVIL}",), mime="message/rfc822", body=f"{PASSED}\r\nFrom: {SELLER}\r\n\r\nHere is the answer."
    ),
}  # fmt: skip


@pytest.fixture
def story(gate: Gate, inc: Person, acme: Person) -> Story:
    """Friday the question, Sunday the reminder: the clock has a day left."""
    gate.trusts(RELAY, "mx.desk.example")
    gate.at("2026-06-12T18:30")
    ask = inc.writes([acme])
    gate.at("2026-06-14T18:30")
    reminder = gate.sends("remind", [acme, inc])
    return Story(gate, ask, reminder, reminder.copy(inc))


@pytest.mark.parametrize("shape", SHAPES)
def test_forged_mail_stops_no_clock_and_the_sellers_own_does(story: Story, acme: Person, shape: str) -> None:
    """Design §5: whoever only names the seller may add. Nobody hears of it but the desk's people, and the seller himself, who is
    asked whether he sends by the domain that did sign."""
    gate, before = story.gate, story.gate.clock()
    heard = len(gate.stage.sent)
    story.comes(SHAPES[shape](story))
    assert (gate.clock().state, gate.clock().due, gate.ticket().state) == ("running", before.due, "waiting")
    told = {(row.notice, row.reader) for _, row in gate.stage.sent[heard:] if row.reader not in gate.stage.desk.staff}
    assert told <= {("prove_sender", SELLER)}
    gate.disregards()
    answer = acme.replies_to_all(story.reminder, unseen=True)
    assert gate.comes_by(RELAY, answer, PASSED.partition(": ")[2]).event == "answered"
    assert gate.clock().state == "stopped"
    gate.disregards()


@pytest.mark.parametrize("author", [SELLER, SELLER.upper(), f"Acme <{SELLER}>"])
def test_the_same_mail_with_our_hosts_word_on_top_stops_the_clock(story: Story, author: str) -> None:
    """What the shapes lack is the proof alone."""
    story.comes(Shape(authors=(f"From: {author}",), top=(PASSED,)))
    assert story.gate.ticket().state == "answered"
    story.gate.disregards()


def test_there_are_forty_shapes_and_more() -> None:
    """The list is what the security page promises."""
    assert len(SHAPES) >= 40
