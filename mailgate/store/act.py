"""Stage 8, act: write what was decided. One transaction holds the ticket, its clocks, its history and the letters.

Called with the caller's transaction by the message path, the timer path and the courier alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache

from sqlalchemy import Connection

from mailgate.desk import checklist, digest
from mailgate.desk.command import PATH, Given, commanded
from mailgate.desk.decision import Decision, Order, Scene
from mailgate.desk.happening import by_command
from mailgate.desk.heading import headed
from mailgate.desk.house import House
from mailgate.desk.letter import Letter, letters, readers, with_readers
from mailgate.desk.loop import answers_at_once
from mailgate.desk.observe import observed
from mailgate.desk.pack import Policy, bind
from mailgate.desk.party import Desk, Seller
from mailgate.desk.path import NOTICE
from mailgate.desk.ticket import Entry, Participant, Spoken, Ticket
from mailgate.desk.view import matches
from mailgate.mail import address as addresses
from mailgate.mail.compose import compose
from mailgate.mail.token import bounce_address
from mailgate.store import clocks, clues, happenings, memory, offers, outbox, paths, tickets, unreachable, waiting
from mailgate.store.doubt import suspects
from mailgate.store.outbox import Outgoing
from mailgate.store.schema import dumps

WANTED = frozenset({"command_done", "command_refused", "help", "status"})  # somebody ordered something, so somebody reads it
LOG_OF = timedelta(days=30)  # what the log of a seller's mail goes back to (D-34)


@dataclass(frozen=True)
class Written:
    """What a decision left in the store: the ticket, the notices queued (id, name, reader) and capped (name, reader, limit)."""

    ticket: Ticket | None
    queued: tuple[tuple[int, str, str], ...] = ()
    capped: tuple[tuple[str, str, str], ...] = ()
    spoken: Spoken | None = None


def scene_for(
    connection: Connection,
    house: House,
    desk: Desk,
    seller: Seller | None,
    ticket: Ticket | None = None,
    at: datetime | None = None,
) -> Scene:
    """The scene of a decision: the policy that the ticket opened under (else the desk's), the seller and his standing.

    `at`: with what was remembered of the seller at that instant, not now.
    """
    policy = policy_of(connection, house, desk, ticket.policy if ticket else "")
    if seller is None:
        return Scene(desk, policy)
    strikes = memory.strikes_of(connection, desk.name, seller.id) if policy.standing else ()
    own = [addresses.key(one) for one in (seller.support, seller.backup, *seller.addresses) if one and not one.startswith("@")]
    listed = unreachable.among(connection, own, "suppressed")
    away = memory.is_away(connection, desk.name, seller.id)
    marks = memory.marks_at(connection, desk.name, seller.id, at) if at else memory.marks_of(connection, desk.name, seller.id)
    if "takeover" in marks:
        seller = seller.model_copy(update={"takeover": marks["takeover"] == "true"})
    return Scene(desk, policy, seller, strikes, away, listed, marks)


def policy_of(connection: Connection, house: House, desk: Desk, hash_: str) -> Policy:
    """The policy kept under `hash_`, or the desk's current one; a ticket keeps what it opened under (design §4)."""
    current = house.policies[desk.name]
    if hash_ in ("", current.hash):
        return current
    kept = memory.kept_policy(connection, hash_)
    return _bound(hash_, kept[0], dumps(kept[1]), dumps(kept[2])) if kept else current


@lru_cache(maxsize=64)
def _bound(hash_: str, name: str, body: str, options: str) -> Policy:
    import json

    return bind(json.loads(body), json.loads(options), name).model_copy(update={"hash": hash_})


def act(
    connection: Connection, decision: Decision, scene: Scene, house: House, now: datetime, spool_id: int | None = None
) -> Written:
    """Write `decision`: ticket, clocks, history, strikes, letters. Raises tickets.ChangedError if the ticket moved meanwhile."""
    decision = observed(decision, scene, now)
    ticket = decision.ticket
    if ticket is not None:
        if decision.opened:
            _keep_policy(connection, scene, house)
        for order in decision.orders:
            ticket = with_readers(ticket, order, scene) if order.ticket else ticket
    spoken = _handed(decision, ticket, scene)
    if ticket is not None:
        ticket = headed(ticket, decision.heading, spoken.audience) if spoken and decision.heading else ticket
        subject = f"ticket:{ticket.number}"
        ticket = tickets.write(connection, ticket)
        moved = [replace(one, subject=f"ticket:{ticket.number}") if one.subject == "ticket:0" else one for one in decision.clocks]
        clocks.write(connection, moved)
        if decision.opened:
            waiting.note(connection, ticket)
        ticket = ticket if subject != "ticket:0" else replace(ticket, clocks=tuple(moved))
    about = {
        "desk": scene.desk.name,
        "ticket": ticket.number if ticket else None,
        "seller": scene.seller.id if scene.seller else None,
        "spool_id": spool_id,
    }
    tickets.record(connection, decision.entries, about, now)
    if decision.acknowledged and ticket is not None:
        outbox.release(connection, ticket.number, now)
    if decision.spent:
        offers.spend(connection, decision.spent, now)
    if scene.seller is not None:
        clocks_of_seller(connection, decision, ticket, scene, about, now)
        numbered = [replace(one, ticket=ticket.number) if ticket and one.ticket == 0 else one for one in decision.strikes]
        memory.strike(connection, scene.desk.name, scene.seller.id, numbered)
        memory.mark(connection, scene.desk.name, scene.seller.id, decision.marks, now)
        for kind in decision.unstruck:
            memory.unstrike(connection, scene.desk.name, scene.seller.id, kind, ticket.number if ticket else 0)
    queued: list[tuple[int, str, str]] = []
    capped: list[tuple[str, str, str]] = []
    told = replace(ticket, spoken=(*ticket.spoken, spoken)) if ticket and spoken else ticket
    for order in decision.orders:
        for letter in _letters(connection, order, told, scene, house, now):
            reader = letter.reader.address
            if outbox.exists(connection, letter.draft.message_id, reader):
                continue
            if limit := _limit(connection, order, reader, told, house, now):
                capped.append((order.notice, reader, limit))
            else:
                queued.append(_queue(connection, letter, order, told, scene, house, now))
                _note_asked(connection, order, reader, told, now)
    left_out = [Entry("notice_capped", now, {"notice": name, "to": to, "limit": limit}) for name, to, limit in capped]
    tickets.record(connection, left_out, about, now)
    return Written(ticket, tuple(queued), tuple(capped), spoken)


def _note_asked(connection: Connection, order: Order, reader: str, ticket: Ticket | None, now: datetime) -> None:
    """Remember questions that must not be asked again at once."""
    if order.notice == "did_you_write":
        waiting.ask(connection, reader, now)
    elif order.notice == NOTICE and ticket is not None:
        paths.ask(connection, addresses.key(reader), str(order.data[PATH]), (ticket.seller or "", ticket.number), now)


def on_each_ticket(connection: Connection, house: House, scene: Scene, given: Given, now: datetime) -> tuple[Decision, ...]:
    """What a command about a seller does to each of his tickets here that has a clock running, oldest first."""
    done = []
    for number in tickets.running_of(connection, scene.desk.name, scene.seller.id) if scene.seller else ():
        ticket = tickets.load(connection, [number])[number]
        mine = scene_for(connection, house, scene.desk, scene.seller, ticket)
        decision = commanded(given, ticket, mine, now, house.allowed)
        if not decision.refused:
            act(connection, decision, mine, house, now)
            happenings.note(connection, by_command(given, ticket, now))
        done.append(decision)
    return tuple(done)


def clocks_of_seller(
    connection: Connection, decision: Decision, ticket: Ticket | None, scene: Scene, about: Mapping[str, object], now: datetime
) -> None:
    """Set what runs for the seller rather than for a ticket: the digest of what waits, a fact confirmed (A-05, AR-02)."""
    for name, spec in scene.policy.digest.items() if ticket else ():
        if ticket is not None and matches(spec.collects, ticket, scene, now):
            current = clocks.newest(connection, digest.subject_of(scene), name)
            clocks.write(connection, [one for one in (digest.armed(current, name, spec, scene, now),) if one])
    told = replace(scene, marks={**scene.marks, **{name: str(value) for name, value in decision.marks.items()}})
    items = {name.removeprefix(checklist.CONFIRMED) for name in decision.marks if name.startswith(checklist.CONFIRMED)}
    for subject, wanted in checklist.wanted(told, now) if items else ():
        item = checklist.parts(subject)[3]
        if item in items and wanted is not None and scene.policy.checklist is not None:
            clocks.write(connection, checklist.moved(clocks.newest(connection, subject, checklist.CLOCK), wanted))
            tickets.record(connection, [checklist.promised(wanted, item, scene.policy.checklist, now)], about, now)


def _handed(decision: Decision, ticket: Ticket | None, scene: Scene) -> Spoken | None:
    """What the mail said, its audience with whoever an order hands it to (G-14: author, addressed, handed to)."""
    spoken = decision.spoken
    for order in decision.orders if spoken else ():
        to, cc = readers(order, ticket, scene) if order.hands else ((), ())
        given = {addresses.key(one.address) for one in (*to, *cc)}
        spoken = replace(spoken, audience=spoken.audience | given) if spoken else None
    return spoken


def _limit(connection: Connection, order: Order, reader: str, ticket: Ticket | None, house: House, now: datetime) -> str:
    """What keeps this notice from being written: a key of [limits], or answers at once; empty for every step of a clock."""
    if order.step:
        return ""
    number = ticket.number if ticket and order.ticket else None
    if ticket is not None and number and order.notice not in WANTED:
        since = now - timedelta(days=1)
        if answers_at_once(ticket, reader, order.cause, outbox.times_told(connection, reader, number, since), since):
            return "answers_at_once"
    about, in_all = outbox.told_since(connection, reader, number, now - timedelta(hours=1))
    if number is not None and about >= house.caps.ticket:
        return "notices_per_ticket"
    return "notices_per_recipient" if in_all >= house.caps.reader else ""


def _keep_policy(connection: Connection, scene: Scene, house: House) -> None:
    source = house.sources[scene.desk.name]
    memory.keep_policy(connection, scene.policy.hash, source.name, source.raw, source.options)


def _letters(
    connection: Connection, order: Order, ticket: Ticket | None, scene: Scene, house: House, now: datetime
) -> tuple[Letter, ...]:
    if order.notice == "forward_topic" and order.say.get("topic") == "delivery" and scene.seller:
        order = replace(order, data={**order.data, "log": outbox.troubled(connection, scene.seller.id, now - LOG_OF)})
    if order.notice == "route_claim" and ticket is not None and ticket.facts.get("order"):
        order = replace(order, dossier=_about_order(connection, ticket, scene.desk))
    if ticket is not None and order.step:
        sent = [
            row
            for row in tickets.sent_for(connection, ticket.number)
            if row["clock"] == order.clock and row["episode"] == order.episode
        ]
        told = tuple((row["sent_at"] or row["created_at"], row["reader"], row["state"]) for row in sent)
        near = tuple(f"MG-{one}" for one in waiting.pointing_to(connection, ticket.number))
        lost = next((one for one in suspects(connection, ticket.number) if scene.seller and scene.seller.owns(one)), None)
        order = replace(order, data={**order.data, "reminders_sent": told, "pending_review": near, "suspected_bounce": lost})
    parties = {} if order.ticket else _desk_parties(connection, order, ticket, scene)
    return letters(order, ticket, scene, house, now, parties)


def _about_order(connection: Connection, ticket: Ticket, desk: Desk) -> tuple[Spoken, ...]:
    """Everything said on this seller's other tickets in whose mail the same order number stands (A-04)."""
    numbers = set(clues.of_order(connection, desk.name, str(ticket.facts["order"]))) - {ticket.number}
    others = tickets.load(connection, sorted(numbers)).values()
    return tuple(said for other in others if other.seller == ticket.seller for said in other.spoken)


def _desk_parties(connection: Connection, order: Order, ticket: Ticket | None, scene: Scene) -> dict[str, int]:
    """The ids under which the readers of a notice about no ticket get links: compared address -> participant of ticket 0."""
    to, cc = readers(order, ticket, scene)
    people = [Participant(one.address, one.party) for one in (*to, *cc)]
    return {addresses.key(one.address): one.id for one in tickets.people_of_no_ticket(connection, people)}


def _queue(
    connection: Connection, letter: Letter, order: Order, ticket: Ticket | None, scene: Scene, house: House, now: datetime
) -> tuple[int, str, str]:
    """(id, notice, reader) of the row that this letter got."""
    draft, reader = letter.draft, letter.reader.address
    row = Outgoing(
        notice=order.notice,
        desk=scene.desk.name,
        reader=reader,
        message_id=draft.message_id,
        raw=compose(draft),
        created_at=now,
        ticket=ticket.number if ticket and order.ticket else None,
        seller=scene.seller.id if scene.seller else None,
        role=letter.reader.role,
        visible=letter.visible,
        clock=order.clock,
        episode=order.episode,
        step=order.step,
        occurrence=order.occurrences[-1] if order.occurrences else 0,
        waits=order.after_effect and bool(house.effects_to),
    )
    key = outbox.reserve(connection, row)
    outbox.fill(connection, key, row.raw, bounce_address(key, addresses.domain(scene.desk.address), house.keys))
    if row.ticket:
        tickets.know(connection, row.ticket, None, (), (draft.message_id,))
    return key, order.notice, reader
