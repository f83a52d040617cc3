"""Seeds, and what a few dice make of them: the driver that is always there."""

from __future__ import annotations

import random
from functools import cache
from pathlib import Path

SEEDS = Path(__file__).parent / "seeds"
LONGEST = 20_000

# whose seeds a target takes besides its own
BORROWS = {
    "header": "mail", "reports": "mail", "journals": "mail", "splitter": "mail", "addresses": "author", "findings": "mail",
    "draft": "author", "attributions": "splitter", "data": "mail", "settle": "mail", "small": "author",
}  # fmt: skip
WORDS = [
    b'\r\n', b'\n', b'\r', b'\x00', b'\r\n.\r\n', b'\n.\n', b'\r\n\r\n', b' ', b'\t', b'<', b'>', b'(', b')', b'"', b'\\', b',',
    b';', b':', b'@', b'=', b'[', b']', b'{', b'}', b'--', b'\x1e', b'\xff', b'\x80', b'\xc3\xa9', b'\xe2\x80\xae',
    b'\xe2\x80\xa8', b'\xe2\x80\x8c', b'\xdb\x8c', b'\xef\xb7\xba', b'\xc4\xb0', b'\xc3\x9f', b'=?utf-8?q?=0D=0A?=',
    b'=?utf-8?b?', b'?=', b'=?utf-7?q?+ADw-?=', b'a@b.example', b'<a@b.example>', b'\r\nFrom: x@evil.example',
    b'\r\nBcc: x@evil.example', b'From:', b'To:', b'Content-Type: multipart/mixed; boundary=b', b'boundary', b'--b', b'--b--',
    b'message/rfc822', b'text/html', b'base64', b'charset=', b'*0*=', b'%00', b'Re: ', b'Fwd: ', b'[MG-42]', b'> ', b'>>',
    b'-- \r\n', b'wrote:', b'On Mon, 1 Jun 2026 at 10:00', b'<div>', b'</div>', b'<!--', b'<script>', b'<blockquote type=cite>',
    b'Final-Recipient: rfc822;', b'Action: failed', b'Status: 5.1.1', b'550 5.1.1', b'MAILER-DAEMON', b'Return-Path: <>',
    b'dmarc=pass', b'header.from=', b'EHLO a\r\n', b'MAIL FROM:<a@b.example>\r\n', b'RCPT TO:<desk@shop.example>\r\n',
    b'DATA\r\n', b'RSET\r\n', b'QUIT\r\n', b'{3}\r\nabc', b'{99999999999}\r\n', b'* 1 FETCH (UID 7 ', b'* 5 EXISTS\r\n',
    b'TAG1 OK \r\n', b'TAG1 NO \r\n', b'+ \r\n', b'* BYE\r\n', b'2026-12-01', b'1/2/2026', b'0', b'99999999999999999999',
    b'9' * 5000, b'-1', b'x' * 1000, b'close', b'true', b'null', b'"mac":', b'\xe2\x80', b'\xef\xbb\xbf', b'*', b'_',
]  # fmt: skip


@cache
def seeds(target: str) -> tuple[bytes, ...]:
    """What a target starts from."""
    folders = [SEEDS / target, SEEDS / BORROWS.get(target, target)]
    found = [path.read_bytes() for folder in folders if folder.is_dir() for path in sorted(folder.iterdir())]
    return (b"", *dict.fromkeys(found))


def mutated(dice: random.Random, one: bytes, others: tuple[bytes, ...]) -> bytes:
    """`one` after a few accidents."""
    made = bytearray(one)
    for _ in range(1 + int(dice.expovariate(0.6))):
        at = dice.randrange(len(made) + 1)
        length = min(len(made) - at, int(dice.expovariate(0.05)))
        match dice.randrange(9):
            case 0 if made:
                made[at - 1] ^= 1 << dice.randrange(8)
            case 1 if made:
                made[at - 1] = dice.randrange(256)
            case 2:
                del made[at : at + length]
            case 3:
                made[at:at] = made[at : at + length]
            case 4:
                made[at:at] = bytes(made[at : at + length]) * dice.randrange(1, 40)
            case 5:
                other = dice.choice(others)
                start = dice.randrange(len(other) + 1)
                made[at : at + length] = other[start : start + int(dice.expovariate(0.02))]
            case 6:
                del made[at:]
            case _:
                made[at : at + dice.choice((0, 0, length))] = dice.choice(WORDS)
    return bytes(made[:LONGEST])
