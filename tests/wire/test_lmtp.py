"""What a client hears from the LMTP door (RFC 2033)."""

from __future__ import annotations

import os
import stat
from datetime import timedelta
from pathlib import Path

from mailgate.mail.message import Envelope
from mailgate.wire.smtp_in import Outcome

from .conftest import house

MAIL = b"Subject: hello\r\n\r\nhow are you?\r\n.\r\n"
THREE = ("a@shop.test", "b@shop.test", "c@shop.test")


async def test_each_recipient_gets_a_reply_in_order():
    """RFC 2033 §4.2: one reply for each RCPT that was taken, in their order."""

    async def each(envelope: Envelope, content: bytes) -> tuple[Outcome, ...]:
        assert envelope.forward_paths == THREE
        return (Outcome(250, "2.0.0 a"), Outcome(451, "4.2.0 b"), Outcome(250, "2.0.0 c"))

    async with house("lmtp", accept=each) as desk:
        talk = await desk.knock()
        assert await talk.hears() == "220 mx.shop.test LMTP"
        await talk.begins(*THREE[:2], "x@else.test", "c@shop.test", "a@shop.test", hello="LHLO client.test")
        replies = [await talk.says(MAIL), await talk.hears(), await talk.hears(), await talk.hears()]
        assert replies == ["250 2.0.0 a", "451 4.2.0 b", "250 2.0.0 c", "250 2.0.0 a"]
        assert await talk.says("NOOP") == "250 2.0.0 ok"
    assert desk.mails[0][0].door == "lmtp"


async def test_one_outcome_is_everybodys():
    """The usual case: stored once, said to each."""
    async with house("lmtp") as desk:
        talk = await desk.visit()
        await talk.begins(*THREE, hello="LHLO client.test")
        replies = [await talk.says(MAIL), await talk.hears(), await talk.hears()]
        assert replies == ["250 2.0.0 stored as 1"] * 3


async def test_a_refused_mail_is_refused_to_each():
    """Also for a bare LF, and for a fault of ours."""

    async def broken(envelope: Envelope, content: bytes) -> tuple[Outcome, ...]:
        return ()

    async with house("lmtp", accept=broken) as desk:
        talk = await desk.visit()
        await talk.begins(*THREE, hello="LHLO client.test")
        replies = [await talk.says(b"a\nb\r\n.\r\n"), await talk.hears(), await talk.hears()]
        assert replies == ["554 5.6.0 bare CR, bare LF or NUL in the mail"] * 3
        await talk.begins(*THREE, hello="LHLO client.test")
        replies = [await talk.says(MAIL), await talk.hears(), await talk.hears()]
        assert [reply[:20] for reply in replies] == ["451 4.3.0 try again "] * 3
        assert await talk.says("NOOP") == "250 2.0.0 ok"


async def test_thirty_unknown_recipients_do_not_slow_an_mta_down():
    """The LMTP client did not think them up: neither a pause nor 421, and the mail for the others goes."""
    async with house("lmtp", soft_pause=timedelta(hours=1)) as desk:
        talk = await desk.visit()
        await talk.says("LHLO client.test")
        await talk.says("MAIL FROM:<a@client.test>")
        for n in range(30):
            assert (await talk.says(f"RCPT TO:<nobody{n}@else.test>")).startswith("550 5.7.1")
        await talk.says("RCPT TO:<a@shop.test>")
        assert (await talk.says("DATA")).startswith("354")
        assert (await talk.says(MAIL)).startswith("250")


async def test_without_a_recipient_there_is_no_mail():
    """RFC 2033 §4.2: 503, once."""
    async with house("lmtp") as desk:
        talk = await desk.visit()
        assert (await talk.begins("x@else.test", hello="LHLO client.test")).startswith("503 5.5.1")
        assert await talk.says("NOOP") == "250 2.0.0 ok"


async def test_helo_and_ehlo_belong_elsewhere():
    """RFC 2033 §4.1: 500 for both."""
    async with house("lmtp", relays=("127.0.0.1",)) as desk:
        talk = await desk.visit()
        assert (await talk.says("EHLO client.test")).startswith("500 5.5.1")
        assert (await talk.says("HELO client.test")).startswith("500 5.5.1")
        assert "PIPELINING" in await talk.says("LHLO client.test")


async def test_unix_socket_is_open_to_our_group_alone(tmp_path: Path):
    """The MTA is another user: it may write to the socket as a member of our group, under the narrowest umask too."""
    before = os.umask(0o077)
    try:
        async with house("lmtp", listen=f"unix:{tmp_path}/lmtp"):
            assert stat.S_IMODE((tmp_path / "lmtp").stat().st_mode) == 0o660
    finally:
        os.umask(before)
