"""T30: another protocol at our door; TLS taken away on the way out.

Certificates and policies: tests/wire/test_smtp_out.py.
"""

from __future__ import annotations

import asyncio

import pytest
from doors import door

from mailgate.wire.smtp_out import smarthost

POST = (
    b"POST / HTTP/1.1\r\nHost: 127.0.0.1:25\r\nContent-Type: text/plain\r\nContent-Length: 200\r\n\r\n"
    b"EHLO x\r\nMAIL FROM:<a@evil.example>\r\nRCPT TO:<desk@shop.test>\r\nDATA\r\nSubject: from a browser\r\n\r\nHi\r\n.\r\n"
)
FIRST = (
    POST,
    b"GET / HTTP/1.0\r\n\r\n",
    b"HEAD / HTTP/1.1\r\n",
    b"CONNECT mx:25 HTTP/1.1\r\n",
    b"OPTIONS * HTTP/1.1\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n",
    b"SSH-2.0-OpenSSH_9.0\r\n",
    b"PROXY TCP4 1.2.3.4 5.6.7.8 1 25\r\n",
    b"USER anonymous\r\n",
    b"a1 LOGIN x y\r\n",
    b"*1\r\n$4\r\nPING\r\n",
    b"\0\0\0\x01\r\n",
)


@pytest.mark.parametrize("first", FIRST, ids=lambda first: first[:12].decode("latin-1").strip())
async def test_t30_other_protocols_bring_no_mail(first: bytes) -> None:
    """A browser's POST must never end up as a mail, nor what follows any other greeting."""
    async with door() as one:
        said = (
            await one.says(first, b"EHLO x\r\n", b"MAIL FROM:<a@evil.example>\r\n")
            if first is not POST
            else await one.says(first)
        )
        assert not said[1].startswith(("250", "354"))
    assert one.mails == []


@pytest.mark.parametrize("policy", ["encrypt", "verify"])
async def test_t30_next_hop_that_loses_its_starttls_gets_no_mail(policy: str) -> None:
    """Who stands between us and the next hop strikes STARTTLS out: the mail waits, and no word of it goes in clear."""
    heard: list[bytes] = []
    gone = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mx\r\n")
        while line := await reader.readline():
            heard.append(line)
            writer.write(b"250-mx\r\n250 8BITMIME\r\n" if line.upper().startswith(b"EHLO") else b"250 ok\r\n")
        writer.close()
        gone.set()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    hop = smarthost(f"smtp://127.0.0.1:{port}?tls={policy}")
    sent = await hop.send("bounces@shop.test", ("a@b.example",), b"Subject: secret\r\n\r\nsecret\r\n")
    await hop.close()
    await asyncio.wait_for(gone.wait(), 20)
    server.close()
    assert sent.state == "deferred"
    assert not any(b"secret" in line or line.upper().startswith((b"MAIL", b"DATA")) for line in heard)
