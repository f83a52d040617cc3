"""One connection to one folder of a mailbox: log in, open, find, fetch, wait. It remembers nothing between two connections.

Folders are opened read-only unless mails are to be marked or moved, and bodies are fetched by BODY.PEEK, so that looking leaves
no trace. Mails are named by UID alone. Any error but a refusal ends the connection; the caller makes a new one.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from array import array
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from aioimaplib import aioimaplib

from mailgate.wire import imap_text
from mailgate.wire.imap_connect import Pace, Secret, Server, connect
from mailgate.wire.imap_protocol import Answer, ImapError, Protocol, RefusedError, uid_set

PART = 1024 * 1024  # bytes of one mail that are asked for at once
BATCH = 200  # UIDs of one command
WINDOW = 100_000  # UIDs that one SEARCH may answer with
TOGETHER = 2 * 1024 * 1024  # bytes of small mails that are fetched at once


@dataclass(frozen=True)
class Opened:
    """A folder as it was when it was opened. `next_uid` is 0 where the server does not say."""

    uidvalidity: int
    next_uid: int
    exists: int


@dataclass(frozen=True)
class Head:
    """What is known of a mail before it is fetched: INTERNALDATE (None: not given), and the size as the server says."""

    uid: int
    date: datetime | None
    size: int


@dataclass
class Session:
    """A connection that is logged in."""

    protocol: Protocol
    pace: Pace = field(default_factory=Pace)

    @classmethod
    async def open(cls, server: Server, secret: Secret, pace: Pace) -> Session:
        """Connect and log in. Raises ImapError; nothing is left open then."""
        return cls(await connect(server, secret, pace), pace)

    def close(self) -> None:
        """End the connection, at once."""
        self.protocol.fail("closed by us")

    def can(self, capability: str) -> bool:
        """True if the server offers this."""
        return capability in self.protocol.capabilities

    async def select(self, folder: str, *, writes: bool = False) -> Opened:
        """Open a folder, read-only unless `writes`. Raises RefusedError if there is none."""
        name = "SELECT" if writes else "EXAMINE"
        text, answers = await self._ask(name, imap_text.mailbox(folder))
        self.protocol.state = aioimaplib.SELECTED
        lines = [answer[0] for answer in answers] + [text.encode()]
        validity, following = _number(lines, rb"\[UIDVALIDITY (\d+)\]"), _number(lines, rb"\[UIDNEXT (\d+)\]")
        opened = Opened(validity, following, _number(lines, rb"^\* (\d+) EXISTS"))
        if not opened.uidvalidity:
            raise ImapError("the server gives the folder no UIDVALIDITY")
        self.protocol.arrived.clear()
        return opened

    async def uids_after(self, last: int, opened: Opened, since: date | None = None) -> array[int]:
        """The UIDs above `last`, ascending; `since`: only those that came on this day or later, by the server's dates.

        A huge folder is asked window by window, so that no answer is longer than a line may be.
        """
        found: set[int] = set()
        days = ("SINCE", imap_text.search_date(since)) if since else ()
        low = last + 1
        while opened.exists > WINDOW and opened.next_uid - low > WINDOW:
            found |= await self._search(f"{low}:{low + WINDOW - 1}", days)
            low += WINDOW
        found |= await self._search(f"{low}:*", days)
        return array("Q", sorted(uid for uid in found if uid > last))

    async def _search(self, uids: str, days: tuple[str, ...]) -> set[int]:
        _, answers = await self._ask("SEARCH", "UID", uids, *days, uid=True)
        found: set[int] = set()
        for line in (answer[0] for answer in answers if answer[0].upper().startswith(b"* SEARCH")):
            words = line.split()[2:]
            if not all(word.isdigit() and len(word) <= 10 for word in words):
                raise ImapError("an answer to SEARCH that can't be read")
            found.update(map(int, words))
        return found

    async def heads(self, uids: Sequence[int]) -> list[Head]:
        """What is known of these mails (BATCH at the most), ascending; those that are gone are left out."""
        found = await self._fetch(uids, "(UID INTERNALDATE RFC822.SIZE)")
        heads = []
        for uid, items in sorted(found.items()):
            size = items.get("RFC822.SIZE", b"")
            heads.append(Head(uid, imap_text.internal_date(items.get("INTERNALDATE", b"")), _whole_number(size)))
        return heads

    async def bodies(self, heads: Sequence[Head], limit: int) -> AsyncIterator[tuple[Head, bytes | str]]:
        """Each mail with its bytes, in this order; instead of the bytes why there are none: gone, too large, refused.

        Memory: a few mails of TOGETHER bytes at once, or one of `limit`.
        """
        for group in _groups(heads, limit):
            parts = await self._parts([head.uid for head in group if head.size <= limit])
            for head in group:
                yield head, await self._whole(head, parts.pop(head.uid, None), limit)

    async def _parts(self, uids: Sequence[int]) -> dict[int, bytes | str]:
        """The first part of each; where the server refuses them together each is asked for alone."""
        if not uids:
            return {}
        try:
            found = await self._fetch(uids, f"(UID BODY.PEEK[]<0.{PART}>)")
        except RefusedError as error:
            if len(uids) == 1:
                return {uids[0]: str(error)}
            alone = [await self._parts([uid]) for uid in uids]
            return {uid: part for each in alone for uid, part in each.items()}
        return {uid: body for uid, items in found.items() if (body := _body(items)) is not None}

    async def _whole(self, head: Head, first: bytes | str | None, limit: int) -> bytes | str:
        if head.size > limit:
            return "too large"
        if first is None:
            return "gone"
        if isinstance(first, str):
            return first
        whole = bytearray(first)
        while len(whole) % PART == 0 and whole:
            if len(whole) > limit:
                return "too large"
            found = await self._fetch([head.uid], f"(UID BODY.PEEK[]<{len(whole)}.{PART}>)")
            part = _body(found.get(head.uid, {}))
            if part is None:
                return "gone"
            if not part:
                break
            whole += part
        return bytes(whole) if len(whole) <= limit else "too large"

    async def _fetch(self, uids: Sequence[int], items: str) -> dict[int, dict[str, bytes]]:
        """The items of each mail that was asked for; answers about other mails, and about flags, are dropped."""
        _, answers = await self._ask("FETCH", uid_set(uids), items, uid=True)
        asked = set(uids)
        found: dict[int, dict[str, bytes]] = {}
        for answer in answers:
            read = imap_text.attributes(answer)
            uid = read.get("UID", b"") if read else b""
            if read and _whole_number(uid) in asked:
                found.setdefault(int(uid), {}).update(read)
        return found

    async def wait(self, seconds: float) -> None:
        """Return when the folder may have grown, after `seconds` at the latest. Raises ImapError if the connection is dead."""
        protocol = self.protocol
        if not self.can("IDLE"):
            await _until(protocol.arrived, seconds)
            return self._alive()
        protocol.idling.clear()
        idle = asyncio.create_task(self._ask("IDLE", silence=None))
        try:
            if not await self._is_idling(idle):
                protocol.capabilities.discard("IDLE")
                await _until(protocol.arrived, seconds)
                return self._alive()
            await _until(protocol.arrived, seconds)
            self._alive()
            protocol.send("DONE")
            async with asyncio.timeout(self.pace.done):
                await idle
        except TimeoutError:
            raise self._dead(f"no answer to DONE for {self.pace.done:g} s") from None
        finally:
            idle.cancel()
            with contextlib.suppress(asyncio.CancelledError, ImapError):
                await idle
        return None

    async def _is_idling(self, idle: asyncio.Task[tuple[str, list[Answer]]]) -> bool:
        """True once the server waits with us, False if it refuses. Raises ImapError."""
        begun = asyncio.create_task(self.protocol.idling.wait())
        both: set[asyncio.Task[Any]] = {idle, begun}
        await asyncio.wait(both, timeout=self.pace.done, return_when=asyncio.FIRST_COMPLETED)
        begun.cancel()
        self._alive()
        if idle.done():
            if isinstance(idle.exception(), RefusedError):
                return False
            raise idle.exception() or ImapError("the server ended IDLE at once")
        if not self.protocol.idling.is_set():
            raise self._dead(f"no answer to IDLE for {self.pace.done:g} s")
        return True

    async def mark_seen(self, uids: Sequence[int]) -> None:
        """Set \\Seen."""
        await self._ask("STORE", uid_set(uids), "+FLAGS.SILENT", r"(\Seen)", uid=True)

    async def move(self, uids: Sequence[int], folder: str) -> None:
        """Move these mails to another folder (RFC 6851, or RFC 4315 where the server lacks it). Raises RefusedError."""
        where = imap_text.mailbox(folder)
        if self.can("MOVE"):
            await self._ask("MOVE", uid_set(uids), where, uid=True)
            return
        if not self.can("UIDPLUS"):
            raise RefusedError("the server can't move single mails: it has neither MOVE nor UIDPLUS")
        await self._ask("COPY", uid_set(uids), where, uid=True)
        await self._ask("STORE", uid_set(uids), "+FLAGS.SILENT", r"(\Deleted)", uid=True)
        await self._ask("EXPUNGE", uid_set(uids), uid=True)

    async def _ask(self, name: str, *words: str, uid: bool = False, silence: float | None = -1.0) -> tuple[str, list[Answer]]:
        return await self.protocol.ask(name, *words, uid=uid, silence=self.pace.silence if silence == -1.0 else silence)

    def _alive(self) -> None:
        if self.protocol.lost is not None:
            raise self.protocol.lost

    def _dead(self, reason: str) -> ImapError:
        self.protocol.fail(reason)
        return self.protocol.lost or ImapError(reason)


def _number(lines: Iterable[bytes], pattern: bytes) -> int:
    """The last number that the lines give for `pattern`, or 0."""
    found = [int(match[1]) for line in lines if (match := re.search(pattern, line, re.IGNORECASE)) and len(match[1]) <= 10]
    return found[-1] if found else 0


def _whole_number(said: bytes) -> int:
    """The number that an item says, 0 where it says none (RFC 3501 §9: 32 bits). Raises ImapError for one that is none."""
    if len(said) > 10:
        raise ImapError("a number that is too long")
    return int(said) if said.isdigit() else 0


def _groups(heads: Sequence[Head], limit: int) -> list[list[Head]]:
    """Heads in a row whose mails may be fetched together."""
    groups: list[list[Head]] = []
    size = TOGETHER
    for head in heads:
        weight = min(head.size, PART) if head.size <= limit else 0
        if size + weight > TOGETHER or len(groups[-1]) >= BATCH:
            groups.append([])
            size = 0
        groups[-1].append(head)
        size += weight
    return groups


def _body(items: dict[str, bytes]) -> bytes | None:
    """The literal of a BODY[] item, whole or from an offset; NIL is an empty one."""
    value = next((value for name, value in items.items() if name.startswith("BODY[]")), None)
    return b"" if value is not None and value.upper() == b"NIL" else value


async def _until(event: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
