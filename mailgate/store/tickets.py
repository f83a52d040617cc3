"""Tickets: found by their evidence, read whole, written whole. Every function takes the caller's transaction."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Text, bindparam, cast, insert, literal, select, update

from mailgate.desk.decision import Decision
from mailgate.desk.ticket import Entry, Participant, Spoken, Ticket
from mailgate.desk.view import Kin
from mailgate.mail import address as addresses
from mailgate.store.clocks import of_subject
from mailgate.store.schema import clocks, events, ids, messages, outbox, participants, tickets, upsert

_RELAY_ID = re.compile(
    r"250[ -](?:\d\.\d{1,3}\.\d{1,3} )?(?:ok:? <?([\w.+@-]+)>?|(?:ok )?<([^<>@\s]+@[^<>@\s]+)> .*)", re.IGNORECASE
)

SHORTEST_ID = 10  # characters that a broken id must have left to be worth a look


class ChangedError(Exception):
    """The ticket is not what it was when it was read; nothing was written."""


_NAMING = select(ids.c.message_id, ids.c.ticket, ids.c.kind).where(ids.c.message_id.in_(bindparam("names", expanding=True)))
_NEARLY = (
    select(ids.c.message_id, ids.c.ticket, ids.c.stem)
    .where(ids.c.stem.in_(bindparam("stems", expanding=True)) & (ids.c.ticket > 0))
    .limit(200)
)
_TICKETS = select(tickets).where(tickets.c.number.in_(bindparam("numbers", expanding=True)))
_PEOPLE = select(participants).where(participants.c.ticket == bindparam("number")).order_by(participants.c.id)
_SAID = select(messages).where(messages.c.ticket == bindparam("number")).order_by(messages.c.at, messages.c.id)
_NEW = insert(tickets)
_JOIN = insert(participants)
_RECORD = insert(events)
_REMEMBER = insert(messages)
_CHANGED = update(tickets).where((tickets.c.number == bindparam("this")) & (tickets.c.version == bindparam("was")))
_NAME = upsert(ids).on_conflict_do_nothing()
_OWN = upsert(ids)
_OWN = _OWN.on_conflict_do_update(index_elements=[ids.c.message_id, ids.c.ticket], set_={"kind": _OWN.excluded.kind})


def naming(connection: Connection, message_ids: Sequence[str]) -> dict[str, list[tuple[int, str]]]:
    """For each of these Message-IDs that a ticket knows: the tickets, and how (received, mentioned, own)."""
    if not message_ids:
        return {}
    found: dict[str, list[tuple[int, str]]] = {}
    for message_id, ticket, kind in connection.execute(_NAMING, {"names": list(message_ids[:400])}):
        found.setdefault(message_id, []).append((ticket, kind))
    return found


def nearly_naming(connection: Connection, broken: Iterable[str]) -> tuple[int, ...]:
    """The tickets that know an id of which one of these is a damaged copy: its end cut off, its case or its marks changed."""
    texts = [one.strip("<>()[]\"',;.") for one in broken]
    stems = {_stem(one): one for one in texts if len(one) >= SHORTEST_ID and "@" in one[1:]}
    if not stems:
        return ()
    rows = connection.execute(_NEARLY, {"stems": list(stems)}).all()
    return tuple(dict.fromkeys(row.ticket for row in rows if row.message_id.lower().startswith(stems[row.stem].lower())))


def load(connection: Connection, numbers: Iterable[int]) -> dict[int, Ticket]:
    """These tickets with their people, messages and clocks; numbers that don't exist are left out."""
    wanted = list(numbers)
    rows = connection.execute(_TICKETS, {"numbers": wanted}).all() if wanted else []
    return {row.number: _ticket(connection, row) for row in rows}


def _ticket(connection: Connection, row: Any) -> Ticket:
    people = connection.execute(_PEOPLE, {"number": row.number})
    said = connection.execute(_SAID, {"number": row.number})
    return Ticket(
        number=row.number,
        desk=row.desk,
        policy=row.policy,
        kind=row.kind,
        state=row.state,
        subject=row.subject,
        opened_at=row.opened_at,
        seller=row.seller,
        entity=row.entity,
        tags=frozenset(row.tags),
        facts=row.facts,
        participants=tuple(Participant(one.address, one.party, one.name, one.id) for one in people),
        spoken=tuple(map(_said, said)),
        clocks=of_subject(connection, f"ticket:{row.number}"),
        version=row.version,
    )


def _said(row: Any) -> Spoken:
    return Spoken(
        row.message_id or "", row.author, row.party, row.at, row.event, row.text,
        frozenset(row.audience), tuple(row.visible), tuple(row.missing), row.spool_id,
    )  # fmt: skip


_KIN = (
    select(tickets.c.number, tickets.c.kind, tickets.c.state, tickets.c.facts)
    .where((tickets.c.desk == bindparam("desk")) & (tickets.c.seller == bindparam("seller")))
    .order_by(tickets.c.number.desc())
    .limit(500)
)


def kin_of(connection: Connection, desk: str, seller: str) -> tuple[Kin, ...]:
    """The newest 500 tickets of a seller at this desk, as duplicates, citations and digests see them; newest first."""
    rows = connection.execute(_KIN, {"desk": desk, "seller": seller})
    return tuple(Kin(row.number, row.kind, row.state, row.facts) for row in rows)


def running_of(connection: Connection, desk: str, seller: str) -> tuple[int, ...]:
    """The tickets of this seller at this desk that have a clock running or paused, oldest first."""
    subject = literal("ticket:") + cast(tickets.c.number, Text)
    live = select(clocks.c.subject).where(clocks.c.state.in_(("running", "paused")) & (clocks.c.subject == subject))
    query = select(tickets.c.number).where((tickets.c.desk == desk) & (tickets.c.seller == seller) & live.exists())
    return tuple(connection.execute(query.order_by(tickets.c.number)).scalars())


def with_customer(connection: Connection, numbers: Sequence[int], keys: Iterable[str]) -> tuple[int, ...]:
    """Those of these tickets on which somebody with one of these compared addresses is a customer, oldest first."""
    mine = participants.c.ticket.in_(list(numbers)) & participants.c.key.in_(list(keys)) & (participants.c.party == "customer")
    return tuple(
        connection.execute(select(participants.c.ticket).where(mine).distinct().order_by(participants.c.ticket)).scalars()
    )


def write(connection: Connection, ticket: Ticket) -> Ticket:
    """`ticket` as stored: numbered if new, its people with their ids. Raises ChangedError if it was changed meanwhile."""
    values = {
        "desk": ticket.desk, "policy": ticket.policy, "kind": ticket.kind, "state": ticket.state, "subject": ticket.subject,
        "opened_at": ticket.opened_at, "seller": ticket.seller, "entity": ticket.entity, "tags": ticket.tags,
        "facts": dict(ticket.facts), "version": ticket.version + 1,
    }  # fmt: skip
    number = ticket.number
    if number == 0:
        number = connection.execute(_NEW, values).inserted_primary_key[0]  # type: ignore[index]
    elif connection.execute(_CHANGED, {**values, "this": number, "was": ticket.version}).rowcount != 1:
        raise ChangedError(f"ticket {number}")
    people = tuple(_person(connection, number, one) for one in ticket.participants)
    return _renumbered(ticket, number, people)


def tell(connection: Connection, number: int, facts: Mapping[str, Any]) -> None:
    """Lay these facts over what the ticket knows."""
    ticket = load(connection, [number]).get(number)
    if ticket is not None:
        write(connection, replace(ticket, facts={**ticket.facts, **facts}))


def _renumbered(ticket: Ticket, number: int, people: tuple[Participant, ...]) -> Ticket:

    moved = tuple(replace(clock, subject=f"ticket:{number}") if ticket.number == 0 else clock for clock in ticket.clocks)
    return replace(ticket, number=number, participants=people, clocks=moved, version=ticket.version + 1)


def _person(connection: Connection, number: int, one: Participant) -> Participant:
    if one.id:
        return one
    row = {
        "ticket": number,
        "key": addresses.key(one.address),
        "address": one.address,
        "party": one.party,
        "name": one.name,
    }
    key = connection.execute(_JOIN, row).inserted_primary_key[0]  # type: ignore[index]
    return Participant(one.address, one.party, one.name, key)


def people_of_no_ticket(connection: Connection, people: Iterable[Participant]) -> tuple[Participant, ...]:
    """These people with the ids that they have beside all tickets, for links in notices that are about none."""
    found = []
    for one in people:
        row = connection.execute(_NOBODYS, {"key": addresses.key(one.address)}).first()
        found.append(replace(one, id=row.id) if row else _person(connection, 0, one))
    return tuple(found)


_NOBODYS = select(participants.c.id).where((participants.c.ticket == 0) & (participants.c.key == bindparam("key")))


def record(connection: Connection, entries: Iterable[Entry], about: Mapping[str, Any], now: datetime) -> None:
    """Append to the history. `about` holds desk, ticket, seller and spool_id; an entry may say that it has no ticket."""
    rows = [
        {**about, "ticket": entry.data.get("ticket", about.get("ticket")), "event": entry.event, "at": entry.at,
         "recorded_at": now, "data": {name: value for name, value in entry.data.items() if name != "ticket"}}
        for entry in entries
    ]  # fmt: skip
    if rows:
        connection.execute(_RECORD, rows)


def remember(connection: Connection, decision: Decision, number: int | None, about: Mapping[str, Any]) -> None:
    """Store what the mail said, for later decisions.

    `about` holds spool_id, desk, message_id, fingerprint, class, at and premises (desk/premises.py).
    """
    said = decision.spoken
    row = {
        **about, "ticket": number, "author": said.author if said else "", "party": decision.party, "event": decision.event,
        "text": said.text if said else "", "audience": said.audience if said else (), "visible": said.visible if said else (),
        "missing": said.missing if said else (),
    }  # fmt: skip
    connection.execute(_REMEMBER, row)


def know(connection: Connection, number: int, received: str | None, mentioned: Iterable[str], own: Iterable[str] = ()) -> None:
    """Fill the id index: the ids that this ticket's mails carry and mention (a later mail may name any of them)."""
    rows = {one: "mentioned" for one in mentioned if one}
    rows |= dict.fromkeys(own, "own")
    if received:
        rows[received] = "received"
    named = [_id(one, number, kind) for one, kind in rows.items() if kind == "mentioned"]
    carried = [_id(one, number, kind) for one, kind in rows.items() if kind != "mentioned"]
    if named:
        connection.execute(_NAME, named)
    if carried:
        connection.execute(_OWN, carried)


def _id(message_id: str, number: int, kind: str) -> dict[str, Any]:
    return {"message_id": message_id, "ticket": number, "kind": kind, "stem": _stem(message_id)}


def _stem(message_id: str) -> str:
    """What stands before the @, in lower case: the part of an id that damage reaches last."""
    return message_id.partition("@")[0].lower()


def relay_ids(reply: str) -> tuple[str, ...]:
    """The id that a relay gave our mail, without what stands behind the @; its reply says so in one of two ways.

    `250 Ok X` (Amazon SES: the id that it writes in place of ours) or an id in brackets (Outlook: `250 2.0.0 OK <X@host> …`).
    The number of a queue (`250 2.0.0 Ok: queued as X`, Gmail's `OK 17… x - gsmtp`) is no Message-ID, and is given again.
    """
    found = _RELAY_ID.fullmatch(reply.strip()[:1000])
    bare = (found[1] or found[2]).partition("@")[0] if found else ""
    return (bare,) if len(bare) >= 8 else ()


def alias(connection: Connection, number: int, names: Iterable[str]) -> None:
    """Remember ids (without their domain) that a relay put in the place of ours."""
    for name in names:
        connection.execute(_NAME, _id(name, number, "relay"))


def listed(connection: Connection) -> tuple[Ticket, ...]:
    """Every ticket, oldest first."""
    numbers = connection.execute(select(tickets.c.number).order_by(tickets.c.number)).scalars().all()
    return tuple(load(connection, numbers).values())


def history(connection: Connection, number: int | None = None) -> tuple[dict[str, Any], ...]:
    """The entries of a ticket's history (None: of everything), in the order in which they were recorded."""
    query = select(events).order_by(events.c.id)
    if number is not None:
        query = query.where(events.c.ticket == number)
    return tuple(dict(row._mapping) for row in connection.execute(query))


def sent_for(connection: Connection, number: int) -> tuple[dict[str, Any], ...]:
    """The outgoing mail of a ticket, without the bytes."""
    return tuple(dict(row) for row in connection.execute(_SENT_FOR, {"ticket": number}).mappings())


_SENT_FOR = (
    select(*(column for column in outbox.c if column.name != "raw"))
    .where(outbox.c.ticket == bindparam("ticket"))
    .order_by(outbox.c.id)
)


def with_void_clock(connection: Connection, seller: str) -> tuple[Ticket, ...]:
    """This seller's tickets on which the newest episode of a clock is void."""
    query = select(clocks.c.subject).where(clocks.c.state == "void").distinct()
    numbers = [int(one.removeprefix("ticket:")) for one in connection.execute(query).scalars() if one.startswith("ticket:")]
    found = load(connection, numbers).values()
    return tuple(one for one in found if one.seller == seller and any(_newest_is_void(one, name) for name in _names(one)))


def _names(ticket: Ticket) -> set[str]:
    return {clock.name for clock in ticket.clocks}


def _newest_is_void(ticket: Ticket, name: str) -> bool:
    newest = ticket.clock(name)
    return newest is not None and newest.state == "void"


def learn(connection: Connection, message_ids: Iterable[str]) -> None:
    """Remember ids of old mail that belongs to no ticket: seen, and no evidence for anything."""
    rows = [_id(one, 0, "learned") for one in message_ids]
    if rows:
        connection.execute(_NAME, rows)
