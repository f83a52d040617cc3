"""The guard from outside: a seller's mail program hands mail to a real daemon, which hands it on to a next hop of the test."""

from __future__ import annotations

import asyncio
import contextlib
import smtplib
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from nursery import Nursery
from running import DESK, HELPDESK, SELLER, Running, ask, does, house, mail, quiet, rows, sha256, until

BUYER = "buyer@mail.test"
ASK = mail(HELPDESK, SELLER, "ask", "Order 4711", cc=f"{DESK}, {BUYER}", text="Please send the tracking link.")
LACKING = mail(SELLER, BUYER, "answer", "Re: Order 4711", cc="", answers="ask")
WHOLE = mail(SELLER, BUYER, "answer", "Re: Order 4711", cc=HELPDESK, answers="ask")
PRIVATE = mail(SELLER, "friend@else.test", "private", "Lunch?", cc="", text=".\r\n..dots, and  spaces \r\n\ttoo")


@dataclass
class Beyond:
    """The next hop: what it was handed, what it answers (to an address, "." for the dot) instead of yes, what it does first."""

    says: dict[str, str] = field(default_factory=dict)
    taken: list[tuple[str | None, tuple[str, ...], bytes]] = field(default_factory=list)
    first: Callable[[bytes], object] | None = None
    port: int = 0

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:  # noqa: N802
        if address not in self.says:
            envelope.rcpt_tos.append(address)
        return self.says.get(address, "250 2.1.5 fine with me")

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        if self.first is not None:
            await asyncio.to_thread(self.first, envelope.original_content)
        if "." not in self.says:
            self.taken.append((envelope.mail_from, tuple(envelope.rcpt_tos), envelope.original_content))
        return self.says.get(".", "250 2.0.0 queued as 4F2")

    def last(self) -> tuple[str | None, tuple[str, ...], bytes]:
        """The newest mail: reverse path, forward paths, bytes."""
        return self.taken[-1]


@pytest.fixture
def beyond() -> Iterator[Beyond]:
    """A next hop that takes everything unless told otherwise."""
    made = Beyond()
    with socket.create_server(("127.0.0.1", 0)) as free:
        made.port = free.getsockname()[1]
    controller = Controller(made, "127.0.0.1", made.port)
    controller.start()
    yield made
    controller.stop()


@dataclass
class Shop:
    """A house with a guard whose seller has been asked something, through the guard as well."""

    directory: Path
    beyond: Beyond
    start: Callable[..., Running]
    daemon: Running

    def hands(self, raw: bytes, to: tuple[str, ...] = (BUYER,), sender: str = SELLER) -> str:
        """The guard's reply to this mail's dot."""
        with self.client() as client:
            client.ehlo()
            client.mail(sender)
            for one in to:
                client.rcpt(one)
            code, said = client.data(raw)
            return f"{code} {said.decode()}"

    def client(self) -> smtplib.SMTP:
        return self.daemon.client("guard")

    def ticket(self) -> dict[str, Any]:
        """The ticket of the ask, once nothing waits."""
        until(lambda: quiet(self.directory))
        (shown,) = ask(self.directory, "ticket", "show", "MG-1")
        return shown

    def clock(self) -> str:
        """How the seller's clock stands."""
        return str(self.ticket()["clocks"][0]["state"])

    def explained(self) -> str:
        until(lambda: quiet(self.directory))
        return does("explain", "1", "--config", str(self.directory))

    def notices(self) -> list[str]:
        """The notices about his answer, once nothing waits."""
        until(lambda: quiet(self.directory))
        return [row["notice"] for row in ask(self.directory, "outbox", "list") if row["ticket"] == "MG-1"]


@pytest.fixture
def shop(tmp_path: Path, nursery: Nursery, beyond: Beyond, request: pytest.FixtureRequest) -> Iterator[Shop]:
    """The guard in front of the next hop; `@guarding(...)` says what the desk wishes."""
    asked: dict[str, str] = getattr(request, "param", {})
    directory = house(tmp_path)
    desk = directory / "desks.toml"
    wishes = "".join(f'{name} = "{what}"\n' for name, what in asked.items())
    desk.write_text(desk.read_text() + f"\n[desk.support.guard]\n{wishes}")
    words = [
        "smarthost.url=maildir:outgoing", 'guard.listen=["127.0.0.1:0"]', f"guard.next_hop=smtp://127.0.0.1:{beyond.port}",
        'guard.networks=["127.0.0.1"]', 'trust.claimed_may=["add"]', 'trust.stranger_may=["add"]',
    ]  # fmt: skip

    def start(*more: str, **options: Any) -> Running:
        return nursery.start(directory, *words, *more, **options).wait_ready()

    made = Shop(directory, beyond, start, start())
    assert made.hands(ASK, (SELLER, BUYER), HELPDESK).startswith("250")
    until(lambda: made.daemon.lines("message.settled"))
    beyond.taken.clear()
    yield made
    if made.daemon.ended() is None:
        assert made.daemon.kill(15) == 0


def guarding(**wishes: str) -> Any:
    """[desk.support.guard] of this test."""
    return pytest.mark.parametrize("shop", [wishes], indirect=True, ids=["-".join(f"{one}={wishes[one]}" for one in wishes)])


def test_an_unrelated_mail_passes_byte_for_byte_and_is_not_kept(shop: Shop) -> None:
    """What is not our business goes through as it came, and nothing of it stays here."""
    assert shop.hands(PRIVATE, ("friend@else.test", "other@else.test")) == "250 2.0.0 queued as 4F2"
    assert shop.beyond.last() == (SELLER, ("friend@else.test", "other@else.test"), PRIVATE)
    line = shop.daemon.lines("guard.passed")[-1]
    assert (line["reply"], line["spool_id"]) == ("250 2.0.0 queued as 4F2", None)
    assert len(ask(shop.directory, "message", "list")) == 1


@guarding(required_copy="add")
def test_a_missing_copy_is_added_and_the_answer_counts(shop: Shop) -> None:
    """`add`: the helpdesk gets the mail and stands in Cc, so the reply keeps the rule (D-25)."""
    assert shop.hands(LACKING).startswith("250")
    sender, to, raw = shop.beyond.last()
    assert (sender, to) == (SELLER, (BUYER, HELPDESK))
    assert raw == LACKING.replace(b"\r\n\r\n", f"\r\nCc: {HELPDESK}\r\n\r\n".encode(), 1)
    assert shop.clock() == "stopped"
    assert "the guard put helpdesk@digistore24.com into Cc" in shop.explained()
    (line,) = shop.daemon.lines("guard.added")
    assert (line["ticket"], line["to"]) == (1, [HELPDESK])
    assert shop.notices() == []


@guarding(required_copy="add")
def test_a_copy_is_not_added_under_a_signature_that_covers_cc(shop: Shop) -> None:
    """A DKIM signature over Cc would break: the mail goes as it is, and the seller is written to."""
    signed = b"DKIM-Signature: v=1; d=example-seller.example; h=From:To:\r\n Cc:Subject; b=x\r\n" + LACKING
    assert shop.hands(signed).startswith("250")
    assert shop.beyond.last() == (SELLER, (BUYER,), signed)
    assert shop.clock() == "running"
    assert shop.notices() == ["notice_noncompliant"]


@guarding(required_copy="add")
def test_a_copy_is_not_added_where_only_the_subject_names_the_ticket(shop: Shop) -> None:
    """Without references nobody knows for sure that the mail belongs there: warn."""
    loose = mail(SELLER, BUYER, "loose", "Re: [MG-1] Order 4711", cc="")
    assert shop.hands(loose).startswith("250")
    assert shop.beyond.last()[1:] == ((BUYER,), loose)
    assert shop.notices() == ["notice_noncompliant"]


@guarding(required_copy="add")
def test_a_reader_whom_the_next_hop_does_not_take_is_not_added(shop: Shop) -> None:
    """The mail goes as it was written when the copy can't be delivered."""
    shop.beyond.says[HELPDESK] = "550 5.1.1 who is that"
    assert shop.hands(LACKING).startswith("250")
    assert shop.beyond.last() == (SELLER, (BUYER,), LACKING)
    assert shop.daemon.lines("guard.warned")[0]["rules"] == ["required_copy"]


def test_a_mail_that_lacks_the_copy_is_delivered_and_its_author_hears_of_it(shop: Shop) -> None:
    """`warn`, the default: the mail goes, the clock runs on, the usual notice follows (D-27)."""
    assert shop.hands(LACKING) == "250 2.0.0 queued as 4F2"
    assert shop.beyond.last() == (SELLER, (BUYER,), LACKING)
    assert shop.clock() == "running"
    assert shop.notices() == ["notice_noncompliant"]
    assert "the guard let through a mail that lacked required_copy" in shop.explained()


@guarding(required_copy="refuse")
def test_a_refused_mail_tells_what_to_do_and_was_never_said(shop: Shop) -> None:
    """`refuse`: 550 5.7.1 with the address to add; no next hop has it, no ticket, no notice; the whole one then counts."""
    with shop.client() as client:
        client.ehlo()
        client.mail(SELLER)
        client.rcpt(BUYER)
        assert client.data(LACKING) == (
            550, f"5.7.1 MG-1: this mail was not sent. Please put {HELPDESK} into Cc. Then send it again.".encode()
        )  # fmt: skip
        assert shop.beyond.taken == []
        client.mail(SELLER)
        client.rcpt(BUYER)
        client.rcpt(HELPDESK)
        assert client.data(WHOLE)[0] == 250
    assert shop.beyond.last()[1:] == ((BUYER, HELPDESK), WHOLE)
    assert shop.clock() == "stopped"
    assert shop.notices() == []
    assert "the guard refused a mail that lacked required_copy" in shop.explained()


@guarding(same_thread="refuse", reply_all="refuse")
def test_a_mail_to_the_customer_past_the_thread_is_judged_too(shop: Shop) -> None:
    """The one customer to whom he owes an answer: what he writes to her is his answer, outside the thread (D-24)."""
    aside = mail(SELLER, BUYER, "aside", "Your parcel", cc=HELPDESK)
    assert "use Reply on the mail that you answer" in shop.hands(aside, (BUYER, HELPDESK))
    assert shop.beyond.taken == []


@guarding(reply_all="refuse")
def test_a_mail_to_some_only_names_who_is_missing(shop: Shop) -> None:
    """Reply to all: everyone of the ask who is neither he nor a helpdesk (D-23)."""
    assert f"reply to all: {BUYER} must be in To or Cc" in shop.hands(
        mail(SELLER, HELPDESK, "some", "Re: Order 4711", cc="", answers="ask"), (HELPDESK,)
    )


def test_what_the_next_hop_refuses_was_never_said(shop: Shop) -> None:
    """Its reply is the client's reply, and the answer does not count."""
    shop.beyond.says["."] = "554 5.6.0 not today"
    assert shop.hands(WHOLE, (BUYER, HELPDESK)) == "554 5.6.0 not today"
    assert shop.clock() == "running"
    assert shop.ticket()["messages"] == 1
    assert rows(shop.directory, "SELECT state, reason, ticket FROM spool WHERE id > 1") == [
        ("settled", "not sent: 554 5.6.0 not today", None)
    ]
    assert "the next hop did not take" in shop.explained()


def test_each_recipient_is_the_next_hop_s_to_take(shop: Shop) -> None:
    """Its answers to RCPT are passed on one by one."""
    shop.beyond.says["gone@else.test"] = "550 5.1.1 moved away"
    with shop.client() as client:
        assert client.sendmail(SELLER, ["friend@else.test", "gone@else.test"], PRIVATE) == {
            "gone@else.test": (550, b"5.1.1 moved away")
        }
    assert shop.beyond.last() == (SELLER, ("friend@else.test",), PRIVATE)


def test_the_same_mail_by_another_door_is_one_message(shop: Shop) -> None:
    """Through the guard and as a copy: said once, seen twice; its author stays proven by the guard."""
    assert shop.hands(WHOLE, (BUYER, HELPDESK)).startswith("250")
    assert shop.daemon.sends(WHOLE)
    until(lambda: shop.daemon.lines("message.duplicate"))
    assert shop.ticket()["messages"] == 2
    assert shop.clock() == "stopped"
    assert rows(shop.directory, "SELECT door FROM sightings") == [("smtp",)]
    assert [row["sha256"] for row in ask(shop.directory, "message", "list")] == [sha256(ASK), sha256(WHOLE)]


def test_a_copy_that_comes_before_the_next_hop_s_word_waits_for_it(shop: Shop) -> None:
    """Who wrote it is proven by the guard, and not by the copy that overtook it: his answer counts."""
    shop.beyond.first = shop.daemon.sends
    assert shop.hands(WHOLE, (BUYER, HELPDESK)).startswith("250")
    until(lambda: shop.daemon.lines("message.duplicate"))
    assert shop.clock() == "stopped"
    assert shop.ticket()["messages"] == 2


@guarding(required_copy="refuse")
def test_an_author_of_another_domain_than_the_sender_proves_nothing(shop: Shop) -> None:
    """Whoever logged in may write any From: his mail passes, and neither refusal nor answer follows from it."""
    assert shop.hands(LACKING, sender="mallory@other.test").startswith("250")
    assert shop.clock() == "running"
    assert shop.notices() == []


def test_a_store_that_fails_lets_mail_through(shop: Shop) -> None:
    """What people send is worth more than what we know of it: passed, and told of."""
    shop.daemon.kill()
    shop.daemon = shop.start(raises="mailgate.guard:looked_at")
    assert shop.hands(LACKING) == "250 2.0.0 queued as 4F2"
    assert shop.beyond.last() == (SELLER, (BUYER,), LACKING)
    assert shop.daemon.lines("guard.unchecked")
    shop.daemon.kill()
    shop.daemon = shop.start(raises="mailgate.store.passage:begin")
    assert shop.hands(LACKING) == "250 2.0.0 queued as 4F2"
    assert shop.daemon.lines("guard.unchecked")


def test_mail_that_cannot_be_looked_at_waits_where_that_is_wished(shop: Shop) -> None:
    """`unchecked = "defer"`: 451, and the next hop has nothing."""
    shop.daemon.kill()
    shop.daemon = shop.start("guard.unchecked=defer", raises="mailgate.guard:looked_at")
    assert shop.hands(LACKING).startswith("451 4.3.0")
    assert shop.beyond.taken == []


@pytest.mark.parametrize(
    ("where", "when", "times"),
    [
        ("mailgate.store.passage:begin", "after", 1),
        ("mailgate.wire.guard_out:Hop.sends", "before", 1),
        ("mailgate.wire.guard_out:Hop.sends", "after", 2),
        ("mailgate.store.passage:taken", "after", 2),
        ("mailgate.guard:Guard._settled", "after", 2),
    ],
)
def test_a_daemon_that_dies_on_the_way_counts_the_mail_once(shop: Shop, where: str, when: str, times: int) -> None:
    """No answer, so its client sends again: the next hop may have it twice, the ticket has it once."""
    shop.daemon.kill()
    shop.daemon = shop.start(kill=(where, when, 1))
    with contextlib.suppress(smtplib.SMTPServerDisconnected, ConnectionError):
        shop.hands(WHOLE, (BUYER, HELPDESK))
    until(lambda: shop.daemon.ended() is not None)
    shop.daemon = shop.start()
    assert shop.hands(WHOLE, (BUYER, HELPDESK)).startswith("250")
    assert shop.clock() == "stopped"
    assert shop.ticket()["messages"] == 2
    assert len(shop.beyond.taken) == times


def test_nobody_but_those_named_may_use_it(shop: Shop) -> None:
    """Never an open relay: a client of another network hears 554 and no more."""
    shop.daemon.kill()
    shop.daemon = shop.start('guard.networks=["192.0.2.0/24"]')
    with pytest.raises(smtplib.SMTPConnectError, match="554"):
        shop.client()
