"""THE MESSAGE PATH, one function a stage, in order.

    1 receive  2 spool            `Gateway.accept`: bytes and envelope become a durable row; only then 250
    3 parse    4 classify         `read`: pure, beside the loop
    5 look up  6 route, thread    `settle`: inside one transaction with 7 and 8,
    7 judge    8 act              so that nothing that was looked up is stale when it is acted upon
    9 deliver                     courier.py

A crash before 8 commits leaves the row `received`, and a restart goes on at 3. A mail that we can't handle is parked with its
reason, and the next one is taken: nothing a stranger sends can stop the loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from itertools import groupby
from typing import Any

from mailgate import events, needs
from mailgate.desk import command as commands
from mailgate.desk import premises, trust
from mailgate.desk.carry import with_files
from mailgate.desk.context import Context
from mailgate.desk.decide import decide
from mailgate.desk.decision import Decision
from mailgate.desk.guard import DOOR
from mailgate.desk.house import House
from mailgate.desk.party import Desk
from mailgate.desk.review import SPAM
from mailgate.desk.route import desk_for
from mailgate.desk.thread import Match
from mailgate.desk.ticket import Ticket
from mailgate.events import moves
from mailgate.mail import address as addresses
from mailgate.mail import token
from mailgate.mail.instruction import Refused
from mailgate.mail.message import Envelope
from mailgate.store import leftover, paths, reach, spool, tickets, waiting, watched
from mailgate.store import settle as finish
from mailgate.store.act import Written, act, on_each_ticket
from mailgate.store.engine import Connection, Store, StoreError
from mailgate.store.hand_on import take
from mailgate.store.spool import Spooled
from mailgate.store.watched import Found, Place
from mailgate.understand import Read, look_up, opened, read
from mailgate.wire import clock
from mailgate.wire.trial import Trial

BATCH = 32
HEAVY = 2**20  # octets of a mail that others do not wait for
GUARD_FIRST = 5.0  # seconds that a copy waits for the same mail on its way through the guard
LOOK = 1.0  # seconds between two looks for mail that came to another node, or back by a verb


@dataclass(frozen=True)
class Settled:
    """How a mail ended: the facts of its one summary line."""

    spool_id: int
    state: str
    desk: str = ""
    kind: str = ""
    event: str = ""
    ticket: int | None = None
    level: str = ""
    match: Match = field(default_factory=lambda: Match(None))
    decision: Decision = field(default_factory=lambda: Decision(""))
    written: Written = field(default_factory=lambda: Written(None))
    message_id: str | None = None
    reason: str = ""
    door: str = ""
    reused: int | None = None
    lifted: tuple[str, ...] = ()
    command: str = ""
    unfollowed: Refused | None = None
    storm: bool = False


def settle(connection: Connection, mail: Spooled, got: Read, house: House, now: datetime) -> Settled:
    """Stages 5 to 8 of one mail, in the caller's transaction. `now` is when it is settled; it counts from when it came."""
    if not spool.is_waiting(connection, mail.id):
        return Settled(mail.id, "gone")
    desk = _routed(mail, got, house)
    if desk is None and mail.envelope.door == "imap":  # people's own mail: it lies where it lay
        return _elsewhere(connection, mail, got, now)
    marked = _spam(mail, got, house)
    if desk is None and marked:
        return _held(connection, mail, got, None, marked, now)
    if desk is None:
        spool.park(connection, mail.id, "no desk of ours is meant", now)
        return Settled(mail.id, "parked", kind=got.kind, reason="no desk of ours is meant", message_id=got.message.message_id)
    kept = finish.Kept(got.message, got.subject, got.kind, got.fingerprint, desk)
    twin, reused = spool.like(connection, desk.name, got.fingerprint, got.message.message_id)
    if twin is not None:
        finish.again(connection, mail, kept, twin, now)
        done = Settled(mail.id, "duplicate", desk.name, got.kind, "duplicate", twin.ticket)
        return replace(done, message_id=got.message.message_id, door=mail.envelope.door)
    if marked:
        return _held(connection, mail, got, desk, marked, now)
    context = look_up(connection, mail, got, desk, house)
    decision = decide(got.message, context, mail.envelope.received_at)
    decision = with_files(decision, got.message)
    written = act(connection, decision, context.scene, house, now, mail.id)
    if (
        context.command is not None
        and commands.is_about_seller(context.command.name, context.scene.policy)
        and not decision.refused
    ):
        on_each_ticket(connection, house, context.scene, context.command, now)
    if context.recognised is not None and trust.may(context.allowed, context.level, "start"):
        finish.note_order(connection, desk, context.recognised.order, now)
    kept = replace(kept, orders=context.orders, premises=premises.kept(context, got.message, got.kind))
    finish.remember(connection, mail, kept, replace(decision, spoken=written.spoken), written.ticket, now)
    if decision.task is not None:
        written = replace(
            written, queued=(*written.queued, *needs.carry_out(connection, house, decision.task, now, decision.party))
        )
    _by_path(connection, got, context, decision, written.ticket)
    finish.pass_on(connection, mail, desk, decision, written.ticket)
    reach.lost(connection, desk, context.scene.seller, decision.bounced, now)
    reach.suspect(connection, desk, context.scene.seller, decision, now)
    heard = [(one, reach.reached(connection, house, one, got.kind, now, sure=sure)[0]) for one, sure in _heard_from(got, context)]
    lifted = tuple(one for one, state in heard if state == "suppressed")
    return Settled(
        mail.id, "settled", desk.name, got.kind, decision.event, written.ticket.number if written.ticket else None,
        context.level, context.match, decision, written, got.message.message_id, reused=reused, lifted=lifted,
        command=context.command.name if context.command else "", unfollowed=context.unfollowed,
        storm=context.storm,
    )  # fmt: skip


def _by_path(connection: Connection, got: Read, context: Context, decision: Decision, ticket: Ticket | None) -> None:
    """Remember the path that a mail has proven, or by which it counted (desk/path.py)."""
    address, at = addresses.key(got.message.author or ""), context.envelope.received_at
    seller = context.scene.seller.id if context.scene.seller else ""
    if decision.path:
        paths.prove(connection, address, decision.path, (seller, ticket.number if ticket else None), at)
    elif context.path:
        paths.use(connection, address, context.path, at)


def _spam(mail: Spooled, got: Read, house: House) -> str:
    """What a trusted relay's filter said against this mail, unless people have let it go on (G-16); no filter saw the guard's."""
    mailbox, role = trust.watched(mail.envelope.door, mail.envelope.client)
    if role == "junk" and not mail.reason.startswith(SPAM):
        return f"the junk folder of {mailbox}"
    if mail.envelope.door == DOOR or mail.reason.startswith(SPAM) or not trust.is_relay(mail.envelope.client, house.relays):
        return ""
    return trust.spam_mark(got.message.headers)


def _held(connection: Connection, mail: Spooled, got: Read, desk: Desk | None, reason: str, now: datetime) -> Settled:
    waiting.hold(connection, mail.id, desk.name if desk else None, reason, now)
    name, message_id = desk.name if desk else "", got.message.message_id
    return Settled(mail.id, "held", name, got.kind, message_id=message_id, reason=reason)


def _elsewhere(connection: Connection, mail: Spooled, got: Read, now: datetime) -> Settled:
    """A mail in a watched mailbox that concerns no desk of ours: nothing follows from it, and nobody is asked."""
    message_id = got.message.message_id
    spool.settle(connection, mail.id, now, message_id=message_id, reason="no desk of ours is meant")
    return Settled(mail.id, "settled", kind=got.kind, event="elsewhere", message_id=message_id, door=mail.envelope.door)


def _heard_from(got: Read, context: Context) -> tuple[tuple[str, bool], ...]:
    """(address, for sure) that this mail shows to take mail: its author's, or those that a report says were reached."""
    if got.kind == "human" and got.message.author:
        return ((got.message.author, trust.may(context.allowed, context.level, "start")),)
    arrived = got.report is not None and got.report.kind == "delivered"
    return tuple((one.recipient, one.sure) for one in context.bounced if arrived and not one.permanent)


def _routed(mail: Spooled, got: Read, house: House) -> Desk | None:
    """Stage 6a, route: the desk that the door knew, else the one that the mail names."""
    if mail.desk and (desk := house.desk(mail.desk)):
        return desk
    for one in mail.envelope.forward_paths:
        key = token.read_bounce_address(one, house.keys)
        if key is not None:
            return next((d for d in house.roster.desks.values() if addresses.domain(d.address) == addresses.domain(one)), None)
    return desk_for(house.roster, mail.envelope.forward_paths, got.message.addressed, got.message.author)


class Gateway:
    """The message path at work: `accept` for the doors, `work` for the loop behind them."""

    def __init__(self, store: Store, house: House) -> None:
        self.store, self.house = store, house
        self._turn = asyncio.Lock()
        self.arrived = asyncio.Event()
        self.settled = asyncio.Event()
        self.moved = 0.0  # when it last took something in hand, or looked for it (monotonic)
        self._expected: dict[str, asyncio.Future[tuple[int, ...]]] = {}
        self._left = 0  # what has an id up to this was left over by a process that may have ended over it
        self._begun: set[int] = set()
        self.trial = Trial()

    def expect(self, message_id: str | None) -> asyncio.Future[tuple[int, ...]]:
        """Where the guard says which rows the mail that it hands on now got, once the next hop has it (none: it was not said).

        A copy of that mail may be here before; it waits, because the guard knows better whose the mail is.
        """
        word: asyncio.Future[tuple[int, ...]] = asyncio.get_running_loop().create_future()
        if message_id is not None:
            self._expected[message_id] = word
            word.add_done_callback(lambda done: None if done.result() else self._expected.pop(message_id, None))
        return word

    def knows(self, address: str) -> bool:
        """True for addresses that the doors take mail for: desks, their +forms, [copied] ones, our own return paths."""
        if self.house.roster.desk_of(address) or self.is_copied(address):
            return True
        domain = addresses.domain(address)
        ours = any(addresses.domain(desk.address) == domain for desk in self.house.roster.desks.values())
        return ours and addresses.untagged(address).startswith("bounces@")

    def is_copied(self, address: str) -> bool:
        """True for the addresses of [copied]."""
        return self.house.is_copied(address)

    async def accept(self, envelope: Envelope, raw: bytes) -> int:
        """Stages 1 and 2: the spool id of the mail, which is durable when this returns."""
        arrivals = [(envelope, raw, one) for one in self._desks(envelope)]
        work = partial(take, arrivals=arrivals, desks=self.house.roster.desks)
        taken = await self.store.beside(work, heavy=len(raw) * len(arrivals) > HEAVY)
        events.message_received(spool_id=taken.ids[0], message_id=None, door=envelope.door, client=envelope.client, size=len(raw))
        for name, reason in taken.stopped:
            events.hand_on_stopped(spool_id=taken.ids[0], desk=name, reason=reason)
        self.arrived.set()
        return taken.ids[0]

    async def take(self, place: Place, uidvalidity: int, upto: int, found: Sequence[Found]) -> int:
        """Stages 1 and 2 of mails in a watched folder: how many are new. The folder is read up to UID `upto` then, durably."""
        arrivals = [replace(one, desk=name) for one in found for name in ([one.desk] if one.desk else self._desks(one.envelope))]
        work = partial(watched.take, place=place, uidvalidity=uidvalidity, upto=upto, arrivals=arrivals)
        taken = await self.store.beside(work)
        for spool_id, one in taken:
            client, size = one.envelope.client, len(one.raw)
            events.message_received(spool_id=spool_id, message_id=None, door="imap", client=client, size=size)
        self.arrived.set()
        return len(taken)

    def _desks(self, envelope: Envelope) -> list[str | None]:
        desks = {desk.name for one in envelope.forward_paths if (desk := self.house.roster.desk_of(one))}
        return [*sorted(desks)] or [None]

    async def work(self) -> None:
        """Settle what waits, oldest first, for ever."""
        self._left = await self.store.beside(leftover.newest)
        while True:
            self.moved = clock.monotonic()
            self.arrived.clear()
            if await self.catch_up() == 0:
                try:
                    await asyncio.wait_for(self.arrived.wait(), timeout=LOOK)
                except TimeoutError:
                    continue

    async def catch_up(self) -> int:
        """How many mails were taken from the spool; returns when nothing waits. One at a time: order matters."""
        done = 0
        async with self._turn:
            while mails := await self.store.beside(partial(spool.waiting, limit=BATCH)):
                done += len(mails)
                for left, group in groupby(mails, self._is_left):
                    some = tuple(group)
                    await (self._one_by_one(some) if left else self._batch(some))
                self.settled.set()
        return done

    def _is_left(self, mail: Spooled) -> bool:
        return mail.id <= self._left or mail.reason == leftover.REASON

    async def _one_by_one(self, mails: Sequence[Spooled]) -> None:
        """Settle what another process had in hand; what may have ended it is set aside."""
        try:
            for mail in mails:
                await self._carefully(mail)
        finally:
            await self.trial.close()

    async def _carefully(self, mail: Spooled) -> None:
        if reason := await self._suspect(mail):
            await self._park(mail, reason)
        else:
            await self._batch((mail,))
        await self.store.in_turn(partial(leftover.forget, spool_id=mail.id))
        self._begun.discard(mail.id)

    async def _suspect(self, mail: Spooled) -> str:
        """Why a mail is not begun with once more; empty once it is noted that it is."""
        self.moved = clock.monotonic()
        if mail.id in self._begun:
            return ""
        before = await self.store.beside(partial(leftover.begun, spool_id=mail.id))
        reason = leftover.REASON if before >= leftover.TRIES else ""
        if before and (reason := reason or await self.trial.fails(mail.raw)):
            return reason
        await self.store.in_turn(partial(leftover.begin, spool_id=mail.id))
        self._begun.add(mail.id)
        return ""

    async def _batch(self, mails: Sequence[Spooled]) -> None:
        """Read a batch beside the loop, then settle it in order; the writer commits what comes together."""
        self.moved = clock.monotonic()
        house = self.house
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(None, _read_all, mails, house)
        await asyncio.gather(*(self._settle(mail, got, house) for mail, got in found))

    async def _settle(self, mail: Spooled, got: Read | Exception, house: House) -> None:
        message_id = got.message.message_id if isinstance(got, Read) else None
        if mail.envelope.door != DOOR and (word := self._expected.get(message_id or "")) is not None:
            await self._settle_guarded(word, house)
        await self._settle_one(mail, got, house)
        if mail.envelope.door == DOOR:
            self._expected.pop(message_id or "", None)

    async def _settle_guarded(self, word: asyncio.Future[tuple[int, ...]], house: House) -> None:
        """Settle first what the guard has handed on, if it hears from the next hop soon."""
        await asyncio.wait({word}, timeout=GUARD_FIRST)
        for spool_id in word.result() if word.done() else ():
            mail = await self.store.beside(partial(spool.get, spool_id=spool_id))
            if mail is not None and mail.state == "received":
                read_anew = await asyncio.get_running_loop().run_in_executor(None, _read_one, mail, house)
                await self._settle(*read_anew, house)

    async def _settle_one(self, mail: Spooled, got: Read | Exception, house: House) -> None:
        started = clock.monotonic()
        for attempt in (1, 2, 3):
            try:
                if isinstance(got, Exception):
                    raise got
                done = await self.store.in_turn(partial(settle, mail=mail, got=got, house=house, now=clock.now()))
            except tickets.ChangedError as error:
                if attempt == 3:
                    await self._park(mail, error)
            except StoreError:  # the trouble is the store's, not the mail's: it stays `received`
                raise
            except Exception as error:
                await self._park(mail, error)
                return
            else:
                tell(done, clock.monotonic() - started)
                return

    async def _park(self, mail: Spooled, error: Exception | str) -> None:
        reason = error if isinstance(error, str) else f"{type(error).__name__}: {error}"
        await self.store.in_turn(partial(spool.park, spool_id=mail.id, reason=reason, now=clock.now()))
        events.message_parked(spool_id=mail.id, message_id=None, error=error)


def _read_all(mails: Sequence[Spooled], house: House) -> list[tuple[Spooled, Read | Exception]]:
    return [_read_one(mail, house) for mail in mails]


def _read_one(mail: Spooled, house: House) -> tuple[Spooled, Read | Exception]:
    try:
        mail = opened(mail, house)
        return mail, read(mail.raw, mail.envelope, house)
    except Exception as error:  # a mail that breaks a parser is parked, not the loop
        return mail, error


def tell(done: Settled, seconds: float) -> None:
    """The log lines of one settled mail: what moved, then its one summary line."""
    ids: dict[str, Any] = {"spool_id": done.spool_id, "message_id": done.message_id}
    if done.state == "gone":
        return
    if done.state == "held":
        events.message_held(**ids, desk=done.desk or None, reason=done.reason)
        return
    if done.state == "parked":
        events.message_parked(**ids, error=done.reason)
        return
    if done.state == "duplicate":
        events.message_duplicate(**ids, door=done.door)
        return
    if done.unfollowed is not None:
        events.instruction_refused(spool_id=done.spool_id, system=done.unfollowed.system or None, reason=done.unfollowed.reason)
    if done.storm:
        events.author_capped(spool_id=done.spool_id, ticket=done.ticket, desk=done.desk, reason="tickets_per_author")
    if done.decision.path:
        seller = done.decision.seller.id if done.decision.seller else None
        events.path_proven(seller=seller, path=done.decision.path, ticket=done.ticket, spool_id=done.spool_id)
    for address in done.lifted:
        events.suppression_lifted(address=address, by="mail", spool_id=done.spool_id)
    if done.command:
        events.command_given(
            ticket=done.ticket, command=done.command, party=done.decision.party, trust=done.level, spool_id=done.spool_id,
            refused=done.decision.refused or None,
        )  # fmt: skip
    if done.reused is not None:
        events.message_id_reused(**ids, earlier=done.reused)
    if done.decision.task is not None:
        task = done.decision.task
        events.review_answered(
            spool_id=done.spool_id, action=task.action, kind=task.kind, number=task.number, by=done.decision.party
        )
    moves.tell(done.decision, done.written.ticket, done.match, spool_id=done.spool_id, desk=done.desk)
    for outbox_id, notice, reader in done.written.queued:
        events.notice_queued(outbox_id=outbox_id, notice=notice, to=(reader,), ticket=done.ticket, spool_id=done.spool_id)
    for notice, reader, limit in done.written.capped:
        events.notice_capped(notice=notice, to=reader, ticket=done.ticket, reason=limit, spool_id=done.spool_id)
    broken = [violation.rule for violation in done.decision.violations]
    events.message_settled(
        **ids, desk=done.desk or None, ticket=done.ticket, class_=done.kind, meaning=done.event, evidence=done.match.evidence,
        trust=done.level, violations=broken, notices=len(done.written.queued), ms=round(seconds * 1000, 1),
    )  # fmt: skip
