"""The tables. What they hold is written down beside each; instants are aware UTC, lists and tables are JSON text."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
)
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.engine import Dialect

__all__ = ["upsert"]  # the one insert with ON CONFLICT that both databases read

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class Instant(TypeDecorator[datetime]):
    """An aware UTC datetime; naive ones are a caller's bug. SQLite keeps no zone, so it is put back on the way out."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """UTC for the driver; raises ValueError for a naive datetime."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("an instant needs a zone")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """The same instant, aware."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Json(TypeDecorator[Any]):
    """JSON text that also takes instants, dates, tuples and sets; they come back as text and lists."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        """Compact JSON with the keys sorted."""
        return None if value is None else dumps(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        """The parsed JSON."""
        return None if value is None else json.loads(value)


def dumps(value: Any) -> str:
    """Compact JSON of plain values, instants, dates and sets."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True, default=_plain)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, frozenset | set):
        return sorted(value)
    return str(value)


Id = BigInteger().with_variant(Integer, "sqlite")
"""Ids that people, mails and tokens name are never given twice, not even after their row has gone (sqlite_autoincrement)."""

# every accepted mail, as received; the row is durable before the door says 250
spool = Table(
    "spool",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("state", Text, nullable=False),
    Column("desk", Text),
    Column("door", Text, nullable=False),
    Column("client", Text, nullable=False),
    Column("helo", Text, nullable=False),
    Column("reverse_path", Text),
    Column("forward_paths", Json, nullable=False),
    Column("received_at", Instant, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("raw", LargeBinary, nullable=False),
    Column("message_id", Text),
    Column("ticket", Id),
    Column("duplicate_of", Id),
    Column("reason", Text),
    Column("settled_at", Instant),
    Index("ix_spool_open", "state", "received_at", "id"),
    Index("ix_spool_sha256", "sha256"),
    sqlite_autoincrement=True,
)

# the rest of a large mail, whose row in the spool holds its beginning: a change of that row writes all of it anew
pieces = Table(
    "pieces",
    metadata,
    Column("spool_id", Id, primary_key=True, autoincrement=False),
    Column("number", Integer, primary_key=True),
    Column("raw", LargeBinary, nullable=False),
)

# further arrivals of a mail that is already in the spool
sightings = Table(
    "sightings",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("spool_id", Id, nullable=False, index=True),
    Column("door", Text, nullable=False),
    Column("received_at", Instant, nullable=False),
)

tickets = Table(
    "tickets",
    metadata,
    Column("number", Id, primary_key=True, autoincrement=True),
    Column("desk", Text, nullable=False),
    Column("policy", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("opened_at", Instant, nullable=False),
    Column("seller", Text),
    Column("entity", Text),
    Column("tags", Json, nullable=False),
    Column("facts", Json, nullable=False),
    Column("version", Integer, nullable=False),
    Index("ix_tickets_seller", "desk", "seller"),
    sqlite_autoincrement=True,
)

participants = Table(
    "participants",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("ticket", Id, nullable=False),
    Column("key", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("party", Text, nullable=False),
    Column("name", Text, nullable=False),
    UniqueConstraint("ticket", "key"),
    sqlite_autoincrement=True,
)

# what a settled mail says, as later decisions and notices need it; premises: what it was judged by (desk/premises.py)
messages = Table(
    "messages",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("spool_id", Id, nullable=False, index=True),
    Column("desk", Text, nullable=False),
    Column("ticket", Id, index=True),
    Column("message_id", Text, index=True),
    Column("fingerprint", Text, nullable=False),
    Column("class", Text, nullable=False),
    Column("author", Text, nullable=False),
    Column("party", Text, nullable=False),
    Column("event", Text, nullable=False),
    Column("at", Instant, nullable=False),
    Column("text", Text, nullable=False),
    Column("audience", Json, nullable=False),
    Column("visible", Json, nullable=False),
    Column("missing", Json, nullable=False),
    Column("premises", Json, nullable=False, server_default="{}"),
    UniqueConstraint("desk", "fingerprint"),
)

# what changed a ticket beside its mail and its steps (desk/happening.py); about: the ticket that it was about, before a merge
happenings = Table(
    "happenings",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("ticket", Id, nullable=False, index=True),
    Column("about", Id, nullable=False),
    Column("at", Instant, nullable=False),
    Column("kind", Text, nullable=False),
    Column("data", Json, nullable=False),
)

# every Message-ID that a ticket's mails carry or mention: kind received, mentioned, own or relay; stem: what stands before the @
ids = Table(
    "ids",
    metadata,
    Column("message_id", Text, primary_key=True),
    Column("ticket", Id, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("stem", Text, nullable=False),
    Index("ix_ids_stem", "stem"),
)

# what else a ticket may be known by: digests of subject keys, Thread-Index roots with their topic, other desks' tags
clues = Table(
    "clues",
    metadata,
    Column("desk", Text, primary_key=True),
    Column("digest", Text, primary_key=True),
    Column("ticket", Id, primary_key=True),
    Column("at", Instant, nullable=False),
    Index("ix_clues_ticket", "ticket"),
)

# what was said on a ticket, as numbers of words in a row (desk/quote.py), to know a quote by
shingles = Table(
    "shingles",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("ticket", Id, nullable=False, index=True),
    Column("spool_id", Id, index=True),
    Column("numbers", LargeBinary, nullable=False),
)

# the history that people audit; append-only
events = Table(
    "events",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("ticket", Id, index=True),
    Column("desk", Text, nullable=False),
    Column("seller", Text),
    Column("event", Text, nullable=False),
    Column("at", Instant, nullable=False),
    Column("recorded_at", Instant, nullable=False),
    Column("spool_id", Id),
    Column("data", Json, nullable=False),
)

clocks = Table(
    "clocks",
    metadata,
    Column("subject", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("episode", Integer, primary_key=True),
    Column("state", Text, nullable=False),
    Column("started_at", Instant, nullable=False),
    Column("due", Instant),
    Column("next_due_at", Instant),
    Column("marks", Json, nullable=False),
    Column("stopped_at", Instant),
    Column("stopped_by", Text),
    Column("pauses", Json, nullable=False),
    Column("for_message", Text),
    Column("version", Integer, nullable=False),
    Index("ix_clocks_next_due_at", "next_due_at"),
)

# a step can't fire twice, whatever crashes
steps = Table(
    "steps",
    metadata,
    Column("subject", Text, primary_key=True),
    Column("clock", Text, primary_key=True),
    Column("episode", Integer, primary_key=True),
    Column("step", Text, primary_key=True),
    Column("occurrence", Integer, primary_key=True),
    Column("due", Instant, nullable=False),
    Column("fired_at", Instant, nullable=False),
)

# mail to be sent: one row a reader
outbox = Table(
    "outbox",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("state", Text, nullable=False),
    Column("notice", Text, nullable=False),
    Column("desk", Text, nullable=False),
    Column("ticket", Id, index=True),
    Column("seller", Text),
    Column("role", Text, nullable=False),
    Column("reader", Text, nullable=False),
    Column("route", Text, nullable=False),
    Column("reverse_path", Text),
    Column("message_id", Text, nullable=False, index=True),
    Column("visible", Json, nullable=False),
    Column("raw", LargeBinary, nullable=False),
    Column("clock", Text, nullable=False),
    Column("episode", Integer, nullable=False),
    Column("step", Text, nullable=False),
    Column("occurrence", Integer, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("next_attempt_at", Instant),
    Column("attempts", Integer, nullable=False),
    Column("answer", Text, nullable=False),
    Column("sent_at", Instant),
    Column("claimed_by", Text),
    Column("inbox", Text, nullable=False, server_default=""),
    UniqueConstraint("message_id", "reader"),
    Index("ix_outbox_due", "state", "next_attempt_at"),
    Index("ix_outbox_inbox", "inbox", "created_at"),
    Index("ix_outbox_desk", "desk", "created_at"),
    sqlite_autoincrement=True,
)

strikes = Table(
    "strikes",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("desk", Text, nullable=False),
    Column("seller", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("at", Instant, nullable=False),
    Column("ticket", Id),
    Index("ix_strikes_seller", "desk", "seller"),
)

# what mail taught us about a seller
sellers = Table(
    "sellers",
    metadata,
    Column("desk", Text, primary_key=True),
    Column("seller", Text, primary_key=True),
    Column("away", Boolean, nullable=False),
    Column("since", Instant, nullable=False),
)

# addresses that mail does not reach: state dead (it came back), suppressed (a provider will not try), suspected (it looks so)
unreachable = Table(
    "unreachable",
    metadata,
    Column("address", Text, primary_key=True),
    Column("state", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("provider", Text, nullable=False),
    Column("signature", Text, nullable=False),
    Column("desk", Text, nullable=False),
    Column("seller", Text),
    Column("since", Instant, nullable=False),
    Column("evidence", Json, nullable=False),
    Column("lifted_at", Instant),
    Column("lifted_by", Text),
)

# a pack as a ticket opened under it, by content hash
policies = Table(
    "policies",
    metadata,
    Column("hash", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("body", Json, nullable=False),
    Column("options", Json, nullable=False),
)

# the marketplace's orders as it told us of them; customer: a compared address (mail.address.key); extra: columns of its own
orders = Table(
    "orders",
    metadata,
    Column("desk", Text, primary_key=True),
    Column("number", Text, primary_key=True),
    Column("seller", Text),
    Column("entity", Text),
    Column("customer", Text),
    Column("product", Text),
    Column("sold_at", Instant),
    Column("billed_at", Instant),
    Column("subscription", Boolean),
    Column("amount", Text),
    Column("currency", Text),
    Column("shipping_number", Text),
    Column("shipping_date", Text),
    Column("extra", Json, nullable=False),
    Column("updated_at", Instant, nullable=False),
    Index("ix_orders_customer", "desk", "customer"),
)

# how far each file of orders was read: a file is known by its content
order_imports = Table(
    "order_imports",
    metadata,
    Column("sha256", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("lines", Integer, nullable=False),
    Column("taken", Integer, nullable=False),
    Column("bad", Json, nullable=False),
    Column("started_at", Instant, nullable=False),
    Column("finished_at", Instant),
)

# what is remembered of a seller at a desk beside his strikes: flags that people set (abuse), confirmations, absences
marks = Table(
    "marks",
    metadata,
    Column("desk", Text, primary_key=True),
    Column("seller", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
    Column("at", Instant, nullable=False),
)

# every change of the marks, so that it is known how they stood; no value: forgotten
marked = Table(
    "marked",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("desk", Text, nullable=False),
    Column("seller", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("value", Text),
    Column("at", Instant, nullable=False),
    Index("ix_marked_seller", "desk", "seller"),
)

# by which domain an address sends (desk/path.py): asked about, proven, last used, revoked; address: mail.address.key
paths = Table(
    "paths",
    metadata,
    Column("address", Text, primary_key=True),
    Column("path", Text, primary_key=True),
    Column("seller", Text, nullable=False),
    Column("ticket", Id),
    Column("asked_at", Instant),
    Column("proven_at", Instant),
    Column("used_at", Instant),
    Column("revoked_at", Instant),
)

# signed actions that may happen once, and have
spent = Table(
    "spent",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("at", Instant, nullable=False),
)

# how far each folder of a watched mailbox was read; pending: UIDs that are taken, and wait to be marked or moved
watched = Table(
    "watched",
    metadata,
    Column("mailbox", Text, primary_key=True),
    Column("folder", Text, primary_key=True),
    Column("uidvalidity", BigInteger, nullable=False),
    Column("uid", BigInteger, nullable=False),
    Column("since", Instant, nullable=False),
    Column("pending", Json, nullable=False),
)

# single values: heartbeat, holds
flags = Table("flags", metadata, Column("name", Text, primary_key=True), Column("value", Text, nullable=False))

# many nodes: which of them live, by the database's clock
nodes = Table(
    "nodes",
    metadata,
    Column("name", Text, primary_key=True),
    Column("started_at", Instant, nullable=False),
    Column("alive_until", Instant, nullable=False),
)

# many nodes: whose turn it is to settle mail and fire timers; the fence grows with each holder
turns = Table(
    "turns",
    metadata,
    Column("name", Text, primary_key=True),
    Column("holder", Text, nullable=False),
    Column("fence", Integer, nullable=False),
)
