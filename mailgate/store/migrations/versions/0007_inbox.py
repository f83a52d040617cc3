"""Whose mailbox a mail goes to, however its address is spelled: by that, what one person is told is counted."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from mailgate.mail import address as addresses

revision = "0007"
down_revision = "0006"

_OUTBOX = sa.table("outbox", sa.column("reader", sa.Text), sa.column("inbox", sa.Text))


def upgrade() -> None:
    """Make the column, fill it, and put its index in the place of that of the address."""
    op.add_column("outbox", sa.Column("inbox", sa.Text, nullable=False, server_default=""))
    connection = op.get_bind()
    for reader in connection.execute(sa.select(_OUTBOX.c.reader).distinct()).scalars().all():
        mine = sa.update(_OUTBOX).where(_OUTBOX.c.reader == reader)
        connection.execute(mine.values(inbox=addresses.inbox(reader)))
    op.create_index("ix_outbox_inbox", "outbox", ["inbox", "created_at"])
    op.drop_index("ix_outbox_reader", "outbox")


def downgrade() -> None:
    """Undo it."""
    op.create_index("ix_outbox_reader", "outbox", ["reader", "created_at"])
    op.drop_index("ix_outbox_inbox", "outbox")
    op.drop_column("outbox", "inbox")
