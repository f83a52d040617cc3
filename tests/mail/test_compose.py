"""Composing: the bytes that leave carry exactly what we set, whatever strangers put into subjects, names and ids."""

from __future__ import annotations

import email
import email.policy
from dataclasses import replace
from datetime import UTC, datetime
from email.header import decode_header, make_header
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mailgate.mail.address import Mailbox
from mailgate.mail.attach import Attachment
from mailgate.mail.compose import Draft, compose, one_line

DRAFT = Draft(
    author=Mailbox("Megastore", "help@desk.example"),
    to=(Mailbox("Tom", "tom@gadgets.example"),),
    cc=(Mailbox("", "helpdesk@megastore.example"),),
    reply_to="help+t42.7.abc@desk.example",
    subject="[MG-42] Reminder 1 of 2: Where is my parcel?",
    text="Please answer.\n",
    html="<p>Please answer.</p>\n",
    message_id="mg.42.abc@desk.example",
    in_reply_to="ask@desk.example",
    references=("first@desk.example", "ask@desk.example"),
    date=datetime(2026, 6, 14, 22, 30, tzinfo=UTC),
    language="en",
    kind="remind",
)
NAMES = [
    "from",
    "to",
    "cc",
    "reply-to",
    "subject",
    "date",
    "message-id",
    "in-reply-to",
    "references",
    "auto-submitted",
    "precedence",
    "x-auto-response-suppress",
    "content-language",
    "x-mailgate-kind",
    "mime-version",
    "content-type",
]
SPICE = [
    "\r\nBcc: eve@evil.example",
    "\nBcc: eve@evil.example\n\nbody",
    "\r",
    "\n",
    "\0",
    "\u2028Bcc: x",
    "\u2029",
    "\x85",
    "\x0b",
    "\x0c",
    "\u202e",
    "\u2066",
    "\ud800",
    "\udcff",
    "=?utf-8?q?=0d=0aBcc:?=",
    "=?utf-8?b?DQpCY2M6IHg=?=",
    '"',
    "\\",
    "<x@y>",
    ",",
    ":",
    ";",
    "(",
    "é",
    "🙂",
    "ی",
    " " * 80,
    "a" * 1200,
]
HOSTILE = st.lists(st.one_of(st.sampled_from(SPICE), st.text(max_size=20)), max_size=8).map("".join)
MAILBOXES = st.lists(
    st.builds(
        Mailbox,
        HOSTILE,
        st.one_of(HOSTILE, st.sampled_from(["zé@b.example", "a@bücher.example", "=?utf-8?q?x?=@b.example"])),
    ),
    max_size=3,
).map(tuple)
FILES = st.lists(
    st.builds(
        Attachment,
        filename=HOSTILE,
        content_type=st.one_of(
            HOSTILE, st.sampled_from(["message/rfc822", "multipart/mixed", "text/csv", "image/png", "text/plain\r\nBcc: x"])
        ),
        content=st.binary(max_size=200),
        charset=st.one_of(st.none(), HOSTILE, st.sampled_from(["utf-8", "latin-1"])),
    ),
    max_size=3,
).map(tuple)


def _head(mail: bytes) -> list[bytes]:
    return mail.partition(b"\r\n\r\n")[0].split(b"\r\n")


def _names(mail: bytes) -> list[str]:
    return [line.partition(b":")[0].decode().lower() for line in _head(mail) if line[:1] not in b" \t"]


def _decoded(mail: bytes, name: str) -> str:
    return str(make_header(decode_header(email.message_from_bytes(mail)[name])))


def _unfolded(mail: bytes, name: str) -> str:
    return " ".join(email.message_from_bytes(mail)[name].split())


def _text(parsed: Any) -> str:
    return str(parsed.get_body(("plain",)).get_content()).replace("\r\n", "\n")


@settings(max_examples=300, deadline=None)
@given(
    subject=HOSTILE,
    name=HOSTILE,
    people=MAILBOXES,
    ids=st.lists(HOSTILE, max_size=30).map(tuple),
    words=HOSTILE,
    body=HOSTILE,
    files=FILES,
    data=st.binary(max_size=200),
)
@example(SPICE[0], SPICE[1], (), (SPICE[0],), SPICE[0], "\r\n--x\r\n", (), b"")
def test_nobody_outside_sets_a_header(
    subject: str,
    name: str,
    people: tuple[Mailbox, ...],
    ids: tuple[str, ...],
    words: str,
    body: str,
    files: tuple[Attachment, ...],
    data: bytes,
) -> None:
    """Only our header names, 7-bit, CRLF only, no line over 998 (RFC 5322 §2.1.1), whatever the mail brought."""
    hostile: dict[str, Any] = {
        "author": Mailbox(name, "help@desk.example"),
        "to": people,
        "cc": people,
        "reply_to": words,
        "subject": subject,
        "text": body,
        "html": body,
        "in_reply_to": words,
        "references": ids,
        "language": words,
        "kind": words,
        "automatic": words,
        "extra": (("X-Ticket", words),),
        "attachments": files,
        "data": data,
    }
    mail = compose(replace(DRAFT, **hostile))
    assert set(_names(mail)) <= {*NAMES, "x-ticket", "content-transfer-encoding"}
    assert len(_names(mail)) == len(set(_names(mail)))
    assert max(map(len, mail.split(b"\r\n"))) <= 998
    assert mail.replace(b"\r\n", b"").translate(None, b"\t") == bytes(
        octet for octet in mail.replace(b"\r\n", b"") if 32 <= octet < 127
    )
    assert mail == compose(replace(DRAFT, **hostile))
    parsed = email.message_from_bytes(mail)
    assert [key.lower() for key in parsed] == _names(mail)
    assert not [one.defects for one in parsed.walk() if one.defects]
    assert _decoded(mail, "Subject").split() == one_line(subject).split()


def test_a_plain_mail_reads_as_written() -> None:
    """Order and values of the header; text first, HTML second (RFC 2046 §5.1.4)."""
    mail = compose(DRAFT)
    assert _names(mail) == NAMES
    parsed: Any = email.message_from_bytes(mail, policy=email.policy.default)
    assert parsed["To"] == "Tom <tom@gadgets.example>"
    assert parsed["Date"].datetime == DRAFT.date
    assert parsed["X-Auto-Response-Suppress"] == "OOF, AutoReply"
    assert [part.get_content_type() for part in parsed.iter_parts()] == ["text/plain", "text/html"]
    assert _text(parsed) == DRAFT.text


@pytest.mark.parametrize("length", [60, 120, 300, 800])
def test_ids_leave_as_they_came_one_a_line(length: int) -> None:
    """Folded between ids, never inside and never as RFC 2047 words: readers compare them byte for byte."""
    ids = tuple(f"{number}-{'x' * length}@relay.example" for number in range(5))
    mail = compose(replace(DRAFT, references=ids, in_reply_to=ids[-1], message_id=ids[0]))
    assert _unfolded(mail, "References") == " ".join(f"<{one}>" for one in ids)
    assert _unfolded(mail, "In-Reply-To") == f"<{ids[-1]}>"
    assert _unfolded(mail, "Message-ID") == f"<{ids[0]}>"
    assert b"=?" not in mail.partition(b"\r\n\r\n")[0]


def test_of_many_references_the_first_and_the_newest_stay() -> None:
    """The root keeps the thread together, the newest place the mail in it."""
    ids = tuple(f"{number}@x.example" for number in range(60))
    shown = _unfolded(compose(replace(DRAFT, references=ids)), "References").split()
    assert shown[0] == "<0@x.example>"
    assert shown[1:] == [f"<{number}@x.example>" for number in range(41, 60)]


def test_an_id_that_no_header_can_carry_is_left_out() -> None:
    """Non-ASCII and spaces cannot be written (RFC 5322 §3.6.4), so they are not."""
    mail = compose(replace(DRAFT, references=("zé@x", "a b@x", "", "ok@x"), in_reply_to="é"))
    assert _unfolded(mail, "References") == "<ok@x>"
    assert "in-reply-to" not in _names(mail)


def test_quiet_sellers_get_no_machine_headers() -> None:
    """machine_headers = "quiet": Zendesk suspends what says that it is automatic."""
    names = _names(compose(replace(DRAFT, automatic="")))
    assert "auto-submitted" not in names
    assert "precedence" not in names
    assert "precedence" not in _names(compose(replace(DRAFT, precedence=False)))


def test_what_looks_encoded_is_shown_as_it_is() -> None:
    """A subject `=?utf-8?q?…?=` is somebody's text, not an instruction to the reader's mail program."""
    mail = compose(replace(DRAFT, subject="=?utf-8?q?=0d=0aBcc:_x?= hi"))
    assert _decoded(mail, "Subject") == "=?utf-8?q?=0d=0aBcc:_x?= hi"


@pytest.mark.parametrize("name", ["Ana", 'Ana "A" Souza', "Souza, Ana", "Zoë", "علی رضایی", "=?x?q?y?=", "a\\b", ""])
def test_display_names_come_back(name: str) -> None:
    """RFC 5322 §3.2.5, RFC 2047 §5."""
    parsed: Any = email.message_from_bytes(
        compose(replace(DRAFT, to=(Mailbox(name, "a@b.example"),))), policy=email.policy.default
    )
    (found,) = parsed["To"].addresses
    assert found.addr_spec == "a@b.example"
    assert found.display_name == name


def test_international_addresses_leave_without_smtputf8() -> None:
    """Domains as A-labels (RFC 5890); a non-ASCII local part as an empty group (RFC 6857 §3.1.8)."""
    to = (Mailbox("Zé", "zé@b.example"), Mailbox("", "a@bücher.example"))
    parsed: Any = email.message_from_bytes(compose(replace(DRAFT, to=to)), policy=email.policy.default)
    assert [one.addr_spec for one in parsed["To"].addresses] == ["a@xn--bcher-kva.example"]
    assert [group.display_name for group in parsed["To"].groups] == ["Zé zé@b.example", None]


def test_nobody_to_show_is_said() -> None:
    """RFC 5322 §3.6.3 allows no empty To."""
    assert b"\r\nTo: undisclosed-recipients:;\r\n" in compose(replace(DRAFT, to=(Mailbox("x", "no address"),)))


@pytest.mark.parametrize("name", ["Bcc", "bcc", "Content-Type", "Resent-To", "From", "X Y", "X:", "X-A\r\nBcc", ""])
def test_a_draft_may_not_add_a_header_of_another_meaning(name: str) -> None:
    """That would be our mistake, so it is loud."""
    with pytest.raises(ValueError, match="not a header"):
        compose(replace(DRAFT, extra=((name, "x"),)))


@pytest.mark.parametrize("change", [{"author": Mailbox("x", "nobody")}, {"message_id": "a b"}])
def test_a_draft_without_author_or_id_is_a_mistake_of_ours(change: dict[str, Any]) -> None:
    """RFC 5322 §3.6."""
    with pytest.raises(ValueError, match="author"):
        compose(replace(DRAFT, **change))


def test_a_boundary_in_the_text_does_not_cut_the_mail() -> None:
    """RFC 2046 §5.1.1: the boundary must not occur in a part; ours moves on."""
    mail = compose(DRAFT)
    boundary = email.message_from_bytes(mail).get_boundary()
    text = f"before\n--{boundary}--\nafter\n"
    parsed: Any = email.message_from_bytes(compose(replace(DRAFT, text=text)), policy=email.policy.default)
    assert _text(parsed) == text


@pytest.mark.parametrize(
    ("text", "encoding"),
    [("plain\n", "7bit"), ("Olá\n" + "x" * 40, "quoted-printable"), ("x" * 77, "quoted-printable"), ("سلام\n", "base64")],
)
def test_bodies_leave_as_seven_bits(text: str, encoding: str) -> None:
    """No next hop needs 8BITMIME."""
    parsed: Any = email.message_from_bytes(compose(replace(DRAFT, text=text)), policy=email.policy.default)
    assert parsed.get_body(("plain",))["Content-Transfer-Encoding"] == encoding
    assert _text(parsed).rstrip("\n") == text.rstrip("\n")
