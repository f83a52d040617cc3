"""A seller whose mail leaves by a provider's domain proves once that it is his (docs/security.md; design §5)."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest
from exchange import RECEIVED, Gate
from passage import Notice
from people import Mail, Person

from mailgate import gateway
from mailgate.config import shipped
from mailgate.desk import path
from mailgate.desk.pack import bind
from mailgate.events import captured
from mailgate.mail.message import Envelope
from mailgate.mail.results import read
from mailgate.store import paths, spool

RELAY = "192.0.2.9"
PATH = "helpdesks.example"
BY_PATH = f"dkim=pass header.d={PATH}; dmarc=fail header.from=acme.example"
BY_ANOTHER = "dkim=pass header.d=other-helpdesk.example"
QUESTION, YES = "prove_sender", "Yes, I send my mail this way"


@pytest.fixture(autouse=True)
def _from_friday(gate: Gate) -> None:
    gate.at("2026-06-12T18:30")
    gate.trusts(RELAY, "mx.desk.example")


def comes(gate: Gate, mail: Mail, results: str = BY_PATH, reverse_path: str | None = "x@y.example", to: str = "") -> Mail:
    """The mail comes by the relay, which found this; it was written to `to`, where that is an address of ours."""
    raw = f"Authentication-Results: mx.desk.example; {results}\r\n{RECEIVED}\r\n".encode() + mail.raw
    forward = (to or gate.stage.desk.address,)
    envelope = Envelope(reverse_path, forward, gate.now, "smtp", RELAY)
    gate.stage.store.call(partial(spool.put, arrivals=[(envelope, raw, None)]))
    return gate._settled(mail, gate.takes_in_hand())


def asked(gate: Gate, inc: Person, acme: Person, results: str = BY_PATH) -> tuple[Mail, Notice]:
    """The seller is asked something, his answer comes by the provider, and he is asked about the way it came."""
    ask = inc.writes([acme])
    answer = comes(gate, acme.replies(ask, unseen=True), results)
    assert (answer.event, gate.clock().state) == ("unproven", "running")
    return ask, gate.sends(QUESTION, acme)


def ends(gate: Gate, ticket: int = 1) -> None:
    """The rest of the story is of no interest."""
    gate.orders("no_answer_needed", ticket)
    gate.disregards()


def proves(gate: Gate, acme: Person, question: Notice, by: str = "word", results: str = BY_PATH) -> Mail:
    """He answers the letter by that path."""
    if by == "word":
        said = acme.replies(question, "YES", unseen=True)
    else:
        said = acme.follows(question, YES, unseen=True)
    return comes(gate, said, results, to=said.message.to[0].address)


def listed(gate: Gate) -> list[tuple[Any, ...]]:
    rows = gate.stage.store.read(partial(paths.listed, now=gate.now))
    return [(row["address"], row["path"], row["state"]) for row in rows]


@pytest.mark.parametrize("by", ["word", "link"])
def test_seller_who_answers_once_by_his_path_is_believed_by_it(gate: Gate, inc: Person, acme: Person, by: str) -> None:
    """Design §5: the letter goes to the address in question, and only who reads there and sends that way can answer it."""
    ask, question = asked(gate, inc, acme)
    with captured() as heard:
        done = proves(gate, acme, question, by)
        assert done.settled
        gateway.tell(done.settled, 0.0)
    assert done.event == "path_proven"
    assert gate.clock().state == "running"
    gate.sends("command_done", acme)
    assert listed(gate) == [("support@acme.example", f"dkim {PATH}", "proven")]
    (line,) = (one for one in heard if one["event"] == "path.proven")
    assert (line["seller"], line["path"], line["ticket"]) == ("acme", f"dkim {PATH}", 1)
    later = comes(gate, acme.replies(ask, unseen=True))
    assert later.settled
    assert (later.event, later.settled.level) == ("answered", "authenticated")


def test_letter_says_how_to_prove_and_nothing_of_the_mail(gate: Gate, inc: Person, acme: Person) -> None:
    """G-16: who never wrote reads no word that somebody else put into a mail in his name."""
    ask = inc.writes([acme])
    answer = comes(gate, acme.replies(ask, "Buy at evil.example!", unseen=True))
    question = gate.sends(QUESTION, acme)
    assert PATH in question.said
    assert "with the one word YES" in question.said
    assert list(question.links) == [YES]
    assert answer.canary not in question.said
    assert "evil.example" not in question.said
    ends(gate)


@pytest.mark.parametrize(
    "results", [BY_ANOTHER, "spf=pass smtp.mailfrom=b@helpdesks.example", "dkim=fail header.d=helpdesks.example"]
)
def test_other_path_is_worth_no_more_than_before(gate: Gate, inc: Person, acme: Person, results: str) -> None:
    """The proof is of this method and this domain."""
    ask, question = asked(gate, inc, acme)
    proves(gate, acme, question)
    assert comes(gate, acme.replies(ask, unseen=True), results).event == "unproven"
    assert gate.clock().running
    gate.disregards()


def test_other_address_of_the_seller_has_not_proven_it(gate: Gate, inc: Person, acme: Person) -> None:
    """The proof is of a pair: the provider has other customers."""
    ask, question = asked(gate, inc, acme)
    proves(gate, acme, question)
    gate.disregards()
    assert comes(gate, acme.at("anna@acme.example").replies(ask, unseen=True)).event == "unproven"
    gate.sends(QUESTION, acme.at("anna@acme.example"))
    assert gate.clock().running
    ends(gate)


def test_stranger_who_answers_the_letter_proves_nothing(gate: Gate, inc: Person, acme: Person, stranger: Person) -> None:
    """A link in other hands is worth nothing, by whatever path it comes."""
    _, question = asked(gate, inc, acme)
    said = stranger.follows(question, YES, unseen=True)
    comes(gate, said, to=said.message.to[0].address)
    assert [state for _, _, state in listed(gate)] == ["asked"]
    gate.disregards()


@pytest.mark.parametrize(
    "results", ["none", "dkim=pass header.d=amazonses.com", "spf=pass smtp.mailfrom=u1@eu-west-1.amazonses.com"]
)
def test_answer_that_comes_by_no_path_of_his_own_is_told_so(gate: Gate, inc: Person, acme: Person, results: str) -> None:
    """He clicked in his own mail program, say: the way of that mail proves nothing."""
    _, question = asked(gate, inc, acme)
    proves(gate, acme, question, "link", results)
    assert "did not come by a path that could be yours alone" in gate.sends("command_refused", acme).said
    assert [state for _, _, state in listed(gate)] == ["asked"]
    gate.disregards()


@pytest.mark.parametrize(
    "results",
    [
        "dkim=pass header.d=amazonses.com",
        "dkim=pass header.d=sendgrid.net; spf=pass smtp.mailfrom=b@em.sendgrid.net",
        "spf=pass smtp.mailfrom=someone@gmail.com; dkim=pass header.d=gmail.com",
        "dkim=pass header.d=evil-example.20230601.gappssmtp.com",
        "none",
    ],
)
def test_domain_by_which_anybody_sends_is_not_asked_about(gate: Gate, inc: Person, acme: Person, results: str) -> None:
    """Its other customers could send in the seller's name; and who has no path at all gets no letter (no backscatter)."""
    comes(gate, acme.replies(inc.writes([acme]), unseen=True), results)
    gate.stays_silent()
    ends(gate)


def test_one_letter_a_path_and_week_and_one_a_day(gate: Gate, inc: Person, acme: Person) -> None:
    """Forged mail by ten domains brings the seller one letter a day, and about none of them two in a week."""
    gate.under(respond_within="30d", remind_after=["29d"])
    ask = inc.writes([acme])
    for number in range(10):
        comes(gate, acme.replies(ask, unseen=True), f"dkim=pass header.d=helpdesk{number}.example")
        gate.later(minutes=5)
    gate.sends(QUESTION, acme)
    gate.stays_silent()
    gate.later(days=2)
    comes(gate, acme.replies(ask, unseen=True), "dkim=pass header.d=helpdesk0.example")
    gate.stays_silent()
    gate.later(days=6)
    comes(gate, acme.replies(ask, unseen=True), "dkim=pass header.d=helpdesk0.example")
    gate.sends(QUESTION, acme)
    ends(gate)


@pytest.mark.parametrize("how", ["null", "auto", "domain entry"])
def test_machine_and_nameless_address_are_not_asked(gate: Gate, inc: Person, acme: Person, how: str) -> None:
    """No letter to the null sender, to a responder, or to what an `@domain` of the directory merely covers."""
    ask = inc.writes([acme])
    if how == "auto":
        comes(gate, acme.auto_replies(ask, unseen=True))
    elif how == "null":
        comes(gate, acme.replies(ask, unseen=True), reverse_path=None)
    else:
        comes(gate, acme.at("anyone@help.acme.example").replies(ask, unseen=True))
    gate.stays_silent()
    ends(gate)


def test_unused_path_is_forgotten_and_used_one_is_not(gate: Gate, inc: Person, acme: Person) -> None:
    """Design §5: 180 days without a mail; each that counts begins them anew."""
    _, question = asked(gate, inc, acme)
    proves(gate, acme, question)
    ends(gate)
    for _ in range(2):
        gate.later(days=170)
        ask = inc.writes([acme], subject="Once more")
        assert comes(gate, acme.replies(ask, unseen=True)).event == "answered"
    gate.disregards()
    gate.later(days=181)
    late = comes(gate, acme.replies(inc.writes([acme], subject="Late"), unseen=True))
    assert late.event == "unproven"
    assert listed(gate)[0][2] == "expired"
    gate.sends(QUESTION, acme)
    gate.disregards()
    ends(gate, late.ticket)


def test_revoked_path_counts_no_more_and_is_not_asked_about(gate: Gate, inc: Person, acme: Person) -> None:
    """`mailgate seller revoke`; `--forget` lets it be proven anew."""
    ask, question = asked(gate, inc, acme)
    proves(gate, acme, question)
    gate.disregards()
    gate.stage.store.call(partial(paths.revoke, address="support@acme.example", path=f"dkim {PATH}", now=gate.now))
    gate.later(days=8)
    ask = inc.writes([acme], subject="Another")
    gate.disregards()
    assert comes(gate, acme.replies(ask, unseen=True)).event == "unproven"
    gate.stays_silent()
    proves(gate, acme, question, "link")
    assert listed(gate)[0][2] == "revoked"
    gate.stage.store.call(partial(paths.forget, address="support@acme.example", path=f"dkim {PATH}"))
    gate.disregards()
    comes(gate, acme.replies(ask, unseen=True))
    gate.sends(QUESTION, acme)
    ends(gate, ask.ticket)


def test_proven_path_never_ends_changes_or_pays() -> None:
    """Design §5: whatever [trust] gives to authenticated mail."""
    allowed = {"authenticated": ("add", "start", "stop", "close", "change", "request"), "claimed": ("add",)}
    assert path.allowed_by_path(allowed) == {"authenticated": ("add", "start", "stop"), "claimed": ("add",)}


@pytest.mark.parametrize(
    ("author", "results", "found"),
    [
        ("a@acme.example", "dkim=pass header.d=freshdesk.com; spf=pass smtp.mailfrom=b@acme.freshdesk.com",
         ("spf acme.freshdesk.com", "dkim freshdesk.com")),
        ("a@acme.example", "dkim=pass header.d=acme-example.20230601.gappssmtp.com",
         ("dkim acme-example.20230601.gappssmtp.com",)),
        ("a@acme.example", "dkim=pass header.d=acme.onmicrosoft.com", ("dkim acme.onmicrosoft.com",)),
        ("a@acme.example", "spf=pass smtp.mailfrom=b@u123.wl001.sendgrid.net", ("spf u123.wl001.sendgrid.net",)),
        ("a@acme.example", "dkim=pass header.d=mail.onmicrosoft.com.evil.example",
         ("dkim mail.onmicrosoft.com.evil.example",)),
        ("a@acme.example", "dkim=pass header.d=googlemail.com; dkim=pass header.d=mcsv.net", ()),
        ("a@acme.example", "spf=pass smtp.mailfrom=<>; dkim=pass header.d=com", ()),
    ],
)  # fmt: skip
def test_path_is_the_narrowest_that_one_customer_has(author: str, results: str, found: tuple[str, ...]) -> None:
    """A tenant's own name before his provider's; a wide domain only where what stands below it is one customer's."""
    line = read(f"mx.example; {results}")
    assert line is not None
    assert path.candidates(author, [line]) == found


@pytest.mark.parametrize("pack", ["clickbank", "madeiramadeira", "digikala", "amazonpay", "digistore24"])
def test_event_with_an_effect_needs_more_than_a_path(pack: str) -> None:
    """Every reaction of every pack that asks a system to do something, and whatever raises its event."""
    found = shipped.packs(Path("/nonexistent"), Path(), [])[pack]
    policy = bind(found.raw, {}, found.name)
    paying = {event for when in policy.when if when.effect for event in when.event}
    raising = {event for when in policy.when if when.raises in paying for event in when.event}
    assert all(path.moves_money(policy, event) for event in paying | raising)
    assert not any(path.moves_money(policy, event) for event in ("answered", "wrote"))
