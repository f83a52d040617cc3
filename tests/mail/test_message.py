"""A mail as a value: identity from the raw lines, bodies and attachments from the tree, never an exception."""

from __future__ import annotations

import hashlib
import time
import tracemalloc
import weakref
from datetime import timedelta

import pytest

from mailgate.mail import message
from mailgate.mail.message import once, parse
from mailgate.mail.tree import leaves

MIXED = (
    b"From: Ann <ann@shop.example>\r\nTo: help@desk.example\r\nCc: b@x.example\r\nCc: c@x.example\r\n"
    b"Subject: =?utf-8?q?Encomenda_n=C3?=\r\n =?utf-8?q?=A3o?= chegou\r\nDate: Mon, 2 Mar 2026 09:00:00 +0330\r\n"
    b"Message-ID: <1@shop.example>\r\nIn-Reply-To: <9@desk.example>\r\nReferences: <1@x.example>\r\n <9@desk.example>\r\n"
    b"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b1\r\n\r\npreamble\r\n--b1\r\n"
    b"Content-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nOl=E1=\r\n!\r\n--b1\r\n"
    b"Content-Type: text/html; charset=utf-8\r\n\r\n<p>x</p>\r\n--b1\r\n"
    b"Content-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n\r\naGk=\r\n--b1\r\n"
    b"Content-Type: message/rfc822\r\n\r\nMessage-ID: <old@x.example>\r\nContent-Type: multipart/mixed; boundary=b2\r\n\r\n"
    b"--b2\r\n\r\ninner\r\n--b2--\r\n\r\n--b1--\r\n"
)


def test_the_parts_of_an_ordinary_mail() -> None:
    """Text, HTML, an unnamed PDF and an attached mail, which stays whole."""
    mail = parse(MIXED)
    assert mail.text == "Olá!"
    assert mail.html == "<p>x</p>"
    assert [a.content_type for a in mail.attachments] == ["application/pdf", "message/rfc822"]
    assert mail.attachments[0].sha256 == hashlib.sha256(b"hi").hexdigest()
    assert mail.attachments[0].size == 2
    assert mail.attached_ids == ("old@x.example",)


def test_the_header_of_an_ordinary_mail() -> None:
    """Both Cc lines count; a word split inside a character is read; the sender's offset is kept."""
    mail = parse(MIXED)
    assert mail.author == "ann@shop.example"
    assert mail.addressed == ("help@desk.example", "b@x.example", "c@x.example")
    assert mail.subject == "Encomenda não chegou"
    assert mail.date is not None
    assert mail.date.utcoffset() == timedelta(hours=3, minutes=30)
    assert (mail.message_id, mail.in_reply_to, mail.references) == (
        "1@shop.example",
        ("9@desk.example",),
        ("1@x.example", "9@desk.example"),
    )
    assert mail.names == ("9@desk.example", "1@x.example")


def test_line_ends_do_not_change_a_mail() -> None:
    """CRLF, LF and CR say the same."""
    views = [parse(MIXED.replace(b"\r\n", end)) for end in (b"\r\n", b"\n", b"\r")]
    assert len({(v.text, v.html, v.subject, v.author, v.names, v.attached_ids) for v in views}) == 1


def test_ids_that_lost_their_brackets_are_read() -> None:
    """References of broken gateways name bare ids; prose in In-Reply-To does not hide an id."""
    mail = parse(b"References: a@x.example <b@x.example>\nIn-Reply-To: Your mail of Monday <c@x.example>\n\n")
    assert mail.references == ("a@x.example", "b@x.example")
    assert mail.in_reply_to == ("c@x.example",)


def test_undeclared_charsets_are_shown_as_declared_and_read_as_meant() -> None:
    """`text` keeps to the declaration; `readable` is for people."""
    mail = parse(b"Subject: Reclama\xe7\xe3o\n\nOl\xe1\n")
    assert mail.subject == "Reclamação"
    assert mail.text == "Ol\ufffd\n"
    assert mail.readable == "Olá\n"


def test_the_first_of_repeated_headers_counts_and_two_authors_are_none() -> None:
    """Repeating a line changes nobody's identity."""
    mail = parse(b"From: a@x.example\nFrom: b@x.example\nSubject: one\nSubject: two\nMessage-ID: <1@x>\nMessage-ID: <2@x>\n\n")
    assert mail.author is None
    assert (mail.subject, mail.message_id) == ("one", "1@x")


def test_an_id_in_brackets_of_its_own_is_taken_whole() -> None:
    """What stands between the first < and the next > is the id, even where an address in brackets is part of it."""
    mail = parse(b'Message-ID: <4T.9."Shop"<service@shop.example>>\n\n')
    assert mail.message_id == '4T.9."Shop"<service@shop.example'


def test_a_comment_before_the_zone_does_not_hide_the_zone() -> None:
    """Comments stand anywhere between the words of a date (RFC 5322 §3.2.2)."""
    date = parse(b"Date: Wed, 4 Mar 2026 10:00:00 (EST) -0500\n\n").date
    assert date is not None
    assert date.utcoffset() == timedelta(hours=-5)


@pytest.mark.parametrize("kind", ["text/calendar; method=REPLY", "text/enriched", "text/x-log", "application/ms-tnef"])
def test_what_is_neither_plain_text_nor_html_is_an_attachment(kind: str) -> None:
    """Nobody would see it otherwise: calendar replies, formatted text of other kinds, Outlook's winmail.dat."""
    part = b"\n--b\nContent-Type: " + kind.encode() + b"\n\nBEGIN\n--b--\n"
    mail = parse(b"Content-Type: multipart/mixed; boundary=b\n\n--b\n\nAccepted.\n" + part)
    assert mail.text == "Accepted.\n"
    assert [(one.content_type, one.size) for one in mail.attachments] == [(kind.partition(";")[0], 5)]


def test_a_content_type_without_its_semicolon_is_understood() -> None:
    """The parts of such a multipart are found, and so is the charset of such a text."""
    text = "Content-Type: text/plain charset=iso-8859-1\n\nol\u00e1".encode("latin-1")
    mail = parse(
        b'Content-Type: multipart/mixed\n\tboundary="b"\n\n--b\n' + text + b"\n--b\nContent-Type: image/png\n\nx\n--b--\n"
    )
    assert (mail.text, [one.content_type for one in mail.attachments]) == ("ol\u00e1", ["image/png"])


def test_parts_behind_the_closing_line_are_parts() -> None:
    """Two multiparts with one boundary, one in the other: the first closing line does not hide what follows (RFC 2046 §5.1.2)."""
    inner = b"--b\nContent-Type: multipart/alternative; boundary=b\n\n--b\n\nSee the file.\n--b--\n\n"
    mail = parse(
        b"Content-Type: multipart/mixed; boundary=b\n\n"
        + inner
        + b"--b\nContent-Type: application/zip; name=a.zip\n\nPK\n--b--\n"
    )
    assert mail.text == "See the file."
    assert [one.filename for one in mail.attachments] == ["a.zip"]


@pytest.mark.parametrize(
    "kind", ["multipart/mixed", 'multipart/mixed; boundary="other"', "multipart/mixed\n Content-Type: text/plain"]
)
def test_a_multipart_without_parts_is_shown_as_it_came(kind: str) -> None:
    """It has no text by the standard; people read what there is, below the lines that only programs need."""
    mail = parse(f"Content-Type: {kind}\n\n--b\nContent-Type: text/plain\n\nWhere is my parcel?\n".encode())
    assert mail.text is None
    assert mail.readable == "Where is my parcel?\n"


def test_a_damaged_line_of_uuencoding_costs_that_line_only() -> None:
    """The lines before and behind it are decoded, and the other parts stay what they are."""
    damaged = b"begin 644 a\n#86)C\n#\xff\xff\xff\n#9&5F\n`\nend\n"
    mail = parse(
        b"Content-Type: multipart/mixed; boundary=b\n\n--b\n\nhi\n--b\nContent-Type: image/png\n"
        b"Content-Transfer-Encoding: uue\n\n" + damaged + b"\n--b--\n"
    )
    assert [part.content for part in mail.parts] == [b"hi", b"abcdef"]


@pytest.mark.parametrize(
    "kind",
    ['multipart/signed; protocol="application/pgp-signature"', 'multipart/encrypted; protocol="application/pgp-encrypted"'],
)
def test_signed_and_encrypted_mail_keeps_every_part_to_the_byte(kind: str) -> None:
    """Seals and ciphers are attachments, byte for byte (RFC 1847); nothing is opened or checked."""
    parts = (
        b"--b\nContent-Type: application/pgp-encrypted\n\nVersion: 1\n--b\nContent-Type: image/x\n\n-----BEGIN PGP-----\r\nx \n\n"
    )
    mail = parse(b"Content-Type: " + kind.encode() + b"; boundary=b\n\n" + parts + b"--b--\n")
    assert [part.content for part in mail.parts] == [b"Version: 1", b"-----BEGIN PGP-----\r\nx \n"]
    assert mail.text is None


def test_file_names_are_decoded_and_cannot_mislead() -> None:
    """RFC 2231 and RFC 2047 names; direction marks and line breaks are taken out."""
    mail = parse(b"Content-Type: application/pdf; name*=utf-8''fatura%E2%80%AEfdp.exe\nContent-Disposition: attachment\n\nx")
    assert [a.filename for a in mail.attachments] == ["faturafdp.exe"]


def test_a_mail_sent_twice_has_one_fingerprint() -> None:
    """Trace lines and folding do not count, the body does."""
    again = b"Received: from x by y; now\r\n" + MIXED.replace(b"Cc: b@x.example", b"Cc:\r\n b@x.example")
    assert message.fingerprint(parse(MIXED)) == message.fingerprint(parse(again))
    assert message.fingerprint(parse(MIXED)) != message.fingerprint(parse(MIXED.replace(b"inner", b"other")))


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\n",
        b"\x00" * 100,
        b"no header at all",
        b"Content-Type: multipart/mixed\n\nno boundary",
        b"Content-Type: multipart/mixed; boundary=x\n\n--x\nContent-Type: multipart/mixed; boundary=y\n\n--x\n\nhi\n",
        b"Content-Type: multipart/mixed; boundary=x\n\nnothing of it\n",
        b"Content-Type: text/plain; charset=zlib_codec\n\nhi",
        b"Content-Type: text/plain; charset=\x00\n\nhi",
        b"Subject: =?utf-\x008?q?a?=\n\nhi",
        b'Content-Type: text/plain; charset="idna"\n\n' + b"a" * 5000,
        b"From: <\nTo: a@[\nMessage-ID: <[\nDate: 99 Foo\nReferences: <<>>\n\n",
        b"Content-Type: text/plain; charset*0*=utf-8''x; charset*1=y\n\nhi",
        b"Content-Transfer-Encoding: base64\n\n!!!!====",
        b"Content-Transfer-Encoding: x-uuencode\n\nbegin 644 a\n\xff\xff\xff\n",
    ],
)
def test_bad_mail_is_read_all_the_same(raw: bytes) -> None:
    """Every property of every mail has a value."""
    mail = parse(raw)
    for name in ("subject", "author", "from_", "to", "cc", "date", "names", "text", "readable", "html", "attachments", "defects"):
        getattr(mail, name)
    assert mail.raw == raw


BOMBS = {
    "nested": b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(3000)),
    "parts": b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\nx\n" * 50_000,
    "mails": b"Content-Type: message/rfc822\n\n" * 3000,
    "parameters": b"Content-Type: text/plain" + b";a=b" * 100_000 + b"\n\nx",
    "inner parameters": b"Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain"
    + b";a=b" * 50_000
    + b"\n\nx\n--b--",
    "continuations": b"Content-Disposition: attachment" + b"".join(b"; filename*%d=x" % n for n in range(20_000)) + b"\n\nx",
    "header lines": b"a:\n" * 500_000,
    "recipients": b"To: " + b"a@b.example, " * 50_000 + b"\n\nx",
    "ids": b"References: " + b"<a@b> " * 100_000 + b"\n\nx",
    "words": b"Subject: " + b"=?utf-8?q?a?= " * 20_000 + b"\n\nx",
    "folds": b"Subject: a" + b"\n b" * 100_000 + b"\n\nx",
}


@pytest.mark.parametrize("name", BOMBS)
def test_bombs_cost_less_than_a_second(name: str) -> None:
    """Limits are found before any parser sees the mail; what lies beyond them stays in `raw` only."""
    start = time.process_time()
    mail = parse(BOMBS[name])
    assert len(mail.addressed) <= 1000
    assert len(mail.names) <= 100
    assert mail.parts
    assert mail.subject is not None
    assert time.process_time() - start < 2


def test_limits_are_named_in_defects() -> None:
    """Whoever looks at such a mail is told which limit it broke."""
    assert "too_many_parts" in parse(BOMBS["parts"]).defects
    assert "too_deep" in parse(BOMBS["nested"]).defects
    assert "header_block_too_large" in parse(BOMBS["header lines"]).defects


def test_what_lies_between_the_parts_is_never_read_line_by_line() -> None:
    """A part of a million lines costs what one line of that size costs, and loses no byte."""
    body = b"\r\n" * 300_000 + b"--\r\n-- x\r\n" + b"y\n" * 50_000
    raw = b"Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/csv\n\n" + body + b"\n--b\n\nend\n--b--\n"
    mail = parse(raw)
    assert [part.content for part in mail.parts] == [body, b"end"]
    tree = mail._tree[0]
    assert tree is not None
    assert max(len(leaf._payload) for leaf in leaves(tree)) < 5000


def test_a_private_character_in_a_mail_is_no_mark_of_ours() -> None:
    """What stands for a stretch in the parser's text can not come out of a mail's bytes."""
    raw = "Content-Type: multipart/mixed; boundary=b\n\n--b\n\n\ue0000\ue000\n--b\n\n".encode() + b"x" * 5000 + b"\n--b--\n"
    assert [part.content for part in parse(raw).parts] == ["\ue0000\ue000".encode(), b"x" * 5000]


def test_parts_with_headers_of_a_thousand_lines_are_too_many() -> None:
    """What a parser would have to keep of each line is what counts, not the octets."""
    part = b"--b\n" + b"a:\n" * 5000 + b"\nx\n"
    mail = parse(b"Content-Type: multipart/mixed; boundary=b\n\n" + part * 20)
    assert "too_many_part_lines" in mail.defects
    assert len(mail.parts) < 20


@pytest.mark.parametrize("charset", ["utf-8", "cp1256", "iso-2022-jp"])
def test_of_a_long_text_one_mebioctet_is_read_and_none_of_it_garbled(charset: str) -> None:
    """Where it is cut no character is cut in two, and it says so."""
    text = {"utf-8": "سلام ", "cp1256": "سلام ", "iso-2022-jp": "配送\n"}[charset] * 300_000
    mail = parse(f"Content-Type: text/plain; charset={charset}\n\n".encode() + text.encode(charset))
    assert mail.readable is not None
    assert text.startswith(mail.readable)
    assert len(mail.readable.encode(charset)) > 1_000_000
    assert "text_too_long" in mail.defects


@pytest.mark.parametrize("piece", [b" ", b"= ", b"=", b" \n", b"=3D", b"\t "])
def test_hostile_quoted_printable_takes_linear_time(piece: bytes) -> None:
    """A run of a million spaces is looked at once."""
    start = time.process_time()
    parse(b"Content-Transfer-Encoding: quoted-printable\n\n" + piece * (1_000_000 // len(piece))).text  # noqa: B018
    assert time.process_time() - start < 2


def test_what_is_read_once_is_not_kept_beyond_its_message():
    """A cache would keep a mail of fifty MiB in memory until others come."""
    asked = []
    count = once(lambda message: asked.append(1))
    first = parse(b"Subject: a\r\n\r\nb\r\n")
    count(first)
    count(first)
    assert asked == [1]
    gone = weakref.ref(first)
    del first
    assert gone() is None


def test_large_attachment_is_read_where_it_lies() -> None:
    """R20: beside the mail there is what it decodes to, three quarters of it, and some megabytes on the way; no second copy."""
    part = b"\r\n--b1\r\nContent-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    mail = parse(MIXED.replace(b"\r\n--b1--", part + b"QUJD" * 6_000_000 + b"\r\n--b1--"))
    tracemalloc.start()
    try:
        assert mail.attachments[-1].size == 18_000_000
        assert tracemalloc.get_traced_memory()[1] < 1.6 * len(mail.raw)
    finally:
        tracemalloc.stop()


def test_an_id_stands_in_the_first_brackets_that_can_hold_one() -> None:
    """At most 998 characters, the outer of two that open; what never closes is looked at once."""
    for said, found in [
        ("<a> <b>", "a"),
        ("<<a>", "<a"),
        ("<> <b>", "b"),
        ("<" * 2000 + "a>", "<" * 997 + "a"),
        ("x <a", "x <a"),
    ]:
        assert parse(f"Message-ID: {said}\n\n".encode()).message_id == found
