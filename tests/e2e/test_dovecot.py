"""The IMAP client against a real Dovecot: three ways of TLS, folders with names of their own, mail as it lies there."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from dovecot import DESK, USERS, Dovecot

from mailgate.wire.imap_connect import LoginError, Pace, Server
from mailgate.wire.imap_protocol import ImapError
from mailgate.wire.imap_session import PART, Session

pytestmark = pytest.mark.real
RAW = b"From: a@b.test\r\nTo: desk@shop.test\r\nSubject: ** x ** 5 * 3 (\r\n\r\nHello {3}\r\n"
LIMIT = 50 * 1024 * 1024


async def opened(dovecot: Dovecot, tls: str = "none", *, secret: str = USERS[DESK], **changes: object) -> Session:
    """A session of the desk's."""

    async def tell() -> str:
        return secret

    port = dovecot.tls_port if tls == "implicit" else dovecot.port
    server = Server("localhost", port, DESK, tls=tls, ca_file=None if tls == "none" else dovecot.certificate)
    return await Session.open(replace(server, **changes), tell, Pace())


async def found(session: Session, folder: str = "INBOX") -> dict[int, bytes | str]:
    """Every mail of a folder."""
    at = await session.select(folder)
    heads = await session.heads(await session.uids_after(0, at))
    return {head.uid: body async for head, body in session.bodies(heads, LIMIT)}


@pytest.mark.parametrize("tls", ["none", "starttls", "implicit"])
async def test_mail_is_read_as_it_lies_there(dovecot: Dovecot, tls: str) -> None:
    """A mail of one part, an empty one, one of several parts; nobody sees that we looked."""
    large = RAW + (b"y" * 76 + b"\r\n") * (PART * 3 // 78)
    came = datetime(2026, 6, 1, 10, tzinfo=UTC)
    dovecot.puts(DESK, RAW, large, came=came)
    session = await opened(dovecot, tls)
    assert await found(session) == {1: RAW, 2: large}
    assert [(head.date, head.size) for head in await session.heads([1, 2])] == [(came, len(RAW)), (came, len(large))]
    session.close()
    assert dovecot.flags(DESK) == ["", ""]


async def test_certificate_is_verified(dovecot: Dovecot) -> None:
    """Without its CA file, and under another name, there is no connection."""
    for changes in ({"ca_file": None}, {"host": "127.0.0.2"}):
        for tls in ("implicit", "starttls"):
            with pytest.raises(ImapError, match="certificate is not trusted|Connect"):
                await opened(dovecot, tls, **changes)
    with pytest.raises(LoginError, match="AUTHENTICATIONFAILED"):
        await opened(dovecot, secret="another")


async def test_folders_with_names_of_their_own(dovecot: Dovecot) -> None:
    """Blanks, umlauts, other scripts, an ampersand: the folder that a person's mail program made."""
    names = {"Gelöscht (alt)": '"Gel&APY-scht (alt)"', "R&D": '"R&-D"', "Büro/صندوق": '"B&APw-ro/&BjUGRgYvBkgGQg-"'}
    with dovecot.client() as client:
        for coded in names.values():
            assert client.create(coded)[0] == "OK"
            assert client.append(coded, "", "", RAW)[0] == "OK"
    session = await opened(dovecot)
    for name in names:
        assert await found(session, name) == {1: RAW}, name
    session.close()


def multiplied(dovecot: Dovecot, count: int) -> None:
    """Lay so many mails into the INBOX: one, and copies of what is there."""
    dovecot.puts(DESK, RAW)
    have = 1
    with dovecot.client() as client:
        while have < count:
            more = min(have, count - have)
            assert client.copy(f"1:{more}", "INBOX")[0] == "OK"
            have += more


async def test_three_thousand_mails_at_once(dovecot: Dovecot) -> None:
    """B2: what kills the library's own parser; a foreign flood of flags in IDLE as well."""
    multiplied(dovecot, 3000)
    session = await opened(dovecot)
    at = await session.select("INBOX")
    uids = await session.uids_after(0, at)
    assert list(uids) == list(range(1, 3001))
    _, answers = await session.protocol.ask("FETCH", "1:*", "(UID FLAGS)", uid=True)
    assert len(answers) == 3000
    waiting = asyncio.create_task(session.wait(60))

    def marked() -> None:
        with dovecot.client() as client:
            client.store("1:*", "+FLAGS", r"(\Seen)")
            client.append("INBOX", "", "", RAW)

    await asyncio.to_thread(marked)
    await waiting
    assert list(await session.uids_after(3000, await session.select("INBOX"))) == [3001]
    session.close()


async def test_since_asks_by_the_day_it_came(dovecot: Dovecot) -> None:
    """The server's dates, not the mail's own."""
    came = datetime(2026, 6, 10, 12, tzinfo=UTC)
    for days in range(5):
        dovecot.puts(DESK, RAW, came=came + timedelta(days=days))
    session = await opened(dovecot)
    at = await session.select("INBOX")
    assert list(await session.uids_after(0, at, (came + timedelta(days=3)).date())) == [4, 5]
    session.close()
