"""T22: a mailbox that people also use: they read, mark, move and delete while we watch.

Servers of all kinds: tests/wire/test_imap_in.py.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest
from imap_fake import QUICK, SECRET, Fake, serving

from mailgate.store import watched
from mailgate.store.engine import Store
from mailgate.store.watched import Found, Place
from mailgate.wire.imap_in import Mailbox, Watcher

WRITES = ("UID STORE", "UID MOVE", "UID COPY", "STORE", "EXPUNGE", "UID EXPUNGE", "APPEND", "DELETE", "CLOSE", "SELECT", "RENAME")


def mail(name: str) -> bytes:
    return f"From: a@b.test\r\nSubject: {name}\r\nMessage-ID: <{name}@b.test>\r\n\r\nHello\r\n".encode()


class Taken:
    """What the watcher took, and a way to wait for it."""

    def __init__(self, store: Store) -> None:
        self.store, self.subjects, self.news = store, list[str](), asyncio.Condition()

    async def take(self, place: Place, uidvalidity: int, upto: int, found: list[Found]) -> int:
        work = partial(watched.take, place=place, uidvalidity=uidvalidity, upto=upto, arrivals=found)
        new = await self.store.run(work)
        async with self.news:
            self.subjects += [one.raw.split(b"Subject: ")[1].split(b"\r\n")[0].decode() for _, one in new]
            self.news.notify_all()
        return len(new)

    async def has(self, *subjects: str) -> None:
        async with asyncio.timeout(20), self.news:
            await self.news.wait_for(lambda: set(subjects) <= set(self.subjects))
        assert sorted(self.subjects) == sorted(set(self.subjects)), "a mail was taken twice"


async def secret() -> str:
    return SECRET


@pytest.mark.parametrize("human", ["reads", "marks", "deletes an older one", "moves one away", "empties the folder"])
async def test_t22_what_people_do_in_the_mailbox_loses_and_doubles_nothing(tmp_path: Path, human: str) -> None:
    """UIDs alone, never UNSEEN, never a sequence number; and nothing of theirs is touched."""
    store = Store.open("sqlite:///mailgate.db", tmp_path)
    taken, fake = Taken(store), Fake()
    fake.adds(mail("one"), mail("two"), mail("three"))
    async with serving(fake):
        box = Mailbox("desk", fake.server, {"INBOX": "inbox"}, secret, since=datetime(2026, 1, 1, tzinfo=UTC))
        watcher = Watcher(box, "INBOX", store, taken.take, QUICK)
        task = asyncio.create_task(watcher.work())
        try:
            await taken.has("one", "two", "three")
            for one in fake.mails if human in ("reads", "marks") else ():
                one.flags.add("\\Seen" if human == "reads" else "\\Flagged")
            if human == "deletes an older one":
                del fake.mails[0]
            elif human == "moves one away":
                fake.mails = [one for one in fake.mails if one.uid != 2]
            elif human == "empties the folder":
                fake.mails = fake.mails[-1:]
            fake.adds(mail("four"))
            await taken.has("one", "two", "three", "four")
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
    store.close()
    assert not [one for one in fake.heard if one.startswith(WRITES)]
    assert not [one for one in fake.heard if "UNSEEN" in one or "BODY[" in one.replace("BODY.PEEK[", "")]
