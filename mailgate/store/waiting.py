"""What waits for a person: tickets in doubt, mail that is parked or held; who was told of it, and who was asked.

Tickets that wait are noted under flags `waiting:NUMBER` when they open, so that nobody has to look through all tickets; what
counts is the ticket's own tag, and a note that has outlived it is dropped on the way.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select, update

from mailgate.desk.review import EVERY, OFFERS, SPAM, Waiting, kind_of
from mailgate.desk.ticket import Spoken, Ticket
from mailgate.mail import address as addresses
from mailgate.store import brake, memory
from mailgate.store.schema import flags, messages, spool, tickets

LISTED = 500
FORGOTTEN = timedelta(days=30)
NOTE, TOLD, ASKED = "waiting:", "needs_you:", "did_you_write:"
_OPEN = ("parked", "held")


def note(connection: Connection, ticket: Ticket) -> None:
    """Remember that this ticket waits, and which other one it may belong to."""
    if kind_of(ticket.tags):
        memory.set_flag(connection, f"{NOTE}{ticket.number}", str(ticket.facts.get("linked_to", "")))


def one(connection: Connection, action: str, number: int) -> Waiting | None:
    """What `action` on this ticket (`release` and `not_ours.mail`: this mail) is about, if that still waits for it."""
    found = _of_mail(connection, number) if action in OFFERS["spam"] else _of_ticket(connection, number)
    return found if found and action in OFFERS[found.kind] and (action != "join" or found.points_to) else None


def _of_ticket(connection: Connection, number: int) -> Waiting | None:
    row = connection.execute(select(tickets).where(tickets.c.number == number)).first()
    return _waiting(row) if row else None


def _waiting(row: Row[Any]) -> Waiting | None:
    kind = kind_of(row.tags) if row.state != "merged" else ""
    return Waiting(kind, row.number, row.opened_at, row.subject, "", int(row.facts.get("linked_to") or 0)) if kind else None


def author_of(connection: Connection, number: int) -> str:
    """Whose the first mail of this ticket is."""
    said = select(messages.c.author).where(messages.c.ticket == number).order_by(messages.c.at, messages.c.id).limit(1)
    return connection.execute(said).scalar() or ""


def _of_mail(connection: Connection, spool_id: int) -> Waiting | None:
    row = connection.execute(_MAILS.where((spool.c.id == spool_id) & spool.c.state.in_(_OPEN))).first()
    return _mail(row.id, row.state, row.settled_at or row.received_at) if row else None


def _mail(spool_id: int, state: str, at: datetime) -> Waiting:
    return Waiting("spam" if state == "held" else "parked", spool_id, at)


_MAILS = select(spool.c.id, spool.c.state, spool.c.received_at, spool.c.settled_at)


def listed(connection: Connection, desk: str, now: datetime, *, homeless: bool) -> tuple[Waiting, ...]:
    """Everything that waits for this desk's people, oldest first; `homeless`: and the mail that no desk is known for.

    Who did not say within 30 days whether he wrote is listed no more; the links to him have expired as well.
    """
    numbers = [int(one) for one in _noted(connection, NOTE)]
    rows = (row for row in _rows(connection, numbers) if row.desk == desk)
    found = [one for row in rows if (one := _waiting(row)) and not _is_forgotten(one, now)]
    mine = (spool.c.desk == desk) | (spool.c.desk.is_(None)) if homeless else spool.c.desk == desk
    query = _MAILS.where(mine & spool.c.state.in_(_OPEN)).order_by(spool.c.received_at, spool.c.id).limit(LISTED)
    mails = [_mail(row.id, row.state, row.settled_at or row.received_at) for row in connection.execute(query)]
    pulled = brake.on(connection, desk)
    stopped = [Waiting("brake", pulled.count, pulled.at, f"mailgate release --desk {desk}")] if pulled else []
    return tuple(sorted([*found, *mails, *stopped], key=lambda each: (each.at, each.number)))


def _rows(connection: Connection, numbers: Sequence[int]) -> Iterator[Row[Any]]:
    for start in range(0, len(numbers), LISTED):
        yield from connection.execute(select(tickets).where(tickets.c.number.in_(numbers[start : start + LISTED])))


def _is_forgotten(one: Waiting, now: datetime) -> bool:
    return one.kind == "unknown" and one.at + FORGOTTEN <= now


def _noted(connection: Connection, prefix: str) -> dict[str, str]:
    end = prefix[:-1] + chr(ord(prefix[-1]) + 1)
    rows = connection.execute(_BETWEEN, {"start": prefix, "end": end})
    return {row.name.removeprefix(prefix): row.value for row in rows}


_BETWEEN = select(flags).where((flags.c.name >= bindparam("start")) & (flags.c.name < bindparam("end")))


def pointing_to(connection: Connection, number: int) -> tuple[int, ...]:
    """The tickets that perhaps belong to this one, and wait for a person to say so."""
    near = (int(one) for one, other in _noted(connection, NOTE).items() if other == str(number))
    found = (_of_ticket(connection, each) for each in sorted(near))
    return tuple(each.number for each in found if each and each.kind == "review" and each.points_to == number)


def tidy(connection: Connection, now: datetime) -> None:
    """Drop the notes of what waits no more, or is forgotten, and of questions that were asked longer than an hour ago."""
    numbers = [int(one) for one in _noted(connection, NOTE)]
    waiting = filter(None, map(_waiting, _rows(connection, numbers)))
    still = {one.number for one in waiting if not _is_forgotten(one, now)}
    gone = [f"{NOTE}{number}" for number in numbers if number not in still]
    old = [f"{ASKED}{key}" for key, at in _noted(connection, ASKED).items() if datetime.fromisoformat(at) + EVERY <= now]
    for name in (*gone, *old):
        memory.set_flag(connection, name, None)


def last_told(connection: Connection, desk: str) -> tuple[datetime | None, frozenset[str]]:
    """(when the desk's people were last written to about what waits, the keys of all that they know of)."""
    value = memory.flag(connection, f"{TOLD}{desk}")
    said = json.loads(value) if value else {"at": None, "known": []}
    return datetime.fromisoformat(said["at"]) if said["at"] else None, frozenset(said["known"])


def tell(connection: Connection, desk: str, known: Iterable[str], now: datetime) -> None:
    """Note that the desk's people were written to now, and what they know of."""
    memory.set_flag(connection, f"{TOLD}{desk}", json.dumps({"at": now.isoformat(), "known": sorted(known)}))


def asked_lately(connection: Connection, address: str, now: datetime) -> bool:
    """True if this person was asked within the last hour whether a mail is his, however his address is spelled (G-16)."""
    at = memory.flag(connection, f"{ASKED}{addresses.inbox(address)}")
    return at is not None and datetime.fromisoformat(at) + EVERY > now


def ask(connection: Connection, address: str, now: datetime) -> None:
    """Note that this person is asked now whether a mail is his."""
    memory.set_flag(connection, f"{ASKED}{addresses.inbox(address)}", now.isoformat())


def hold(connection: Connection, spool_id: int, desk: str | None, reason: str, now: datetime) -> None:
    """Set a mail aside for people to look at; `spool.retry` lets it go on."""
    values = {"state": "held", "reason": f"{SPAM}: {reason}"[:500], "settled_at": now, "desk": desk}
    connection.execute(update(spool).where(spool.c.id == spool_id).values(values))


def put_away(connection: Connection, spool_id: int, now: datetime) -> None:
    """A mail that people call none of ours: it stays in the spool until retention takes it, and nothing follows from it."""
    values = {"state": "settled", "reason": "not ours", "settled_at": now}
    connection.execute(update(spool).where(spool.c.id == spool_id).values(values))


def said_anew(connection: Connection, spool_id: int, said: Spoken, judged: Mapping[str, Any]) -> None:
    """Store what a mail means now that it is settled once more, whom it was shown to, and what it was judged by this time."""
    values = {"party": said.party, "event": said.event, "missing": said.missing, "audience": said.audience, "premises": judged}
    connection.execute(update(messages).where(messages.c.spool_id == spool_id).values(values))
