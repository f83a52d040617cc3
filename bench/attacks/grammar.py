"""N13: what a line of a dialog may be, and in which order lines may come."""

from __future__ import annotations

from collections.abc import Iterator

from running import DESK

from attacks.field import Case, Field, expect, letter, stuffed, verdict
from attacks.wire import Wire

# The replies that a line may get, and the line; {L} is a local part of 64, {D} four labels of 60, {X} 300 octets.
FILLED = {"{L}": "l" * 64, "{D}": ".".join(["d" * 60] * 4), "{d}": "d" * 64, "{X}": "x" * 300, "{x}": "x" * 57}
SENDERS = """
250             | MAIL FROM:<a@evil.test>
250             | mail from:<a@evil.test>
250             | MAIL FROM:<>
250 501         | MAIL FROM: <a@evil.test>
250             | MAIL FROM:<a@evil.test>\x20
250 501         | MAIL  FROM:<a@evil.test>
500 501         |  MAIL FROM:<a@evil.test>
501             | MAIL
501             | MAIL FROM
501 553         | MAIL FROM:
501 553         | MAIL FROM:<a@evil.test
501 553         | MAIL FROM:a@evil.test>
501 553         | MAIL FROM:<<a@evil.test>>
250             | MAIL FROM:<a@evil.test> BODY=8BITMIME
250             | MAIL FROM:<a@evil.test> BODY=7BIT SIZE=1000
501 555         | MAIL FROM:<a@evil.test> BODY=BINARYMIME
250             | MAIL FROM:<a@evil.test> SMTPUTF8
555 501         | MAIL FROM:<a@evil.test> FOO=BAR
555 501 250     | MAIL FROM:<a@evil.test> AUTH=<>
501 555         | MAIL FROM:<a@evil.test> SIZE=²
501 555         | MAIL FROM:<a@evil.test> SIZE=1 SIZE=2
501 555         | MAIL FROM:<a@evil.test> =
501 553 555     | MAIL FROM:<a@evil.test>SIZE=1
250             | MAIL FROM:<{L}@evil.test>
5               | MAIL FROM:<{L}l@evil.test>
5               | MAIL FROM:<{X}@evil.test>
250 5           | MAIL FROM:<a@{D}.test>
5               | MAIL FROM:<aaaaaaaaaaaaaaa@{D}>
5               | MAIL FROM:<a@{d}.test>
5               | MAIL FROM:<a@-evil.test>
5               | MAIL FROM:<a@evil..test>
5               | MAIL FROM:<.a@evil.test>
5               | MAIL FROM:<a..b@evil.test>
5               | MAIL FROM:<a(comment)@evil.test>
5               | MAIL FROM:<a@evil.test(comment)>
5               | MAIL FROM:<(c)a@evil.test>
250             | MAIL FROM:<a@[192.0.2.1]>
5               | MAIL FROM:<a@[999.0.2.1]>
250             | MAIL FROM:<a@[IPv6:::1]>
250             | MAIL FROM:<"a b"@evil.test>
5               | MAIL FROM:<"a\x0db"@evil.test>
5               | MAIL FROM:<"a\x00b"@evil.test>
5               | MAIL FROM:<"a\x7fb"@evil.test>
5               | MAIL FROM:<"a\x09b"@evil.test>
5               | MAIL FROM:<"a\x1bb"@evil.test>
250 5           | MAIL FROM:<@r.test,@s.test:a@evil.test>
5               | MAIL FROM:<a@evil.test><b@evil.test>
5               | MAIL FROM:<a@evil.test>,<b@evil.test>
5               | MAIL FROM:<ü@evil.test>
250             | MAIL FROM:<ü@evil.test> SMTPUTF8
5               | MAIL FROM:<a@\udcffx.test>
5               | MAIL FROM:<a\u2028@evil.test> SMTPUTF8
5               | MAIL FROM:<a\u202eb@evil.test> SMTPUTF8
5               | MAIL FROM:<\udced\udca0\udc80@evil.test> SMTPUTF8
501             | MAIL TO:<a@evil.test>
5               | MAIL FROM:<evil>
5               | MAIL FROM:<a@>
5               | MAIL FROM:<@evil.test>
"""
RECIPIENTS = """
250             | RCPT TO:<support@shop.test>
250             | rcpt to:<SUPPORT@SHOP.TEST>
250 501         | RCPT TO: <support@shop.test>
5               | RCPT TO:<>
501             | RCPT
5               | RCPT TO:
555 501         | RCPT TO:<support@shop.test> NOTIFY=NEVER
550 551 553 554 | RCPT TO:<x@foreign.test>
5               | RCPT TO:<support@shop.test@foreign.test>
5               | RCPT TO:<support%foreign.test@shop.test>
5               | RCPT TO:<@shop.test:x@foreign.test>
5               | RCPT TO:<"x@foreign.test"@shop.test>
5               | RCPT TO:<x!y@shop.test>
250 550         | RCPT TO:<postmaster>
550             | RCPT TO:<nobody@shop.test>
5               | RCPT TO:<support@shop.test\u200b>
5               | RCPT TO:<su\u2028pport@shop.test>
5               | RCPT TO:<support@shop.test>,<b@shop.test>
501             | RCPT FROM:<a@b.test>
5               | RCPT TO:<support+{x}@shop.test>
250             | RCPT TO:<support+a@shop.test>
252 502         | VRFY support
502 550 252     | EXPN support
214 502         | HELP
214 502 504     | HELP MAIL
250             | NOOP hello there
250 501         | RSET now
501 503         | DATA now
503             | MAIL FROM:<b@evil.test>
501             | EHLO
501             | HELO
500             |
500             |   \x20
500             | \x09NOOP
250             | noop
250             | NoOp\x20
500             | NOOP\x09x
500             | {X}{X}
501 500         | EHLO \u2028
501 500         | HELO a\x1bb
"""


# Sequences: M is a good MAIL, R a good RCPT, F one for a foreign address.
SHORT = {"M": "MAIL FROM:<a@evil.test>", "R": f"RCPT TO:<{DESK}>", "F": "RCPT TO:<x@foreign.test>"}
SEQUENCES = """
MAIL before hello      | 503                         | M
RCPT before hello      | 503                         | R
DATA before hello      | 503                         | DATA
NOOP before hello      | 250 250 252 214             | NOOP; RSET; VRFY x; HELP
QUIT before hello      | 221                         | QUIT
RCPT before MAIL       | 250 503                     | EHLO a; R
DATA before RCPT       | 250 250 503                 | EHLO a; M; DATA
DATA before MAIL       | 250 503                     | EHLO a; DATA
MAIL twice             | 250 250 503                 | EHLO a; M; M
RSET forgets           | 250 250 250 250 503         | EHLO a; M; R; RSET; DATA
EHLO forgets           | 250 250 250 250 503         | EHLO a; M; R; EHLO b; DATA
HELO after MAIL        | 250 250 250 503             | EHLO a; M; HELO b; R
RSET then a new mail   | 250 250 250 250 250 354     | EHLO a; M; RSET; M; R; DATA
the refused alone      | 250 250 550 503             | EHLO a; M; F; DATA
refused and taken      | 250 250 550 250 354         | EHLO a; M; F; R; DATA
doubles                | 250 250 250 250 250 354     | EHLO a; M; R; R; R; DATA
HELO                   | 250 250 250 354             | HELO a; M; R; DATA
QUIT                   | 250 250 221                 | EHLO a; M; QUIT; NOOP
"""


def grammar(field: Field) -> Iterator[Case]:
    """Every line gets one reply, the right one, and leaves the session in step."""
    for table, prelude in ((SENDERS, ()), (RECIPIENTS, (SHORT["M"],))):
        for line, wanted in _lines(table):
            with field.wire() as wire:
                wire.hears()
                for one in ("EHLO evil.test", *prelude):
                    wire.says(one)
                yield expect(ascii(line)[1:70], wire.says(line), *wanted)
                yield expect(f"in step after {ascii(line)[1:50]}", wire.says("NOOP"), "250")
    yield from states(field)


def _lines(table: str) -> Iterator[tuple[str, list[str]]]:
    """A line and the replies that it may get."""
    for row in table.strip().split("\n"):
        wanted, _, line = row.partition("|")
        for mark, text in FILLED.items():
            line = line.replace(mark, text)
        yield line[1:], wanted.split()


def _sequences() -> Iterator[tuple[str, list[str], str]]:
    """A name, what is said, the codes that come."""
    for row in SEQUENCES.strip().split("\n"):
        name, wanted, lines = (part.strip() for part in row.split("|"))
        yield name, [SHORT.get(line, line) for line in lines.split("; ")], wanted
    mail = f"{SHORT['M']} SIZE=1{' ' * 490}SMTPUTF8"
    yield ("a legal MAIL of 530 octets after many EHLO", [*["EHLO a"] * 15, mail], "250 " * 16)
    yield "20 bad commands", ["EHLO a", *["FROB"] * 20], "250 " + "500 " * 9 + "421"


def states(field: Field) -> Iterator[Case]:
    """Sequences of commands, in step and sent ahead, and the codes they get."""
    for name, lines, wanted in _sequences():
        for ahead in (False, True):
            with field.wire() as wire:
                wire.hears()
                codes = _codes(wire, lines, ahead)
            yield verdict(f"{name}{', sent ahead' if ahead else ''}", codes == wanted.split(), wanted, " ".join(codes))
    with field.wire() as wire:
        raw = letter("ahead")
        wire.gives(b"EHLO a\r\n" + f"{SHORT['M']}\r\n{SHORT['R']}\r\nDATA\r\n".encode() + stuffed(raw) + b"RSET\r\nQUIT\r\n")
        codes = [one[:3] for one in wire.rest() if one[3:4] != "-"]
        field.note(raw, codes[5] if len(codes) > 5 else "")
        yield verdict(
            "everything ahead of the greeting",
            codes == ["220", "250", "250", "250", "354", "250", "250", "221"],
            "in order",
            codes,
        )
    with field.wire() as wire:
        wire.hears()
        wire.says("EHLO a")
        replies = [field.sends(letter(f"many-{n}"), wire) for n in range(30) if wire.begins(hello="").startswith("354")]
        yield verdict("30 mails in one session", [one[:3] for one in replies] == ["250"] * 30, "30 × 250", replies[-1:])


def _codes(wire: Wire, lines: list[str], ahead: bool) -> list[str]:
    if not ahead:
        codes = []
        for line in lines:
            codes.append(wire.says(line)[:3])
            if codes[-1] in ("", "221", "421"):
                break
        return codes
    wire.gives("".join(f"{line}\r\n" for line in lines).encode())
    codes = []
    while len(codes) < len(lines) and (reply := wire.hears()):
        codes.append(reply[:3])
    return codes
