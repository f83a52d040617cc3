"""A client that says anything at all to our door, on a line that is made of memory.

The same bytes in one piece and in many must be answered alike; every mail that was taken is clean; nothing of ours fails.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from mailgate.mail.message import Envelope
from mailgate.wire.lobby import Door, Limits, Lobby, Outcome
from mailgate.wire.smtp_dialog import Dialog

LIMITS = Limits(size=3000, recipients=5, junk_commands=30, in_flight=20_000, soft_pause=timedelta(0))
CLEAN = re.compile(rb"(?:[^\r\n\0]*\r\n)*")
REPLY = re.compile(rb"[2-5][0-9]{2}[ -][\x20-\x7e]*")
HIDDEN = re.compile(rb"\([0-9a-f]{8}\)")


class Link(asyncio.Transport):
    """The client's line: what we wrote to it is kept."""

    def __init__(self, peer: str) -> None:
        super().__init__({"peername": (peer, 25)})
        self.written = bytearray()
        self.closing = False
        self.protocol: Any = None

    def write(self, data: Any) -> None:
        assert not self.closing, "written to a line that was closed"
        self.written += data

    def close(self) -> None:
        if not self.closing:
            self.closing = True
            asyncio.get_event_loop().call_soon(self.protocol.connection_lost, None)

    abort = close

    def is_closing(self) -> bool:
        return self.closing

    def get_write_buffer_size(self) -> int:
        return 0

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        pass

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass


@dataclass
class Heard:
    """Everything that came of a dialog."""

    said: bytes = b""
    mails: list[tuple[Envelope, bytes]] = field(default_factory=list)
    failed: list[BaseException] = field(default_factory=list)

    async def accept(self, envelope: Envelope, content: bytes) -> Outcome:
        self.mails.append((envelope, content))
        return Outcome(250, "2.0.0 taken")

    def session_refused(self, client: str, reason: str) -> None:
        assert reason.isprintable()

    def session_failed(self, client: str, error_id: str, error: BaseException) -> None:
        self.failed.append(error)

    def refusals_counted(self, count: int, clients: int) -> None:
        assert count >= clients > 0

    def data_refused(self, client: str, reason: str) -> None:
        assert reason.isprintable()


def check(said: bytes) -> None:
    """The first byte says which door and who comes, the second how the network cuts."""
    kind = "lmtp" if said[:1] > b"\x7f" else "smtp"
    relay = bool(said[:1] and said[0] & 1)
    wire = said[2:]
    whole = talked(kind, relay, [wire])
    _hold(whole, wire, kind)
    step = 1 + (said[1] if len(said) > 1 else 0)
    pieces = talked(kind, relay, [wire[at : at + step] for at in range(0, len(wire), step)])
    assert HIDDEN.sub(b"", whole.said) == HIDDEN.sub(b"", pieces.said)
    assert [_timeless(one) for one in whole.mails] == [_timeless(one) for one in pieces.mails]


def _timeless(mail: tuple[Envelope, bytes]) -> tuple[Any, ...]:
    envelope, content = mail
    return envelope.reverse_path, envelope.forward_paths, envelope.helo, envelope.door, content


def _hold(heard: Heard, wire: bytes, kind: str) -> None:
    if heard.failed:
        raise heard.failed[0]
    lines = heard.said.split(b"\r\n")
    assert lines.pop() == b""
    assert all(REPLY.fullmatch(line) and len(line) <= 510 for line in lines)
    assert len(lines) <= 20 + 10 * (wire.count(b"\n") + 1)
    final = [line for line in lines if line.startswith(b"250 2.0.0 taken")]
    assert (
        len(final) == sum(len(envelope.forward_paths) if kind == "lmtp" else 1 for envelope, _ in heard.mails) or kind == "lmtp"
    )
    for envelope, content in heard.mails:
        assert CLEAN.fullmatch(content)
        assert len(content) <= LIMITS.size
        assert 1 <= len(envelope.forward_paths) <= LIMITS.recipients
        for path in (*envelope.forward_paths, envelope.reverse_path or "a@b"):
            assert "@" in path
            assert len(path.encode()) <= 256
            assert path.isprintable()
        assert all(path.endswith("@shop.example") for path in envelope.forward_paths)


def talked(kind: str, relay: bool, pieces: list[bytes]) -> Heard:
    """What came of saying `pieces` and then hanging up."""
    return _loop().run_until_complete(_talk(kind, relay, pieces))


_the_loop: list[asyncio.AbstractEventLoop] = []


def _loop() -> asyncio.AbstractEventLoop:
    if not _the_loop or _the_loop[0].is_closed():
        _the_loop[:] = [asyncio.new_event_loop()]
    return _the_loop[0]


async def _talk(kind: str, relay: bool, pieces: list[bytes]) -> Heard:
    heard, loop = Heard(), asyncio.get_running_loop()
    house = Lobby(heard.accept, lambda one: one.endswith("@shop.example"), replace(LIMITS), "mx.shop.example", heard)
    door = Door(kind, None, _RELAYS if relay else ())
    session, link = Dialog(house, door, loop), Link("192.0.2.1")
    link.protocol = session
    session.connection_made(link)
    for piece in pieces:
        for at in range(0, len(piece), len(house.inbox)):
            part = piece[at : at + len(house.inbox)]
            session.get_buffer(len(part))[: len(part)] = part
            if not link.closing:
                session.buffer_updated(len(part))
            await _quiet()
    session.eof_received()
    await asyncio.wait_for(asyncio.gather(*filter(None, [session.handler]), return_exceptions=True), 10)
    await asyncio.gather(*house.deliveries)
    link.close()
    await _quiet()
    assert not house.guests
    assert not house.in_flight
    heard.said = bytes(link.written)
    return heard


async def _quiet() -> None:
    """Let everything that is ready happen."""
    for _ in range(6):
        await asyncio.sleep(0)


import ipaddress  # noqa: E402

_RELAYS = (ipaddress.ip_network("192.0.2.0/24"),)
