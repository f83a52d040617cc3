"""Mail that costs its reader far more than its sender: each made in a size of choice, `scale` 1 as it is known from the field.

`BOMBS` by name; a bomb is a function of the scale. All of them are mails that a door would take.
"""

from __future__ import annotations

import base64
from collections.abc import Callable

Bomb = Callable[[int], bytes]

HEAD = b"From: ann@client.example\r\nTo: desk@shop.example\r\nMessage-ID: <bomb@client.example>\r\nSubject: Where is it?\r\n"


def _mail(*fields: bytes, body: bytes = b"Where is my parcel?\r\n") -> bytes:
    return HEAD + b"".join(field + b"\r\n" for field in fields) + b"\r\n" + body


def _header(start: bytes, piece: bytes, count: int, end: bytes = b"") -> Bomb:
    """A header field made of the same piece many times, folded every 8 KiB so that a door takes it."""
    fold = max(1, 8000 // max(1, len(piece)))

    def made(scale: int) -> bytes:
        lines = [piece * min(fold, count * scale - at) for at in range(0, count * scale, fold)]
        return _mail(start + b"\r\n ".join(lines) + end)

    return made


def _body(
    piece: bytes, count: int, kind: bytes = b"text/plain; charset=utf-8", encoding: bytes = b"8bit", end: bytes = b"\r\n"
) -> Bomb:
    fields = (b"MIME-Version: 1.0", b"Content-Type: " + kind, b"Content-Transfer-Encoding: " + encoding)
    return lambda scale: _mail(*fields, body=piece * (count * scale) + end)


def _multipart(piece: bytes, count: int, start: bytes = b"", end: bytes = b"--b--\r\n", kind: bytes = b"mixed") -> Bomb:
    field = b"Content-Type: multipart/" + kind + b'; boundary="b"'
    return lambda scale: _mail(field, body=start + piece * (count * scale) + end)


def _nested(count: int) -> Bomb:
    level = b'Content-Type: multipart/mixed; boundary="b%d"\r\n\r\n--b%d\r\n'
    return lambda scale: HEAD + b"".join(level % (n, n) for n in range(count * scale)) + b"\r\nhi\r\n"


def _reports(count: int) -> Bomb:
    """Delivery reports in one another, each attached to the next."""

    def made(scale: int) -> bytes:
        kind = b'Content-Type: multipart/report; report-type=delivery-status; boundary="b%d"\r\n\r\n--b%d\r\n'
        each = (
            b"From: MAILER-DAEMON@x.example\r\nSubject: failure notice\r\n"
            + kind
            + b"\r\nno\r\n--b%d\r\nContent-Type: message/rfc822\r\n\r\n"
        )
        return b"".join(each % (n, n, n) for n in range(count * scale)) + HEAD + b"\r\nhi\r\n"

    return made


def _parameters(count: int, form: bytes) -> Bomb:
    def made(scale: int) -> bytes:
        said = [form % ((n,) * form.count(b"%d")) for n in range(count * scale)]
        lines = [b"; ".join(said[at : at + 400]) for at in range(0, len(said), 400)]
        return _mail(b"Content-Type: text/plain; " + b";\r\n ".join(lines))

    return made


def _inner(fields: bytes, count: int, piece: bytes) -> Bomb:
    """A part whose own header is the bomb."""
    start, end = b"--b\r\n" + fields, b"\r\n\r\nhi\r\n--b--\r\n"
    return _multipart(piece, count, start, end)


def _coded(raw: bytes, count: int, kind: bytes, encoding: bytes = b"base64") -> Bomb:
    """A body in base64 of the same piece many times."""
    fields = (b"MIME-Version: 1.0", b"Content-Type: " + kind, b"Content-Transfer-Encoding: " + encoding)
    return lambda scale: _mail(*fields, body=base64.encodebytes(raw * (count * scale)).replace(b"\n", b"\r\n"))


def _bounce(piece: bytes, count: int) -> Bomb:
    fields = HEAD.replace(b"ann@client", b"MAILER-DAEMON@client").replace(b"Where is it?", b"failure notice")
    return lambda scale: fields + b"\r\nYour message could not be delivered\r\n" + piece * (count * scale)


def _status(piece: bytes, count: int) -> Bomb:
    start = b"--b\r\n\r\nUndeliverable\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; x\r\n\r\n"
    return _multipart(piece, count, start, kind=b"report; report-type=delivery-status")


KIND = b"Content-Type: text/plain; charset="
HTML = b"text/html; charset=utf-8"

BOMBS: dict[str, Bomb] = {
    # the tree
    "multiparts in one another": _nested(1000),
    "multiparts in one another, ten times as deep": _nested(10_000),
    "mails in one another": lambda scale: b"Content-Type: message/rfc822\r\n\r\n" * (2000 * scale) + HEAD + b"\r\nhi\r\n",
    "reports in one another": _reports(500),
    "one boundary for all": lambda scale: HEAD
    + b"".join(b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\n' for _ in range(5000 * scale)),
    "100,000 parts": _multipart(b"--b\r\n\r\nx\r\n", 100_000),
    "10,000 attachments": _multipart(
        b'--b\r\nContent-Type: image/png\r\nContent-Disposition: attachment; filename="a.png"\r\n\r\nx\r\n', 10_000
    ),
    "500 large headers": _multipart(b"--b\r\nX-A: " + b"a" * 15_000 + b"\r\n\r\nx\r\n", 499),
    "500 parts of many lines": _multipart(b"--b\r\n\r\n" + b"x\r\n" * 1000, 499),
    "empty lines in a part": _multipart(b"\r\n", 1_000_000, b"--b\r\n\r\n"),
    "short lines in a part": _multipart(b"a\r\n", 500_000, b"--b\r\n\r\n"),
    "dashes in a part": _multipart(b"--\r\n", 500_000, b"--b\r\n\r\n"),
    "nearly the boundary": _multipart(b"--bb\r\n", 300_000, b"--b\r\n\r\n"),
    "empty lines before the first part": _multipart(b"\r\n", 500_000, end=b"--b\r\n\r\nx\r\n--b--\r\n"),
    "lines behind the last part": _multipart(b"x\r\n", 500_000, b"--b\r\n\r\nx\r\n--b--\r\n", b""),
    "closed and opened again": _multipart(b"--b\r\n\r\nx\r\n--b--\r\n", 5000, end=b""),
    "a part that never ends": _multipart(b"x" * 70 + b"\r\n", 50_000, b"--b\r\n\r\n", b""),
    "no part at all": _multipart(b"x" * 70 + b"\r\n", 50_000, end=b""),
    "a long boundary": lambda scale: _mail(
        b"Content-Type: multipart/mixed; boundary=" + b"b" * 8000 * scale, body=b"--" + b"b" * 8000 * scale + b"\r\n\r\nx\r\n"
    ),
    # headers
    "1,000,000 header lines": lambda scale: HEAD + b"a:\r\n" * (1_000_000 * scale) + b"\r\nhi\r\n",
    "lines that are no header": lambda scale: HEAD + b"a\r\n" * (300_000 * scale) + b"\r\nhi\r\n",
    "folds": lambda scale: HEAD[:-2] + b"\r\n b" * (100_000 * scale) + b"\r\n\r\nhi\r\n",
    "blank folds": lambda scale: HEAD + b" \r\n" * (100_000 * scale) + b"a: b\r\n\r\nhi\r\n",
    "blanks without an end": lambda scale: HEAD + (b"\r\n" + b" " * 60_000) * (20 * scale) + b"\r\n\r\nhi\r\n",
    "a long name": lambda scale: HEAD + b"a" * (60_000 * scale) + b": b\r\n\r\nhi\r\n",
    "900 headers of one name": lambda scale: HEAD + b"To: a@b.example\r\n" * (900 * scale) + b"\r\nhi\r\n",
    "900 results": lambda scale: HEAD
    + (b"Received: from a (a [192.0.2.1])\r\nAuthentication-Results: x; " + b"((" * 100 + b"\r\n") * (450 * scale)
    + b"\r\nhi\r\n",
    "References 100,000": _header(b"References: ", b"<a@b> ", 100_000),
    "References without an end": _header(b"References: ", b"<", 16_000),
    "In-Reply-To 16 KiB": _header(b"In-Reply-To: ", b"<a", 8000),
    "Message-ID 16 KiB": _header(b"Message-ID: ", b"<", 16_000),
    "Date 16 KiB": _header(b"Date: ", b"(", 16_000),
    "20,000 encoded words": _header(b"Subject: ", b"=?utf-8?q?a?= ", 20_000),
    "20,000 encoded words, adjacent": _header(b"Subject: ", b"=?utf-8?b?YQ==?=", 20_000),
    "30,000 encoded words, adjacent": _header(b"Subject: ", b"=?utf-8?b?YQ==?=", 30_000),
    "40,000 encoded words, adjacent": _header(b"Subject: ", b"=?utf-8?b?YQ==?=", 40_000),
    "words that begin and never end": _header(b"Subject: ", b"=?utf-8?q?", 1600),
    "re: re: re:": _header(b"Subject: ", b"Re: ", 4000),
    "brackets in a subject": _header(b"Subject: ", b"[a] ", 4000),
    "stars in a subject": _header(b"Subject: ", b"** ", 5000),
    "tags in a subject": _header(b"Subject: ", b"[MG-1] ", 2300),
    # parameters
    "name*0 to name*9999": _parameters(10_000, b"name*%d=x"),
    "50,000 parameters": _parameters(50_000, b"a%d=b"),
    "100,000 parameters": _parameters(100_000, b"a=b"),
    "parameters of a part": _inner(b"Content-Type: text/plain", 50_000, b";a=b"),
    "file name of a part in pieces": _inner(b"Content-Disposition: attachment", 5000, b"; filename*1=x"),
    "quotes in a parameter": _header(b"Content-Type: text/plain; name=", b'"', 16_001),
    "backslashes in a parameter": _header(b'Content-Type: text/plain; name="', b"\\", 16_000),
    "64 long parameters": _header(b"Content-Type: text/plain", b"; a=" + b'"' * 240, 64),
    # addresses
    "Cc with 100,000 addresses": _header(b"Cc: ", b"a@b.example, ", 100_000),
    "quotes in Cc": _header(b"Cc: ", b'"', 20_001),
    "@. in Cc": _header(b"Cc: ", b"@.", 20_000),
    "brackets in Cc": _header(b"Cc: ", b"(", 20_000),
    "angles in Cc": _header(b"Cc: ", b"<", 20_000),
    "groups in Cc": _header(b"Cc: ", b"a:", 10_000),
    "brackets closed in Cc": _header(b"Cc: ", b"()", 10_000),
    "backslashes in Cc": _header(b'Cc: "', b"\\", 20_000),
    "brackets in From": _header(b"From: ", b"(", 1900, b" ann@client.example"),
    "From that never ends": _header(b"From: ", b"<", 20_000),
    # charsets and encodings
    **{
        f"charset {name}": _body(b"a\xff\xfe\x00", 50_000, b"text/plain; charset=" + name.encode())
        for name in ("x-unknown", "zlib_codec", "bz2_codec", "idna", "punycode", "undefined", "utf-7", "utf-16", "utf-32", "hz")
    },
    "charset iso-2022-jp": lambda scale: _mail(KIND + b"iso-2022-jp", body=b"\x1b$B\x1b(B" * (50_000 * scale)),
    "charset iso-2022-kr": lambda scale: _mail(KIND + b"iso-2022-kr", body=b"\x1b$)C\x0e\x0f" * (50_000 * scale)),
    "charset rot13": lambda scale: _mail(KIND + b"rot13", body=b"abc " * (50_000 * scale)),
    "= in quoted-printable": _body(b"=", 500_000, encoding=b"quoted-printable"),
    "blanks in quoted-printable": _body(b" ", 500_000, encoding=b"quoted-printable"),
    "= and blanks in quoted-printable": _body(b"= ", 300_000, encoding=b"quoted-printable"),
    "= in base64": _body(b"=", 500_000, encoding=b"base64"),
    "=A in base64": _body(b"=A", 300_000, encoding=b"base64"),
    "junk in base64": _body(b"!A", 300_000, encoding=b"base64"),
    "lines in uuencode": _body(b"\x7f\r\n", 200_000, encoding=b"x-uuencode", end=b"end\r\n"),
    "begun in uuencode": lambda scale: _mail(
        b"Content-Transfer-Encoding: x-uuencode", body=b"begin 644 a\r\n" + b"\x60\r\n" * (200_000 * scale)
    ),
    # what people write
    "empty lines": _body(b"\r\n", 1_000_000),
    "one line": _body(b"a ", 500_000),
    ">": _body(b">", 400_000),
    "> lines": _body(b"> a\r\n", 100_000),
    "> 5": _body(b"> 5\r\nx\r\n", 50_000),
    "On … wrote:": _body(b"On Mon, 1 Jan 2024 at 10:00 x@y.example\r\n", 20_000),
    "heads": _body(b"From: a@b.example\r\nSent: 1.1.2024\r\nTo: b\r\n", 20_000),
    "almost heads": _body(b"From: a\r\nfolded\r\n\r\n", 30_000),
    "labels": _body(b"a b c d: ", 20_000),
    "rules": _body(b"-" * 200 + b" a " + b"\r\n", 5000),
    "dashes": _body(b"-", 400_000),
    "dots and digits": _body(b"1.1.", 100_000),
    "digits": _body(b"1", 400_000),
    "addresses": _body(b"a@b.c ", 60_000),
    "half addresses": _body(b"a.", 200_000),
    "@": _body(b"@", 400_000),
    "http": _body(b"http://a.example/ ", 20_000),
    "{": _body(b"{", 300_000),
    '[{"': _body(b'[{"', 100_000),
    '{"a":': _body(b'{"a":', 60_000),
    "tokens": _body(b"MG-" + b"a" * 26 + b"-1 ", 30_000),
    "commands": _body(b"close ", 50_000),
    "invisible": _body("\u200b\u200c\u202e".encode(), 100_000),
    "wide": _body("\ufdfa".encode(), 100_000),
    "marks": _body(b"a" + "\u0301\u0316".encode() * 50, 4000),
    "orders": _body(b"Order #1234567 \r\n", 20_000),
    # HTML
    **{
        f"html {tag}": _body(tag.encode(), 100_000, HTML)
        for tag in (
            "<div>", "<a ", "<!--", "<b><p>", "<table>", "<blockquote>", "</", "<p>", "<br>", "&", "&#", "<svg>", "<td><table>",
        )
    },
    "html classes": _body(b'<div class="' + b"a " * 100 + b'">x</div>', 3000, HTML),
    "html attributes": _body(b"a=b ", 100_000, HTML, end=b">"),
    "html one tag of attributes": lambda scale: _mail(
        b"Content-Type: " + HTML, body=b"<p " + b"".join(b"a%d=b " % n for n in range(20_000 * scale)) + b">hi</p>"
    ),
    "html gmail quotes": _body(b'<div class="gmail_quote"><p>a</p>', 4000, HTML),
    "html quotes in depth": _body(b"<blockquote cite=x>a", 4500, HTML),
    "html borders": _body(b'<div style="border' + b"-top:" * 80 + b'">a</div>', 2000, HTML),
    # reports
    "a report of many": _status(b"Final-Recipient: rfc822;a@b.example\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n", 20_000),
    "a report of many names": lambda scale: _status(
        b"".join(b"Final-Recipient: rfc822;a%d@b.example\r\nDiagnostic-Code: smtp; 550 no\r\n\r\n" % n for n in range(5000)),
        scale,
    )(1),
    "a report of folds": _status(b" x\r\n", 60_000),
    "a report of colons": _status(b"a: \r\n", 60_000),
    "a report of blanks in a name": _status(b"Final-Recipient: a" + b" " * 20_000 + b"b@c.example\r\n\r\n", 9),
    "a report of blanks in words": _status(b"Final-Recipient: a@b\r\nDiagnostic-Code: " + b" " * 20_000 + b"b\r\n\r\n", 9),
    "broken ids": _multipart(b"--b\r\nContent-type: message/rfc822\r\n\r\nMessage-ID: " + b"<" * 16_000 + b"\r\n", 60),
    "a bounce of blanks": _bounce(b" " * 999 + b"\r\n", 260),
    "a bounce of blanks and addresses": _bounce(b" " * 900 + b"to: a@b" + b" " * 90 + b"\r\n", 260),
    "a bounce of lines": _bounce(b"\r\n", 200_000),
    "a bounce of addresses": _bounce(b"<a@b.example>: 550 5.1.1 no\r\n", 20_000),
    "a bounce of dots": _bounce(b"a" * 64 + b"@" + b"b." * 100 + b"\r\n", 1500),
    "a bounce of half addresses": _bounce(b"a" * 60 + b"@", 6000),
    "a bounce of markers": _bounce(b"--- copy of the message " + b"a" * 250 + b"\r\n", 2000),
    "a bounce of headers": _bounce(b"Received: x\r\n\r\n", 20_000),
    "a bounce of codes": _bounce(b"550 5.1.1 ", 30_000),
    "a bounce of one line": _bounce(b"could not be delivered to ", 10_000),
    "a bounce in json": lambda scale: _bounce(b'{"eventType":"bounce","mail":{"a":[', 5000)(scale),
    "a bounce in much json": _bounce(b'{"eventType":"Bounce","bounce":{"bouncedRecipients":[{"emailAddress":"a@b.c"}]}}', 4000),
    "a bounce in json of strings": _bounce(b'{"a":"' + b"\\\\" * 200 + b'"}', 1500),
}  # fmt: skip
