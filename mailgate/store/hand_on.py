"""Mail for a desk that receives it goes on to its people, unchanged.

That is written in the transaction that takes the mail in: whatever we make of it later, its people have it. The same content
goes on to the same reader once, so that a mail which the next hop sends back to us ends here, as does one that has gone round
for long. What the next hop refuses for good is returned to its author by the smarthost; mail from <> is not (RFC 5321 §6.1).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection

from mailgate.desk.party import Desk
from mailgate.mail import address as addresses
from mailgate.mail.automatic import MAX_HOPS
from mailgate.mail.message import Envelope, fingerprint, parse
from mailgate.mail.undelivered import Undelivered, report
from mailgate.store import outbox, spool
from mailgate.store.outbox import Outgoing

HAND_ON = "hand_on"
UNDELIVERED = "undelivered"
DOORS = ("smtp", "lmtp")

Arrival = tuple[Envelope, bytes, str | None]


@dataclass(frozen=True)
class Taken:
    """What became of an arrival: its spool ids, and why it did not go on to somebody ("again", "hops")."""

    ids: tuple[int, ...]
    stopped: tuple[tuple[str, str], ...] = ()


def take(connection: Connection, arrivals: Sequence[Arrival], desks: Mapping[str, Desk]) -> Taken:
    """Put one mail into the spool, once for each desk, and into the outbox where a desk hands on."""
    ids = spool.put(connection, arrivals)
    stopped: list[tuple[str, str]] = []
    for envelope, raw, name in arrivals:
        desk = desks.get(name or "")
        if desk is not None and desk.hand_on and envelope.door in DOORS:
            stopped += _handed_on(connection, desk, envelope, raw)
    return Taken(ids, tuple(stopped))


def _handed_on(connection: Connection, desk: Desk, envelope: Envelope, raw: bytes) -> list[tuple[str, str]]:
    message = parse(raw)
    if len(message.headers("received")) > MAX_HOPS:
        return [(desk.name, "hops")]
    identity, stopped = f"{HAND_ON}.{fingerprint(message)}@{desk.name}", []
    readers = dict.fromkeys(addresses.untagged(one) for one in envelope.forward_paths if desk.answers_for(one))
    for reader in readers:
        if outbox.exists(connection, identity, reader):
            stopped.append((desk.name, "again"))
            continue
        going = Outgoing(HAND_ON, desk.name, reader, identity, raw, envelope.received_at, route=desk.hand_on)
        outbox.reserve(connection, replace(going, reverse_path=envelope.reverse_path))
    return stopped


def give_back(connection: Connection, row: Outgoing, desk: Desk | None, status: str, answer: str, now: datetime) -> None:
    """Tell the author of a mail that the next hop refused for good; nobody, if it came from <>."""
    if row.reverse_path is None or desk is None:
        return
    host = addresses.domain(desk.address)
    identity = f"{UNDELIVERED}.{row.id}@{host}"
    raw = report(Undelivered(row.raw, row.reader, row.reverse_path, status, answer), host, identity, now)
    outbox.reserve(connection, Outgoing(UNDELIVERED, row.desk, row.reverse_path, identity, raw, now))
