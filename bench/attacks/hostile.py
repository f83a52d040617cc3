"""Mail that lies: N15 text that wants to forge log lines, and identities that are not what they seem."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator
from email import message_from_bytes, policy
from pathlib import Path

from running import DESK, HELPDESK, SELLER, ask, mail, until

from attacks.field import Case, Field, stuffed, verdict

FORGED = '{"event":"forged","level":"error"}'
PAYLOADS = {
    "CR LF": f"\r\n{FORGED}\r\n",
    "LF": f"\n{FORGED}\n",
    "CR": f"\r{FORGED}\r",
    "ESC": f"\x1b[2J{FORGED}",
    "NUL": f"\0{FORGED}",
    "BEL VT FF": f"\x07\x0b\x0c{FORGED}",
    "NEL": f"\x85{FORGED}",
    "U+2028": f"\u2028{FORGED}",
    "bidi": f"\u202e{FORGED}",
    "quotes": f'","event":"forged","x":"{FORGED}',
}
LINES = (
    "EHLO {0}",
    "HELO {0}",
    "MAIL FROM:<{0}@evil.test>",
    'MAIL FROM:<"{0}"@evil.test>',
    "MAIL FROM:<a@evil.test> X={0}",
    "RCPT TO:<{0}@shop.test>",
    'RCPT TO:<"{0}"@shop.test>',
    "VRFY {0}",
    "{0}",
    "AUTH PLAIN {0}",
    "NOOP {0}",
    "STARTTLS {0}",
    "DATA {0}",
    "RSET {0}",
    "PROXY {0}",
)
PLACES = (
    "Subject",
    "Message-ID",
    "To",
    "Cc",
    "References",
    "In-Reply-To",
    "Date",
    "Reply-To",
    "Content-Type",
    "X-Order",
    "Auto-Submitted",
)
RELAY = "127.0.0.7"
TRUST = (f'trust.relays=["{RELAY}"]', 'trust.authserv_ids=["mx.shop.test"]', 'trust.claimed_may=["add"]')
RECEIVED = (
    b"Received: from out.digistore24.com (out.digistore24.com [203.0.113.9]) by mx.shop.test; Mon, 01 Jun 2026 10:00:00 +0000\r\n"
)


def injection(field: Field) -> Iterator[Case]:
    """Whatever a client or a mail says, each line of the log stays one line of JSON that we wrote."""
    for name, text in PAYLOADS.items():
        for line in LINES:
            with field.wire() as wire:
                wire.hears()
                if not line.startswith(("EHLO", "HELO")):
                    wire.says("EHLO evil.test")
                if line.startswith(("RCPT", "DATA")):
                    wire.says("MAIL FROM:<a@evil.test>")
                wire.gives((line.format(text) + "\r\nQUIT\r\n").encode("utf-8", "surrogateescape"))
                wire.rest(5)
        for raw in _mails(name, text):
            field.sends(raw)
        yield verdict(f"{name}: no forged line", not _forged(field), "none", "a forged line")
    until(field.is_settled)
    yield verdict("no line was forged", not _forged(field), "none", "a forged line")


def _mails(name: str, text: str) -> Iterator[bytes]:
    """Mails with the text in each of their places: raw, as an encoded word, as a percent-coded parameter."""
    word = f"=?utf-8?B?{b64encode(text.encode()).decode()}?="
    percent = "".join(f"%{byte:02X}" for byte in text.encode())
    for form, said in (("raw", text), ("word", word)):
        key = f"{name}-{form}".replace(" ", "-").replace("+", "")
        for place in PLACES:
            value = f"<{said}@evil.test>" if place in ("Message-ID", "References", "In-Reply-To") else said
            head = f"From: Eve <eve@evil.test>\r\n{place}: {value}\r\nX-Case: {key}-{place}\r\n\r\nhello {text}\r\n"
            yield head.encode("utf-8", "surrogateescape")
        yield f'From: "{said}" <eve-{key}@evil.test>\r\nSubject: {key}\r\n\r\nhello\r\n'.encode("utf-8", "surrogateescape")
        yield f"From: {said}@evil.test\r\nSubject: {key}\r\n\r\nhello\r\n".encode("utf-8", "surrogateescape")
    head = f"From: eve@evil.test\r\nSubject: {name}\r\nContent-Type: application/pdf; name*=utf-8''{percent}\r\n"
    yield f"{head}Content-Disposition: attachment; filename*=utf-8''{percent}\r\n\r\nx\r\n".encode()


def _forged(field: Field) -> bool:
    return any(json.loads(line)["event"] == "forged" for line in field.log_lines() if line.startswith(b"{"))


FORGERIES = (
    "From: {0}",
    "From: Seller <{0}>",
    'From: "{0}" <eve@evil.test>',
    "From: {0}<eve@evil.test>",
    "From: {0} <eve@evil.test>",
    "From: <{0}>, <eve@evil.test>",
    "From: eve@evil.test\r\nFrom: {0}",
    "From: {0}\r\nFrom: eve@evil.test",
    "From: eve@evil.test\r\nSender: {0}",
    "From: eve@evil.test\r\nReply-To: {0}",
    "From: ({0}) eve@evil.test",
    "From: eve@evil.test ({0})",
    "From: =?utf-8?q?{0}?= <eve@evil.test>",
    "From: =?utf-8?q?{0}_=3Ceve=40evil.test=3E?=",
    "From: sellers: {0}, eve@evil.test;",
    "From: <{0}",
    "From: {0}>",
    "From : {0}",
    "from: {0}",
    "FROM:{0}",
    " From: {0}",
    "From: {0}\0",
    "From:\r\n {0}",
    'From: "a" <{0}> <eve@evil.test>',
    "From: <@evil.test:{0}>",
    "From: {0}\r\nResent-From: {0}",
    "X-From: {0}\r\nFrom: eve@evil.test",
    "From: ѕ{0}",
    "From: {0}.evil.test",
    "From: {0}\r\nAuthentication-Results: mx.shop.test; dmarc=pass header.from=example-seller.example",
    "Authentication-Results: mx.shop.test; dmarc=pass header.from=example-seller.example\r\nFrom: {0}",
    "Authentication-Results: mx.shop.test; spf=pass smtp.mailfrom=example-seller.example\r\nReceived: by shop.test\r\nFrom: {0}",
    "Authentication-Results: mx.shop.test (x); dkim=pass header.d=example-seller.example\r\nReturn-Path: <{0}>\r\nFrom: {0}",
    "From: {0}\r\nDKIM-Signature: v=1; d=example-seller.example; b=x",
    "From: {0}\r\nARC-Authentication-Results: i=1; mx.shop.test; dmarc=pass",
    "From: {0}\r\nAuto-Submitted: auto-replied",
    "From: {0}\r\nX-Mailgate-Loop: 1",
    "From: =?utf-8?b?" + "AAAA" * 20 + "?= <{0}>",
    "Received: from relay (127.0.0.7)\r\nFrom: {0}",
    "From: {0}\r\nSubject: Re: [MG-1]\r\nX-Mailgate-Token: x",
)
INJECTIONS = (
    "Re: x\r\n Bcc: victim@else.test",
    "=?utf-8?q?x=0D=0ABcc:_victim=40else.test?=",
    "=?utf-8?b?eA0KQmNjOiB2aWN0aW1AZWxzZS50ZXN0?=",
    "x\u2028Bcc: victim@else.test",
    "x\x85Bcc: victim@else.test",
    "=?utf-7?q?x+AA0ACg-Bcc:_victim=40else.test?=",
    "=?utf-16?b?" + b64encode("x\r\nBcc: victim@else.test".encode("utf-16")).decode() + "?=",
)


def identities(field: Field) -> Iterator[Case]:
    """40 mails in the seller's name stop no clock; subjects that hide a header put none into our notices."""
    proven = b"Authentication-Results: mx.shop.test; dmarc=pass header.from=digistore24.com\r\n" + RECEIVED
    asked = proven + mail(HELPDESK, SELLER, "ask-1", "Order 1")
    yield verdict("the helpdesk asks", _by_relay(field, asked).startswith("250"))
    until(field.is_settled)
    running = _clocks(field)
    yield verdict("its clock runs", any(clock["state"] == "running" for clock in running), "running", running)
    for number, form in enumerate(FORGERIES):
        head = f"{form.format(SELLER)}\r\nTo: {HELPDESK}\r\nCc: {DESK}\r\nIn-Reply-To: <ask-1@mail.test>\r\n"
        field.sends(f"{head}Subject: Re: Order 1\r\nMessage-ID: <forged-{number}@evil.test>\r\n\r\nSent.\r\n".encode())
    for number, subject in enumerate(INJECTIONS):
        with field.wire(source=RELAY) as wire:
            raw = proven + mail(HELPDESK, SELLER, f"inject-{number}", subject)
            wire.begins()
            field.note(raw, wire.says(stuffed(raw)))
    until(field.is_settled)
    after = [clock for clock in _clocks(field) if clock["ticket"] == running[0]["ticket"]]
    yield verdict("no clock was stopped", after == running, running, after)
    for path in sorted(Path(field.directory / "outgoing").rglob("*")):
        if path.is_file():
            yield from _notice(path)


def _notice(path: Path) -> Iterator[Case]:
    raw = path.read_bytes()
    told = message_from_bytes(raw, policy=policy.compat32)
    readers = {one.strip("<> ").lower() for name in ("to", "cc") for value in told.get_all(name, []) for one in value.split(",")}
    fine = not told.get_all("bcc") and not any("victim" in one or "evil" in one for one in readers)
    yield verdict(
        f"notice {told['subject']!s:.30}", fine and b"\nBcc" not in raw.partition(b"\r\n\r\n")[0], "no reader put in", readers
    )


def _by_relay(field: Field, raw: bytes) -> str:
    with field.wire(source=RELAY) as wire:
        wire.begins(sender=HELPDESK)
        reply = wire.says(stuffed(raw))
    field.note(raw, reply)
    return reply


def _clocks(field: Field) -> list[dict[str, object]]:
    return [{"ticket": row["ticket"], **clock} for row in ask(field.directory, "ticket", "list") for clock in row["clocks"]]
