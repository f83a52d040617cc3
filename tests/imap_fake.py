"""A small IMAP server that behaves, until a test tells it how not to: `fake.on["UID FETCH"] = ...` takes over a command.

A handler gets the connection, the tag and the rest of the line. `fake.heard` are all lines of all connections, without tags.
"""

from __future__ import annotations

import asyncio
import base64
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime

from mailgate.wire.imap_connect import Pace, Server

USER, SECRET = "desk@shop.test", 'Sup3r "S\\ecret'
QUICK = Pace(connect=2, silence=1, done=0.5, look=0.2, first_pause=0.01, longest_pause=0.05)
Handler = Callable[["Line", str, str], Awaitable[None]]


@dataclass
class Mail:
    uid: int
    raw: bytes
    came: datetime = datetime(2026, 6, 1, 10, tzinfo=UTC)
    flags: set[str] = field(default_factory=set)


class Line:
    """One connection."""

    def __init__(self, fake: Fake, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.fake, self.reader, self.writer = fake, reader, writer

    def says(self, *lines: str | bytes) -> None:
        for line in lines:
            self.writer.write(line if isinstance(line, bytes) else line.encode() + b"\r\n")

    async def hears(self) -> str:
        line = (await self.reader.readuntil(b"\r\n")).decode()[:-2]
        self.fake.heard.append(line.partition(" ")[2] or line)
        return line

    def drops(self) -> None:
        """Without a word."""
        self.writer.transport.abort()

    async def hangs(self, *_: object) -> None:
        """For ever: the line is open and nobody is there."""
        await self.fake.ended.wait()


class Fake:
    """The server; `mails` lie in every folder."""

    def __init__(self) -> None:
        self.mails: list[Mail] = []
        self.uidvalidity = 7
        self.capabilities = "IMAP4rev1 IDLE AUTH=PLAIN MOVE UIDPLUS"
        self.greeting = "* OK hello"
        self.on: dict[str, Handler] = {}
        self.heard: list[str] = []
        self.lines: list[Line] = []
        self.idling: list[Line] = []
        self.ended = asyncio.Event()
        self.news = asyncio.Condition()
        self.port = 0
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def server(self) -> Server:
        return Server("127.0.0.1", self.port, USER, tls="none")

    def adds(self, *raws: bytes, came: datetime | None = None) -> None:
        """New mails; who idles is told."""
        for raw in raws:
            self.mails.append(Mail(self.mails[-1].uid + 1 if self.mails else 1, raw, came or Mail.came))
        for line in self.idling:
            line.says(f"* {len(self.mails)} EXISTS")

    async def heard_times(self, start: str, count: int) -> None:
        """Wait until so many lines began like this."""
        async with asyncio.timeout(20), self.news:
            await self.news.wait_for(lambda: sum(one.startswith(start) for one in self.heard) >= count)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        line = Line(self, reader, writer)
        self.lines.append(line)
        try:
            line.says(self.greeting)
            with suppress(asyncio.IncompleteReadError, ConnectionError):
                while not self.ended.is_set():
                    await self._obeys(line)
        except asyncio.CancelledError:
            return
        finally:
            if line in self.idling:
                self.idling.remove(line)
            self._tasks.discard(task)
            writer.close()

    async def _obeys(self, line: Line) -> None:
        tag, _, said = (await line.hears()).partition(" ")
        async with self.news:
            self.news.notify_all()
        name, _, rest = said.partition(" ")
        if name == "UID":
            name, _, rest = f"UID {rest.partition(' ')[0]}", "", rest.partition(" ")[2]
        handler = self.on.get(name) or getattr(self, "does_" + name.lower().replace(" ", "_"))
        await handler(line, tag, rest)

    async def does_capability(self, line: Line, tag: str, _: str) -> None:
        line.says(f"* CAPABILITY {self.capabilities}", f"{tag} OK done")

    async def does_authenticate(self, line: Line, tag: str, how: str) -> None:
        line.says(b"+ \r\n")
        said = base64.b64decode(await line.reader.readuntil(b"\r\n")).decode()
        ok = said == f"\0{USER}\0{SECRET}" if how == "PLAIN" else said == f"user={USER}\1auth=Bearer good\1\1"
        if not ok and how == "XOAUTH2":
            line.says("+ " + base64.b64encode(b'{"status":"401"}').decode())
            assert await line.reader.readuntil(b"\r\n") == b"\r\n"
        line.says(f"{tag} OK welcome" if ok else f"{tag} NO [AUTHENTICATIONFAILED] not {said}")

    async def does_login(self, line: Line, tag: str, size: str) -> None:
        line.says("+ user")
        user = await line.reader.readexactly(int(size[1:-1]))
        size = (await line.reader.readuntil(b"}\r\n")).decode()
        line.says("+ secret")
        secret = await line.reader.readexactly(int(re.search(r"\d+", size)[0]))
        await line.reader.readuntil(b"\r\n")
        ok = (user.decode(), secret.decode()) == (USER, SECRET)
        line.says(f"{tag} OK welcome" if ok else f"{tag} NO no")

    async def does_examine(self, line: Line, tag: str, _: str) -> None:
        following = self.mails[-1].uid + 1 if self.mails else 1
        line.says("* FLAGS ()", f"* {len(self.mails)} EXISTS", f"* OK [UIDVALIDITY {self.uidvalidity}] x")
        line.says(f"* OK [UIDNEXT {following}] x", f"{tag} OK [READ-ONLY] done")

    does_select = does_examine

    async def does_uid_search(self, line: Line, tag: str, what: str) -> None:
        low, high = re.search(r"UID (\d+):(\d+|\*)", what).groups()
        top = max((mail.uid for mail in self.mails), default=0)
        low, high = (min(int(low), top), top) if high == "*" else (int(low), int(high))
        found = " ".join(str(mail.uid) for mail in self.mails if low <= mail.uid <= high)
        line.says(f"* SEARCH {found}".rstrip(), f"{tag} OK done")

    async def does_uid_fetch(self, line: Line, tag: str, what: str) -> None:
        for number, mail in enumerate(self.mails, 1):
            if not _among(mail.uid, what.partition(" ")[0]):
                continue
            date = mail.came.strftime('"%d-%b-%Y %H:%M:%S +0000"')
            if part := re.search(r"<(\d+)\.(\d+)>", what):
                body = mail.raw[int(part[1]) : int(part[1]) + int(part[2])]
                line.says(
                    b"* %d FETCH (UID %d BODY[]<%s> {%d}\r\n" % (number, mail.uid, part[1].encode(), len(body)), body, b")\r\n"
                )
            else:
                line.says(f"* {number} FETCH (UID {mail.uid} INTERNALDATE {date} RFC822.SIZE {len(mail.raw)})")
        line.says(f"{tag} OK done")

    async def does_uid_store(self, line: Line, tag: str, what: str) -> None:
        for mail in self.mails:
            if _among(mail.uid, what.partition(" ")[0]):
                mail.flags.add(re.search(r"\((.*)\)", what)[1])
        line.says(f"{tag} OK done")

    async def does_uid_move(self, line: Line, tag: str, what: str) -> None:
        self.mails = [mail for mail in self.mails if not _among(mail.uid, what.partition(" ")[0])]
        line.says(f"{tag} OK done")

    async def does_idle(self, line: Line, tag: str, _: str) -> None:
        line.says("+ idling")
        self.idling.append(line)
        said = await line.hears()
        self.idling.remove(line)
        line.says(f"{tag} OK done" if said == "DONE" else f"{tag} BAD")

    async def ends(self) -> None:
        self.ended.set()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


def _among(uid: int, uids: str) -> bool:
    runs = (run.partition(":") for run in uids.split(","))
    return any(int(first) <= uid <= int(last or first) for first, _, last in runs)


@asynccontextmanager
async def serving(fake: Fake | None = None) -> AsyncIterator[Fake]:
    """A server on this machine."""
    made = fake or Fake()
    server = await asyncio.start_server(made.serve, "127.0.0.1", made.port, limit=2**20)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        server.close()
        await made.ends()
