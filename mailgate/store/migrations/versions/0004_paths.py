"""Sending paths that sellers were asked about, and have proven."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

Instant = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "paths",
        sa.Column("address", sa.Text, nullable=False),
        sa.Column("path", sa.Text, nullable=False),
        sa.Column("seller", sa.Text, nullable=False),
        sa.Column("ticket", sa.BigInteger().with_variant(sa.Integer, "sqlite")),
        sa.Column("asked_at", Instant),
        sa.Column("proven_at", Instant),
        sa.Column("used_at", Instant),
        sa.Column("revoked_at", Instant),
        sa.PrimaryKeyConstraint("address", "path", name="pk_paths"),
    )
