"""THE GUARD: a mail on its way out passes through here, between its client's dot and our reply to it.

    1 look      what it will mean, by `look_up` and `decide` of the message path; nothing is written
    2 copy      what the desk wants added; it stays away if the next hop does not take the reader
    3 spool     a mail that concerns a desk becomes a durable row that waits for the next hop's word
    4 relay     to the next hop; its reply is ours
    5 note      taken: the row goes the way of every message; refused or uncertain: it was never said

A mail that concerns no desk does 1 and 4 alone, and no byte of it is kept. If 1, 3 or 5 fail or take too long, the mail goes on
all the same: what people send is worth more than what we know of it (`[guard] unchecked = "defer"` turns it round for 1 and 3).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from mailgate import events
from mailgate.desk.decide import decide
from mailgate.desk.guard import Verdict, judged
from mailgate.desk.house import House
from mailgate.desk.party import Desk
from mailgate.desk.route import desk_for
from mailgate.desk.ticket import Entry
from mailgate.gateway import Gateway
from mailgate.mail.cc import with_reader
from mailgate.mail.message import Envelope, Message
from mailgate.store import passage
from mailgate.store.engine import Connection, StoreError
from mailgate.store.spool import Spooled
from mailgate.understand import Read, look_up, read
from mailgate.wire import clock
from mailgate.wire.guard_out import GoneError, Hop, Relayed

PATIENCE = 8.0  # seconds for looking at a mail, and for each word with the store
AGAIN = 5.0  # seconds until the store is asked once more to write down what became of a mail
UNCHECKED = "451 4.3.0 this mail could not be looked at, try again"

Count = Callable[[str], None]
Ids = tuple[int, ...]


@dataclass(frozen=True)
class Concern:
    """A mail that concerns a desk, and what the guard does with it; `copied`: its bytes with the readers to be added."""

    desk: str
    verdict: Verdict
    message_id: str | None
    copied: bytes = b""


@dataclass(frozen=True)
class Passing:
    """One mail between its client and the next hop. `concern` None: it is not ours; `spooled`: its rows, once they are there."""

    envelope: Envelope
    content: bytes
    started: float
    concern: Concern | None = None
    spooled: asyncio.Future[Ids] | None = None

    @property
    def about(self) -> dict[str, Any]:
        """What each of its log lines begins with."""
        known = self.spooled is not None and self.spooled.done() and not self.spooled.exception()
        ids = self.spooled.result() if self.spooled is not None and known else ()
        message_id = self.concern.message_id if self.concern else None
        ticket = self.concern.verdict.ticket if self.concern else None
        return {"client": self.envelope.client, "message_id": message_id, "spool_id": next(iter(ids), None), "ticket": ticket}


def looked_at(connection: Connection, envelope: Envelope, got: Read, house: House) -> Concern | None:
    """What this mail will mean to the first desk that it concerns, and what the guard does about it; None: it concerns none."""
    for desk, sure in desks_meant(got.message, envelope, house):
        mail = Spooled(0, envelope, got.message.raw, "", desk.name, "received")
        context = look_up(connection, mail, got, desk, house)
        if sure or context.match.ticket is not None:
            decision = decide(got.message, context, envelope.received_at)
            return Concern(desk.name, judged(got.message, context, decision), got.message.message_id)
    return None


def desks_meant(message: Message, envelope: Envelope, house: House) -> Iterator[tuple[Desk, bool]]:
    """The desks that this mail may concern. For sure: one that it is written to, or whose people and sellers it is between."""
    roster, author = house.roster, message.author or ""
    desk = desk_for(roster, envelope.forward_paths, message.addressed, author)
    if desk is not None:
        ours = any(roster.desk_of(one) for one in (*envelope.forward_paths, *message.addressed))
        yield desk, ours or any(roster.seller(one, desk) for one in (author, *message.addressed) if one)
        return
    for each in house.roster.desks.values():
        if author and roster.seller(author, each):
            yield each, False


class Guard:
    """The guard at work: `passing` is what its door asks about each mail."""

    def __init__(self, gateway: Gateway, defers: bool, count: Count) -> None:
        self.gateway, self.defers, self.count = gateway, defers, count
        self._late: set[asyncio.Task[None]] = set()

    async def left_over(self, age: timedelta) -> None:
        """Count as unsaid what has been on its way for so long: whoever handed it on has died, and its client tries again."""
        now = clock.now()
        work = partial(passage.left_over, before=now - age, now=now)
        for spool_id in await self.gateway.store.run(work):
            events.guard_uncertain(client=None, message_id=None, spool_id=spool_id, ticket=None)

    async def passing(self, envelope: Envelope, content: bytes, hop: Hop) -> str:
        """The reply to the mail's dot; the mail has gone to `hop` if that is the next hop's own."""
        one = Passing(envelope, content, clock.monotonic())
        try:
            async with asyncio.timeout(PATIENCE):
                one = replace(one, concern=await asyncio.to_thread(self._look, envelope, content))
        except Exception as error:
            self._unchecked(one, "it could not be looked at", error)
            if self.defers:
                return UNCHECKED
        if one.concern is not None:
            if one.concern.verdict.refused:
                return await self._refused(one, one.concern)
            one = await self._spooled(await self._with_copy(one, one.concern, hop), one.concern)
            if one.spooled is None and self.defers:
                return UNCHECKED
        return await self._relayed(one, hop)

    def _look(self, envelope: Envelope, content: bytes) -> Concern | None:
        """What the mail is to us; a copy is added only if nothing but that was missing from it."""
        concern = self._concern(envelope, content)
        if concern is None or not concern.verdict.add:
            return concern
        copied: bytes | None = content
        for reader in concern.verdict.add:
            copied = with_reader(copied, reader) if copied else None
        again = self._concern(envelope, copied) if copied else None
        if again is None or copied is None or again.verdict.add or "required_copy" in again.verdict.warned:
            return replace(concern, verdict=concern.verdict.without_copy())
        return replace(concern, copied=copied)

    def _concern(self, envelope: Envelope, content: bytes) -> Concern | None:
        house = self.gateway.house
        got = read(content, envelope, house)
        if got.kind == "own" or not any(True for _ in desks_meant(got.message, envelope, house)):
            return None
        return self.gateway.store.read(partial(looked_at, envelope=envelope, got=got, house=house))

    async def _with_copy(self, one: Passing, concern: Concern, hop: Hop) -> Passing:
        """With the readers that the desk wants added, if the next hop takes them or has them already."""
        if not concern.copied:
            return one
        paths = one.envelope.forward_paths
        for reader in concern.verdict.add:
            if reader in paths:
                continue
            try:
                taken = (await hop.says(f"RCPT TO:<{reader}>")).yes
            except GoneError:
                taken = False
            if not taken:
                return replace(one, concern=replace(concern, verdict=concern.verdict.without_copy()))
            paths = (*paths, reader)
        return replace(one, envelope=replace(one.envelope, forward_paths=paths), content=concern.copied)

    async def _refused(self, one: Passing, concern: Concern) -> str:
        rules = tuple(violation.rule for violation in concern.verdict.refused)
        self.count("refused")
        said = {name: one.about[name] for name in ("client", "message_id", "ticket")}
        events.guard_refused(**said, rules=rules)
        entry = Entry("guard_refused", clock.now(), {"missing": rules, "message_id": concern.message_id})
        await self._soon(one, self._write(one, partial(_noted, concern=concern, entries=[entry])))
        return concern.verdict.reply

    async def _spooled(self, one: Passing, concern: Concern) -> Passing:
        """With its rows, or with the hope of them when the store takes long; without when it does not take them."""
        roster = self.gateway.house.roster
        others = (desk.name for path in one.envelope.forward_paths if (desk := roster.desk_of(path)))
        desks = tuple(dict.fromkeys((concern.desk, *others)))
        work = partial(passage.begin, envelope=one.envelope, raw=one.content, desks=desks, message_id=concern.message_id)
        writing = asyncio.ensure_future(self.gateway.store.run(work))
        try:
            async with asyncio.timeout(PATIENCE):
                await asyncio.shield(writing)
        except Exception as error:
            self._unchecked(one, "it could not be kept", error)
            if writing.done():
                return one
        return replace(one, spooled=writing)

    async def _relayed(self, one: Passing, hop: Hop) -> str:
        """The next hop's reply; before the client hears it, it is written down what follows."""
        word = self.gateway.expect(one.concern.message_id if one.concern and one.spooled else None)
        try:
            relayed = await hop.sends(one.content)
        except BaseException:
            word.set_result(())
            raise
        self._tell(one, relayed)
        if one.spooled is not None and one.concern is not None:
            await self._soon(one, self._settled(one, one.concern, relayed, word))
        return relayed.reply

    async def _settled(self, one: Passing, concern: Concern, relayed: Relayed, word: asyncio.Future[Ids]) -> None:
        """Write down what became of the mail; when it was taken, it is one like others from now on."""
        ids: Ids = ()
        try:
            ids = await one.spooled if one.spooled is not None else ()
            work = partial(_ended, ids=ids, concern=concern, relayed=relayed, now=clock.now())
            await self._write(one, work)
        finally:
            word.set_result(ids if relayed.state == "sent" else ())
            self.gateway.arrived.set()

    async def _write(self, one: Passing, work: Callable[[Connection], None]) -> None:
        """Do `work` in the store, however long that takes: only it knows what became of the mail."""
        while True:
            try:
                await self.gateway.store.run(work)
                return
            except StoreError as error:
                self._unchecked(one, "what became of it could not be written down yet", error)
            await asyncio.sleep(AGAIN)

    async def _soon(self, one: Passing, work: Coroutine[Any, Any, None]) -> None:
        """Let `work` go on beside us when it takes long: the client's patience is short."""
        task = asyncio.ensure_future(work)
        self._late.add(task)
        task.add_done_callback(partial(self._done, one))
        await asyncio.wait({task}, timeout=PATIENCE)

    def _done(self, one: Passing, task: asyncio.Task[None]) -> None:
        self._late.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._unchecked(one, "what became of it could not be written down", error)

    def _unchecked(self, one: Passing, reason: str, error: BaseException) -> None:
        self.count("unchecked")
        about = {name: one.about[name] for name in ("client", "message_id")}
        events.guard_unchecked(**about, reason=reason, error=error)

    def _tell(self, one: Passing, relayed: Relayed) -> None:
        """The one line of this mail, and its place in the metrics."""
        verdict = one.concern.verdict if one.concern else Verdict()
        about, ms = one.about, round((clock.monotonic() - one.started) * 1000, 1)
        what = relayed.state if relayed.state != "sent" else verdict.act
        self.count(what)
        if what == "unsent":
            events.guard_unsent(**about, reply=relayed.reply)
        elif what == "uncertain":
            events.guard_uncertain(**about)
        elif what == "added":
            events.guard_added(**about, to=verdict.add, ms=ms)
        elif what == "warned":
            events.guard_warned(**about, rules=verdict.warned, ms=ms)
        else:
            events.guard_passed(**about, reply=relayed.reply, ms=ms)


def _ended(connection: Connection, ids: Ids, concern: Concern, relayed: Relayed, now: datetime) -> None:
    """The rows and the ticket's history once it is known what the next hop did."""
    verdict, reply = concern.verdict, relayed.reply[:300]
    said: dict[str, Any] = {"message_id": concern.message_id}
    if relayed.state == "sent":
        passage.taken(connection, ids)
        added = [Entry("guard_added", now, {**said, "to": verdict.add})] if verdict.add else []
        warned = [Entry("guard_warned", now, {**said, "missing": verdict.warned})] if verdict.warned else []
        _noted(connection, concern, [*added, *warned], ids[0])
        return
    uncertain = relayed.state == "uncertain"
    passage.unsaid(connection, ids, passage.UNCERTAIN if uncertain else f"not sent: {reply}", now)
    _noted(
        connection, concern, [Entry("guard_uncertain" if uncertain else "guard_unsent", now, {**said, "reply": reply})], ids[0]
    )


def _noted(connection: Connection, concern: Concern, entries: list[Entry], spool_id: int | None = None) -> None:
    if concern.verdict.ticket is not None:
        passage.note(connection, concern.verdict.ticket, concern.desk, entries, spool_id)
