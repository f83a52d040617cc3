"""The index by which a desk's mail of the last days is counted."""

from __future__ import annotations

from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Make it."""
    op.create_index("ix_outbox_desk", "outbox", ["desk", "created_at"])


def downgrade() -> None:
    """Drop it."""
    op.drop_index("ix_outbox_desk", "outbox")
