"""What else than a Message-ID tells a ticket: its subjects, Thread-Index and topic, another desk's tag, words it holds.

Digests are looked up in one index; how much of a quote was said where is asked only of the newest few tickets of that subject.
What it is worth says desk/thread.py.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from mailgate.desk import quote
from mailgate.mail import address as addresses
from mailgate.mail import subject as subjects
from mailgate.mail import visible
from mailgate.mail.message import Message
from mailgate.mail.subject import Subject
from mailgate.store.schema import clues, participants, shingles, upsert

ROOT = 22  # bytes of a Thread-Index that every mail of its thread begins with (MS-OXOMSG 2.2.1.3)
RECENT = timedelta(days=30)
NEWEST, HIS, OTHERS = 200, 10, 5
MAX_ROWS = 300

_KNOWN = (
    select(clues.c.digest, clues.c.ticket, clues.c.at)
    .where((clues.c.desk == bindparam("desk")) & clues.c.digest.in_(bindparam("digests", expanding=True)))
    .order_by(clues.c.ticket.desc())
    .limit(NEWEST)
)
_HIS = select(participants.c.ticket).where(
    (participants.c.key == bindparam("key")) & participants.c.ticket.in_(bindparam("numbers", expanding=True))
)
_HELD = (
    select(shingles.c.ticket, shingles.c.numbers)
    .where(shingles.c.ticket.in_(bindparam("numbers", expanding=True)))
    .order_by(shingles.c.id.desc())
    .limit(MAX_ROWS)
)
_LEARN = upsert(clues)
_LEARN = _LEARN.on_conflict_do_update(
    index_elements=[clues.c.desk, clues.c.digest, clues.c.ticket], set_={"at": _LEARN.excluded.at}
)
_HOLD = insert(shingles)


@dataclass(frozen=True)
class Sought:
    """A mail that names nothing that we know, at its desk and instant; `orders` are the order numbers in it."""

    message: Message
    subject: Subject
    desk: str
    at: datetime
    orders: tuple[str, ...] = ()


def _digest(kind: str, *words: str) -> str:
    return hashlib.sha256("\0".join((kind, *words)).encode("utf-8", "replace")).hexdigest()[:32]


def _subject(key: str) -> str:
    return _digest("subject", key)


def _indexes(message: Message, key: str) -> tuple[str, ...]:
    """Thread-Index roots with the topic, and with the subject: the root alone says too little, some make it from the subject."""
    value = message.header("thread-index")
    try:
        root = base64.b64decode(value.strip(), validate=False)[:ROOT] if value else b""
    except (binascii.Error, ValueError):
        return ()
    topics = {key, subjects.read(message.thread_topic).key} - {""} if len(root) == ROOT else set()
    return tuple(_digest("index", root.hex(), topic) for topic in sorted(topics))


def _tags(message: Message, subject: Subject) -> tuple[str, ...]:
    """The tags of other desks in the subject, each known only of the author who wrote it."""
    author = addresses.key(message.author) if message.author else ""
    return tuple(_digest("tag", author, tag) for tag in subjects.desk_tags(subject.base)) if author else ()


def _orders(sought: Sought) -> tuple[str, ...]:
    return tuple(_digest("order", one) for one in sought.orders)


def learn(connection: Connection, number: int, known: Sought, text: str, spool_id: int | None = None) -> None:
    """Remember what a mail of ticket `number` may be known by later; `text` is all that it says, quotes included."""
    key = known.subject.key
    digests = [
        *_indexes(known.message, key),
        *_tags(known.message, known.subject),
        *_orders(known),
        *([_subject(key)] if key else ()),
    ]
    if digests:
        rows = [{"desk": known.desk, "digest": one, "ticket": number, "at": known.at} for one in digests]
        connection.execute(_LEARN, rows)
    if words := quote.shingles(text):
        connection.execute(_HOLD, {"ticket": number, "spool_id": spool_id, "numbers": quote.pack(words)})


def of_order(connection: Connection, desk: str, number: str) -> tuple[int, ...]:
    """The tickets of a desk in whose mail this order number stands."""
    digest = _digest("order", number)
    return tuple(ticket for ticket, _ in _known(connection, desk, [digest]).get(digest, ()))


def find(connection: Connection, sought: Sought) -> Mapping[str, tuple[int, ...]]:
    """The tickets that tags, Thread-Index, a quote and the subject name, by kind, nearest first."""
    tags, indexes = _tags(sought.message, sought.subject), _indexes(sought.message, sought.subject.key)
    orders = _orders(sought)
    known = _known(connection, sought.desk, (*tags, *indexes, *orders)) if tags or indexes or orders else {}
    found = {
        "subject_tag": tuple(number for one in tags for number, _ in known.get(one, ())),
        "order": tuple(dict.fromkeys(number for one in orders for number, _ in known.get(one, ()))),
        "thread_index": tuple(dict.fromkeys(number for one in indexes for number, _ in known.get(one, ()))),
    }
    if sought.subject.key and not any(found.values()):
        found |= _by_subject(connection, sought)
    return {kind: numbers for kind, numbers in found.items() if numbers}


def _known(connection: Connection, desk: str, digests: Iterable[str]) -> dict[str, list[tuple[int, datetime]]]:
    found: dict[str, list[tuple[int, datetime]]] = {}
    for digest, ticket, at in connection.execute(_KNOWN, {"desk": desk, "digests": list(digests)}):
        found.setdefault(digest, []).append((ticket, at))
    return found


def _by_subject(connection: Connection, sought: Sought) -> dict[str, tuple[int, ...]]:
    """The tickets of this subject that the quote is from, and those that had mail of late: the author's own first."""
    digest = _subject(sought.subject.key)
    last = dict(_known(connection, sought.desk, [digest]).get(digest, ()))
    if not last:
        return {}
    generic = subjects.is_generic(sought.subject.key)
    found = _his(connection, sought.message.author, tuple(last))
    his = tuple(one for one in last if one in found)[:HIS]
    others = () if generic else tuple(one for one in last if one not in found)[:OTHERS]
    quoted = quote.shingles(visible.quoted(sought.message.readable, sought.message.html))
    held = _held(connection, (*his, *others)) if quoted else {}
    named = quote.named(quoted, _only(held, his)) or quote.named(quoted, _only(held, others))
    recent = tuple(one for one in (*his, *others) if sought.at - last[one] <= RECENT)
    return {"quote": named, "subject": recent if subjects.last_done(sought.message.subject) and not generic else ()}


def _only(held: Mapping[int, frozenset[int]], numbers: tuple[int, ...]) -> dict[int, frozenset[int]]:
    return {number: words for number, words in held.items() if number in numbers}


def _his(connection: Connection, author: str | None, numbers: tuple[int, ...]) -> frozenset[int]:
    if author is None:
        return frozenset()
    return frozenset(connection.execute(_HIS, {"key": addresses.key(author), "numbers": numbers}).scalars())


def _held(connection: Connection, numbers: tuple[int, ...]) -> dict[int, frozenset[int]]:
    held: dict[int, frozenset[int]] = {}
    for ticket, kept in connection.execute(_HELD, {"numbers": numbers}):
        held[ticket] = held.get(ticket, frozenset()) | quote.unpack(kept)
    return held


def move(connection: Connection, spool_ids: Iterable[int], number: int) -> None:
    """What these mails say belongs to ticket `number` from now on."""
    connection.execute(update(shingles).where(shingles.c.spool_id.in_(list(spool_ids))).values(ticket=number))


def merge(connection: Connection, number: int, into: int) -> None:
    """Whatever told ticket `number` tells ticket `into` from now on."""
    rows = [dict(row._mapping) for row in connection.execute(select(clues).where(clues.c.ticket == number))]
    connection.execute(delete(clues).where(clues.c.ticket == number))
    if rows:
        connection.execute(_LEARN, [{**row, "ticket": into} for row in rows])
    connection.execute(update(shingles).where(shingles.c.ticket == number).values(ticket=into))
