"""T4: tokens are guessed or searched for. Every form of them is in tests/mail/test_token.py."""

from __future__ import annotations

import random
from datetime import date

import pytest
from exchange import Gate
from people import Person

from mailgate.mail import token
from mailgate.mail.token import Keys

KEYS = Keys(b"a key of this test")
ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"


def guesses(count: int) -> list[str]:
    rng = random.Random(4)
    return ["".join(rng.choices(ALPHABET, k=26)) for _ in range(count)]


def test_t04_no_guess_of_thousands_is_a_token() -> None:
    """128 bits: what is guessed offline is never one."""
    for mac in guesses(2000):
        assert token.read_reply_address(f"s+t1.1.{mac}@d.example", KEYS) is None
        assert token.read_bounce_address(f"bounces+1.{mac}@d.example", KEYS) is None
        assert token.read_message_id(f"mg.1.{mac}.{mac}@d.example", KEYS) is None
        assert token.read_body_tokens(f"MG-{mac}-1", KEYS) == ()


def test_t04_token_has_128_bits_and_they_all_count() -> None:
    """RFC 2104 §5: cut to no less; two tokens that differ in what they say share no prefix worth anything."""
    macs = [token.reply_address("s@d.example", ticket, 1, KEYS).partition("@")[0][-26:] for ticket in range(1, 400)]
    assert len(set(macs)) == len(macs)
    assert all(len({mac[place] for mac in macs}) == (32 if place < 25 else 8) for place in range(26))


def test_t04_every_changed_character_of_every_token_makes_it_none() -> None:
    """S02: a bit flipped anywhere."""
    forms = {
        token.reply_address("s@d.example", 7, 3, KEYS): lambda one: token.read_reply_address(one, KEYS),
        token.bounce_address(7, "d.example", KEYS): lambda one: token.read_bounce_address(one, KEYS),
        token.message_id(("x",), 7, "d.example", KEYS): lambda one: token.read_message_id(one, KEYS),
        token.action_address("s@d.example", 3, "close", date(2026, 7, 1), KEYS, nonce=5): lambda one: token.read_action_address(
            one, ["close", "open"], KEYS
        ),
    }
    for address, read in forms.items():
        right = read(address)
        assert right is not None
        for at in range(address.index("+") + 1 if "+" in address else 3, address.index("@")):
            for other in ("a", "7", ".", "-"):
                if other != address[at]:
                    forged = address[:at] + other + address[at + 1 :]
                    assert read(forged) is None, forged


@pytest.mark.parametrize("purpose", ["reply for action", "bounce for reply", "id for body"])
def test_t04_token_of_one_kind_is_none_of_another(purpose: str) -> None:
    """Design §8: each is signed for its purpose only."""
    if purpose == "reply for action":
        mac = token.reply_address("s@d.example", 7, 3, KEYS).partition("@")[0][-26:]
        assert token.read_action_address(f"s+a3.aaaaa.1.{mac}@d.example", ["close"], KEYS) is None
    elif purpose == "bounce for reply":
        mac = token.bounce_address(7, "d.example", KEYS).partition("@")[0][-26:]
        assert token.read_reply_address(f"s+t7.7.{mac}@d.example", KEYS) is None
    else:
        mac = token.message_id(("x",), 7, "d.example", KEYS).partition("@")[0][-26:]
        assert token.read_body_tokens(f"MG-{mac}-7", KEYS) == ()


def test_t04_who_guesses_hears_the_same_as_who_writes_nothing_special(gate: Gate, inc: Person, acme: Person) -> None:
    """A wrong token is no token: the same new ticket, the same silence, so that nothing tells a near miss from a far one."""
    inc.writes([acme])
    strangers = [f"tickets+t1.1.{mac}@desk.example" for mac in guesses(20)]
    told = len(gate.stage.sent)
    for number, to in enumerate(strangers):
        done = Person("guess@evil.example", gate).writes([to], subject=f"Try {number}", text=f"Attempt number {number}.")
        assert (done.event, done.evidence, done.ticket) == ("customer_wrote", "none", number + 2)
    assert {row.notice for _, row in gate.stage.sent[told:]} <= {"pass_on"}
    gate.orders("no_answer_needed")
    gate.disregards()
