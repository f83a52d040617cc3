"""Addresses: identity is strict, reading is tolerant, comparing ignores what mail systems ignore."""

from __future__ import annotations

import time

import pytest

from mailgate.mail import address
from mailgate.mail.address import Mailbox
from mailgate.mail.message import parse


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("ann@shop.example", "ann@shop.example"),
        ("Ann <Ann@Shop.example>", "Ann@Shop.example"),
        ('"Shop, Support" <ann@shop.example>', "ann@shop.example"),
        ("ann@shop.example (Ann (at home))", "ann@shop.example"),
        ("=?utf-8?q?seller=40v=2Etest?= <x@shop.example>", "x@shop.example"),
        ("John Q. Public <j@shop.example>", "j@shop.example"),
        ("ann@shop.example <ANN@shop.example>", "ANN@shop.example"),
        ("زهرا <z@shop.example>", "z@shop.example"),
        ("seller@v.test<x@evil.test>", None),
        ("a@shop.example, b@shop.example", None),
        ("Shop, Inc <a@shop.example>", None),
        ("<a@shop.example> <b@evil.test>", None),
        ("team: a@shop.example;", None),
        ("<a(b)@shop.example>", None),
        ("<@relay.test:a@shop.example>", None),
        ('"open <a@shop.example>', None),
        ("a@shop.example\x00", None),
        ("\x1e a@shop.example", None),
        ("a@shop.example.", None),
        ("a@shop.ex\ufdfale", None),
        ("=?utf-8?q?@nn?= <a@shop.example>", None),
        ("=?x@y?q?z?= <a@shop.example>", None),
        ("Ann =?utf-8?Q?=2E <a_b@shop.example>", None),
        ('"Ann =?utf-8?Q?=2E" <a_b@shop.example>', None),
        ("=?utf-8?q?Ann?=xample@shop.example", None),
        ("=?utf-8?q?b=40v=2Etest?= [team] <a@shop.example>", None),
        ('"b@v.test"] <a@shop.example>', None),
        ('"b <c@v.test>" <a@shop.example>', None),
        ("a@shop.example (a@shop.example)", "a@shop.example"),
        ("a(@v.test)@shop.example", None),
        ("", None),
    ],
)
def test_author_is_exactly_one_mailbox_or_nobody(line: str, expected: str | None) -> None:
    """What two readers could understand differently is nobody (RFC 5322 §3.6.2)."""
    assert address.author([line]) == expected


def test_an_address_in_a_charset_that_we_guess_is_nobodys() -> None:
    """Whoever guesses another one sees another address; a name may be guessed."""
    assert parse(b"From: Ann\xd8 <a.l\xe2\x80\x8cee@shop.example>\n\n").author is None
    assert parse(b"From: Ann\xd8 <a@shop.example>\n\n").author == "a@shop.example"
    assert parse("From: Ann <é@shop.example>\n\n".encode()).author == "é@shop.example"


def test_a_fold_in_a_quoted_name_with_an_address_is_nobodys() -> None:
    """The standard library ends the name there, and finds the address in it; a fold elsewhere harms nobody."""
    assert parse(b'From: "b@v.test\r\n team" <a@shop.example>\r\n\r\n').author is None
    assert parse(b'From: "Ann,\r\n Lee" <a@shop.example>\r\n\r\n').author == "a@shop.example"
    assert parse(b'From: "b@v.test via us"\r\n <a@shop.example>\r\n\r\n').author == "a@shop.example"


def test_two_from_lines_are_nobody() -> None:
    """A mail with two authors' lines has no author."""
    assert address.author(["a@shop.example", "a@shop.example"]) is None


def test_mailboxes_read_groups_names_comments_and_broken_quotes() -> None:
    """People's addresses are found however their mailers wrote them."""
    lines = [
        'undisclosed:;, "B, C" <b@x.example>; =?utf-8?q?Jos=C3=A9=2C?= <c@x.example>',
        '"open <d@x.example>, e@x.example (Eve)',
    ]
    assert address.mailboxes(lines) == (
        Mailbox("B, C", "b@x.example"),
        Mailbox("José,", "c@x.example"),
        Mailbox("open", "d@x.example"),
        Mailbox("Eve", "e@x.example"),
    )


def test_a_bare_word_is_no_mailbox_but_a_bracketed_one_is() -> None:
    """MAILER-DAEMON in brackets is how some machines sign."""
    assert address.mailboxes(["postmaster, <MAILER-DAEMON>"]) == (Mailbox("", "MAILER-DAEMON"),)


def test_key_compares_what_is_the_same() -> None:
    """Case, composition and the way a domain is spelled do not make another address."""
    assert address.key("Ann@MÜNCHEN.example") == address.key("ann@xn--mnchen-3ya.example")
    assert address.key("cafe\u0301@x.example") == address.key("CAFÉ@x.example")
    assert address.key("a@straße.example") != address.key("a@strasse.example")


def test_plus_forms() -> None:
    """Everything behind the first + is detail (RFC 5233)."""
    assert address.untagged("Help+T1.2@Desk.example") == "help@desk.example"
    assert address.detail("Help+T1+x@desk.example") == "T1+x"
    assert address.detail("help@desk.example") is None


def test_patterns_match_an_address_or_exactly_a_domain() -> None:
    """A subdomain is another domain."""
    assert address.matches("a@shop.example", "@Shop.example")
    assert not address.matches("a@mail.shop.example", "@shop.example")
    assert address.matches("a@shop.example", "A@shop.example")


@pytest.mark.parametrize("text", ["a@b", "a.b+c@shop.example", "用户@例子.example", "o'neil@x.example"])
def test_addresses_of_people(text: str) -> None:
    """Dot-atoms, UTF-8 included, at a host."""
    assert address.is_address(text)


@pytest.mark.parametrize(
    "text", ["", "a", "@b", "a@", "a b@c.d", "a..b@c.d", "a@-c.d", "a@c..d", "x" * 65 + "@c.d", "a@c.d\n", "a@[1.2.3.4]"]
)
def test_what_is_no_address(text: str) -> None:
    """Lengths of RFC 5321 §4.5.3.1; no spaces, controls or literals."""
    assert not address.is_address(text)


@pytest.mark.parametrize("piece", ['"', "(", "<", "@.", "a,", "=?", ":", "(<", "\\", "a@b ", "=?a?q?"])
def test_hostile_lines_take_linear_time(piece: str) -> None:
    """A header of 200 KB is read in well under a second."""
    line = piece * (200_000 // len(piece))
    start = time.process_time()
    address.mailboxes([line])
    address.author([line])
    assert time.process_time() - start < 2
