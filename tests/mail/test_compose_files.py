"""Composing with files: names and bytes come back as they went, behind the same two bodies."""

from __future__ import annotations

import email
import email.policy
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import collapse_rfc2231_value
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from mailgate.mail.address import Mailbox
from mailgate.mail.attach import Attachment, file_name
from mailgate.mail.compose import Draft, compose

DRAFT = Draft(
    author=Mailbox("Megastore", "help@desk.example"),
    to=(Mailbox("Tom", "tom@gadgets.example"),),
    cc=(),
    reply_to="help+t42.7.abc@desk.example",
    subject="[MG-42] Where is my parcel?",
    text="Please answer.\n",
    html="<p>Please answer.</p>\n",
    message_id="mg.42.abc@desk.example",
    in_reply_to=None,
    references=(),
    date=datetime(2026, 6, 14, 22, 30, tzinfo=UTC),
    language="en",
    kind="reply",
)
NAMED = st.one_of(
    st.text(min_size=1, max_size=150),
    st.text("فاکتور‌یک ۱۲۳é(){}[]'%;=,*&#!+~$@ .", min_size=1, max_size=150),
).map(file_name)


def _files(mail: bytes) -> list[tuple[str, str, bytes]]:
    """Name, type and bytes of each file, as the standard library reads them; both of its readers must agree."""
    parsed: Any = email.message_from_bytes(mail, policy=email.policy.default)
    found = [(one.get_filename(), one.get_content_type(), one.get_payload(decode=True)) for one in parsed.iter_attachments()]
    old = [one for one in email.message_from_bytes(mail).walk() if one.get_content_disposition() == "attachment"]
    assert [collapse_rfc2231_value(one.get_param("filename", header="content-disposition")) for one in old] == [
        name for name, _, _ in found
    ]
    return found


def test_files_are_attached_under_harmless_names() -> None:
    """No paths, no control characters; a mail goes as a plain file (RFC 2046 §5.2.1); octets unchanged."""
    files = (
        Attachment("../../é\r\nx.csv", "text/csv", b"a;\xe9\n", "latin-1"),
        Attachment("", "message/rfc822", b"From: a@b\n\nx\xff"),
        Attachment("C:\\temp\\.hidden", "nonsense", b"\0\1"),
        Attachment("mailgate.json", "application/json", b"{}"),
    )
    mail = compose(replace(DRAFT, attachments=files))
    assert _files(mail) == [
        ("é x.csv", "text/csv", b"a;\xe9\n"),
        ("message.eml", "application/octet-stream", b"From: a@b\n\nx\xff"),
        ("hidden", "application/octet-stream", b"\0\1"),
        ("_mailgate.json", "application/json", b"{}"),
    ]
    parsed: Any = email.message_from_bytes(mail, policy=email.policy.default)
    assert next(parsed.iter_attachments()).get_content_charset() == "latin-1"


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(NAMED.filter(bool), st.binary(max_size=3000)), min_size=1, max_size=4), st.booleans())
@example([("a" * 116 + ".pdf", b""), ("ی" * 116 + ".pdf", b"\r\n.\r\n--x")], True)
def test_files_come_back_with_their_names_and_bytes(files: list[tuple[str, bytes]], with_data: bool) -> None:
    """RFC 2231 names and base64 of any length: a reader gets what we put in, behind both bodies and in our order."""
    attachments = tuple(Attachment(name, "image/png", content) for name, content in files)
    data = b'{"v":1}' if with_data else b""
    mail = compose(replace(DRAFT, attachments=attachments, data=data))
    signed = [("mailgate.json", "application/json", data)] if with_data else []
    assert _files(mail) == [(name, "image/png", content) for name, content in files] + signed
    parsed: Any = email.message_from_bytes(mail, policy=email.policy.default)
    assert parsed.get_content_type() == "multipart/mixed"
    first = next(parsed.iter_parts())
    assert first.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in first.iter_parts()] == ["text/plain", "text/html"]
    assert str(parsed.get_body(("plain",)).get_content()).replace("\r\n", "\n") == DRAFT.text
    assert max(map(len, mail.split(b"\r\n"))) <= 78


def test_data_for_machines_comes_last_and_alone_with_a_text() -> None:
    """A mail of our own to a machine still says to people what it is about."""
    mail = compose(replace(DRAFT, html="", data='{"a":"é"}'.encode()))
    parsed: Any = email.message_from_bytes(mail, policy=email.policy.default)
    assert [part.get_content_type() for part in parsed.iter_parts()] == ["text/plain", "application/json"]
    assert _files(mail) == [("mailgate.json", "application/json", '{"a":"é"}'.encode())]
    assert compose(replace(DRAFT, data=b"")) == compose(DRAFT)


def test_a_boundary_in_a_file_does_not_cut_the_mail() -> None:
    """A file that holds a whole mail of ours comes back whole."""
    inner = compose(replace(DRAFT, data=b"{}"))
    assert _files(compose(replace(DRAFT, attachments=(Attachment("a.eml", "message/rfc822", inner),)))) == [
        ("a.eml", "application/octet-stream", inner)
    ]
