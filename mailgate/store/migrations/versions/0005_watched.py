"""How far each folder of a watched mailbox was read."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Make it."""
    op.create_table(
        "watched",
        sa.Column("mailbox", sa.Text, nullable=False),
        sa.Column("folder", sa.Text, nullable=False),
        sa.Column("uidvalidity", sa.BigInteger, nullable=False),
        sa.Column("uid", sa.BigInteger, nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("pending", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("mailbox", "folder", name="pk_watched"),
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_table("watched")
