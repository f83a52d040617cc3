"""What becomes of a mail that we hand on, whatever the next hop does."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from mailgate.mail.message import Envelope
from mailgate.wire.smtp_in import Outcome
from mailgate.wire.smtp_out import Sent, Smarthost, smarthost

from .conftest import house

MAIL = b"Message-ID: <mg.1@shop.test>\r\nSubject: hi\r\n\r\n.dot\r\n..\r\nbye\r\n"
DIALOG = {"": "220 hop", "EHLO": "250-hop\r\n250 SIZE", "LHLO": "250 hop", "DATA": "354 go", ".": "250 2.0.0 Ok 4F2"}


@dataclass
class Hop:
    """A next hop that says what it is told to; "CUT" hangs up, "MUTE" says nothing."""

    says: dict[str, str]
    heard: list[str] = field(default_factory=list)
    connections: int = 0
    port: int = 0
    guests: set[asyncio.Task[None] | None] = field(default_factory=set)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.guests.add(asyncio.current_task())
        try:
            await self._dialog(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _dialog(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        going = await self._reply("", writer)
        while going and (line := (await reader.readline()).decode().strip()):
            self.heard.append(line)
            going = await self._reply(line, writer)
            if line == "DATA" and going and self._words(line).startswith("354"):
                self.heard.append((await reader.readuntil(b"\r\n.\r\n")).decode())
                going = await self._reply(".", writer)

    def _words(self, line: str) -> str:
        said = {**DIALOG, **self.says}
        return said.get(line) or said.get(line.partition(" ")[0], "250 ok")

    async def _reply(self, line: str, writer: asyncio.StreamWriter) -> bool:
        words = self._words(line)
        if words == "MUTE":
            return True
        if words != "CUT":
            writer.write(words.encode() + b"\r\n")
            await writer.drain()
        return words != "CUT" and not words.startswith("421")


@asynccontextmanager
async def hop(url: str = "smtp://127.0.0.1:{}", **says: str) -> AsyncIterator[tuple[Hop, Smarthost]]:
    """A fake next hop and a smarthost that speaks to it; DOT is its reply to the final dot, HI its greeting."""
    names = {"DOT": ".", "HI": ""}
    other = Hop({names.get(verb, verb.replace("_", " ")): words for verb, words in says.items()})
    server = await asyncio.start_server(other.serve, "127.0.0.1", 0)
    other.port = server.sockets[0].getsockname()[1]
    sender = smarthost(url.format(other.port), hostname="mx.shop.test", timeout=0.05)
    try:
        yield other, sender
    finally:
        await sender.close()
        server.close()
        await asyncio.wait_for(asyncio.gather(*filter(None, other.guests)), 5)


async def test_a_mail_is_sent_as_it_is_and_the_next_one_over_the_same_connection():
    """Dots stuffed, null sender as <>, nothing added; the reply of the next hop is kept."""
    async with hop() as (other, sender):
        sent = await sender.send(None, ("ann@c.test",), MAIL)
        assert sent == Sent("sent", 250, "2.0.0 Ok 4F2")
        await sender.send("b@shop.test", ("ann@c.test", "bob@c.test"), MAIL)
    wire = MAIL.replace(b"\r\n.", b"\r\n..").decode() + ".\r\n"
    assert other.connections == 1
    assert other.heard == [
        "EHLO mx.shop.test",
        f"MAIL FROM:<> SIZE={len(MAIL)}",
        "RCPT TO:<ann@c.test>",
        "DATA",
        wire,
        f"MAIL FROM:<b@shop.test> SIZE={len(MAIL)}",
        "RCPT TO:<ann@c.test>",
        "RCPT TO:<bob@c.test>",
        "DATA",
        wire,
        "QUIT",
    ]


@pytest.mark.parametrize(
    ("says", "sent"),
    [
        ({"HI": "CUT"}, ("deferred", None)),
        ({"HI": "421 4.3.2 busy"}, ("deferred", 421)),
        ({"HI": "554 5.7.1 go away"}, ("deferred", 554)),
        ({"HI": "MUTE"}, ("deferred", None)),
        ({"HI": "what?"}, ("deferred", None)),
        ({"EHLO": "CUT"}, ("deferred", None)),
        ({"MAIL": "450 4.7.1 later"}, ("deferred", 450)),
        ({"MAIL": "550 5.7.1 never"}, ("refused", 550)),
        ({"MAIL": "CUT"}, ("deferred", None)),
        ({"MAIL": "MUTE"}, ("deferred", None)),
        ({"RCPT": "450 4.2.1 later"}, ("deferred", 450)),
        ({"RCPT": "550 5.1.1 unknown"}, ("refused", 550)),
        ({"RCPT": "421 4.3.2 closing"}, ("deferred", 421)),
        ({"RCPT": "CUT"}, ("deferred", None)),
        ({"DATA": "451 4.3.0 disk"}, ("deferred", 451)),
        ({"DATA": "554 5.5.1 no"}, ("refused", 554)),
        ({"DATA": "CUT"}, ("deferred", None)),
        ({"DATA": "MUTE"}, ("deferred", None)),
        ({"DOT": "452 4.3.1 full"}, ("deferred", 452)),
        ({"DOT": "421 4.3.2 closing"}, ("deferred", 421)),
        ({"DOT": "550 5.7.1 spam"}, ("refused", 550)),
        ({"DOT": "CUT"}, ("uncertain", None)),
        ({"DOT": "MUTE"}, ("uncertain", None)),
        ({"DOT": "what?"}, ("uncertain", None)),
    ],
)
async def test_every_place_where_it_can_fail_has_its_answer(says: dict[str, str], sent: tuple[str, int | None]):
    """4yz and a line lost before the dot: deferred; 5yz: refused; lost after the dot: uncertain. Never an exception."""
    async with hop(**says) as (_, sender):
        answer = await sender.send("b@shop.test", ("ann@c.test",), MAIL)
    assert (answer.state, answer.code) == sent
    assert answer.text.isprintable()


async def test_each_recipients_answer_is_kept():
    """One taken, one refused, one for later: sent, with the two answers."""
    says = {"RCPT_TO:<bob@c.test>": "550 5.1.1 no bob", "RCPT_TO:<eve@c.test>": "450 4.2.1 eve later"}
    async with hop(**says) as (_, sender):
        sent = await sender.send("b@shop.test", ("ann@c.test", "bob@c.test", "eve@c.test"), MAIL)
    assert sent.state == "sent"
    assert sent.refused == {"bob@c.test": (550, "5.1.1 no bob"), "eve@c.test": (450, "4.2.1 eve later")}


async def test_all_refused_but_one_for_later_is_deferred():
    """A 5yz for one recipient does not give up the other."""
    says = {"RCPT_TO:<bob@c.test>": "550 5.1.1 no bob", "RCPT_TO:<eve@c.test>": "450 4.2.1 eve later"}
    async with hop(**says) as (other, sender):
        sent = await sender.send("b@shop.test", ("bob@c.test", "eve@c.test"), MAIL)
        assert (sent.state, sent.code, len(sent.refused)) == ("deferred", 450, 2)
        assert (await sender.send("b@shop.test", ("ann@c.test",), MAIL)).state == "sent"
        assert other.connections == 1


async def test_a_kept_connection_that_has_died_is_replaced_without_a_word():
    """The next hop may hang up between two mails; that is no failure of the second."""
    async with hop() as (other, sender):
        await sender.send("b@shop.test", ("ann@c.test",), MAIL)
        other.says["MAIL"] = "CUT"
        assert (await sender.send("b@shop.test", ("ann@c.test",), MAIL)).state == "deferred"
        assert other.connections == 2


async def test_nobody_at_home_is_deferred():
    """Connection refused, unknown host: try later."""
    async with hop() as (other, sender):
        await sender.send("b@shop.test", ("ann@c.test",), MAIL)
    answer = await smarthost(f"smtp://127.0.0.1:{other.port}", timeout=1).send(None, ("ann@c.test",), MAIL)
    assert answer.state == "deferred"


@pytest.mark.parametrize(
    "address", ["a\rb@c.test", "a\nb@c.test", "ann", "", "a b@c.test", "<ann@c.test>", "a@c.test> X=1", "\ud800@c.test"]
)
async def test_a_malformed_address_never_reaches_the_wire(address: str):
    """aiosmtplib makes ab@c.test of a⟨CR⟩b@c.test; we refuse first."""
    async with hop() as (other, sender):
        assert (await sender.send("b@shop.test", (address,), MAIL)).state == "refused"
        assert (await sender.send(address, ("ann@c.test",), MAIL)).state == "refused"
        assert (await sender.send(None, (), MAIL)).state == "refused"
    assert other.connections == 0


async def test_lmtp_answers_for_each_recipient():
    """LHLO, one transaction for each; through our own door."""

    async def picky(envelope: Envelope, content: bytes) -> Outcome:
        bob = envelope.forward_paths == ("bob@shop.test",)
        return Outcome(552, "5.2.2 full") if bob else Outcome(250, "2.0.0 ok")

    async with house("lmtp", accept=picky) as desk:
        sender = smarthost(f"lmtp://{desk.address}", hostname="mx.shop.test")
        sent = await sender.send(None, ("ann@shop.test", "bob@shop.test", "x@else.test"), MAIL)
        await sender.close()
    assert (sent.state, sent.code) == ("sent", 250)
    assert {path: code for path, (code, _) in sent.refused.items()} == {"bob@shop.test": 552, "x@else.test": 550}
    assert [content for _, content in desk.mails] == [MAIL, MAIL]


async def test_lmtp_over_a_unix_socket(tmp_path: Path):
    """lmtp:///path."""
    async with house("lmtp", listen=f"unix:{tmp_path}/lmtp") as desk:
        sender = smarthost(f"lmtp://{tmp_path}/lmtp")
        assert (await sender.send(None, ("ann@shop.test",), MAIL)).state == "sent"
        await sender.close()
    assert [content for _, content in desk.mails] == [MAIL]


async def test_tls_is_used_when_offered_and_demanded_when_required(server_tls: ssl.SSLContext, client_tls: ssl.SSLContext):
    """A next hop without STARTTLS gets nothing from us under ?tls=required."""
    async with house(tls=server_tls) as desk:
        offered = smarthost(f"smtp://{desk.address}")
        required = smarthost(f"smtp://{desk.address}?tls=required", tls=client_tls)
        mistrusted = smarthost(f"smtp://{desk.address}?tls=required")
        assert (await offered.send(None, ("ann@shop.test",), MAIL)).state == "sent"
        assert (await required.send(None, ("ann@shop.test",), MAIL)).state == "sent"
        assert (await mistrusted.send(None, ("ann@shop.test",), MAIL)).state == "deferred"
        desk.doors.replace_tls(None)
        refusing = smarthost(f"smtp://{desk.address}?tls=required", tls=client_tls)
        assert (await refusing.send(None, ("ann@shop.test",), MAIL)).state == "deferred"
        for sender in (offered, required, mistrusted, refusing):
            await sender.close()
    assert len(desk.mails) == 2


async def test_a_password_is_not_sent_in_clear_unless_told_to():
    """A user name makes TLS required; ?tls=off is for a relay on the same machine."""
    says = {"EHLO": "250-hop\r\n250 AUTH PLAIN", "AUTH": "235 2.7.0 ok"}
    async with hop("smtp://ann:pw@127.0.0.1:{}", **says) as (other, sender):
        assert (await sender.send(None, ("ann@c.test",), MAIL)).state == "deferred"
        assert not any(line.startswith("AUTH") for line in other.heard)
    async with hop("smtp://ann:pw@127.0.0.1:{}?tls=off", **says) as (other, sender):
        assert (await sender.send(None, ("ann@c.test",), MAIL)).state == "sent"
        assert "AUTH PLAIN AGFubgBwdw==" in other.heard
    async with hop("smtp://ann:pw@127.0.0.1:{}?tls=off", **{**says, "AUTH": "535 5.7.8 no"}) as (_, sender):
        answer = await sender.send(None, ("ann@c.test",), MAIL)
        assert (answer.state, answer.code) == ("deferred", 535)
        assert "pw" not in answer.text


@pytest.mark.parametrize("url", ["http://x", "smtp://", "maildir:", "lmtp:", "smtp://h?tls=maybe", "mail", ""])
def test_a_smarthost_that_cannot_be_read_is_told_to_the_admin(url: str):
    """ValueError with what was got and expected."""
    with pytest.raises(ValueError, match="expected|names no host"):
        smarthost(url)


async def test_many_mails_at_once_share_a_few_connections():
    """A burst does not open a connection for each."""
    async with hop() as (other, sender):
        answers = await asyncio.gather(*[sender.send(None, ("ann@c.test",), MAIL) for _ in range(30)])
    assert {answer.state for answer in answers} == {"sent"}
    assert other.connections <= 4
