"""Evidence as the store finds it: each kind through the whole path of a mail, in the right and in the wrong hands."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from itertools import count
from typing import Any

import pytest

from mailgate import mend
from mailgate.gateway import Settled
from mailgate.simulate.replay import Replay, answer, plain_house
from mailgate.simulate.stage import Stage, recycled
from mailgate.store import tickets

from .conftest import NOON

DESK, ANN, BOB, CARL, EVE = "support@shop.test", "ann@client.test", "bob@reseller.test", "carl@client.test", "eve@elsewhere.test"
ANSWER = "Thank you for your message, we are looking at the serial number now.\nPlease send us the log file of the machine."
ROOT = b64encode(bytes(range(22))).decode()
CHILD = b64encode(bytes(range(22)) + b"later").decode()
RELAY = "0100018f-5bc1-relayed"


@dataclass
class Talk:
    """A desk that threads and does nothing else."""

    replay: Replay
    days: float = 0
    _ids: Any = field(default_factory=count)

    def mail(self, author: str, subject: str = "Machine stopped", body: str = "It stopped.", **headers: str) -> Settled:
        """What became of a mail of `author` to the desk."""
        named = {
            "To": DESK,
            "Message-ID": f"<{next(self._ids)}.{author}>",
            **{k.replace("_", "-"): v for k, v in headers.items()},
        }
        lines = [f"From: {author}", f"Subject: {subject}", *(f"{name}: {value}" for name, value in named.items())]
        raw = "\r\n".join((*lines, "Content-Type: text/plain; charset=utf-8", "", body)).encode()
        return self.replay.mail(raw, NOON + timedelta(days=self.days))

    def answered(
        self, ticket: int | None, body: str = ANSWER, to: str = ANN, subject: str = "Re: Machine stopped"
    ) -> dict[str, str]:
        """What was stamped on an agent's answer."""
        assert ticket is not None
        raw = f"From: {DESK}\r\nTo: {ANN}\r\nCc: {BOB}\r\nSubject: Re: Machine stopped\r\n\r\n{body}\r\n".encode()
        return self.replay.sent(raw, ticket, f"250 Ok {RELAY}")


@pytest.fixture
def talk() -> Talk:
    """A desk with one ticket that Ann opened and an agent answered, with a copy to Bob."""
    house, desk = plain_house(DESK)
    return Talk(Replay(Stage(house, desk, recycled())))


@pytest.fixture
def opened(talk: Talk) -> tuple[int, dict[str, str]]:
    """The ticket's number and what was stamped on the answer."""
    number = talk.mail(ANN, Thread_Index=ROOT, Thread_Topic="Machine stopped").ticket
    assert number is not None
    return number, talk.answered(number)


def quoted(text: str = ANSWER) -> str:
    """A reply that quotes `text`."""
    return "Here it is.\n\n" + "\n".join(f"> {line}" for line in text.splitlines())


Stamped = dict[str, str]
CARRIERS: dict[str, Callable[[Stamped], dict[str, str]]] = {
    "token": lambda got: {"To": f"support+{got['plus']}@shop.test"},
    "message_id": lambda got: {"In_Reply_To": f"<{got['message_id']}>"},
    "relay_id": lambda got: {"References": f"<{RELAY}@email.relay.test>"},
    "reference": lambda got: {"References": "<0.ann@client.test>"},
    "broken_reference": lambda got: {"In_Reply_To": "<0.ann@client.t"},
    "body_token": lambda got: {"body": f"more\n> Ref: {got['token'].upper()}"},
    "subject_tag": lambda got: {"subject": f"RE: something else {got['tag'].lower()}"},
    "thread_index": lambda got: {"Thread_Index": CHILD, "Thread_Topic": "Machine stopped", "subject": "AW: Machine stopped"},
    "quote": lambda got: {"subject": "RES: Machine stopped", "body": quoted()},
}


def sent(talk: Talk, author: str, carried: dict[str, str]) -> Settled:
    """A mail of `author` with this evidence, under a subject that says nothing unless that is the evidence."""
    rest = {"subject": "something else", **carried}
    return talk.mail(author, rest.pop("subject"), rest.pop("body", "more"), **rest)


@pytest.mark.parametrize("kind", CARRIERS)
def test_each_kind_in_a_participants_hands(talk: Talk, opened: tuple[int, Stamped], kind: str) -> None:
    number, stamped = opened
    done = sent(talk, ANN, CARRIERS[kind](stamped))
    assert (done.match.evidence, done.ticket) == (kind, number)


@pytest.mark.parametrize("kind", CARRIERS)
def test_each_kind_in_a_strangers_hands(talk: Talk, opened: tuple[int, Stamped], kind: str) -> None:
    number, stamped = opened
    done = sent(talk, EVE, CARRIERS[kind](stamped))
    assert done.ticket != number
    assert (done.match.evidence, done.match.points_to) == (kind, number)


@pytest.mark.parametrize("kind", CARRIERS)
def test_each_kind_in_a_colleagues_hands(talk: Talk, opened: tuple[int, Stamped], kind: str) -> None:
    number, stamped = opened
    done = sent(talk, CARL, CARRIERS[kind](stamped))
    assert (done.ticket == number) == (kind in ("token", "message_id", "relay_id", "body_token"))


def test_whoever_was_written_to_is_a_participant(talk: Talk, opened: tuple[int, Stamped]) -> None:
    number, stamped = opened
    assert talk.mail(BOB, f"RV: Machine stopped {stamped['tag']}", "ok thanks").ticket == number


def test_an_ancestor_that_nobody_saw_is_shared(talk: Talk) -> None:
    first = talk.mail(ANN, "Screws", References="<lost@client.test>")
    second = talk.mail(ANN, "Bolts", References="<older@client.test> <lost@client.test>")
    assert (second.match.evidence, second.ticket) == ("unseen_reference", first.ticket)


def test_a_mail_that_was_named_before_it_came(talk: Talk) -> None:
    reply = talk.mail(ANN, "Re: Screws", In_Reply_To="<late@client.test>")
    late = talk.mail(ANN, "Screws", Message_ID="<late@client.test>")
    assert (late.match.evidence, late.ticket) == ("unseen_reference", reply.ticket)


@pytest.mark.parametrize("broken", ["0.ann@client.test", "<0.ann@client.test", "<0.ANN@CLIENT.TEST>", "<0.ann@clie"])
def test_ids_that_lost_their_marks_case_or_end(talk: Talk, opened: tuple[int, Stamped], broken: str) -> None:
    assert talk.mail(ANN, "something else", References=broken).ticket == opened[0]


@pytest.mark.parametrize("broken", ["<0.ann@other.test>", "<1@c>", "<0.ann>"])
def test_ids_of_which_too_little_is_left(talk: Talk, opened: tuple[int, Stamped], broken: str) -> None:
    assert talk.mail(ANN, "something else", References=broken).match.evidence == "none"


@pytest.mark.parametrize("named", ["<old-4711@client.test>", "<old-4711@client.te"])
def test_ids_of_old_mail_that_was_only_learned_are_no_evidence(talk: Talk, opened: tuple[int, Stamped], named: str) -> None:
    """They don't keep weaker evidence from being asked for, either."""
    talk.replay.stage.store.call(partial(tickets.learn, message_ids=["old-4711@client.test"]))
    done = talk.mail(ANN, "AW: Machine stopped", quoted(), References=named)
    assert (done.match.evidence, done.ticket) == ("quote", opened[0])


@pytest.mark.parametrize(
    ("index", "topic", "subject"),
    [
        (CHILD, "Another matter", "AW: Another matter"),
        (b64encode(bytes(22)).decode(), "Machine stopped", "Machine stopped"),
        ("not base64!", "Machine stopped", "Machine stopped"),
        (b64encode(b"short").decode(), "Machine stopped", "Machine stopped"),
    ],
)
def test_a_thread_index_needs_its_topic_and_its_root(
    talk: Talk, opened: tuple[int, Stamped], index: str, topic: str, subject: str
) -> None:
    assert talk.mail(ANN, subject, Thread_Index=index, Thread_Topic=topic).match.evidence == "none"


def test_a_quote_tells_two_tickets_of_one_subject_apart(talk: Talk, opened: tuple[int, Stamped]) -> None:
    second = talk.mail(ANN, body="The other one stopped too, the big one in the cellar.")
    assert second.ticket != opened[0]
    other = "We have asked the maker of the big one in the cellar and shall write again on Monday."
    talk.answered(second.ticket, other)
    assert talk.mail(ANN, "AW: Machine stopped", quoted(other)).ticket == second.ticket
    assert talk.mail(ANN, "Réf : Machine stopped", quoted()).ticket == opened[0]


def test_a_quote_of_both_is_a_doubt(talk: Talk, opened: tuple[int, Stamped]) -> None:
    talk.answered(talk.mail(ANN).ticket)
    done = talk.mail(ANN, "AW: Machine stopped", quoted())
    assert (done.match.evidence, done.match.ticket, done.match.review) == ("quote", None, True)


def test_a_reply_subject_alone_is_for_people_to_look_at(talk: Talk, opened: tuple[int, Stamped]) -> None:
    done = talk.mail(ANN, "AW: Machine stopped")
    assert (done.match.evidence, done.match.points_to, done.match.review) == ("subject", opened[0], True)
    assert answer(done, 1, talk.replay)["decision"] == "review"


@pytest.mark.parametrize("subject", ["Machine stopped", "Machine stopped 2", "Re: Order", "Re: machine broke"])
def test_the_same_or_another_subject_alone_says_nothing(talk: Talk, opened: tuple[int, Stamped], subject: str) -> None:
    talk.mail(ANN, "Order")
    assert talk.mail(ANN, subject).match.evidence == "none"


def test_a_subject_is_forgotten_after_a_month(talk: Talk, opened: tuple[int, Stamped]) -> None:
    talk.days = 31
    assert talk.mail(ANN, "AW: Machine stopped").match.evidence == "none"
    assert talk.mail(ANN, "AW: Machine stopped", quoted()).match.evidence == "quote"


def test_a_reply_subject_of_somebody_else_only_links(talk: Talk, opened: tuple[int, Stamped]) -> None:
    done = talk.mail(EVE, "Re: Machine stopped")
    assert (done.match.points_to, done.match.review) == (opened[0], False)
    told = answer(done, 1, talk.replay)
    assert (told["decision"], told["thread"]) == ("new", f"T{opened[0]}")


def test_another_desks_tag_is_known_of_the_author_who_wrote_it(talk: Talk, opened: tuple[int, Stamped]) -> None:
    talk.mail(BOB, "[Ticket#20417] Re: your request", In_Reply_To=f"<{opened[1]['message_id']}>")
    assert talk.mail(BOB, "[Ticket#20417] we are done").ticket == opened[0]
    assert talk.mail(ANN, "[Ticket#20417] we are done").match.evidence == "none"
    assert talk.mail(BOB, "[Ticket#20418] we are done").match.evidence == "none"


FORWARDED = """see below

---------- Forwarded message ---------
From: a@x.test
Date: Mon, 1 Jun 2026
Subject: x
To: b@x.test

hello"""


def test_a_forwarded_mail_opens_a_linked_ticket(talk: Talk, opened: tuple[int, Stamped]) -> None:
    done = talk.mail(ANN, "WG: Machine stopped", FORWARDED, In_Reply_To=f"<{opened[1]['message_id']}>")
    assert done.ticket != opened[0]
    assert (done.match.points_to, done.match.review) == (opened[0], True)
    again = talk.mail(ANN, "Re: WG: Machine stopped", FORWARDED, In_Reply_To=f"<{opened[1]['message_id']}>")
    assert again.ticket == opened[0]


@pytest.mark.parametrize("kind", ["token", "message_id", "reference", "body_token", "subject_tag", "thread_index", "quote"])
def test_whatever_names_a_merged_ticket_leads_to_the_other(talk: Talk, opened: tuple[int, Stamped], kind: str) -> None:
    number, stamped = opened
    into = talk.mail(ANN, "Another matter").ticket
    assert into is not None
    house, store = talk.replay.stage.house, talk.replay.stage.store
    store.call(partial(mend.merge, house=house, number=number, into=into, now=NOON))
    assert sent(talk, ANN, CARRIERS[kind](stamped)).ticket == into


def test_a_hundred_tickets_of_one_subject(talk: Talk, opened: tuple[int, Stamped]) -> None:
    """Only the newest are asked for, and the author's own first."""
    for n in range(100):
        talk.mail(f"user{n}@other{n}.test")
    assert talk.mail(ANN, "AW: Machine stopped", quoted()).ticket == opened[0]
