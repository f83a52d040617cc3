"""Tokens: what we sign comes back to us whole, and nothing else passes for it."""

from __future__ import annotations

from datetime import date, timedelta
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mailgate.mail.token import (
    LINK_OCTETS,
    Keys,
    action_address,
    body_token,
    bounce_address,
    mailto,
    message_id,
    read_action_address,
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
ACTIONS = ("close", "change.refund", "reopen", "refer")
DESK = "support@desk.example"
UNTIL = date(2026, 12, 31)
DAYS = st.dates(date(1970, 1, 1), date(4000, 1, 1))
TEXT = st.one_of(st.text(max_size=60), st.text("سلام ‌çé🙂\r\n\t+&=?%#\u2028\ud800", max_size=60))


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
    assert read_action_address(text, ACTIONS, KEYS) is None
    assert read_action_address(f"{text}@desk.example", ACTIONS, KEYS) is None


@given(NUMBER, st.sampled_from(ACTIONS), DAYS, st.integers(0, 10_000))
def test_an_action_address_comes_back_in_any_case(party: int, action: str, until: date, nonce: int) -> None:
    """It says who may do what and until when; local parts change their case on the way."""
    address = action_address(DESK, party, action, until, KEYS, nonce=nonce)
    assert len(address.partition("@")[0]) <= 64
    for seen in (address, address.upper(), address.title(), f" {address} "):
        found = read_action_address(seen, ACTIONS, KEYS)
        assert found is not None
        assert (found.party, found.action, found.expires, found.nonce) == (party, action, until, nonce)


@given(
    st.integers(0, 60),
    st.sampled_from([*"abcdefghijklmnopqrstuvwxyz0123456789.-+=@ é", "\u212a", "\u0131", "", "aa"]),
    st.booleans(),
)
@example(8, "\u212a", True)
def test_an_action_address_that_was_touched_is_nobodys(at: int, char: str, late: bool) -> None:
    """No character of the signed detail can be another, come twice or be missing."""
    address = action_address(DESK, 1042, "close", UNTIL, KEYS, nonce=3 if late else 0)
    start, end = address.index("+") + 1, address.index("@")
    at = start + at % (end - start)
    touched = address[:at] + char + address[at + 1 :]
    if touched != address:
        assert read_action_address(touched, ACTIONS, KEYS) is None


@given(NUMBER, NUMBER, st.permutations(ACTIONS), st.lists(st.integers(0, 5000), min_size=2, max_size=2, unique=True))
def test_an_action_is_for_one_person_one_act_one_day(one: int, other: int, acts: list[str], days: list[int]) -> None:
    """The signature of one address fits no other party, action, day or episode."""
    first, second = (UNTIL + timedelta(days=number) for number in days)
    mac = action_address(DESK, one, acts[0], first, KEYS).partition("@")[0].rpartition(".")[2]

    def forged(party: int, action: str, until: date, nonce: int) -> str:
        made = action_address(DESK, party, action, until, OLD, nonce=nonce)
        return f"{made.partition('@')[0].rpartition('.')[0]}.{mac}@desk.example"

    assert read_action_address(forged(one, acts[0], first, 0), ACTIONS, KEYS) is not None
    assert read_action_address(forged(one, acts[1], first, 0), ACTIONS, KEYS) is None
    assert read_action_address(forged(one, acts[0], second, 0), ACTIONS, KEYS) is None
    assert read_action_address(forged(one, acts[0], first, 1), ACTIONS, KEYS) is None
    assert one == other or read_action_address(forged(other, acts[0], first, 0), ACTIONS, KEYS) is None


def test_an_action_that_is_not_possible_is_not_read() -> None:
    """The caller says which names there are; a name that only shares the code does not pass either."""
    address = action_address(DESK, 7, "close", UNTIL, KEYS)
    assert read_action_address(address, ("reopen",), KEYS) is None
    assert read_action_address(address, (), KEYS) is None
    assert read_action_address(address, iter(ACTIONS), KEYS) is not None


def test_actions_with_one_code_are_told_apart_by_the_signature(monkeypatch: pytest.MonkeyPatch) -> None:
    """25 bits name an action; 128 bits decide."""
    monkeypatch.setattr("mailgate.mail.token._code", lambda action: "aaaaa")
    found = read_action_address(action_address(DESK, 7, "reopen", UNTIL, KEYS), ACTIONS, KEYS)
    assert found is not None
    assert found.action == "reopen"


def test_no_other_token_serves_as_an_action_nor_an_action_as_another() -> None:
    """Purposes are signed too."""
    action = action_address(DESK, 7, "close", UNTIL, KEYS)
    mac = action.partition("@")[0].rpartition(".")[2]
    assert read_reply_address(action, KEYS) is None
    assert read_reply_address(f"support+t42.7.{mac}@desk.example", KEYS) is None
    assert read_bounce_address(f"bounces+7.{mac}@desk.example", KEYS) is None
    reply = reply_address(DESK, 42, 7, KEYS)
    assert read_action_address(reply, ACTIONS, KEYS) is None
    mac = reply.partition("@")[0].rpartition(".")[2]
    assert read_action_address(f"{action.partition('@')[0].rpartition('.')[0]}.{mac}@desk.example", ACTIONS, KEYS) is None


def test_an_offer_is_used_up_under_one_name_whichever_key_signed_it() -> None:
    """Single use must survive a change of keys; another episode is another offer."""
    before = read_action_address(action_address(DESK, 7, "close", UNTIL, KEYS), ACTIONS, ROTATING)
    after = read_action_address(action_address("help@other.example", 7, "close", UNTIL, ROTATING), ACTIONS, ROTATING)
    again = read_action_address(action_address(DESK, 7, "close", UNTIL, KEYS, nonce=1), ACTIONS, KEYS)
    assert before is not None
    assert before == after
    assert again is not None
    assert again.digest != before.digest
    assert read_action_address(action_address(DESK, 7, "close", UNTIL, ROTATING), ACTIONS, KEYS) is None


def test_an_action_address_replaces_a_detail_and_refuses_what_it_cannot_say() -> None:
    """RFC 5321 §4.5.3.1.1: 64 octets; and days before 1970 have no number."""
    assert action_address("help+info@desk.example", 1, "close", UNTIL, KEYS).startswith("help+a1.")
    with pytest.raises(ValueError, match="too long"):
        action_address("a-very-long-name-for-a-desk@desk.example", 100_000, "close", UNTIL, KEYS)
    for party, until, nonce in ((-1, UNTIL, 0), (1, date(1969, 12, 31), 0), (1, date(9999, 1, 1), 0), (1, UNTIL, -1)):
        with pytest.raises(ValueError, match="cannot say"):
            action_address("h@desk.example", party, "close", until, KEYS, nonce=nonce)


def _opened(link: str) -> tuple[str, str, str]:
    """What a mail program makes of a mailto link (RFC 6068)."""
    parts = urlsplit(link)
    fields = parse_qs(parts.query, keep_blank_values=True, strict_parsing=True, errors="strict")
    return unquote(parts.path), fields["subject"][0], fields.get("body", [""])[0]


def test_a_link_opens_the_mail_that_was_meant() -> None:
    """RFC 6068 §2, §5: percent-encoded UTF-8, CRLF between the lines; + is encoded, some take it for a space."""
    link = mailto("help+a7.x@desk.example", "بستن درخواست MG-42", "سلام،\nلطفاً ببندید & تمام؟")
    assert link.startswith("mailto:help%2Ba7.x@desk.example?subject=%D8%A8%D8%B3%D8%AA%D9%86%20")
    assert "%0D%0A" in link
    assert _opened(link) == ("help+a7.x@desk.example", "بستن درخواست MG-42", "سلام،\r\nلطفاً ببندید & تمام؟")
    assert mailto("a@b.example", "Hi") == "mailto:a@b.example?subject=Hi"
    assert mailto("a@bücher.example", "").startswith("mailto:a@xn--bcher-kva.example?")


@given(TEXT, TEXT)
@example("", "\n" * 5000)
@example("ی" * 3000, "ی\n" * 3000)
def test_a_link_sets_only_subject_and_body(subject: str, body: str) -> None:
    """Whatever the text: ASCII, of bounded length, no other header field, no bare line end, no half character."""
    link = mailto("help+a7.x@desk.example", subject, body)
    assert link.isascii()
    assert link.isprintable()
    assert " " not in link
    assert len(link) <= LINK_OCTETS
    assert link.count("?") == 1
    assert link.count("&") <= 1
    assert link.count("=") <= 2
    address, said, lines = _opened(link)
    assert address == "help+a7.x@desk.example"
    assert not {"\r", "\n"} & set(said)
    assert "\r" not in lines.replace("\r\n", "")
    assert "\n" not in lines.replace("\r\n", "")


@pytest.mark.parametrize("address", ["", "nobody", "@desk.example", "a@", "a" * 1000 + "@b.example"])
def test_a_link_to_nobody_is_a_mistake_of_ours(address: str) -> None:
    """That would be our mistake, so it is loud."""
    with pytest.raises(ValueError, match="no address"):
        mailto(address, "x")


def test_keys_do_not_show_in_a_log() -> None:
    """A secret's repr says nothing."""
    assert "kkk" not in repr(KEYS)
