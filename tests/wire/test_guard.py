"""The guard as a proxy: what its client says, what the next hop hears, what comes back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

import pytest

from mailgate.mail.message import Envelope
from mailgate.wire.guard_in import GuardDoor
from mailgate.wire.guard_out import GoneError
from mailgate.wire.guard_out import Hop as NextHop
from mailgate.wire.smtp_in import Doors, networks
from mailgate.wire.smtp_out import target

from .conftest import QUICK, Log, Talk, connect
from .test_smtp_out import Hop

OFFER = "250-hop\r\n250-SIZE 2000\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250-DSN\r\n250-CHUNKING\r\n250 XFORWARD NAME ADDR"
BODY = b"Subject: hi\r\n\r\n..dot\r\nbye\r\n"


@dataclass
class Middle:
    """The guard between a client and a next hop; `seen` is what passed, `replies` what answers instead of passing it on."""

    hop: Hop
    log: Log
    address: str = ""
    seen: list[tuple[Envelope, bytes]] = field(default_factory=list)
    replies: list[str] = field(default_factory=list)
    talks: list[Talk] = field(default_factory=list)
    done: asyncio.Event = field(default_factory=asyncio.Event)

    async def passing(self, envelope: Envelope, content: bytes, hop: NextHop) -> str:
        self.seen.append((envelope, content))
        reply = self.replies.pop() if self.replies else (await hop.sends(content)).reply
        self.done.set()
        return reply

    async def visit(self) -> Talk:
        talk = await connect(self.address)
        self.talks.append(talk)
        await talk.hears()
        return talk

    async def begins(self) -> Talk:
        """A client that may send its mail now."""
        talk = await self.visit()
        assert (await talk.begins("b@else.test")).startswith("354")
        return talk


@asynccontextmanager
async def middle(allowed: tuple[str, ...] = ("127.0.0.1",), patience: float = 5, **says: str) -> AsyncIterator[Middle]:
    hop = Hop({"EHLO": OFFER, **{{"DOT": ".", "HI": ""}.get(verb, verb): words for verb, words in says.items()}})
    server = await asyncio.start_server(hop.serve, "127.0.0.1", 0)
    hop.port = server.sockets[0].getsockname()[1]
    made = Middle(hop, Log())
    doors = Doors(made.passing, lambda _: False, replace(QUICK, size=3000), "mx.shop.test", made.log)  # type: ignore[arg-type]
    beyond = target(f"smtp://127.0.0.1:{hop.port}", hostname="mx.shop.test", timeout=patience)
    [made.address] = await doors.open_guard(["127.0.0.1:0"], GuardDoor("guard", None, networks(allowed), beyond, made.passing))
    try:
        yield made
    finally:
        await doors.drain(1)
        for talk in made.talks:
            await talk.hangs_up()
        server.close()
        await asyncio.wait_for(asyncio.gather(*filter(None, hop.guests)), 5)


async def test_the_hello_offers_what_the_next_hop_offers() -> None:
    """The smaller size, and of its extensions those that we can pass on; BDAT is none of them."""
    async with middle() as guard:
        talk = await guard.visit()
        lines = "PIPELINING|250-SIZE 2000|250-8BITMIME|250-SMTPUTF8|250-DSN|250 XFORWARD NAME ADDR"
        assert await talk.says("EHLO client.test") == f"250-mx.shop.test|250-{lines}"
        assert guard.hop.heard == ["EHLO mx.shop.test"]
        assert await talk.says("LHLO client.test") == "500 5.5.1 this is SMTP"


async def test_every_parameter_goes_to_the_next_hop_and_every_reply_comes_back() -> None:
    """XFORWARD, MAIL and RCPT with all that they say, its refusals in its own words, several lines too."""
    says = {"RCPT TO:<gone@else.test>": "550-5.1.1 moved\r\n550 5.1.1 away", "RCPT TO:<a..b@else.test>": "250 fine"}
    async with middle(**says) as guard:
        talk = await guard.visit()
        await talk.says("EHLO client.test")
        assert await talk.says("XFORWARD NAME=laptop ADDR=192.0.2.7") == "250 ok"
        assert await talk.says("MAIL FROM:<ann@else.test> SIZE=40 RET=HDRS ENVID=QQ SMTPUTF8") == "250 ok"
        assert await talk.says("RCPT TO:<gone@else.test>") == "550-5.1.1 moved|550 5.1.1 away"
        assert await talk.says("RCPT TO:<bj\u00f6rn@else.test> NOTIFY=NEVER ORCPT=rfc822;x@y") == "250 ok"
        assert await talk.says("RCPT TO:<a..b@else.test>") == "250 fine"
        await talk.says("DATA")
        assert await talk.says(b"Subject: hi\r\n\r\n...dot\r\nbye\r\n.\r\n") == "250 2.0.0 Ok 4F2"
        assert guard.hop.heard[1:] == [
            "XFORWARD NAME=laptop ADDR=192.0.2.7", "MAIL FROM:<ann@else.test> SIZE=40 RET=HDRS ENVID=QQ SMTPUTF8",
            "RCPT TO:<gone@else.test>", "RCPT TO:<bj\u00f6rn@else.test> NOTIFY=NEVER ORCPT=rfc822;x@y",
            "RCPT TO:<a..b@else.test>", "DATA", "Subject: hi\r\n\r\n...dot\r\nbye\r\n.\r\n",
        ]  # fmt: skip
        [(envelope, content)] = guard.seen
        assert (envelope.reverse_path, envelope.door, content) == ("ann@else.test", "guard", BODY)
        assert envelope.forward_paths == ("bj\u00f6rn@else.test", "a..b@else.test")


async def test_several_mails_go_one_after_the_other() -> None:
    """Pipelined, with the null sender, with RSET between: the next hop hears the same mails."""
    async with middle() as guard:
        talk = await guard.visit()
        await talk.says("EHLO client.test")
        talk.writes(b"MAIL FROM:<>\r\nRCPT TO:<b@else.test>\r\nRSET\r\nMAIL FROM:<>\r\nRCPT TO:<c@else.test>\r\nDATA\r\n")
        assert [(await talk.hears())[:3] for _ in range(6)] == ["250", "250", "250", "250", "250", "354"]
        await talk.says(BODY + b".\r\n")
        await talk.says("MAIL FROM:<ann@else.test>")
        await talk.says("RCPT TO:<d@else.test>")
        await talk.says("DATA")
        assert await talk.says(BODY + b".\r\n") == "250 2.0.0 Ok 4F2"
        assert [(one.reverse_path, one.forward_paths) for one, _ in guard.seen] == [
            (None, ("c@else.test",)), ("ann@else.test", ("d@else.test",))
        ]  # fmt: skip
        assert guard.hop.heard[1:4] == ["MAIL FROM:<>", "RCPT TO:<b@else.test>", "RSET"]
        assert guard.hop.connections == 1
        assert await talk.says("QUIT") == "221 2.0.0 bye"
        assert await talk.hears() == "", "it hangs up when the next hop has been told"
        assert guard.hop.heard[-1] == "QUIT"


async def test_a_mail_that_we_refuse_is_forgotten_there_too() -> None:
    """The next hop hears RSET and no DATA, and the session goes on."""
    async with middle() as guard:
        guard.replies = ["550 5.7.1 put the helpdesk into Cc"]
        talk = await guard.begins()
        assert await talk.says(BODY + b".\r\n") == "550 5.7.1 put the helpdesk into Cc"
        assert guard.hop.heard[-1] == "RSET"
        assert await talk.says("MAIL FROM:<ann@else.test>") == "250 ok"


@pytest.mark.parametrize(
    ("says", "reply"),
    [
        ({"DOT": "554 5.6.0 no such thing"}, "554 5.6.0 no such thing"),
        ({"DOT": "452 4.3.1 full"}, "452 4.3.1 full"),
        ({"DATA": "451 4.3.0 later"}, "451 4.3.0 later"),
        ({"DATA": "CUT"}, "451 4.4.2 the next hop broke off before it had the mail, try again"),
        ({"DOT": "CUT"}, "451 4.4.2 the next hop has not said whether it took the mail, try again"),
        ({"DOT": "MUTE"}, "451 4.4.2 the next hop has not said whether it took the mail, try again"),
        ({"DOT": "354 what"}, "451 4.4.2 the next hop has not said whether it took the mail, try again"),
    ],
)
async def test_the_next_hop_s_word_is_the_client_s(says: dict[str, str], reply: str) -> None:
    """Its reply to the mail as it is; 451 where it says nothing, so that the client tries again."""
    async with middle(patience=0.3, **says) as guard:
        talk = await guard.begins()
        assert await talk.says(BODY + b".\r\n") == reply


@pytest.mark.parametrize("says", [{"EHLO": "CUT"}, {"MAIL": "CUT"}, {"RCPT": "MUTE"}, {"MAIL": "421 4.3.2 closing"}])
async def test_a_next_hop_that_leaves_ends_the_session(says: dict[str, str]) -> None:
    """421: the client keeps its mail and comes again."""
    async with middle(patience=0.3, **says) as guard:
        talk = await guard.visit()
        replies = [await talk.says(line) for line in ("EHLO client.test", "MAIL FROM:<a@else.test>", "RCPT TO:<b@else.test>")]
        assert any(reply.startswith("421") for reply in replies), replies


async def test_a_client_of_another_network_is_turned_away() -> None:
    """Never an open relay: whoever is not named hears 554 before he can say anything."""
    async with middle(allowed=("192.0.2.0/24",)) as guard:
        talk = await connect(guard.address)
        guard.talks.append(talk)
        assert await talk.hears() == "554 5.7.1 this door is not for you"
        assert guard.hop.connections == 0
        assert guard.log.refused


async def test_a_mail_too_large_or_dirty_never_leaves() -> None:
    """The limits of every door: what is refused after its dot is forgotten at the next hop."""
    async with middle() as guard:
        talk = await guard.begins()
        assert (await talk.says(b"Subject: hi\r\n\r\nbare\ncr\r\n.\r\n")).startswith("554 5.6.0")
        assert guard.hop.heard[-1] == "RSET"
        assert (await talk.says("MAIL FROM:<a@else.test> SIZE=3001")).startswith("552")
        assert guard.seen == []


async def test_a_client_that_leaves_does_not_stop_its_mail() -> None:
    """What is on its way goes on, and then the next hop is left alone."""
    async with middle() as guard:
        talk = await guard.begins()
        talk.writes(BODY + b".\r\n")
        await talk.writer.drain()
        await talk.hangs_up()
        await asyncio.wait_for(guard.done.wait(), 10)
        assert any(line.startswith("Subject") for line in guard.hop.heard)


async def test_tls_of_the_next_hop_is_insisted_on_where_it_is_wished() -> None:
    """`?tls=verify`: no mail in clear; a next hop without TLS is none."""
    async with middle() as guard:
        strict = NextHop(target(f"smtp://127.0.0.1:{guard.hop.port}?tls=verify", hostname="mx.shop.test", timeout=5))
        with pytest.raises(GoneError, match="STARTTLS"):
            await strict.open()
