"""Attachments: what goes along, under which name, and what is left out by name."""

from __future__ import annotations

import io
import zipfile
from base64 import b64encode
from email.message import EmailMessage
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mailgate.mail.attach import BINARY, Limits, carried, file_name
from mailgate.mail.message import Message, parse

ROOM = Limits()
PDF = b"%PDF-1.7 \xe2\xe3"
ICS = b"BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nEND:VCALENDAR\r\n"


def _mail(*files: tuple[str | None, str, bytes]) -> Message:
    """A mail with a text and these files: name, type, bytes."""
    lines = [b"Content-Type: multipart/mixed; boundary=cut\r\n", b"--cut\r\n\r\nSee attached.\r\n"]
    for name, kind, content in files:
        named = f"; filename*=utf-8''{quote(name)}" if name is not None else ""
        head = f"--cut\r\nContent-Type: {kind}\r\nContent-Disposition: attachment{named}\r\n"
        if kind == "message/rfc822":
            lines.append(head.encode() + b"\r\n" + content)
        else:
            lines.append(head.encode() + b"Content-Transfer-Encoding: base64\r\n\r\n" + b64encode(content))
    return parse(b"\r\n".join([*lines, b"--cut--\r\n"]))


def _zip(*names: str) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        for name in names:
            archive.writestr(name, "x" * 100)
    return held.getvalue()


def _left_out(*files: tuple[str | None, str, bytes], limits: Limits = ROOM) -> tuple[str, ...]:
    return carried(_mail(*files), limits)[1]


def test_files_go_along_as_they_are() -> None:
    """Bytes unchanged; the type from the list, else application/octet-stream; no body among them."""
    going, left_out = carried(
        _mail(
            ("فاکتور ۱.pdf", "application/pdf", PDF),
            ("a.csv", "text/csv", "é;1\n".encode("latin-1")),
            ("x.json", "application/json", b"{}"),
            (None, "image/jpeg", b"\xff\xd8"),
        ),
        ROOM,
    )
    assert [(one.filename, one.content_type, one.content) for one in going] == [
        ("فاکتور ۱.pdf", "application/pdf", PDF),
        ("a.csv", "text/csv", "é;1\n".encode("latin-1")),
        ("x.json", BINARY, b"{}"),
        ("attachment.jpg", "image/jpeg", b"\xff\xd8"),
    ]
    assert left_out == ()


@pytest.mark.parametrize(
    ("name", "kind", "content"),
    [
        ("setup.exe", "application/pdf", PDF),
        ("Rechnung.PDF.ExE", BINARY, PDF),
        ("fdp.\u202eexe", BINARY, PDF),
        ("run.exe. ", BINARY, PDF),
        ("a.e\u200cxe", BINARY, PDF),
        ("a.ｅｘｅ", BINARY, PDF),
        ("page.html", "text/plain", b"hi"),
        ("logo.svg", "image/png", b"x"),
        ("macro.docm", BINARY, b"x"),
        ("disk.iso", BINARY, b"x"),
        ("a.js", "text/plain", b"x"),
        ("photo.jpg", "application/x-msdownload", b"x"),
        ("photo.jpg", "image/svg+xml", b"x"),
        ("readme.txt", "text/html", b"x"),
        ("photo.jpg", "image/jpeg", b"MZ\x90\0\x03"),
        ("photo.jpg", "image/jpeg", b"\x7fELF\2"),
        ("notes.txt", "text/plain", b"#!/bin/sh\n"),
        ("notes.txt", "text/plain", b"\xef\xbb\xbf \r\n<!DOCTYPE html><p>"),
        ("notes.txt", "text/plain", "<html>".encode("utf-16")),
        ("notes.xml", "application/xml", b"<?xml version='1.0'?><svg xmlns='x'>"),
        ("image.dat", BINARY, b"\0" * 32769 + b"CD001"),
        ("a.zip", "application/zip", _zip("readme.txt", "invoice/scan.pdf.js")),
        ("b.zip", BINARY, _zip("x" * 300 + "/" + "y" * 60 + ".exe. ")),
        ("a.docx", BINARY, _zip("word/document.xml", "word/vbaProject.bin")),
        (None, "message/rfc822", b"Content-Type: application/x\r\nContent-Disposition: attachment; filename=a.exe\r\n\r\nMZ"),
    ],
)
def test_programs_and_pages_stay_behind(name: str | None, kind: str, content: bytes) -> None:
    """By name, by declared type, by first bytes, and inside of a ZIP or a mail."""
    (left,) = _left_out((name, kind, content))
    assert left.startswith("not_allowed ")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("nota.xml", b"<?xml version='1.0'?><nfeProc><NFe/></nfeProc>"),
        ("a.docx", _zip("[Content_Types].xml", "word/document.xml", "word/theme/theme1.xml", "word/media/image1.svg")),
        ("MZ.txt", b"MZ is how it begins"),
        ("exe", b"x"),
        ("c.zip", _zip("exe", "bat/readme", "x" * 300)),
        ("empty.txt", b""),
    ],
)
def test_what_only_looks_like_it_goes(name: str, content: bytes) -> None:
    """Invoices in XML, documents with drawings in them, a file called exe."""
    assert _left_out((name, BINARY, content)) == ()


def test_what_finds_no_room_is_named() -> None:
    """One file too large; later ones too many; what the whole has no room for, while a smaller one still fits."""
    files = [(f"{size}.bin", BINARY, b"x" * size) for size in (40, 101, 50, 30, 10)]
    limits = Limits(number=3, each=100, total=100)
    going, left_out = carried(_mail(*files), limits)
    assert [one.filename for one in going] == ["40.bin", "50.bin", "10.bin"]
    assert left_out == ("too_large 101.bin", "too_large 30.bin")
    assert _left_out(*files, limits=Limits(2, 1000, 1000)) == ("too_many 50.bin", "too_many 30.bin", "too_many 10.bin")


def test_a_mail_goes_as_one_file() -> None:
    """message/rfc822 stays whole, under a name that ends in .eml; its body may be HTML, its own files are looked at."""
    inner = b"Subject: x\r\nContent-Type: text/html\r\n\r\n<html>hello</html>\r\n"
    going, left_out = carried(_mail((None, "message/rfc822", inner), ("old.eml", BINARY, inner)), ROOM)
    assert [(one.filename, one.content_type) for one in going] == [("message.eml", "message/rfc822"), ("old.eml", BINARY)]
    assert left_out == ()
    for _ in range(5):
        inner = b"Content-Type: message/rfc822\r\n\r\n" + inner
    assert _left_out((None, "message/rfc822", inner)) == ("not_allowed message.eml",)


def _invitation(*, twice: bool) -> Message:
    mail: Any = EmailMessage()
    mail.set_content("Meet us.\n")
    mail.add_alternative(ICS, maintype="text", subtype="calendar", params={"method": "REQUEST"}, disposition="inline")
    if twice:
        mail.add_attachment(ICS, maintype="application", subtype="ics", filename="invite.ics")
    return parse(mail.as_bytes())


@pytest.mark.parametrize(("twice", "kind"), [(False, "text/calendar"), (True, BINARY)])
def test_an_invitation_goes_once(twice: bool, kind: str) -> None:
    """RFC 6047 §2.4: it stands among the bodies, and with many programs also as a file."""
    going, left_out = carried(_invitation(twice=twice), ROOM)
    assert [(one.filename, one.content_type, one.content) for one in going] == [("invite.ics", kind, ICS)]
    assert left_out == ()


def test_seals_stay_with_the_mail_that_they_seal() -> None:
    """RFC 8551, RFC 3156: a signature of a mail that is not relayed proves nothing, and nobody misses it."""
    mail = _mail(("smime.p7s", "application/pkcs7-signature", b"x"), ("signature.asc", "application/pgp-signature", b"x"))
    assert carried(mail, ROOM) == ((), ())


def test_files_of_one_name_are_numbered() -> None:
    """Where case does not tell files apart either."""
    names = ["scan.pdf", "SCAN.pdf", "scan (2).pdf", "scan.pdf", "a" * 116 + ".pdf", "a" * 116 + ".pdf"]
    going, _ = carried(_mail(*((name, "application/pdf", PDF) for name in names)), ROOM)
    assert [one.filename for one in going] == [
        "scan.pdf",
        "SCAN (2).pdf",
        "scan (2) (2).pdf",
        "scan (3).pdf",
        "a" * 116 + ".pdf",
        "a" * 112 + " (2).pdf",
    ]


@pytest.mark.parametrize(
    ("name", "clean"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\temp\\.hidden.txt", "hidden.txt"),
        ("con", "_con"),
        ("LPT1.tar.gz", "_LPT1.tar.gz"),
        ("com\u00b9.txt", "_com\u00b9.txt"),
        ("console.txt", "console.txt"),
        ("Mailgate.JSON", "_Mailgate.JSON"),
        ("a\u202egnp.exe", "agnp.exe"),
        ("a\r\nBcc: b\t\0.txt", "a Bcc_ b .txt"),
        ('<"x|y?*">.txt', "__x_y____.txt"),
        ("می‌خواهم.pdf", "می‌خواهم.pdf"),
        ("x" * 200 + ".jpeg", "x" * 115 + ".jpeg"),
        ("🙂" * 100 + ".png", "🙂" * 59 + ".png"),
        ("folder/", ""),
        ("...", ""),
        ("", ""),
    ],
)
def test_names_are_harmless(name: str, clean: str) -> None:
    """No folders, no invisible marks but joiners, nothing that Windows reserves; 120 characters and 240 octets."""
    assert file_name(name) == clean


@given(st.one_of(st.text(max_size=300), st.text("a.\\/ \u200c\u202e\0é🙂conCON1:", max_size=300)))
@example("e\u200b\u0301." + "\u0301" * 20)
def test_a_clean_name_is_clean(name: str) -> None:
    """Whatever the name: cleaning it again changes nothing, and every file system takes it."""
    clean = file_name(name)
    assert file_name(clean) == clean
    assert len(clean) <= 120
    assert len(clean.encode()) <= 240
    assert not set(clean) & set('<>:"/\\|?*\r\n\0\u202e')
    assert not clean.startswith((".", " "))
    assert not clean.endswith((".", " "))


@given(
    st.lists(st.tuples(st.sampled_from(["a.txt", "b.exe", "c/d.zip", ""]), st.binary(max_size=60)), max_size=8),
    st.integers(0, 90),
)
def test_every_file_goes_or_is_named(files: list[tuple[str, bytes]], size: int) -> None:
    """Nothing disappears without a word, and what goes keeps to the limits."""
    limits = Limits(number=4, each=size, total=100)
    going, left_out = carried(_mail(*((name, BINARY, content) for name, content in files)), limits)
    assert len(going) + len(left_out) == len(files)
    assert len(going) <= limits.number
    assert sum(len(one.content) for one in going) <= limits.total
    assert len({one.filename.casefold() for one in going}) == len(going)
    assert {line.partition(" ")[0] for line in left_out} <= {"too_large", "too_many", "not_allowed"}


@given(st.binary(max_size=400))
def test_no_mail_makes_it_raise(raw: bytes) -> None:
    """Files come from strangers."""
    carried(parse(b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n" + raw + b"\r\n--x--\r\n"), ROOM)
    carried(_mail(("a.zip", "application/zip", b"PK\x01\x02" + raw), (None, "message/rfc822", raw)), ROOM)
