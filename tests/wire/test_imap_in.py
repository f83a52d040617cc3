"""Watching a folder: every new mail is taken once and soon, whatever dies; nothing is marked, moved or lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from imap_fake import QUICK, SECRET, Fake, Line, serving

from mailgate import events
from mailgate.store import spool, waiting, watched
from mailgate.store.engine import Connection, Store
from mailgate.store.watched import Found, Place
from mailgate.wire.imap_in import Mailbox, Watch, Watcher, paths
from mailgate.wire.imap_session import BATCH

OLD = datetime(2026, 1, 1, tzinfo=UTC)


def mail(name: str, body: str = "Hello") -> bytes:
    return f"From: a@b.test\r\nSubject: {name}\r\nMessage-ID: <{name}@b.test>\r\n\r\n{body}\r\n".encode()


class House:
    """What stands behind the watcher: a store, and what it took."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.taken: list[Found] = []
        self.batches: list[int] = []
        self.fails = 0
        self.news = asyncio.Condition()

    async def take(self, place: Place, uidvalidity: int, upto: int, found: list[Found]) -> int:
        if self.fails:
            self.fails -= 1
            raise OSError("the store is full")
        work = partial(watched.take, place=place, uidvalidity=uidvalidity, upto=upto, arrivals=found)
        new = await self.store.run(work)
        self.taken += [one for _, one in new]
        self.batches.append(len(found))
        async with self.news:
            self.news.notify_all()
        return len(new)

    async def has(self, count: int) -> list[bytes]:
        """The mails, once there are so many."""
        async with asyncio.timeout(20), self.news:
            await self.news.wait_for(lambda: len(self.taken) >= count)
        assert len(self.taken) == count
        return [one.raw for one in self.taken]


@pytest.fixture
async def fake() -> AsyncIterator[Fake]:
    async with serving() as made:
        yield made


@pytest.fixture
def house() -> House:
    store = Store.open("sqlite:///:memory:", Path())
    yield House(store)
    store.close()


@pytest.fixture
async def watch(fake: Fake, house: House) -> AsyncIterator[Callable]:
    """`await watch()`: a watcher at work, which has looked once; all end with the test."""
    tasks: list[asyncio.Task] = []

    async def secret() -> str:
        return SECRET

    async def start(*, looks: bool = True, pace: object = QUICK, folders: object = None, **changes: object) -> Watcher:
        mailbox = Mailbox("box", fake.server, folders or {"INBOX": "inbox"}, secret, since=OLD)
        made = Watch([replace(mailbox, **changes)], house.store, house.take, pace)
        tasks.extend(asyncio.create_task(kept(one)) for one in made.watchers)
        if looks:
            await asyncio.wait_for(made.watchers[0].saw.wait(), 20)
        return made.watchers[0]

    yield start
    for task in tasks:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def kept(watcher: Watcher) -> None:
    """As the daemon keeps a loop: one that fails is started again."""
    while True:
        with suppress(OSError):
            await watcher.work()


async def notified(told: asyncio.Condition) -> None:
    async with told:
        told.notify_all()


async def ends(watcher: Watcher) -> None:
    """Every task of the watcher's: what a stop of the daemon does."""
    for task in asyncio.all_tasks():
        if task.get_coro().__qualname__ == "kept":
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


async def test_what_lies_there_and_what_comes_is_taken_once(fake: Fake, house: House, watch: Callable) -> None:
    """By IDLE: the folder is watched, and nobody sees that we looked."""
    fake.adds(mail("1"), mail("2"))
    await watch()
    assert await house.has(2) == [mail("1"), mail("2")]
    await fake.heard_times("IDLE", 1)
    fake.adds(mail("3"))
    assert (await house.has(3))[2] == mail("3")
    assert not any(word in line for line in fake.heard for word in ("STORE", "MOVE", "SELECT", "EXPUNGE", "UNSEEN", "BODY["))


async def test_envelope_says_when_and_where_it_came(fake: Fake, house: House, watch: Callable) -> None:
    """G-01: INTERNALDATE, never later than now."""
    came = datetime(2026, 6, 1, 10, tzinfo=UTC)
    fake.adds(b"Return-Path: <>\r\nDelivered-To: bounces+1.x@shop.test\r\n" + mail("1"), came=came)
    fake.adds(mail("2"), came=datetime(2099, 1, 1, tzinfo=UTC))
    await watch(desk="support")
    await house.has(2)
    first, second = house.taken
    assert (first.envelope.received_at, first.envelope.door, first.envelope.client) == (came, "imap", "box/inbox")
    assert (first.envelope.reverse_path, first.envelope.forward_paths, first.desk) == (
        None,
        ("bounces+1.x@shop.test",),
        "support",
    )
    assert timedelta(0) <= datetime.now(UTC) - second.envelope.received_at < timedelta(minutes=1)  # noqa: TID251


async def bye(line: Line, tag: str, rest: str) -> None:
    line.says("+ idling", "* BYE the server shuts down")


async def dropped(line: Line, tag: str, rest: str) -> None:
    line.says("+ idling")
    line.drops()


async def blackholed(line: Line, tag: str, rest: str) -> None:
    line.says("+ idling")
    await line.hangs()


async def refused(line: Line, tag: str, rest: str) -> None:
    line.says(f"{tag} NO not now")


async def expired(line: Line, tag: str, rest: str) -> None:
    line.says("+ idling", f"{tag} NO [AUTHENTICATIONFAILED] session expired", "* BYE session expired")


async def deaf(line: Line, tag: str, rest: str) -> None:
    """It answers, and never says a word of new mail."""
    line.says("+ idling")
    await line.hears()
    line.says(f"{tag} OK done")


@pytest.mark.parametrize("dies", [bye, dropped, blackholed, refused, expired, deaf])
async def test_idle_dies_and_the_next_mail_is_seen(fake: Fake, house: House, watch: Callable, dies: Callable) -> None:
    """Whatever becomes of IDLE: the next look comes, on this connection or on a new one."""
    fake.on["IDLE"] = dies
    await watch()
    await fake.heard_times("IDLE", 1)
    fake.adds(mail("1"))
    assert await house.has(1) == [mail("1")]


async def test_server_that_was_killed_is_found_again(fake: Fake, house: House, watch: Callable) -> None:
    """Refused connections for a while, then a new server with the same mails."""
    fake.adds(mail("1"))
    server = await asyncio.start_server(fake.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    watcher = await watch(server=replace(fake.server, port=port))
    await house.has(1)
    told, pause, keep = asyncio.Condition(), watcher._pause, []

    def pauses() -> float:
        keep.append(asyncio.ensure_future(notified(told)))
        return pause()

    watcher._pause = pauses
    server.close()
    for line in list(fake.lines):
        line.drops()
    async with asyncio.timeout(20), told:
        await told.wait_for(lambda: "Connect" in watcher.reason)
    assert not watcher.connected
    fake.adds(mail("2"))
    again = await asyncio.start_server(fake.serve, "127.0.0.1", port)
    assert await house.has(2) == [mail("1"), mail("2")]
    again.close()


@pytest.mark.parametrize("command", ["CAPABILITY", "AUTHENTICATE", "EXAMINE", "UID SEARCH", "UID FETCH"])
async def test_connection_that_breaks_anywhere_loses_and_doubles_nothing(
    fake: Fake, house: House, watch: Callable, command: str
) -> None:
    """At every command once, silently."""
    fake.adds(*(mail(str(n)) for n in range(5)))
    own = getattr(fake, "does_" + command.lower().replace(" ", "_"))
    count = 0

    async def breaks(line: Line, tag: str, rest: str) -> None:
        nonlocal count
        count += 1
        if count in (1, 3):
            line.drops()
        else:
            await own(line, tag, rest)

    fake.on[command] = breaks
    await watch()
    assert await house.has(5) == [mail(str(n)) for n in range(5)]


async def test_stop_and_start_go_on_where_it_ended(fake: Fake, house: House, watch: Callable) -> None:
    """Progress is in the store, mail for mail."""
    fake.adds(mail("1"))
    watcher = await watch()
    await house.has(1)
    await ends(watcher)
    fake.adds(mail("2"))
    await watch()
    assert await house.has(2) == [mail("1"), mail("2")]


async def test_from_now_takes_only_what_comes_after_the_first_start(fake: Fake, house: House, watch: Callable) -> None:
    """since = "now"; a restart does not make now later."""
    now = datetime.now(UTC)  # noqa: TID251
    fake.adds(mail("old"), came=now)
    watcher = await watch(since=None)
    await ends(watcher)
    fake.adds(mail("new"), came=now)
    await watch(since=None)
    assert await house.has(1) == [mail("new")]


async def test_date_is_obeyed_by_when_the_server_got_it(fake: Fake, house: House, watch: Callable) -> None:
    """Also for old mail that a person moves into the folder later."""
    since = datetime(2026, 6, 10, tzinfo=UTC)
    fake.adds(mail("before"), came=since - timedelta(days=3))
    fake.adds(mail("after"), came=since + timedelta(hours=1))
    await watch(since=since)
    await house.has(1)
    fake.adds(mail("moved in"), came=since - timedelta(days=30))
    fake.adds(mail("newest"), came=since + timedelta(days=2))
    assert await house.has(2) == [mail("after"), mail("newest")]


async def test_earlier_date_takes_what_was_left_out(fake: Fake, house: House, watch: Callable) -> None:
    """A changed configuration: the folder is read again from then on."""
    since = datetime(2026, 6, 10, tzinfo=UTC)
    fake.adds(mail("before"), came=since - timedelta(days=3))
    await ends(await watch(since=since))
    assert house.taken == []
    await watch(since=since - timedelta(days=5))
    assert await house.has(1) == [mail("before")]


async def test_folder_that_was_made_anew_is_read_again(fake: Fake, house: House, watch: Callable) -> None:
    """B12: UID 1 is another mail now; what is known comes again, and the gateway counts it once."""
    fake.adds(mail("1"), mail("2"))
    with events.captured() as lines:
        await watch()
        await house.has(2)
        fake.mails.clear()
        fake.uidvalidity += 1
        fake.adds(mail("other"), mail("2"))
        assert await house.has(4) == [mail("1"), mail("2"), mail("other"), mail("2")]
    assert any(line["event"] == "imap.renumbered" for line in lines)


async def test_thousand_mails_come_in_batches(fake: Fake, house: House, watch: Callable) -> None:
    """No more than 200 UIDs a command, and each batch is durable by itself."""
    fake.adds(*(mail(str(n)) for n in range(1000)))
    await watch()
    await house.has(1000)
    assert house.batches == [BATCH] * 5


async def test_store_that_fails_costs_nothing(fake: Fake, house: House, watch: Callable) -> None:
    """What was not kept is fetched again; nothing is passed over."""
    fake.adds(*(mail(str(n)) for n in range(3)))
    house.fails = 2
    await watch()
    assert await house.has(3) == [mail(str(n)) for n in range(3)]


async def test_mail_that_is_too_large_stays_and_is_told(fake: Fake, house: House, watch: Callable) -> None:
    """The others are taken, and it is not asked for again."""
    fake.adds(mail("1"), mail("huge", "x" * 5000), mail("3"))
    with events.captured() as lines:
        await watch(limit=1000)
        assert await house.has(2) == [mail("1"), mail("3")]
    (told,) = [line for line in lines if line["event"] == "imap.skipped"]
    assert (told["uid"], told["reason"]) == (2, "too large")


@pytest.mark.parametrize(("after", "flags"), [("seen", {"\\Seen"}), ("move:Done", None)])
async def test_marking_and_moving_come_after_the_commit(
    fake: Fake, house: House, watch: Callable, after: str, flags: set[str] | None
) -> None:
    """Only what is safe with us; what a crash between the two left undone is done by the next start."""
    fake.adds(mail("1"))
    command = "UID STORE" if after == "seen" else "UID MOVE"

    async def crashes(line: Line, tag: str, rest: str) -> None:
        assert len(house.taken) == 1
        line.drops()

    fake.on[command] = crashes
    watcher = await watch(looks=False, after=after)
    await fake.heard_times(command, 1)
    await ends(watcher)
    del fake.on[command]
    fake.adds(mail("2"))
    watcher = await watch(after=after)
    await house.has(2)
    assert [one.flags for one in fake.mails] == ([flags] * 2 if flags else [])
    assert house.store.read(partial(watched.pending, place=Place("box", "INBOX"))) == ()


async def test_sent_and_junk_are_never_marked(fake: Fake, house: House, watch: Callable) -> None:
    """`after` is about the inbox."""
    fake.adds(mail("1"))
    await watch(folders={"Sent": "sent"}, after="seen")
    await house.has(1)
    assert fake.mails[0].flags == set()
    assert not any(line.startswith("SELECT") for line in fake.heard)


async def test_refused_move_is_told_and_tried_again(fake: Fake, house: House, watch: Callable) -> None:
    """The mail is safe with us; the watch goes on."""
    fake.adds(mail("1"))

    async def no(line: Line, tag: str, rest: str) -> None:
        line.says(f"{tag} NO [TRYCREATE] no such folder")

    fake.on["UID MOVE"] = no
    with events.captured() as lines:
        await watch(after="move:Nowhere")
        await house.has(1)
        await fake.heard_times("UID MOVE", 2)
    assert "no such folder" in next(line["reason"] for line in lines if line["event"] == "imap.not_moved")


async def test_refused_login_is_told_without_the_secret_and_others_go_on(fake: Fake, house: House, watch: Callable) -> None:
    """M07: one mailbox that can't log in holds up no other; its token is forgotten."""
    forgotten = asyncio.Event()

    async def wrong() -> str:
        return "wr0ng-secret"

    with events.captured() as lines:
        await watch(name="other", looks=False, secret=wrong, refused=forgotten.set)
        await asyncio.wait_for(forgotten.wait(), 20)
        fake.adds(mail("1"))
        await watch()
        await house.has(1)
    lost = [line for line in lines if line["event"] == "imap.lost"]
    assert "AUTHENTICATIONFAILED" in lost[0]["reason"]
    assert "wr0ng-secret" not in str(lines)


async def test_looked_and_behind_say_how_far_we_are(fake: Fake, house: House, watch: Callable) -> None:
    """What the clocks and /readyz ask: nobody is up to date before the first look."""

    async def secret() -> str:
        return SECRET

    now = datetime.now(UTC)  # noqa: TID251
    idle = Watch([Mailbox("box", fake.server, {"INBOX": "inbox", "Sent": "sent"}, secret)], house.store, house.take, QUICK)
    assert idle.looked() == datetime.min.replace(tzinfo=UTC)
    assert idle.behind(now).startswith("mailbox box, folder INBOX: not looked at yet; mailbox box, folder Sent")
    assert idle.connected() == {"box": False}
    assert Watch([], house.store, house.take).looked() is None
    watcher = await watch()
    assert watcher.connected
    assert now <= watcher.looked


async def test_outage_of_more_than_five_minutes_is_told_to_the_clocks(fake: Fake, house: House, watch: Callable) -> None:
    """Mail may still be on its way to that server."""
    watcher = await watch()
    told: list[datetime] = []
    watcher.came_back = told.append
    last = watcher.looked
    watcher.looked -= timedelta(minutes=6)
    watcher.saw.clear()
    await asyncio.wait_for(watcher.saw.wait(), 20)
    assert [last - one for one in told] == [timedelta(minutes=6)] or len(told) == 1


def test_paths_of_a_mail() -> None:
    """Only what stands above the topmost Received: the delivering server wrote that."""
    assert paths(b"Return-Path: <a@b.test>\r\nX-Original-To: c@d.test\r\nDelivered-To: c@d.test\r\n\r\n") == (
        "a@b.test",
        ("c@d.test",),
    )
    assert paths(b"Received: from x\r\nReturn-Path: <>\r\nDelivered-To: evil@d.test\r\n\r\n") == ("", ())
    assert paths(b"\0\xff") == ("", ())


# the store's side


def counted(connection: Connection) -> dict[str, int]:
    return spool.counts(connection)


def test_two_that_watch_take_each_mail_once(house: House) -> None:
    """(mailbox, folder, UIDVALIDITY, UID) is unique: the second finds the mark moved."""
    place = Place("box", "INBOX")
    begun = partial(watched.begin, place=place, uidvalidity=7, top=0, since=OLD, now=OLD)
    assert house.store.call(begun).uid == 0
    envelope = watched.Envelope("", (), OLD, "imap", "box/inbox")
    took = partial(watched.take, place=place, uidvalidity=7, upto=2, arrivals=[Found(n, envelope, mail(str(n))) for n in (1, 2)])
    assert len(house.store.call(took)) == 2
    assert house.store.call(took) == ()
    assert house.store.call(partial(took, uidvalidity=6)) == ()
    assert house.store.read(counted) == {"received": 2}


def test_mail_that_people_take_out_of_junk_goes_on(house: House) -> None:
    """G-16: held while it lay in the junk folder; in the inbox it is let go, as one mail."""
    store, raw = house.store, mail("1")
    for folder in ("Junk", "INBOX"):
        store.call(partial(watched.begin, place=Place("box", folder), uidvalidity=7, top=0, since=OLD, now=OLD))
    junk = Found(1, watched.Envelope("", (), OLD, "imap", "box/junk"), raw, "support")
    ((number, _),) = store.call(partial(watched.take, place=Place("box", "Junk"), uidvalidity=7, upto=1, arrivals=[junk]))
    store.call(partial(waiting.hold, spool_id=number, desk="support", reason="the junk folder of box", now=OLD))
    again = replace(junk, envelope=replace(junk.envelope, client="box/inbox"), free=True)
    assert store.call(partial(watched.take, place=Place("box", "INBOX"), uidvalidity=7, upto=1, arrivals=[again])) == ()
    assert store.read(counted) == {"received": 1}
