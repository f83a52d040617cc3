"""N14: LMTP has a reply for each recipient, also where a mail is refused; a real Postfix is not held up by a burst."""

from __future__ import annotations

import shutil
import smtplib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from running import DESK, rows, until

from attacks.field import Case, Field, expect, letter, stuffed, verdict
from attacks.wire import Wire

sys.path.append(str(Path(__file__).resolve().parents[2] / "tests" / "e2e"))
import postfix

MAILS, UNKNOWN = 1000, 30
COUNTS = (1, 2, 50, 100)  # of recipients


def _form(number: int) -> str:
    return DESK.replace("@", f"+f{number}@")


def replies(field: Field) -> Iterator[Case]:
    """LHLO alone, with its extensions; to the dot one reply for each recipient that was taken, in order, by TCP and socket."""
    with field.wire("lmtp") as wire:
        yield expect("the greeting", wire.hears(), "220")
        yield expect("EHLO", wire.says("EHLO a"), "500", "502")
    with field.wire("lmtp") as wire:
        wire.hears()
        yield expect("HELO", wire.says("HELO a"), "500", "502")
        offer = wire.says("LHLO a")
        for word in ("PIPELINING", "ENHANCEDSTATUSCODES", "8BITMIME", "SIZE"):
            yield verdict(f"{word} is offered", word in offer, word, offer)
        yield expect("DATA without a recipient", wire.says("MAIL FROM:<a@b.test>") and wire.says("DATA"), "503")
        yield expect("and nothing after it", wire.says("NOOP"), "250")
    for where in ("tcp", "socket"):
        for count in COUNTS:
            with _door(field, where) as wire:
                wire.begins(*map(_form, range(count)), hello="LHLO a")
                yield from _answers(field, f"{count} by {where}", wire, letter(f"lmtp-{count}-{where}"), ["250"] * count)
        with _door(field, where) as wire:
            wire.begins(_form(1), "x@foreign.test", _form(1), "nobody@shop.test", DESK, hello="LHLO a")
            yield from _answers(field, f"some refused, one twice, by {where}", wire, letter(f"lmtp-mixed-{where}"), ["250"] * 3)
            yield expect("in step", wire.says("NOOP"), "250")
    refused = {
        "bare LF": letter("lmtp-lf", b"a\nb\r\n"),
        "NUL": letter("lmtp-nul", b"a\0b\r\n"),
        "line": letter("l", b"x" * 70000 + b"\r\n"),
    }
    for name, raw in refused.items():
        with field.wire("lmtp") as wire:
            wire.begins(*map(_form, range(7)), hello="LHLO a")
            yield from _answers(field, f"{name} refused to each", wire, raw, ["554"] * 7)
            yield expect(f"in step after {name}", wire.says("NOOP"), "250")
    with field.wire("lmtp") as wire:
        raw = letter("lmtp-ahead")
        wire.gives(
            f"LHLO a\r\nMAIL FROM:<>\r\nRCPT TO:<{_form(1)}>\r\nRCPT TO:<x@y.test>\r\nRCPT TO:<{DESK}>\r\nDATA\r\n".encode()
        )
        wire.gives(stuffed(raw) + b"QUIT\r\n")
        wire.half_close()
        codes = [line[:3] for line in wire.rest() if line[3:4] != "-"]
        field.note(raw, codes[6] if len(codes) > 6 else "")
        wanted = ["220", "250", "250", "250", "550", "250", "354", "250", "250", "221"]
        yield verdict("all sent ahead, half closed", codes == wanted, wanted, codes)


def _door(field: Field, where: str) -> Wire:
    return field.wire("lmtp") if where == "tcp" else Wire(str(field.directory / "lmtp.sock"))


def _answers(field: Field, name: str, wire: Wire, raw: bytes, wanted: list[str]) -> Iterator[Case]:
    wire.gives(stuffed(raw))
    codes = [wire.hears()[:3] for _ in wanted]
    field.note(raw, codes[0])
    yield verdict(name, codes == wanted, wanted, codes)


def burst(field: Field) -> Iterator[Case]:
    """A real Postfix hands over 1,000 mails by LMTP, 30 of them for people we don't know: none is deferred."""
    if postfix.missing() or not shutil.which("smtp-source", path="/usr/sbin:/usr/bin"):
        field.figures["not tried"] = postfix.missing() or "smtp-source is missing"
        return
    host, port = field.address("lmtp")
    before = rows(field.directory, "SELECT count(*) FROM spool WHERE door = 'lmtp'")[0][0]
    route = {"relay_domains": DESK.partition("@")[2], "relay_transport": f"lmtp:inet:{host}:{port}", "notify_classes": ""}
    with postfix.running(main=route) as one:
        command = ["/usr/sbin/smtp-source", "-s", "5", "-m", str(MAILS - UNKNOWN), "-f", "a@client.test", "-t", DESK]
        source = subprocess.Popen([*command, f"inet:127.0.0.1:{one.port}"], stderr=subprocess.PIPE)
        with smtplib.SMTP("127.0.0.1", one.port, timeout=60) as client:
            for n in range(UNKNOWN):
                client.sendmail("a@client.test", [f"nobody{n}@{DESK.partition('@')[2]}"], letter(f"unknown-{n}"))
        source.communicate(timeout=300)
        until(
            lambda: rows(field.directory, "SELECT count(*) FROM spool WHERE door = 'lmtp'")[0][0] - before >= MAILS - UNKNOWN, 300
        )
        until(lambda: one.log.count("said: 550") >= UNKNOWN, 60)
        lines = [line for line in one.log.splitlines() if "/lmtp[" in line]
        deferred = [line for line in lines if "status=deferred" in line or " 421 " in line]
        stored = rows(field.directory, "SELECT count(*) FROM spool WHERE door = 'lmtp'")[0][0] - before
    field.figures |= {"deferred by Postfix": str(len(deferred)), "stored": str(stored)}
    yield verdict("none is deferred", not deferred, 0, deferred[:1])
    yield verdict("each is stored once", stored == MAILS - UNKNOWN, MAILS - UNKNOWN, stored)
    yield from field.log_is_clean()
