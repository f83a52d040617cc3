"""What becomes of a mail that we hand on, whatever the next hop does."""

from __future__ import annotations

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from mailgate.mail.message import Envelope
from mailgate.wire import smtp_client, smtp_pool
from mailgate.wire.oauth import OAuthError, Tokens
from mailgate.wire.smtp_client import Login
from mailgate.wire.smtp_in import Outcome
from mailgate.wire.smtp_out import Sent, Smarthost, TlsPolicy, smarthost

from .conftest import house

MAIL = b"Message-ID: <mg.1@shop.test>\r\nSubject: hi\r\n\r\n.dot\r\n..\r\nbye\r\n"
NOBODY = Login()
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
        while going and (said := await reader.readline()):
            line = said.decode().strip() or "EMPTY"
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
async def hop(url: str = "smtp://127.0.0.1:{}", login: Login = NOBODY, **says: str) -> AsyncIterator[tuple[Hop, Smarthost]]:
    """A fake next hop and a smarthost that speaks to it; DOT is its reply to the final dot, HI its greeting."""
    names = {"DOT": ".", "HI": ""}
    other = Hop({names.get(verb, verb.replace("_", " ")): words for verb, words in says.items()})
    server = await asyncio.start_server(other.serve, "127.0.0.1", 0)
    other.port = server.sockets[0].getsockname()[1]
    timeout = 0.3 if "MUTE" in says.values() else 10
    sender = smarthost(url.format(other.port), login, "mx.shop.test", timeout=timeout)
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


@pytest.mark.parametrize(
    ("policy", "ca", "offered", "taken"),
    [
        ("none", False, True, "in clear"),
        ("may", False, True, "in TLS"),
        ("may", False, False, "in clear"),
        ("encrypt", False, True, "in TLS"),
        ("encrypt", False, False, ""),
        ("verify", True, True, "in TLS"),
        ("verify", False, True, ""),
        ("verify", True, False, ""),
    ],
)
async def test_each_policy_takes_the_tls_that_it_says(
    server_tls: ssl.SSLContext, certificate: tuple[Path, Path], policy: str, ca: bool, offered: bool, taken: str
):
    """may: better than none; encrypt: never in clear; verify: nor to somebody else's certificate. Else deferred, not lost."""
    tls = TlsPolicy(policy, certificate[0] if ca else None)
    async with house(tls=server_tls if offered else None) as desk:
        sender = smarthost(f"smtp://{desk.address}", tls=tls)
        sent = await sender.send(None, ("ann@shop.test",), MAIL)
        secured = [one.client.get_transport_info("sslcontext") is not None for one in sender._pool._idle]
        await sender.close()
    assert (sent.state, sent.reached) == (("sent", True) if taken else ("deferred", False))
    assert secured == ([taken == "in TLS"] if taken else [])
    assert len(desk.mails) == len(secured)


async def test_certificate_of_another_host_is_no_certificate(server_tls: ssl.SSLContext, certificate: tuple[Path, Path]):
    """RFC 6125: verify asks for the name in the URL; the policy may stand in the URL."""
    async with house(tls=server_tls) as desk:
        port = desk.address.rpartition(":")[2]
        sender = smarthost(f"smtp://127.0.0.2:{port}?tls=verify", tls=TlsPolicy("may", certificate[0]))
        assert (await sender.send(None, ("ann@shop.test",), MAIL)).state == "deferred"
        await sender.close()
    assert desk.mails == []


AUTH = {"EHLO": "250-hop\r\n250 AUTH PLAIN LOGIN XOAUTH2", "AUTH": "235 2.7.0 ok"}
ANN = Login("ann", "pw")


async def test_password_goes_in_clear_to_this_machine_only(monkeypatch: pytest.MonkeyPatch):
    """An account makes TLS with a certificate the default; without TLS it is used on loopback, and nowhere else."""
    async with hop(login=ANN, **AUTH) as (other, sender):
        assert (await sender.send(None, ("ann@c.test",), MAIL)).state == "deferred"
        assert not any(line.startswith("AUTH") for line in other.heard)
    async with hop("smtp://127.0.0.1:{}?tls=none", login=ANN, **AUTH) as (other, sender):
        assert (await sender.send(None, ("ann@c.test",), MAIL)).state == "sent"
        assert "AUTH PLAIN AGFubgBwdw==" in other.heard
    monkeypatch.setattr(smtp_client, "_is_here", lambda peer: False)
    async with hop("smtp://127.0.0.1:{}?tls=may", login=ANN, **AUTH) as (other, sender):
        answer = await sender.send(None, ("ann@c.test",), MAIL)
        assert (answer.state, answer.reached) == ("deferred", False)
        assert "not encrypted" in answer.text
        assert not any(line.startswith("AUTH") for line in other.heard)


@pytest.mark.parametrize(
    ("peer", "here"),
    [
        (("127.0.0.9", 25), True),
        (("::1", 25, 0, 0), True),
        ("/run/lmtp", True),
        (("192.0.2.1", 25), False),
        (("fe80::1%lo", 25), False),
    ],
)
def test_this_machine_is_loopback_or_a_socket(peer: object, here: bool):
    assert smtp_client._is_here(peer) is here


class Bearer(Tokens):
    """Hands out the next of these tokens whenever one was forgotten; an empty one: the provider is away."""

    def __init__(self, *tokens: str) -> None:
        self.tokens = list(tokens)

    async def get(self) -> str:
        if not self.tokens[0]:
            raise OAuthError("login.example did not answer within 20 s")
        return self.tokens[0]

    def forget(self) -> None:
        self.tokens.pop(0)


OLD, NEW = (base64.b64encode(f"user=ann\1auth=Bearer {word}\1\1".encode()).decode() for word in ("old", "new"))


async def test_access_token_instead_of_a_password_and_a_new_one_when_it_is_refused():
    """SASL XOAUTH2: the error comes as a challenge, an empty line ends it; one that was revoked is replaced once."""
    says = {**AUTH, f"AUTH XOAUTH2 {OLD}": "334 eyJzdGF0dXMiOiI0MDEifQ==", "EMPTY": "535 5.7.3 no"}
    async with hop("smtp://127.0.0.1:{}?tls=none", login=Login("ann", tokens=Bearer("old", "new")), **says) as (other, sender):
        assert (await sender.send(None, ("ann@c.test",), MAIL)).state == "sent"
        assert [line for line in other.heard if line.startswith("AUTH")] == [f"AUTH XOAUTH2 {OLD}", f"AUTH XOAUTH2 {NEW}"]


@pytest.mark.parametrize(("tokens", "reason"), [(("new", "new", "new"), "does not take"), (("",), "did not answer within 20 s")])
async def test_mail_waits_while_there_is_no_good_token(tokens: tuple[str, ...], reason: str):
    """Nothing is lost, and no token shows in what is said."""
    says = {**AUTH, "AUTH": "535 5.7.8 no"}
    async with hop("smtp://127.0.0.1:{}?tls=none", login=Login("ann", tokens=Bearer(*tokens)), **says) as (_, sender):
        answer = await sender.send(None, ("ann@c.test",), MAIL)
    assert (answer.state, answer.reached) == ("deferred", False)
    assert reason in answer.text
    assert "new" not in answer.text


async def test_refused_password_is_never_said():
    """The admin reads what is wrong, not the secret."""
    async with hop("smtp://127.0.0.1:{}?tls=none", login=ANN, **{**AUTH, "AUTH": "535 5.7.8 no"}) as (_, sender):
        answer = await sender.send(None, ("ann@c.test",), MAIL)
    assert (answer.state, answer.code, answer.reached) == ("deferred", 535, False)
    assert "pw" not in f"{answer} {ANN}"


@pytest.mark.parametrize(
    "url", ["http://x", "smtp://", "maildir:", "lmtp:", "smtp://h?tls=maybe", "smtps://h?tls=none", "mail", ""]
)
def test_a_smarthost_that_cannot_be_read_is_told_to_the_admin(url: str):
    """ValueError with what was got and expected."""
    with pytest.raises(ValueError, match="expected|names no host"):
        smarthost(url)


async def test_session_that_the_next_hop_ended_is_replaced_before_data_and_never_after():
    """A kept session may be over, with a 421 or without a word; once DATA was said, the mail may be on its way."""
    for says, connections in (
        ({"MAIL": "421 4.4.2 idle too long"}, 2), ({"RCPT": "CUT"}, 2), ({"RCPT": "450 4.2.1 later"}, 1), ({"DATA": "CUT"}, 1),
        ({".": "CUT"}, 1),
    ):  # fmt: skip
        async with hop() as (other, sender):
            await sender.send("b@shop.test", ("ann@c.test",), MAIL)
            other.says.update(says)
            await sender.send("b@shop.test", ("ann@c.test",), MAIL)
            assert other.connections == connections, says


async def test_session_is_closed_when_it_was_idle_too_long(monkeypatch: pytest.MonkeyPatch):
    """QUIT, before the next hop grows tired of us."""
    monkeypatch.setattr(smtp_pool, "KEEP", 0.01)
    async with hop() as (other, sender):
        await sender.send("b@shop.test", ("ann@c.test",), MAIL)
        await asyncio.wait_for(asyncio.gather(*filter(None, other.guests)), 5)
        assert other.heard[-1] == "QUIT"


async def test_session_carries_so_many_mails_and_then_a_new_one_is_opened(monkeypatch: pytest.MonkeyPatch):
    """Some relays count the mails of a session."""
    monkeypatch.setattr(smtp_pool, "MAILS", 2)
    async with hop() as (other, sender):
        for _ in range(5):
            assert (await sender.send("b@shop.test", ("ann@c.test",), MAIL)).state == "sent"
    assert other.connections == 3


async def test_reports_are_asked_for_where_they_are_offered():
    """RFC 3461: failure and delay, headers only, our name for it, and the address as we wrote it, in xtext."""
    says = {"EHLO": "250-hop\r\n250 DSN"}
    async with hop(**says) as (other, sender):
        await sender.send("b@shop.test", ("ann+x=1@c.test",), MAIL, "mg.1.abc+=")
        assert other.heard[1:3] == [
            "MAIL FROM:<b@shop.test> RET=HDRS ENVID=mg.1.abc+2B+3D",
            "RCPT TO:<ann+x=1@c.test> NOTIFY=FAILURE,DELAY ORCPT=rfc822;ann+2Bx+3D1@c.test",
        ]


@pytest.mark.parametrize(
    ("reverse_path", "envid", "offered"), [(None, "mg.1.a", "DSN"), ("b@c.test", "", "DSN"), ("b@c.test", "mg.1.a", "SIZE")]
)
async def test_reports_are_not_asked_for_otherwise(reverse_path: str | None, envid: str, offered: str):
    """Nobody would get a report to the null sender (RFC 3461 §6.1); other people's mail is not ours to ask about."""
    async with hop(EHLO=f"250-hop\r\n250 {offered}") as (other, sender):
        assert (await sender.send(reverse_path, ("ann@c.test",), MAIL, envid)).state == "sent"
    assert not any(word in line for line in other.heard for word in ("NOTIFY", "ENVID", "RET=", "ORCPT"))


async def test_many_mails_at_once_share_a_few_connections():
    """A burst does not open a connection for each."""
    async with hop() as (other, sender):
        answers = await asyncio.gather(*[sender.send(None, ("ann@c.test",), MAIL) for _ in range(30)])
    assert {answer.state for answer in answers} == {"sent"}
    assert other.connections <= 4
