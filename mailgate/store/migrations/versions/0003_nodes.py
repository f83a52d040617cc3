"""Many nodes on one database: which of them live, whose turn it is, and who sends which mail."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

Instant = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make them, with the one turn that there is."""
    op.create_table(
        "nodes",
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("started_at", Instant, nullable=False),
        sa.Column("alive_until", Instant, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_nodes"),
    )
    turns = op.create_table(
        "turns",
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("holder", sa.Text, nullable=False),
        sa.Column("fence", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_turns"),
    )
    op.bulk_insert(turns, [{"name": "settling", "holder": "", "fence": 0}])
    op.add_column("outbox", sa.Column("claimed_by", sa.Text))


def downgrade() -> None:
    """Drop them."""
    op.drop_column("outbox", "claimed_by")
    op.drop_table("turns")
    op.drop_table("nodes")
