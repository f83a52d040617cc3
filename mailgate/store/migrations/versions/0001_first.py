"""The first tables. Frozen: a later change is a later migration; a test compares the sum of all with schema.py."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Instant = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make every table of the first version."""
    _mail()
    _tickets()
    _time()
    _outgoing()
    _memory()


def downgrade() -> None:
    """Drop them."""
    for table in (
        "spool",
        "sightings",
        "messages",
        "ids",
        "clues",
        "shingles",
        "tickets",
        "participants",
        "events",
        "clocks",
        "steps",
        "outbox",
        "strikes",
        "sellers",
        "unreachable",
        "policies",
        "flags",
    ):
        op.drop_table(table)


def _mail() -> None:
    """What came in."""
    op.create_table(
        "spool",
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("desk", sa.Text()),
        sa.Column("door", sa.Text(), nullable=False),
        sa.Column("client", sa.Text(), nullable=False),
        sa.Column("helo", sa.Text(), nullable=False),
        sa.Column("reverse_path", sa.Text()),
        sa.Column("forward_paths", sa.Text(), nullable=False),
        sa.Column("received_at", Instant, nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("raw", sa.LargeBinary(), nullable=False),
        sa.Column("message_id", sa.Text()),
        sa.Column("ticket", Id),
        sa.Column("duplicate_of", Id),
        sa.Column("reason", sa.Text()),
        sa.Column("settled_at", Instant),
        sa.PrimaryKeyConstraint("id", name="pk_spool"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_spool_open", "spool", ["state", "received_at", "id"])
    op.create_index("ix_spool_sha256", "spool", ["sha256"])
    op.create_table(
        "sightings",
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("spool_id", Id, nullable=False),
        sa.Column("door", sa.Text(), nullable=False),
        sa.Column("received_at", Instant, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_sightings"),
    )
    op.create_index("ix_sightings_spool_id", "sightings", ["spool_id"])
    op.create_table(
        "messages",
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("spool_id", Id, nullable=False),
        sa.Column("desk", sa.Text(), nullable=False),
        sa.Column("ticket", Id),
        sa.Column("message_id", sa.Text()),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("class", sa.Text(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("party", sa.Text(), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("at", Instant, nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("audience", sa.Text(), nullable=False),
        sa.Column("visible", sa.Text(), nullable=False),
        sa.Column("missing", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_messages"),
        sa.UniqueConstraint("desk", "fingerprint", name="uq_messages_desk_fingerprint"),
    )
    op.create_index("ix_messages_message_id", "messages", ["message_id"])
    op.create_index("ix_messages_ticket", "messages", ["ticket"])
    op.create_table(
        "ids",
        sa.Column("message_id", sa.Text(), nullable=False),
        sa.Column("ticket", Id, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("stem", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("message_id", "ticket", name="pk_ids"),
    )
    op.create_index("ix_ids_stem", "ids", ["stem"])
    op.create_table(
        "clues",
        sa.Column("desk", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("ticket", Id, nullable=False),
        sa.Column("at", Instant, nullable=False),
        sa.PrimaryKeyConstraint("desk", "digest", "ticket", name="pk_clues"),
    )
    op.create_index("ix_clues_ticket", "clues", ["ticket"])
    op.create_table(
        "shingles",
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("ticket", Id, nullable=False),
        sa.Column("spool_id", Id),
        sa.Column("numbers", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_shingles"),
    )
    op.create_index("ix_shingles_ticket", "shingles", ["ticket"])
    op.create_index("ix_shingles_spool_id", "shingles", ["spool_id"])


def _tickets() -> None:
    """Tickets and their history."""
    op.create_table(
        "tickets",
        sa.Column("number", Id, autoincrement=True, nullable=False),
        sa.Column("desk", sa.Text(), nullable=False),
        sa.Column("policy", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("opened_at", Instant, nullable=False),
        sa.Column("seller", sa.Text()),
        sa.Column("entity", sa.Text()),
        sa.Column("tags", sa.Text(), nullable=False),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_tickets"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "participants",
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("ticket", Id, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("party", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_participants"),
        sa.UniqueConstraint("ticket", "key", name="uq_participants_ticket_key"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "events",
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("ticket", Id),
        sa.Column("desk", sa.Text(), nullable=False),
        sa.Column("seller", sa.Text()),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("at", Instant, nullable=False),
        sa.Column("recorded_at", Instant, nullable=False),
        sa.Column("spool_id", Id),
        sa.Column("data", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_events"),
    )
    op.create_index("ix_events_ticket", "events", ["ticket"])


def _time() -> None:
    """Clocks and the steps that fired."""
    op.create_table(
        "clocks",
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("episode", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("started_at", Instant, nullable=False),
        sa.Column("due", Instant),
        sa.Column("next_due_at", Instant),
        sa.Column("marks", sa.Text(), nullable=False),
        sa.Column("stopped_at", Instant),
        sa.Column("stopped_by", sa.Text()),
        sa.Column("pauses", sa.Text(), nullable=False),
        sa.Column("for_message", sa.Text()),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("subject", "name", "episode", name="pk_clocks"),
    )
    op.create_index("ix_clocks_next_due_at", "clocks", ["next_due_at"])
    op.create_table(
        "steps",
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("clock", sa.Text(), nullable=False),
        sa.Column("episode", sa.Integer(), nullable=False),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("occurrence", sa.Integer(), nullable=False),
        sa.Column("due", Instant, nullable=False),
        sa.Column("fired_at", Instant, nullable=False),
        sa.PrimaryKeyConstraint("subject", "clock", "episode", "step", "occurrence", name="pk_steps"),
    )


def _outgoing() -> None:
    """Mail to be sent."""
    op.create_table(
        "outbox",
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("notice", sa.Text(), nullable=False),
        sa.Column("desk", sa.Text(), nullable=False),
        sa.Column("ticket", Id),
        sa.Column("seller", sa.Text()),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("reader", sa.Text(), nullable=False),
        sa.Column("route", sa.Text(), nullable=False),
        sa.Column("reverse_path", sa.Text()),
        sa.Column("message_id", sa.Text(), nullable=False),
        sa.Column("visible", sa.Text(), nullable=False),
        sa.Column("raw", sa.LargeBinary(), nullable=False),
        sa.Column("clock", sa.Text(), nullable=False),
        sa.Column("episode", sa.Integer(), nullable=False),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("occurrence", sa.Integer(), nullable=False),
        sa.Column("created_at", Instant, nullable=False),
        sa.Column("next_attempt_at", Instant),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("sent_at", Instant),
        sa.PrimaryKeyConstraint("id", name="pk_outbox"),
        sa.UniqueConstraint("message_id", "reader", name="uq_outbox_message_id_reader"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_outbox_due", "outbox", ["state", "next_attempt_at"])
    op.create_index("ix_outbox_message_id", "outbox", ["message_id"])
    op.create_index("ix_outbox_reader", "outbox", ["reader", "created_at"])
    op.create_index("ix_outbox_ticket", "outbox", ["ticket"])


def _memory() -> None:
    """What mail taught us, and single values."""
    op.create_table(
        "strikes",
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("desk", sa.Text(), nullable=False),
        sa.Column("seller", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("at", Instant, nullable=False),
        sa.Column("ticket", Id),
        sa.PrimaryKeyConstraint("id", name="pk_strikes"),
    )
    op.create_index("ix_strikes_seller", "strikes", ["desk", "seller"])
    op.create_table(
        "sellers",
        sa.Column("desk", sa.Text(), nullable=False),
        sa.Column("seller", sa.Text(), nullable=False),
        sa.Column("away", sa.Boolean(), nullable=False),
        sa.Column("since", Instant, nullable=False),
        sa.PrimaryKeyConstraint("desk", "seller", name="pk_sellers"),
    )
    op.create_table(
        "unreachable",
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("signature", sa.Text(), nullable=False),
        sa.Column("desk", sa.Text(), nullable=False),
        sa.Column("seller", sa.Text(), nullable=True),
        sa.Column("since", Instant, nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.Column("lifted_at", Instant, nullable=True),
        sa.Column("lifted_by", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("address", name="pk_unreachable"),
    )
    op.create_table(
        "policies",
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("options", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("hash", name="pk_policies"),
    )
    op.create_table(
        "flags",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_flags"),
    )
