"""A client that talks line by line, doors that remember what they were handed, a certificate."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from mailgate.mail.message import Envelope
from mailgate.wire.smtp_in import Doors, Limits, Outcome

QUICK = Limits(soft_pause=timedelta(0))


class Talk:
    """One connection: `await talk.says("EHLO x")` is the whole reply, lines joined by "|"; "" once it is closed."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def hears(self) -> str:
        lines = []
        while True:
            try:
                line = (await self.reader.readline()).decode()
            except ConnectionError:
                line = ""
            lines.append(line.rstrip("\r\n"))
            if line[3:4] != "-":
                return "|".join(lines)

    async def says(self, line: str | bytes) -> str:
        self.writes(line)
        return await self.hears()

    def writes(self, line: str | bytes) -> None:
        self.writer.write(line if isinstance(line, bytes) else line.encode("utf-8", "surrogateescape") + b"\r\n")

    async def begins(self, *recipients: str, hello: str = "EHLO client.test") -> str:
        """Everything up to and with DATA; the last reply."""
        await self.says(hello)
        await self.says("MAIL FROM:<ann@client.test>")
        for recipient in recipients or ("desk@shop.test",):
            await self.says(f"RCPT TO:<{recipient}>")
        return await self.says("DATA")

    async def hangs_up(self) -> None:
        self.writer.close()
        with suppress(ConnectionError):
            await self.writer.wait_closed()


@dataclass
class Log:
    """The Events of a test."""

    refused: list[str] = field(default_factory=list)
    failed: list[tuple[str, BaseException]] = field(default_factory=list)
    data: list[str] = field(default_factory=list)
    counted: list[tuple[int, int]] = field(default_factory=list)

    def session_refused(self, client: str, reason: str) -> None:
        self.refused.append(reason)

    def session_failed(self, client: str, error_id: str, error: BaseException) -> None:
        self.failed.append((error_id, error))

    def data_refused(self, client: str, reason: str) -> None:
        self.data.append(reason)

    def refusals_counted(self, *, count: int, clients: int) -> None:
        self.counted.append((count, clients))


@dataclass
class House:
    """Doors under test, and what came through them."""

    doors: Doors
    log: Log
    mails: list[tuple[Envelope, bytes]]
    address: str = ""
    talks: list[Talk] = field(default_factory=list)

    async def visit(self, address: str = "") -> Talk:
        """A client that has heard the greeting."""
        talk = await self.knock(address)
        await talk.hears()
        return talk

    async def knock(self, address: str = "") -> Talk:
        self.talks.append(await connect(address or self.address))
        return self.talks[-1]


async def connect(address: str) -> Talk:
    if address.startswith("unix:"):
        return Talk(*await asyncio.open_unix_connection(address[5:]))
    host, _, port = address.rpartition(":")
    return Talk(*await asyncio.open_connection(host.strip("[]"), int(port)))


Accepting = Callable[[Envelope, bytes], Awaitable[Any]]


@asynccontextmanager
async def house(
    kind: str = "smtp",
    listen: str = "127.0.0.1:0",
    accept: Accepting | None = None,
    knows: Callable[[str], bool] = lambda address: address.endswith("@shop.test"),
    tls: ssl.SSLContext | None = None,
    relays: tuple[str, ...] = (),
    patience: timedelta = QUICK.accept,
    copies: Callable[[str], bool] = lambda _: False,
    free: Callable[[], int | None] = lambda: None,
    **limits: Any,
) -> AsyncIterator[House]:
    mails: list[tuple[Envelope, bytes]] = []

    async def keep(envelope: Envelope, content: bytes) -> Any:
        mails.append((envelope, content))
        return await accept(envelope, content) if accept else Outcome(250, f"2.0.0 stored as {len(mails)}")

    log = Log()
    doors = Doors(keep, knows, replace(QUICK, accept=patience, **limits), "mx.shop.test", log, copies, free)
    opened = House(doors, log, mails)
    [opened.address] = await doors.open([listen], kind, tls, relays)
    try:
        yield opened
    finally:
        await doors.drain(1)
        for talk in opened.talks:
            await talk.hangs_up()


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A self-signed certificate and its key."""
    folder = tmp_path_factory.mktemp("tls")
    certificate, key = folder / "cert.pem", folder / "key.pem"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost"
    extra = ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run([*command.split(), *extra], check=True, capture_output=True)
    return certificate, key


@pytest.fixture
def server_tls(certificate: tuple[Path, Path]) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*certificate)
    return context


@pytest.fixture
def client_tls(certificate: tuple[Path, Path]) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(certificate[0]))
