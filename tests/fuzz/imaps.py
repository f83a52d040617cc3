"""A mail server that says anything at all to our IMAP connection: one broken answer ends the connection and nothing else."""

from __future__ import annotations

import asyncio
import base64
import re
from datetime import UTC
from typing import Any

from aioimaplib import aioimaplib

from mailgate.wire import imap_text
from mailgate.wire.imap_protocol import MAX_ANSWERS, Answer, ImapError, Protocol, uid_set
from mailgate.wire.imap_session import Pace, Session


class Link(asyncio.Transport):
    """The line to the server."""

    def __init__(self) -> None:
        super().__init__()
        self.written, self.aborted = bytearray(), False

    def write(self, data: Any) -> None:
        self.written += data

    def abort(self) -> None:
        self.aborted = True

    close = abort

    def pause_reading(self) -> None:
        pass


def check(said: bytes) -> None:
    """The first byte says how the network cuts, the second what was asked."""
    step, asked, wire = 1 + (said[0] if said else 0), said[1:2], said[2:]
    whole = _loop().run_until_complete(_heard(asked, [wire]))
    pieces = _loop().run_until_complete(_heard(asked, [wire[at : at + step] for at in range(0, len(wire), step)]))
    assert whole == pieces
    for answer in whole[1]:
        _words(answer)
    _names(wire)
    _loop().run_until_complete(_session(whole[1]))


COMMANDS = {b"\0": "FETCH", b"\1": "IDLE", b"\2": "AUTHENTICATE", b"\3": "LOGOUT", b"\4": "STARTTLS", b"\5": ""}


async def _heard(asked: bytes, pieces: list[bytes]) -> tuple[str, list[Answer], int, bool]:
    loop = asyncio.get_running_loop()
    protocol, link = Protocol(loop), Link()
    protocol.connection_made(link)
    protocol.data_received(b"* OK ready\r\n")
    assert protocol.greeted.done()
    name = COMMANDS.get(asked, "FETCH")
    if name:
        command = aioimaplib.Command(name, "TAG1", loop=loop, timeout=30)
        protocol.pending_sync_command = command
        protocol._says.append(b"a secret")
    for piece in pieces:
        protocol.data_received(piece)
    assert protocol.lost is None or (isinstance(protocol.lost, ImapError) and link.aborted)
    assert protocol.lost is None or str(protocol.lost).isprintable()
    assert len(protocol._answers) <= MAX_ANSWERS + 1
    assert link.written.count(b"a secret") <= (name == "AUTHENTICATE")
    found = str(protocol.lost or ""), list(protocol._answers), protocol.exists, protocol.pending_sync_command is None
    if name:
        command._timer.cancel()
    return found


def _words(answer: Answer) -> None:
    found = imap_text.attributes(answer)
    if found is not None:
        assert all(name == name.upper() for name in found)
        literals = set(answer[1::2])
        assert all(b"\r" not in value and b"\n" not in value for value in found.values() if value not in literals)
    for piece in answer:
        instant = imap_text.internal_date(piece[:40])
        assert instant is None or instant.tzinfo is UTC


async def _session(answers: list[Answer]) -> None:
    """What a session makes of such answers: values, or an ImapError."""
    session = Session(Protocol(asyncio.get_running_loop()), Pace())

    async def told(*words: str, **options: Any) -> tuple[str, list[Answer]]:
        return "done", answers

    session._ask = told  # type: ignore[method-assign]
    try:
        heads = await session.heads(range(1, 50))
        assert all(head.size >= 0 for head in heads)
        opened = await session.select("INBOX")
        uids = await session.uids_after(3, opened)
        assert list(uids) == sorted(set(uids))
        assert uid_set(uids).count(",") <= len(uids)
        async for _, body in session.bodies(heads, 1000):
            assert isinstance(body, str) or len(body) <= 1000
    except ImapError:
        pass


def _names(said: bytes) -> None:
    """A mailbox's name goes out as one quoted word that means that name, or not at all."""
    name = said[:100].decode("utf-8", "ignore")
    try:
        coded = imap_text.mailbox(name)
    except ValueError:
        return
    assert re.fullmatch(r'"(?:[ !#-\[\]-~]|\\["\\])*"', coded)
    assert _decoded(re.sub(r"\\(.)", r"\1", coded[1:-1])) == name


def _decoded(text: str) -> str:
    """Modified UTF-7, read by its letter (RFC 3501 §5.1.3)."""

    def one(found: re.Match[str]) -> str:
        if not found[1]:
            return "&"
        octets = found[1].replace(",", "/")
        return base64.b64decode(octets + "=" * (-len(octets) % 4)).decode("utf-16-be")

    return re.sub(r"&([^-]*)-", one, text)


_the_loop: list[asyncio.AbstractEventLoop] = []


def _loop() -> asyncio.AbstractEventLoop:
    if not _the_loop or _the_loop[0].is_closed():
        _the_loop[:] = [asyncio.new_event_loop()]
    return _the_loop[0]
