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
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from mailgate import events
from mailgate.desk import facts, thread, trust
from mailgate.desk.decide import Context, decide
from mailgate.desk.follow import Decision
from mailgate.desk.house import House
from mailgate.desk.party import Desk
from mailgate.desk.route import desk_for, party_of
from mailgate.desk.thread import Match
from mailgate.mail import address as addresses
from mailgate.mail import automatic, report, subject, token, visible
from mailgate.mail.message import Envelope, Message, fingerprint, parse
from mailgate.store import memory, outbox, spool, tickets
from mailgate.store.act import Written, act, scene_for
from mailgate.store.engine import Connection, Store
from mailgate.store.lookup import bounces, look_up, sellers_named
from mailgate.store.outbox import Outgoing
from mailgate.store.spool import Spooled
from mailgate.wire import clock

BATCH = 32
QUOTABLE_ROWS = 3


@dataclass(frozen=True)
class Read:
    """A mail after stages 3 and 4: what it says and what kind it is. `ours`: it carries our own signed Message-ID."""

    message: Message
    report: report.Report | None
    kind: str
    subject: subject.Subject
    visible: str
    fingerprint: str


@dataclass(frozen=True)
class Settled:
    """How a mail ended: the facts of its one summary line."""

    spool_id: int
    state: str
    desk: str = ""
    kind: str = ""
    event: str = ""
    ticket: int | None = None
    opened: bool = False
    level: str = ""
    match: Match = field(default_factory=lambda: Match(None))
    decision: Decision | None = None
    queued: tuple[tuple[int, str, str], ...] = ()
    message_id: str | None = None
    duplicate_of: int | None = None
    reason: str = ""


def read(raw: bytes, envelope: Envelope, house: House) -> Read:
    """Stages 3 and 4, parse and classify. Pure; never raises on bad mail."""
    message = parse(raw)
    told = report.read(message)
    ours = message.message_id is not None and token.read_message_id(message.message_id, house.keys) is not None
    kind = automatic.classify(message, envelope, told, ours)
    new = visible.visible(message.text, message.html)
    return Read(message, told, kind, subject.read(message.subject), new, fingerprint(message))


def settle(connection: Connection, mail: Spooled, got: Read, house: House, now: datetime) -> Settled:
    """Stages 5 to 8 of one mail, in the caller's transaction. `now` is when it is settled; it counts from when it came."""
    desk = _routed(mail, got, house)
    if desk is None:
        spool.park(connection, mail.id, "no desk of ours is meant", now)
        return Settled(mail.id, "parked", kind=got.kind, reason="no desk of ours is meant", message_id=got.message.message_id)
    if (twin := spool.twin(connection, desk.name, got.fingerprint)) is not None:
        return _again(connection, mail, got, desk, twin, now)
    context, returned = _context(connection, mail, got, desk, house)
    decision = decide(got.message, context, mail.envelope.received_at)
    written = act(connection, decision, context.scene, house, mail.envelope.received_at, mail.id)
    _remember(connection, mail, got, desk, decision, written, now)
    _hand_on(connection, mail, got, desk, decision, written)
    number = written.ticket.number if written.ticket else None
    return Settled(
        mail.id, "settled", desk.name, got.kind, decision.event, number, decision.opened, context.level, context.match,
        decision, written.queued, got.message.message_id,
    )  # fmt: skip


def _routed(mail: Spooled, got: Read, house: House) -> Desk | None:
    """Stage 6a, route: the desk that the door knew, else the one that the mail names."""
    if mail.desk and (desk := house.desk(mail.desk)):
        return desk
    for one in mail.envelope.forward_paths:
        key = token.read_bounce_address(one, house.keys)
        if key is not None:
            return next((d for d in house.roster.desks.values() if addresses.domain(d.address) == addresses.domain(one)), None)
    return desk_for(house.roster, mail.envelope.forward_paths, got.message.addressed, got.message.author)


def _context(connection: Connection, mail: Spooled, got: Read, desk: Desk, house: House) -> tuple[Context, int | None]:
    """Stages 5 and 6b, look up and thread: everything that `decide` asks for."""
    message, envelope = got.message, mail.envelope
    found = look_up(connection, message, envelope, got.subject, house)
    proven = _proven(message, envelope, house)
    reported, about = bounces(connection, got.report, envelope, desk, house, proven)
    if got.report is not None:
        match = _reported_match(connection, about)
    else:
        match = thread.match(message.author, found.clues, found.tickets, desk, house.roster)
    seller = house.seller(match.ticket.seller if match.ticket else None) or _seller(message, got, desk, house, match)
    scene = scene_for(connection, house, desk, seller, match.ticket)
    known = party_of(message.author, desk, seller, match.ticket, house.roster) != "stranger"
    context = Context(
        scene=scene,
        roster=house.roster,
        kind=got.kind,
        level=trust.level(message.author, known=known, signed=match.signed, proven=proven),
        allowed=house.allowed,
        envelope=envelope,
        subject=got.subject,
        visible=got.visible,
        match=match,
        generated=automatic.is_generated(message),
        bounced=reported,
        notice_to=found.notice_to,
        dead=memory.dead_among(connection, [addresses.key(one) for one in message.addressed]),
        spool_id=mail.id,
    )
    return context, about


def _seller(message: Message, got: Read, desk: Desk, house: House, match: Match) -> object:
    if match.ticket is not None:
        return None
    told = facts.read(message, got.visible, house.policies[desk.name]).get("seller")
    name = sellers_named(message, desk, house, [str(told)] if told else [])
    return house.seller(name)


def _proven(message: Message, envelope: Envelope, house: House) -> bool:
    """Did a trusted host vouch for the author's domain? Its word counts only from a relay that we trust (RFC 8601 §5)."""
    if envelope.door in house.proven_doors:
        return message.header("X-Mailgate-Unproven") is None
    if message.author is None or envelope.client not in house.relays:
        return False
    return trust.proves(message.author, message.headers("Authentication-Results"), house.authserv_ids)


def _reported_match(connection: Connection, about: int | None) -> Match:
    ticket = tickets.load(connection, [about]).get(about) if about else None
    return Match(ticket, "message_id" if ticket else "none", about)


def _again(
    connection: Connection, mail: Spooled, got: Read, desk: Desk, twin: tuple[int, int | None, str | None, str], now: datetime
) -> Settled:
    """The same mail once more: identical bytes are a further sighting, the same content is settled beside it (G-07)."""
    first, ticket, _, sha256 = twin
    if sha256 == mail.sha256:
        spool.sighted(connection, mail, first)
    else:
        spool.settle(
            connection, mail.id, now, desk=desk.name, message_id=got.message.message_id, ticket=ticket, duplicate_of=first
        )
    return Settled(
        mail.id, "duplicate", desk.name, got.kind, "duplicate", ticket, duplicate_of=first, message_id=got.message.message_id
    )


def _remember(
    connection: Connection, mail: Spooled, got: Read, desk: Desk, decision: Decision, written: Written, now: datetime
) -> None:
    """What later mail needs: the new text with its audience, the ids it carries and mentions; then the row is settled."""
    number = written.ticket.number if written.ticket else None
    about = {
        "spool_id": mail.id, "desk": desk.name, "message_id": got.message.message_id, "fingerprint": got.fingerprint,
        "class": got.kind, "at": mail.envelope.received_at,
    }  # fmt: skip
    tickets.remember(connection, decision, number, about)
    if number is not None and got.report is None:
        tickets.know(connection, number, got.message.message_id, got.message.names)
    if decision.away is not None and decision.seller is not None:
        memory.set_away(connection, desk.name, decision.seller.id, decision.away, now)
    if decision.away is False and got.message.author:
        memory.revive(connection, addresses.key(got.message.author))
    spool.settle(connection, mail.id, now, desk=desk.name, message_id=got.message.message_id, ticket=number)


def _hand_on(connection: Connection, mail: Spooled, got: Read, desk: Desk, decision: Decision, written: Written) -> None:
    """People must get their mail: a receiving desk hands the unchanged bytes on; a reply to our own address goes to staff (D-26)."""
    number = written.ticket.number if written.ticket else None
    if desk.hand_on and mail.envelope.door in ("smtp", "lmtp"):
        readers = [one for one in mail.envelope.forward_paths if desk.answers_for(one)]
        _pass(connection, mail, desk, number, [addresses.untagged(one) for one in readers], desk.hand_on, "hand_on")
    elif decision.pass_on:
        helpdesk = desk.entities.get(written.ticket.entity or "") if written.ticket else None
        readers = list(desk.staff) or ([helpdesk.helpdesk] if helpdesk else [])
        _pass(connection, mail, desk, number, readers, "", "pass_on")


def _pass(
    connection: Connection, mail: Spooled, desk: Desk, ticket: int | None, readers: Sequence[str], route: str, notice: str
) -> None:
    for reader in dict.fromkeys(readers):
        identity = f"spool-{mail.id}-{notice}"
        if outbox.exists(connection, identity, reader):
            continue
        one = Outgoing(
            notice, desk.name, reader, identity, mail.raw, mail.envelope.received_at, ticket,
            route=route, reverse_path=mail.envelope.reverse_path,
        )  # fmt: skip
        outbox.reserve(connection, one)


class Gateway:
    """The message path at work: `accept` for the doors, `work` for the loop behind them."""

    def __init__(self, store: Store, house: House) -> None:
        self.store, self.house = store, house
        self.arrived = asyncio.Event()
        self.settled = asyncio.Event()

    def knows(self, address: str) -> bool:
        """True for addresses that the doors take mail for: desks, their +forms, our own return paths."""
        if self.house.roster.desk_of(address):
            return True
        domain = addresses.domain(address)
        ours = any(addresses.domain(desk.address) == domain for desk in self.house.roster.desks.values())
        return ours and addresses.untagged(address).startswith("bounces@")

    async def accept(self, envelope: Envelope, raw: bytes) -> int:
        """Stages 1 and 2: the spool id of the mail, which is durable when this returns."""
        desks = {desk.name for one in envelope.forward_paths if (desk := self.house.roster.desk_of(one))}
        arrivals = [(envelope, raw, name) for name in sorted(desks)] or [(envelope, raw, None)]
        ids = await self.store.run(partial(spool.put, arrivals=arrivals))
        events.message_received(spool_id=ids[0], door=envelope.door, client=envelope.client, size=len(raw))
        self.arrived.set()
        return ids[0]

    async def work(self) -> None:
        """Settle what waits, oldest first, for ever."""
        while True:
            self.arrived.clear()
            if await self.catch_up() == 0:
                try:
                    await asyncio.wait_for(self.arrived.wait(), timeout=5)
                except TimeoutError:
                    continue

    async def catch_up(self) -> int:
        """How many mails were taken from the spool; returns when nothing waits."""
        done = 0
        while mails := await self.store.run(partial(spool.waiting, limit=BATCH)):
            done += len(mails)
            await self._batch(mails)
            self.settled.set()
        return done

    async def _batch(self, mails: Sequence[Spooled]) -> None:
        """Read a batch beside the loop, then settle it in order; the writer commits what comes together."""
        house = self.house
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(None, _read_all, mails, house)
        await asyncio.gather(*(self._settle(mail, got, house) for mail, got in zip(mails, found, strict=True)))

    async def _settle(self, mail: Spooled, got: Read | Exception, house: House) -> None:
        started = clock.monotonic()
        for attempt in (1, 2, 3):
            try:
                if isinstance(got, Exception):
                    raise got
                done = await self.store.run(partial(settle, mail=mail, got=got, house=house, now=clock.now()))
            except tickets.Changed as error:
                if attempt == 3:
                    await self._park(mail, error)
            except Exception as error:
                await self._park(mail, error)
                return
            else:
                tell(done, clock.monotonic() - started)
                return

    async def _park(self, mail: Spooled, error: Exception) -> None:
        reason = f"{type(error).__name__}: {error}"
        await self.store.run(partial(spool.park, spool_id=mail.id, reason=reason, now=clock.now()))
        events.message_parked(spool_id=mail.id, reason=type(error).__name__, error=error)


def _read_all(mails: Sequence[Spooled], house: House) -> list[Read | Exception]:
    found: list[Read | Exception] = []
    for mail in mails:
        try:
            found.append(read(mail.raw, mail.envelope, house))
        except Exception as error:  # a mail that breaks a parser is parked, not the loop
            found.append(error)
    return found


def tell(done: Settled, seconds: float) -> None:
    """The log lines of one settled mail."""
