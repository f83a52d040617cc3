"""STARTTLS at the doors (RFC 3207)."""

from __future__ import annotations

import asyncio
import ssl

import pytest

from mailgate.wire import smtp_connection

from .conftest import Talk, house

MAIL = b"Subject: hello\r\n\r\nhow are you?\r\n.\r\n"


async def secured(talk: Talk, tls: ssl.SSLContext) -> None:
    assert "250 STARTTLS" in await talk.says("EHLO client.test")
    assert await talk.says("STARTTLS") == "220 2.0.0 ready"
    await talk.writer.start_tls(tls, server_hostname="localhost")


async def test_a_client_sends_a_mail_over_tls(server_tls: ssl.SSLContext, client_tls: ssl.SSLContext):
    """After the handshake everything starts anew; a second STARTTLS is refused."""
    async with house(tls=server_tls) as desk:
        talk = await desk.visit()
        await secured(talk, client_tls)
        assert await talk.says("MAIL FROM:<a@c.test>") == "503 5.5.1 EHLO first"
        assert "STARTTLS" not in await talk.says("EHLO client.test")
        assert await talk.says("STARTTLS") == "503 5.5.1 TLS is on already"
        await talk.begins()
        big = b"x" * 900 + b"\r\n"
        assert (await talk.says(big * 2000 + MAIL)).startswith("250")
        assert await talk.says("QUIT") == "221 2.0.0 bye"
        assert await talk.hears() == ""
    assert len(desk.mails[0][1]) == 902 * 2000 + len(MAIL) - 3


async def test_what_was_sent_ahead_in_clear_is_forgotten(server_tls: ssl.SSLContext, client_tls: ssl.SSLContext):
    """CVE-2011-0411 and CVE-2024-34083: nothing injected before the handshake is executed after it."""
    async with house(tls=server_tls) as desk:
        talk = await desk.visit()
        await talk.says("EHLO client.test")
        assert await talk.says(b"STARTTLS\r\nEHLO evil.test\r\nMAIL FROM:<e@c.test>\r\n") == "220 2.0.0 ready"
        await talk.writer.start_tls(client_tls, server_hostname="localhost")
        assert await talk.says("NOOP") == "250 2.0.0 ok"
        assert await talk.says("MAIL FROM:<a@c.test>") == "503 5.5.1 EHLO first"


async def test_a_handshake_of_garbage_ends_the_session(server_tls: ssl.SSLContext):
    """The door survives it and says so once."""
    async with house(tls=server_tls) as desk:
        talk = await desk.visit()
        await talk.says("EHLO client.test")
        await talk.says("STARTTLS")
        talk.writes(b"this is no handshake at all\r\n" * 10)
        await talk.reader.read()
        other = await desk.visit()
        assert (await other.says("EHLO c.test")).startswith("250")
        assert desk.log.refused == ["TLS handshake: SSLError"]
        assert desk.doors.sessions == 1


async def test_a_renewed_certificate_is_taken_into_use(server_tls: ssl.SSLContext, client_tls: ssl.SSLContext):
    """The next STARTTLS takes the new context; without one there is no offer."""
    async with house() as desk:
        talk = await desk.visit()
        assert "STARTTLS" not in await talk.says("EHLO client.test")
        desk.doors.replace_tls(server_tls)
        await secured(talk, client_tls)
        assert (await talk.says("EHLO client.test")).startswith("250")


async def test_lmtp_over_tls_starts_anew_too(server_tls: ssl.SSLContext, client_tls: ssl.SSLContext):
    """STARTTLS is on every door; a client who leaves under TLS does not disturb the next one."""
    async with house("lmtp", tls=server_tls) as desk:
        talk = await desk.visit()
        await talk.says("LHLO client.test")
        assert await talk.says("STARTTLS") == "220 2.0.0 ready"
        await talk.writer.start_tls(client_tls, server_hostname="localhost")
        await talk.begins(hello="LHLO client.test")
        talk.writer.transport.abort()
        other = await desk.visit()
        await other.begins(hello="LHLO client.test")
        assert (await other.says(MAIL)).startswith("250")
    assert len(desk.mails) == 1


async def test_a_client_who_never_ends_tls_is_dropped(
    server_tls: ssl.SSLContext, client_tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
):
    """QUIT without the closing alert of TLS does not hold the session."""
    monkeypatch.setattr(smtp_connection, "ABORT_AFTER", 0.01)
    async with house(tls=server_tls) as desk:
        talk = await desk.visit()
        await secured(talk, client_tls)
        await talk.says("NOOP")
        talk.writer.transport.pause_reading()
        [session] = desk.doors._lobby.guests
        lost = session._closed
        talk.writes("QUIT")
        await asyncio.wait({lost}, timeout=5)
        assert desk.doors.sessions == 0
        talk.writer.transport.abort()
