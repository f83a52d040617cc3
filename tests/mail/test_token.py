"""Tokens: what we sign comes back to us whole, and nothing else passes for it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailgate.mail.token import (
    Keys,
    body_token,
    bounce_address,
    message_id,
    read_body_tokens,
    read_bounce_address,
    read_message_id,
    read_reply_address,
    reply_address,
)

OLD = Keys(b"o" * 32)
KEYS = Keys(b"k" * 32)
ROTATING = Keys(b"n" * 32, previous=KEYS.current)
NUMBER = st.integers(0, 999_999)


@given(NUMBER, st.integers(0, 9999))
def test_a_reply_address_comes_back_in_any_case(ticket: int, party: int) -> None:
    """Local parts get lower-cased, and upper-cased, on the way."""
    address = reply_address("help@desk.example", ticket, party, KEYS)
    for seen in (address, address.lower(), address.upper(), f" {address} "):
        assert read_reply_address(seen, KEYS) == (ticket, party)
    assert len(address.partition("@")[0]) <= 64


def test_a_reply_address_that_was_touched_is_nobodys() -> None:
    """Another ticket, another party, a cut token or a foreign key do not pass."""
    address = reply_address("help@desk.example", 42, 7, KEYS)
    for forged in (
        address.replace("t42.", "t43."),
        address.replace(".7.", ".8."),
        address.replace("t42.", "t042."),
        address[:30] + address[31:],
        "help@desk.example",
        "+t42.7.@desk.example",
        "",
    ):
        assert read_reply_address(forged, KEYS) is None
    assert read_reply_address(address, OLD) is None


def test_a_reply_address_replaces_a_detail_and_refuses_a_long_local_part() -> None:
    """RFC 5321 §4.5.3.1.1: 64 octets."""
    assert reply_address("help+info@desk.example", 1, 1, KEYS).startswith("help+t1.1.")
    with pytest.raises(ValueError, match="too long"):
        reply_address("a-very-long-name-for-a-helpdesk@desk.example", 100_000, 1000, KEYS)


def test_two_keys_are_accepted_while_one_replaces_the_other() -> None:
    """Only the current key signs."""
    before = reply_address("help@desk.example", 42, 7, KEYS)
    after = reply_address("help@desk.example", 42, 7, ROTATING)
    assert read_reply_address(before, ROTATING) == read_reply_address(after, ROTATING) == (42, 7)
    assert read_reply_address(after, KEYS) is None


@given(st.lists(st.text(), max_size=5), NUMBER)
def test_a_message_id_is_the_same_for_the_same_notice(parts: list[str], ticket: int) -> None:
    """A notice that is sent twice must be recognised as one by the receiver."""
    first = message_id(parts, ticket, "Desk.example", KEYS)
    assert first == message_id(tuple(parts), ticket, "desk.example", KEYS)
    assert read_message_id(f"<{first}>", KEYS) == ticket
    assert read_message_id(first.upper(), KEYS) == ticket
    assert read_message_id(first.replace("@desk", "@disk"), KEYS) is None
    assert first.isascii()
    assert len(first) < 100


def test_the_parts_of_a_message_id_do_not_run_together() -> None:
    """("ab", "c") and ("a", "bc") are two notices."""
    assert message_id(("ab", "c"), 1, "x.example", KEYS) != message_id(("a", "bc"), 1, "x.example", KEYS)


def test_a_message_id_of_an_international_domain_is_ascii() -> None:
    """RFC 5322 §3.6.4, RFC 5890."""
    made = message_id(("a",), 0, "bücher.example", KEYS)
    assert made.endswith("@xn--bcher-kva.example")
    assert read_message_id(made, KEYS) == 0


@given(NUMBER)
def test_a_bounce_names_its_row(row: int) -> None:
    """Every notice has a return path of its own."""
    address = bounce_address(row, "desk.example", KEYS)
    assert read_bounce_address(address.upper(), KEYS) == row
    assert read_bounce_address(address, OLD) is None
    assert read_bounce_address(f"bounces+{row}@desk.example", KEYS) is None


def test_body_tokens_are_found_in_quotes_and_between_words() -> None:
    """In order, without doubles, whatever surrounds them."""
    text = f"> {body_token(42, KEYS)}\r\n({body_token(7, KEYS).upper()}), {body_token(42, KEYS)} {body_token(9, OLD)}"
    assert read_body_tokens(text, KEYS) == (42, 7)
    assert read_body_tokens("x" + body_token(42, KEYS), KEYS) == ()


def test_no_token_serves_for_another_purpose() -> None:
    """The MAC of a body token, which anybody may quote, opens no reply address."""
    mac = body_token(42, KEYS).split("-")[1]
    assert read_bounce_address(f"bounces+42.{mac}@desk.example", KEYS) is None
    assert read_reply_address(f"help+t42.0.{mac}@desk.example", KEYS) is None


@given(st.text(max_size=300))
def test_no_text_makes_a_reader_raise(text: str) -> None:
    """Addresses and ids come from strangers."""
    assert read_reply_address(text, KEYS) is None
    assert read_message_id(text, KEYS) is None
    assert read_bounce_address(text, KEYS) is None
    assert read_body_tokens(text, KEYS) == ()


def test_keys_do_not_show_in_a_log() -> None:
    """A secret's repr says nothing."""
    assert "kkk" not in repr(KEYS)
