"""T18, S10: files with names that lie, climb or run. What may go at all: tests/mail/test_attach.py."""

from __future__ import annotations

import email
import random
import re
from email.policy import default
from functools import partial
from pathlib import Path

import pytest
from exchange import Gate
from forging import delivered
from people import Person

from mailgate.mail.attach import file_name
from mailgate.store import spool

PACK = "clickbank"
PIECES = (
    "../",
    "..\\",
    "/etc/",
    "C:\\",
    "CON",
    "nul",
    "aux.txt",
    "COM1",
    "lpt\u00b9",
    "\u202e",
    "\u2066",
    "\u200f",
    "\0",
    "\r\n",
    "\n",
    "\t",
    "\x1b[31m",
    "%00",
    "%2e%2e%2f",
    "file.pdf",
    ".exe",
    ".pdf",
    " ",
    ".",
    "..",
    "~",
    "|",
    ";",
    "`id`",
    "$(id)",
    "\u2028",
    "\ufeff",
    "<",
    ">",
    '"',
    "'",
    ":",
    "*",
    "?",
    "é",
    "ى",
    "😀",
    "\ud800",
    "a" * 300,
    "-rf",
    "desktop.ini",
    ".htaccess",
    "mailgate.json",
    "\u0600",
    "é" * 200,
)
DEVICES = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\..*)?")


def names(count: int) -> list[str]:
    rng = random.Random(18)
    return ["".join(rng.choices(PIECES, k=rng.randint(1, 6))) for _ in range(count)]


def is_safe(name: str) -> bool:
    """A name that is one entry of one folder in any file system, and reads as it is."""
    odd = re.search(r'[\x00-\x1f\x7f/\\<>:"|?*\u200e\u200f\u202a-\u202e\u2066-\u2069\u2028\u2029\ufeff\u0600]', name)
    short = len(name) <= 120 and len(name.encode()) <= 240
    return bool(not odd and short and name not in (".", "..") and not DEVICES.fullmatch(name) and not name.startswith("."))


def test_t18_five_hundred_hostile_names_become_safe_ones() -> None:
    """No folder, no device, no control or direction mark, nothing too long."""
    for name in names(500):
        made = file_name(name)
        assert made == "" or is_safe(made), (name, made)
        assert file_name(made) == made


def test_t18_file_is_handed_on_under_a_safe_name(gate: Gate, consumer: Person, vendor: Person) -> None:
    """A desk that carries mail sends files along: each name in the bytes that leave is one that any system may write."""
    consumer.states("A-77", "It does not start.", Seller="shop", Request="support")
    opened = gate.sends("mail_ticket_opened", [vendor, consumer]).copy(consumer)
    token = opened.message.reply_to[0].address
    left = []
    for number, name in enumerate(names(40)):
        coded = "".join(f"%{byte:02X}" for byte in name.encode("utf-8", "replace"))
        head = (
            f"From: {consumer.address}\r\nTo: {token}\r\nSubject: Re: A-77\r\nMessage-ID: <{number}@c>\r\nMIME-Version: 1.0\r\n"
        )
        head += 'Content-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\n'
        head += f"Number {number}.\r\n--b\r\nContent-Type: application/pdf\r\n"
        head += f"Content-Disposition: attachment; filename*=utf-8''{coded}\r\n\r\n%PDF-1.4\r\n--b--\r\n"
        gate.later(hours=1)
        delivered(gate, head.encode(), to=token)
    for _, row in gate.stage.sent:
        mail = email.message_from_bytes(row.raw, policy=default)
        left += [part.get_filename() for part in mail.walk() if part.get_content_disposition() == "attachment"]
    assert len(left) > 25
    assert all(name and is_safe(name) for name in left), left
    gate.orders("close")
    gate.disregards()


@pytest.mark.parametrize(
    ("name", "kind", "content"),
    [
        ("invoice.pdf.exe", "application/pdf", b"MZ\0\0"),
        ("invoice\u202efdp.exe", "application/pdf", b"%PDF"),
        ("picture.svg", "image/svg+xml", b"<svg onload=alert(1)>"),
        ("page.html", "text/html", b"<html>"),
        ("notes.txt", "text/plain", b"<script>alert(1)</script>"),
        ("photo.jpg", "image/jpeg", b"MZ\x90\0\0\0"),
        ("disk.iso", "application/octet-stream", b"x"),
        ("mailgate.json", "application/json", b"{}"),
    ],
)
def test_t18_file_that_runs_does_not_go(
    gate: Gate, consumer: Person, vendor: Person, name: str, kind: str, content: bytes
) -> None:
    """By name, by declared type, by its first bytes; the notice says that it was left out, or it goes under another name."""
    coded = "".join(f"%{byte:02X}" for byte in name.encode())
    head = f"From: {consumer.address}\r\nTo: tickets@desk.example\r\nSubject: A-77\r\nMessage-ID: <f@c>\r\nMIME-Version: 1.0\r\n"
    head += 'Content-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\n'
    head += f"Seller: shop\r\nRequest: support\r\n\r\nSee the file.\r\n--b\r\nContent-Type: {kind}\r\n"
    raw = f"{head}Content-Disposition: attachment; filename*=utf-8''{coded}\r\n\r\n".encode() + content + b"\r\n--b--\r\n"
    gate.stage.receive(raw, gate.now)
    for _, row in gate.stage.sent:
        mail = email.message_from_bytes(row.raw, policy=default)
        going = [part.get_filename() for part in mail.walk() if part.get_content_disposition() == "attachment"]
        assert name not in going
    gate.orders("close")
    gate.disregards()


def test_t18_stored_mail_is_exported_under_a_number(gate: Gate, consumer: Person, tmp_path: Path) -> None:
    """Nothing of a sender's becomes a path: neither a Message-ID nor a file's name (spool export, message export)."""
    head = b"From: c@mail.example\r\nTo: tickets@desk.example\r\nSubject: ../../x\r\n"
    head += b"Message-ID: <../../../etc/passwd@x>\r\n\r\nHi\r\n"
    done = gate.stage.receive(head, gate.now)
    mail = gate.stage.store.read(partial(spool.get, spool_id=done.spool_id))
    assert mail is not None
    assert mail.raw == head
    gate.disregards()
