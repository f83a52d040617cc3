"""A real door on this machine for one test: what it let in, and what it answers, line by line."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from mailgate.mail.message import Envelope
from mailgate.wire.smtp_in import Doors, Limits, Outcome


@dataclass
class Door:
    """Where it listens, and the mails that came through it."""

    address: str = ""
    mails: list[tuple[Envelope, bytes]] = field(default_factory=list)

    async def says(self, *lines: bytes) -> list[str]:
        """The greeting, then the reply to each of these, lines of one joined by "|"; "" once it has hung up."""
        host, _, port = self.address.rpartition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        heard = [await _reply(reader)]
        for line in lines:
            with suppress(ConnectionError):
                writer.write(line)
                await writer.drain()
            heard.append(await _reply(reader))
            if not heard[-1]:
                break
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
        return heard


async def _reply(reader: asyncio.StreamReader) -> str:
    found: list[str] = []
    while not found or found[-1][3:4] == "-":
        with suppress(ConnectionError):
            found.append((await asyncio.wait_for(reader.readline(), 20)).decode("utf-8", "replace").rstrip("\r\n"))
            continue
        found.append("")
    return "|".join(found)


class _Unheard:
    """The events of a door, which nobody reads."""

    def __getattr__(self, name: str) -> Any:
        return lambda *_, **__: None


@asynccontextmanager
async def door(kind: str = "smtp") -> AsyncIterator[Door]:
    """An open door of this kind that knows whoever is at shop.test."""
    made = Door()

    async def deliver(envelope: Envelope, content: bytes) -> Outcome:
        made.mails.append((envelope, content))
        return Outcome(250, "2.0.0 taken")

    limits = Limits(soft_pause=timedelta(0))
    doors = Doors(deliver, lambda address: address.endswith("@shop.test"), limits, "mx.shop.test", _Unheard())
    [made.address] = await doors.open(["127.0.0.1:0"], kind)
    try:
        yield made
    finally:
        await doors.drain(1)
