"""Where a mail ends, what it may contain, and that it arrives as it was sent."""

from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailgate.wire.smtp_data import DIRTY, LONG_LINE, OVERSIZE, Mail

from .conftest import house

LOOK_ALIKES = [
    b"\n.\n",
    b"\n.\r\n",
    b"\r\n.\n",
    b"\r.\r",
    b"\r.\r\n",
    b"\r\n.\r",
    b"\r\r\n.\r\r\n",
    b"\n\n.\r\n",
    b"\r\n.\r\r\n",
    b"\r\n\x00.\r\n",
    b"\r\n.\x00\r\n",
    b"\r\n. \r\n",
    b"\x85.\x85",
]
STOLEN = b"MAIL FROM:<evil@c.test>\r\nRCPT TO:<desk@shop.test>\r\nDATA\r\nSubject: stolen\r\n\r\nx\r\n"


def stuffed(content: bytes) -> bytes:
    """How an honest client sends `content`, which ends with CRLF or is empty."""
    lines = content.split(b"\r\n")
    return b"\r\n".join(b"." + line if line.startswith(b".") else line for line in lines) + b".\r\n"


def taken(wire: bytes, cuts: list[int] | None = None, size: int = 1 << 20) -> tuple[Mail, bytes]:
    """The mail that `wire` makes when it comes in pieces, and the bytes left over."""
    mail, buffer, done = Mail(size), bytearray(), False
    edges = sorted({min(cut, len(wire)) for cut in cuts or []} | {0, len(wire)})
    for start, end in zip(edges, edges[1:], strict=False):
        buffer += wire[start:end]
        done = done or mail.take(buffer)
    assert done
    return mail, bytes(buffer)


@pytest.mark.parametrize("bytewise", [False, True])
@pytest.mark.parametrize("end", LOOK_ALIKES)
async def test_nothing_but_the_true_dot_ends_a_mail(end: bytes, bytewise: bool):
    """RFC 5321 §4.1.1.4; CVE-2023-51764 and its kin: one mail in, one reply, and the next command is in step."""
    wire = b"Subject: bait\r\n\r\nhello" + end + STOLEN + b".\r\n"
    async with house() as desk:
        talk = await desk.visit()
        await talk.begins()
        for piece in [wire[n : n + 1] for n in range(len(wire))] if bytewise else [wire]:
            talk.writes(piece)
            await talk.writer.drain()
        reply = await talk.hears()
        assert await talk.says("NOOP") == "250 2.0.0 ok"
    clean = end in (b"\r\n. \r\n", b"\x85.\x85")
    assert reply.startswith("250" if clean else "554 5.6.0")
    assert len(desk.mails) == (1 if clean else 0)
    assert desk.log.data == ([] if clean else [DIRTY])


@pytest.mark.parametrize("content", [b"a\rb\r\n", b"a\nb\r\n", b"a\0b\r\n", b"X: a\rBcc: v\r\n\r\n", b"\r\r\n", b"\n\r\n"])
async def test_bare_cr_bare_lf_and_nul_are_refused_after_the_dot(content: bytes):
    """Passed on, they would be other headers or another end of the mail to somebody else."""
    async with house() as desk:
        talk = await desk.visit()
        await talk.begins()
        assert await talk.says(stuffed(content)) == "554 5.6.0 bare CR, bare LF or NUL in the mail"
        await talk.begins()
        assert (await talk.says(b"\x80 8bit is fine\r\n.\r\n")).startswith("250")


@given(
    content=st.lists(st.sampled_from([b".", b"..", b"\r\n", b"a", b"\xff", b".\r\n", b"\r\n.\r\n", b"x" * 50])),
    cuts=st.lists(st.integers(0, 400)),
    after=st.sampled_from([b"", b"QUIT\r\n", b".\r\n"]),
)
@settings(deadline=None)
def test_what_is_stuffed_comes_out_as_it_went_in(content: list[bytes], cuts: list[int], after: bytes):
    """Byte fidelity, wherever the network cuts (RFC 5321 §4.5.2)."""
    body = b"".join(content)
    body = body if not body or body.endswith(b"\r\n") else body + b"\r\n"
    mail, rest = taken(stuffed(body) + after, cuts)
    assert (mail.fault, mail.content(), rest) == (None, body, after)


@given(wire=st.binary(max_size=60).map(lambda b: b + b"\r\n.\r\n"), cuts=st.lists(st.integers(0, 70)))
@settings(deadline=None)
def test_the_cuts_of_the_network_change_nothing(wire: bytes, cuts: list[int]):
    """The same bytes in any pieces are the same mail, the same fault, the same rest."""
    whole, rest = taken(wire)
    pieces, rest_of_pieces = taken(wire, cuts)
    assert (pieces.fault, pieces.content(), rest_of_pieces) == (whole.fault, whole.content(), rest)


@pytest.mark.parametrize(("length", "fault"), [(65536, None), (65537, LONG_LINE), (200_000, LONG_LINE)])
@pytest.mark.parametrize("step", [1000, 65536, 1 << 20])
def test_a_line_may_be_65536_octets_long(length: int, fault: str | None, step: int):
    """Real HTML mail has lines far over RFC 5321's 998; without any limit they would be a way to stall us."""
    wire = b"ok\r\n" + b"x" * length + b"\r\nok\r\n.\r\n"
    mail, _ = taken(wire, list(range(0, len(wire), step)))
    assert mail.fault == fault
    assert len(mail.content()) == (0 if fault else length + 10)


def test_the_dot_after_an_endless_line_is_still_found():
    """A line too long is thrown away in pieces without losing the end of the mail."""
    for cut in range(65530, 65550):
        wire = b"x" * 65541 + b"\r\n.\r\nNOOP\r\n"
        mail, rest = taken(wire, [cut, 65541, 65542, 65543, 65544])
        assert (mail.fault, rest) == (LONG_LINE, b"NOOP\r\n")


async def test_an_oversized_mail_is_read_to_its_dot_and_refused():
    """RFC 1870 §6.3: 552 for one that lied about its size; the session goes on."""
    async with house(size=1000) as desk:
        talk = await desk.visit()
        await talk.begins()
        assert await talk.says(b"x" * 900 + b"\r\n" + b"y" * 200 + b"\r\n.\r\n") == OVERSIZE
        await talk.begins()
        assert (await talk.says(b"x" * 900 + b"\r\n.\r\n")).startswith("250")
    assert desk.log.data == [OVERSIZE]


async def test_a_mail_without_end_is_cut_at_twice_the_size():
    """Patience for liars has an end."""
    async with house(size=100_000) as desk:
        talk = await desk.visit()
        await talk.begins()
        talk.writes((b"x" * 998 + b"\r\n") * 400)
        assert (await talk.hears()).startswith("421 4.3.4")
        assert await talk.hears() == ""
    assert desk.mails == []


@pytest.mark.parametrize("line", [b"\r\n", b".\r\n", b"x" * 74 + b"\r\n"])
def test_a_mail_takes_at_most_half_as_much_again_as_its_size(line: bytes):
    """Empty lines cost stock aiosmtpd 82 times their size."""
    wire = stuffed(line * (4_000_000 // len(line)))
    mail, buffer = Mail(1 << 24), bytearray()
    tracemalloc.start()
    for start in range(0, len(wire), 65536):
        buffer += wire[start : start + 65536]
        if mail.take(buffer):
            break
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(mail.content()) >= 3_900_000
    assert peak <= 1.5 * len(mail.content())


@pytest.mark.parametrize("relay", ["127.0.0.1", "192.0.2.1"])
async def test_a_relays_copy_is_mended_and_other_mail_refused(relay: str):
    """A refused copy would come back to its author, who never wrote to us; a stranger's mail of that kind may smuggle."""
    async with house(relays=(relay,), copies=lambda address: address == "copies@shop.test") as desk:
        talk = await desk.visit()
        await talk.begins("copies@shop.test")
        talk.writes(b"Subject: x\r\n\r\n..a\rb\nc\0d\n.\r\n..\r\n.\r\n")
        trusted = relay == "127.0.0.1"
        assert (await talk.hears())[:3] == ("250" if trusted else "554")
        assert await talk.says("NOOP") == "250 2.0.0 ok"
        await talk.begins()
        assert (await talk.says(b"Subject: x\r\n\r\na\rb\r\n.\r\n"))[:3] == "554"
    assert [raw for _, raw in desk.mails] == ([b"Subject: x\r\n\r\n.a\r\nb\r\ncd\r\n.\r\n.\r\n"] if trusted else [])
