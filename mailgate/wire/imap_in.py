"""Watch folders of mailboxes that people use as well: every new mail is taken within a minute, whatever dies.

One connection a folder. A look opens the folder, asks for UIDs above the last one, fetches what came, and notes how far it got in
the transaction that keeps the mail. After a look the server may tell us of new mail (IDLE); after 45 seconds at the latest we
look again, because a line may be dead without a sign. What goes wrong costs the connection, and after a pause of at most a
second, then more and more up to five minutes, the next one goes on where the last one ended.

It never looks at flags: people read their mail. It marks and moves nothing unless told to, and then only what is safe with us.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Protocol

from mailgate import config, events
from mailgate.config import ConfigError, Settings
from mailgate.config.settings import Mailbox as Said
from mailgate.mail import scan
from mailgate.mail.message import Envelope
from mailgate.store import watched
from mailgate.store.engine import Store
from mailgate.store.watched import SLACK, Found, Place
from mailgate.wire import clock
from mailgate.wire.imap_connect import LoginError, Pace, Server
from mailgate.wire.imap_protocol import ImapError, RefusedError
from mailgate.wire.imap_session import BATCH, TOGETHER, Head, Opened, Session
from mailgate.wire.oauth import OAuthError, Tokens, grant_of

OUTAGE = timedelta(minutes=5)
NEVER = datetime.min.replace(tzinfo=UTC)
_DELIVERED = ("delivered-to", "x-original-to", "envelope-to")


class Take(Protocol):
    """`Gateway.take`: keep mails of a folder; how many are new."""

    def __call__(self, place: Place, uidvalidity: int, upto: int, found: Sequence[Found]) -> Awaitable[int]: ...


@dataclass(frozen=True)
class Mailbox:
    """A mailbox as it is watched. `since` None: from the first start on; `limit`: bytes of the largest mail that is taken."""

    name: str
    server: Server
    folders: Mapping[str, str]
    secret: Callable[[], Awaitable[str]] = field(repr=False)
    refused: Callable[[], None] = field(default=lambda: None, repr=False)
    desk: str = ""
    since: datetime | None = None
    after: str = "nothing"
    limit: int = 50 * 1024**2

    def acts(self, role: str) -> bool:
        """Is mail of such a folder marked or moved when we have it?"""
        return role == "inbox" and self.after != "nothing"


def mailbox_of(name: str, said: Said, settings: Settings) -> Mailbox:
    """The mailbox of this table of the configuration; its secrets are read at every login."""
    tokens = None if said.oauth is None else Tokens(grant_of(said.oauth))

    async def secret() -> str:
        if tokens is not None:
            return await tokens.get()
        return config.password(said.password_file) if said.password_file else ""

    return Mailbox(
        name=name,
        server=Server(
            said.host, said.port or (993 if said.tls == "implicit" else 143), said.username, said.tls, said.ca_file,
            token=tokens is not None,
        ),
        folders=said.folders,
        secret=secret,
        refused=tokens.forget if tokens else lambda: None,
        desk=said.desk,
        since=datetime(said.since.year, said.since.month, said.since.day, tzinfo=UTC) if said.since else None,
        after=said.after,
        limit=settings.limits.message_size,
    )  # fmt: skip


class Watcher:
    """One folder of a mailbox. `looked`: up to which instant all mail in it is known to us."""

    def __init__(self, mailbox: Mailbox, folder: str, store: Store, take: Take, pace: Pace) -> None:
        self.mailbox, self.folder, self.role = mailbox, folder, mailbox.folders[folder]
        self.connected = False
        self.looked = NEVER
        self.reason = "not looked at yet"
        self.came_back: Callable[[datetime], None] = lambda since: None  # called after an outage, with its start
        self.saw = asyncio.Event()
        self._store, self._take, self._pace = store, take, pace
        self._place = Place(mailbox.name, folder, mailbox.acts(self.role))
        self._failures = 0

    async def work(self) -> None:
        """Watch, for ever. Of many nodes one does: what was looked at while another one did is not known here."""
        if self._store.many:
            self.looked, self.reason = NEVER, "not looked at yet"
        while True:
            try:
                await self._connection()
            except (ImapError, OAuthError, ConfigError) as error:
                self.reason = str(error).partition("\n")[0]
                if isinstance(error, LoginError):
                    self.mailbox.refused()
            finally:
                self.connected = False
            pause = self._pause()
            events.imap_lost(**self._ids, reason=self.reason, pause=timedelta(seconds=pause))
            await asyncio.sleep(pause)

    def __str__(self) -> str:
        return f"{self.mailbox.name}/{self.folder}"

    @property
    def _ids(self) -> dict[str, str]:
        return {"mailbox": self.mailbox.name, "folder": self.folder}

    def _pause(self) -> float:
        """Full jitter: any part of a length that doubles with each failure."""
        longest = min(self._pace.longest_pause, self._pace.first_pause * 2 ** min(self._failures, 20))
        self._failures += 1
        return secrets.SystemRandom().uniform(0, longest)

    async def _connection(self) -> None:
        """One connection, to its end. Raises ImapError, OAuthError, ConfigError."""
        session = await Session.open(self.mailbox.server, self.mailbox.secret, self._pace)
        try:
            while True:
                began = clock.now()
                await self._look(session)
                self._is_up_to_date(began, session)
                await session.wait(self._pace.look)
        finally:
            session.close()

    def _is_up_to_date(self, began: datetime, session: Session) -> None:
        if not self.connected:
            events.imap_connected(**self._ids, idle=session.can("IDLE"))
        if self.looked != NEVER and began - self.looked > OUTAGE:
            self.came_back(self.looked)
        self.connected, self.reason, self._failures = True, "", 0
        self.looked = began
        self.saw.set()

    async def _look(self, session: Session) -> None:
        """Take everything that came since the last look."""
        opened = await session.select(self.folder, writes=self._place.acts)
        progress = await self._progress(session, opened)
        since = progress.since - SLACK
        uids = await session.uids_after(progress.uid, opened, (since - timedelta(days=1)).date())
        for start in range(0, len(uids), BATCH):
            heads = await session.heads(uids[start : start + BATCH])
            wanted = [head for head in heads if head.date is None or head.date >= since]
            await self._fetch(session, opened, wanted, uids[min(start + BATCH, len(uids)) - 1])
        await self._act(session)

    async def _progress(self, session: Session, opened: Opened) -> watched.Progress:
        top = opened.next_uid - 1 if opened.next_uid else max(await session.uids_after(0, opened), default=0)
        begin = partial(
            watched.begin, place=self._place, uidvalidity=opened.uidvalidity, top=top, since=self.mailbox.since, now=clock.now()
        )
        progress = await self._store.beside(begin)
        if progress.renumbered:
            events.imap_renumbered(**self._ids)
        return progress

    async def _fetch(self, session: Session, opened: Opened, heads: Sequence[Head], upto: int) -> None:
        """Keep these mails, a few megabytes at a time; then the folder is read up to `upto`."""
        found: list[Found] = []
        size = 0
        async for head, raw in session.bodies(heads, self.mailbox.limit):
            if isinstance(raw, bytes):
                found.append(self._found(head, raw))
                size += len(raw)
            elif raw != "gone":
                events.imap_skipped(**self._ids, uid=head.uid, reason=raw)
            if size > TOGETHER:
                await self._keep(opened, head.uid, found)
                found, size = [], 0
        await self._keep(opened, upto, found)

    async def _keep(self, opened: Opened, upto: int, found: list[Found]) -> None:
        new = await self._take(self._place, opened.uidvalidity, upto, found)
        if found:
            events.imap_fetched(**self._ids, count=len(found), new=new, uid=upto)

    def _found(self, head: Head, raw: bytes) -> Found:
        """The mail with its envelope, as far as a mailbox tells: it came when the server got it, never later than now (G-01)."""
        now = clock.now()
        came = min(head.date, now) if head.date else now
        client = f"{self.mailbox.name}/{self.role}"
        envelope = Envelope(*paths(raw), received_at=came, door="imap", client=client)
        return Found(head.uid, envelope, raw, self.mailbox.desk or None, self.role == "inbox")

    async def _act(self, session: Session) -> None:
        """Mark or move what is safe with us, and what a crash left undone."""
        if not self._place.acts:
            return
        waiting = await self._store.beside(partial(watched.pending, place=self._place))
        for start in range(0, len(waiting), BATCH):
            uids = waiting[start : start + BATCH]
            try:
                if self.mailbox.after == "seen":
                    await session.mark_seen(uids)
                else:
                    await session.move(uids, self.mailbox.after.removeprefix("move:"))
            except RefusedError as error:
                events.imap_not_moved(**self._ids, count=len(waiting), reason=str(error))
                return
            await self._store.beside(partial(watched.acted, place=self._place, uids=uids))


def paths(raw: bytes) -> tuple[str | None, tuple[str, ...]]:
    """(reverse path, forward paths) that the delivering server wrote on top (RFC 5321 §4.4); "" where it wrote none.

    Both can be forged where the server writes none: they prove nothing, and only signed addresses among them count.
    """
    reverse: str | None = ""
    forward: list[str] = []
    for name, value in scan.fields(raw[: scan.MAX_HEADER_BLOCK]):
        text = value.decode("utf-8", "replace").strip()
        if name.lower() == "received":
            break
        if name.lower() == "return-path" and reverse == "":
            reverse = text.strip("<>").strip() or None
        elif name.lower() in _DELIVERED and "@" in text:
            forward.append(text.strip("<>"))
    return reverse, tuple(dict.fromkeys(forward))


class Watch:
    """All watched folders: their loops, and how far they are."""

    def __init__(self, mailboxes: Iterable[Mailbox], store: Store, take: Take, pace: Pace | None = None) -> None:
        self.watchers = tuple(
            Watcher(mailbox, folder, store, take, pace or Pace()) for mailbox in mailboxes for folder in mailbox.folders
        )

    def looked(self) -> datetime | None:
        """Up to when all watched mail is known to us; None when nothing is watched."""
        return min((one.looked for one in self.watchers), default=None)

    def connected(self) -> Mapping[str, bool]:
        """By mailbox: are all its folders open?"""
        names = dict.fromkeys(one.mailbox.name for one in self.watchers)
        return {name: all(one.connected for one in self.watchers if one.mailbox.name == name) for name in names}

    def behind(self, now: datetime) -> str:
        """Which folders were not looked at for five minutes, and why; nothing when all is well."""
        late = [one for one in self.watchers if now - one.looked > OUTAGE]
        return "; ".join(f"mailbox {one.mailbox.name}, folder {one.folder}: {one.reason or 'no answer'}" for one in late)


async def old_mail(mailbox: Mailbox, since: datetime | None) -> AsyncGenerator[bytes, None]:
    """Every mail that lies in the watched folders, but for junk, by when the server got it. Raises ImapError, OAuthError.

    Nothing is noted: watching goes on where it was.
    """
    for folder, role in mailbox.folders.items():
        if role == "junk":
            continue
        session = await Session.open(mailbox.server, mailbox.secret, Pace())
        try:
            uids = await session.uids_after(0, await session.select(folder), since.date() if since else None)
            for start in range(0, len(uids), BATCH):
                async for _, raw in session.bodies(await session.heads(uids[start : start + BATCH]), mailbox.limit):
                    if isinstance(raw, bytes):
                        yield raw
        finally:
            session.close()
