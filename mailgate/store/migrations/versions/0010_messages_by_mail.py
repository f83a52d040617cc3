"""Find a message by its mail."""

from __future__ import annotations

from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Make the index."""
    op.create_index("ix_messages_spool_id", "messages", ["spool_id"])


def downgrade() -> None:
    """Undo it."""
    op.drop_index("ix_messages_spool_id", "messages")
