"""Wiring only: open the store and the doors, start the three paths, answer signals, say when everything is ready.

A SIGHUP reads the configuration again, all or nothing: a faulty one is refused, named in the log, and the old one stays. A
SIGTERM closes the doors, lets what is in hand finish (less than ten seconds) and ends. Each loop that fails is started again;
the watchdog is fed only while every loop moves, and told at once when one hangs.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import socket
import ssl
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import cast

from prometheus_client import CollectorRegistry

import mailgate
from mailgate import config, events
from mailgate.assembly import Hops, beyond, house_of, limits_of, paces_of, tls_of
from mailgate.config import Settings
from mailgate.courier import Courier, Schedule
from mailgate.desk.guard import DOOR
from mailgate.gateway import Gateway
from mailgate.guard import Guard
from mailgate.mail.message import Envelope
from mailgate.needs import Needs
from mailgate.nodes import Node
from mailgate.orders import Folder
from mailgate.reload import Anew, read_anew
from mailgate.store import memory, outbox, spool
from mailgate.store.engine import Connection, Store, StoreError
from mailgate.timekeeper import Timekeeper, rewind
from mailgate.wire import clock
from mailgate.wire.guard_in import GuardDoor
from mailgate.wire.http import Board
from mailgate.wire.imap_in import Watch, mailbox_of
from mailgate.wire.lobby import Outcome
from mailgate.wire.metrics import Gauges
from mailgate.wire.refusals import Events
from mailgate.wire.smtp_in import Doors, networks

DRAIN = 8.0
M_MMAP_THRESHOLD, LARGE = -3, 256 * 1024  # octets
RESTART_PAUSE = 1.0
WATCH = 15.0  # seconds between two looks at the loops, by which the watchdog is fed
STILL = 60.0  # seconds after which a loop that has not moved hangs: three times what the longest sleeps
OPENING = 600  # seconds that a store may take to be opened: checked, brought up to date, its log written back
PASSAGE = timedelta(minutes=10)
PROBLEMS = 20  # of a refused configuration that the log names; `mailgate check` says all
FIXED = ("store", "mailbox", "smtp", "lmtp", "guard", "http", "hostname", "smarthost", "limits", "timers", "retention", "logs")


@dataclass
class Daemon:
    """One running mailgate. `reread` gives the configuration anew for a reload."""

    settings: Settings
    reread: Callable[[], Settings]

    def __post_init__(self) -> None:
        """Open the store and build the paths; nothing listens yet."""
        settings, house = self.settings, house_of(self.settings)
        self.store = Store.serve(settings.store.url, settings.directory, config.store_password(settings))
        self.node = Node(self.store, settings.host, self._told_to_stop)
        self.gateway = Gateway(self.store, house)
        self.timekeeper = Timekeeper(self.store, house, settings.timers.catch_up, settings.retention.keep_raw)
        schedule = Schedule(settings.smarthost.retry, settings.smarthost.give_up)
        self.hops = Hops(settings)
        self.courier = Courier(self.store, house, self.hops, schedule, paces_of(settings), self.node)
        self.orders = Folder(self.store, house, settings.orders.folder)
        self.needs = Needs(self.store, house)
        told = cast(Events, events)
        self.doors = Doors(
            self._accept,
            self.gateway.knows,
            limits_of(settings),
            settings.host,
            told,
            copies=self.gateway.is_copied,
            free=self.store.free,
        )
        self.mailboxes = Watch((mailbox_of(*one, settings) for one in settings.mailbox.items()), self.store, self.gateway.take)
        self.timekeeper.looked = self.mailboxes.looked
        for watcher in self.mailboxes.watchers:
            watcher.came_back = self.timekeeper.came_back
            watcher.saw = self.timekeeper.woken
        self.registry = CollectorRegistry()
        self.gauges = Gauges(self.registry)
        self.guard = Guard(self.gateway, settings.guard.unchecked == "defer", self.gauges.guarded)
        self.gauges.watch(self.mailboxes.connected)
        self.board = Board(self._hanging, self._unready, self._on_hold, self.registry)
        self.stopping = asyncio.Event()
        self._reloading = asyncio.Lock()
        self._reloads: set[asyncio.Future[None]] = set()
        self._reload_waits = False
        self.ready = False

    async def run(self) -> None:
        """Serve until told to stop."""
        started = clock.monotonic()
        settings = self.settings
        events.daemon_started(
            version=mailgate.__version__,
            host=settings.host,
            store=settings.store.url.partition(":")[0],
            desks=len(settings.desks),
            sellers=len(settings.sellers),
        )
        self._listen_to_signals()
        if self.store.many:
            await self.node.beat()  # before the doors open: mail is received by the database's clock
        await self._recover()
        loops = [asyncio.create_task(self._kept(name, work)) for name, work in self._loops().items()]
        watching = [
            asyncio.create_task(self._kept(f"watch {one}", partial(self.node.in_turn, one.work)))
            for one in self.mailboxes.watchers
        ]
        try:
            await self._open()
            await self.stopping.wait()
        finally:
            await self._stop(watching, loops, started)

    def _loops(self) -> dict[str, Callable[[], Awaitable[None]]]:
        return {
            "node": self.node.work,
            "gateway": partial(self.node.in_turn, self.gateway.work),
            "timekeeper": partial(self.node.in_turn, self.timekeeper.work),
            "courier": self.courier.work,
            "orders": self.orders.work,
            "needs": partial(self.node.in_turn, self.needs.work),
            "needs to courier": partial(self._nudge, self.needs.told, self.courier.woken),
            "nudge": partial(self._nudge, self.gateway.settled, self.timekeeper.woken, self.courier.woken),
            "nudge courier": partial(self._nudge, self.timekeeper.fired, self.courier.woken),
            "watch": self._watch,
            "check": self._check,
        }

    async def _open(self) -> None:
        settings = self.settings
        tls, relays = tls_of(settings), settings.trust.relays
        smtp = await self.doors.open(settings.smtp.listen, "smtp", tls, relays)
        lmtp = await self.doors.open(settings.lmtp.listen, "lmtp", tls, relays)
        http = [await self.board.open(settings.http.listen)] if settings.http.listen else []
        guard = await self.doors.open_guard(settings.guard.listen, self._guard_door(tls)) if settings.guard.listen else []
        self.ready = True
        notify("READY=1\nSTATUS=serving")
        events.daemon_ready(smtp=smtp, lmtp=lmtp, guard=guard, http=http)

    def _guard_door(self, tls: ssl.SSLContext | None) -> GuardDoor:
        settings = self.settings
        allowed = networks((*settings.guard.networks, *settings.trust.relays))
        return GuardDoor(DOOR, tls, allowed, beyond(settings), self.guard.passing)

    def _listen_to_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._told_to_stop, signal.Signals(number).name)
        loop.add_signal_handler(signal.SIGHUP, self._told_to_reload)

    def _told_to_reload(self) -> None:
        """One reload waits at the most: it reads what is there when it begins."""
        if not self._reload_waits:
            self._reload_waits = True
            task = asyncio.ensure_future(self.reload())
            self._reloads.add(task)
            task.add_done_callback(self._reloads.discard)

    def _told_to_stop(self, reason: str) -> None:
        if not self.stopping.is_set():
            events.daemon_stopping(reason=reason)
            notify("STOPPING=1")
            self.stopping.set()

    async def _stop(self, watching: list[asyncio.Task[None]], loops: list[asyncio.Task[None]], started: float) -> None:
        """Doors and mailboxes first, then what is in hand, then the loops, then the store."""
        self.ready = False
        begun = clock.monotonic()
        await _ended(watching)
        await self.doors.drain(DRAIN)
        clean = True
        try:
            if self.node.ours.is_set():
                await asyncio.wait_for(self.gateway.catch_up(), timeout=max(1.0, DRAIN - (clock.monotonic() - begun)))
        except (TimeoutError, StoreError):
            clean = False
        await _ended(loops)
        await self.courier.finish(max(1.0, DRAIN - (clock.monotonic() - begun)))
        await self.board.close()
        for hop in self.hops.values():
            await hop.close()
        with suppress(StoreError):
            await self.node.leave()
        self.store.close()
        events.daemon_stopped(clean=clean, ms=int((clock.monotonic() - started) * 1000))

    async def _accept(self, envelope: Envelope, raw: bytes) -> Outcome:
        spool_id = await self.gateway.accept(envelope, raw)
        self.node.taken = spool_id, envelope.received_at
        return Outcome(250, f"2.0.0 stored as {spool_id}")

    async def _recover(self) -> None:
        await self.guard.left_over(self._longest_passage if self.store.many else timedelta(0))
        counts = await self.store.beside(spool.counts)
        if waiting := counts.get("received", 0):
            events.spool_recovered(count=waiting, oldest=await self.store.beside(spool.oldest_waiting))
        if held := await self.store.beside(memory.holds):
            waiting = (await self.store.beside(outbox.counts)).get("queued", 0)
            events.outbox_on_hold(scopes=held, queued=waiting)

    @property
    def _longest_passage(self) -> timedelta:
        """Longer than a mail can be on its way to the guard's next hop while the daemon that hands it on lives."""
        return 2 * self.settings.guard.answer_within + PASSAGE

    async def _kept(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        """Run a loop for ever: one that fails is told of and started again."""
        while True:
            try:
                await work()
            except Exception as error:
                events.loop_failed(loop=name, error=error)
                await asyncio.sleep(RESTART_PAUSE)

    async def _nudge(self, done: asyncio.Event, *woken: asyncio.Event) -> None:
        """What was settled may have set a clock or queued a notice, what fired has queued one: wake who is concerned."""
        while True:
            await done.wait()
            done.clear()
            for one in woken:
                one.set()

    async def _watch(self) -> None:
        """Feed the watchdog while the loops move and the store answers, be it with a refusal; keep the gauges fresh."""
        while True:
            try:
                counts = await asyncio.to_thread(self.store.read, _counts)  # of millions of rows: beside who writes
                self.gauges.show(*counts, await self.store.beside(memory.holds))
                self.store.free()
                if other := self.store.overtaken_by():
                    self._told_to_stop(f"{other} serves the store now")
                await self.guard.left_over(self._longest_passage)
            except StoreError as error:  # to start anew would not bring it back
                events.loop_failed(loop="watch", error=error)
            self.courier.woken.set()
            if hanging := self._hanging():
                events.loop_hangs(loop=hanging)
                notify("WATCHDOG=trigger")
            else:
                notify("WATCHDOG=1")
            await asyncio.sleep(WATCH)

    async def _check(self) -> None:
        """Read a store once that is too large to be read whole before it serves; if it is damaged, nothing leaves any more."""
        found = "" if self.store.read_whole else await self.store.check()
        if found:
            events.store_damaged(found=found)
            await self.store.run(partial(memory.set_flag, name="hold:all", value="the database is damaged"))
        await asyncio.Event().wait()

    def _hanging(self) -> str:
        """The loop that has not moved for too long; empty if all do."""
        moved = {"courier": self.courier.moved}
        if self.node.ours.is_set():
            moved |= {"gateway": self.gateway.moved, "timekeeper": self.timekeeper.moved}
        return next((name for name, at in moved.items() if at and clock.monotonic() - at > STILL), "")

    def _unready(self) -> str:
        if not self.ready:
            return "starting or stopping"
        if (doubt := clock.steady.doubt) is not None:
            return f"the clock has jumped by {round(doubt.off.total_seconds())} s and is not believed"
        if not self.node.alive:
            return "the database does not answer"
        return self.mailboxes.behind(clock.now()) if self.node.ours.is_set() else ""

    async def _on_hold(self) -> str:
        held = await self.store.beside(memory.holds)
        return f"on hold: {', '.join(held)}" if held else ""

    async def reload(self) -> None:
        """Take a changed configuration into force, all or nothing; mail goes on meanwhile, and one reload waits for another."""
        async with self._reloading:
            self._reload_waits = False
            notify("RELOADING=1")
            started = clock.monotonic()
            anew = await read_anew(self.reread, lambda new: (house_of(new), tls_of(new)), self.gateway.house)
            if isinstance(anew, Anew):
                await self._take(anew, started)
            else:
                events.config_refused(count=len(anew), problems=list(map(str, anew[:PROBLEMS])))
            notify("READY=1")

    async def _take(self, anew: Anew, started: float) -> None:
        settings, house = anew.settings, anew.house
        changed = [name for name in FIXED if getattr(settings, name) != getattr(self.settings, name)]
        self.settings = settings
        self.gateway.house = self.timekeeper.house = self.courier.house = self.orders.house = self.needs.house = house
        self.orders.folder = settings.orders.folder
        self.doors.replace_tls(anew.tls)
        await rewind(self.store.run, house, anew.changed)
        ms = int((clock.monotonic() - started) * 1000)
        events.config_reloaded(desks=len(settings.desks), sellers=len(settings.sellers), needs_restart=changed, ms=ms)


def _counts(connection: Connection) -> tuple[dict[str, int], dict[str, int]]:
    return spool.counts(connection), outbox.counts(connection)


async def _ended(loops: list[asyncio.Task[None]]) -> None:
    """Cancel these tasks until they end: `asyncio.wait_for` can lose a cancellation that comes with what it waits for."""
    while alive := [task for task in loops if not task.done()]:
        for task in alive:
            task.cancel()
        await asyncio.wait(alive, timeout=0.2)


def notify(state: str) -> None:
    """Tell the service manager, if there is one (sd_notify(3))."""
    path = os.environ.get("NOTIFY_SOCKET", "")
    if not path:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.connect("\0" + path[1:] if path.startswith("@") else path)
        channel.sendall(state.encode())


def serve(path: Path, overrides: tuple[str, ...]) -> None:
    """Run the daemon until it is told to stop. Raises ConfigError, StoreError, OSError when it can't start."""
    reread = partial(config.load, path, overrides)
    settings = reread()
    key = config.keys(settings).current
    events.configure(settings.logs.format, settings.logs.addresses, sys.stderr, level=settings.logs.level, key=key)

    notify(f"STATUS=opening the store\nEXTEND_TIMEOUT_USEC={OPENING}000000")
    _give_memory_back()

    async def main() -> None:
        await Daemon(settings, reread).run()

    runner = _uvloop_run() or asyncio.run
    runner(main())


def _give_memory_back() -> None:
    """Have glibc return what a large mail took to the system as soon as it is free (mallopt(3)); other C libraries do."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(M_MMAP_THRESHOLD, LARGE)


def _uvloop_run() -> Callable[[Awaitable[None]], None] | None:
    try:
        import uvloop  # type: ignore[import-not-found,unused-ignore]
    except ImportError:
        return None
    run: Callable[[Awaitable[None]], None] = uvloop.run
    return run
