"""What a ticket needs to be built anew: what happened to it beside its mail, what its mail was judged by, how marks stood."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Make the tables and the column; the marks of today are taken as they stand. What happened before is not known."""
    op.add_column("messages", sa.Column("premises", sa.Text, nullable=False, server_default="{}"))
    op.create_table(
        "happenings",
        sa.Column("id", _ID, primary_key=True, autoincrement=True),
        sa.Column("ticket", _ID, nullable=False),
        sa.Column("about", _ID, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("data", sa.Text, nullable=False),
    )
    op.create_index("ix_happenings_ticket", "happenings", ["ticket"])
    op.create_table(
        "marked",
        sa.Column("id", _ID, primary_key=True, autoincrement=True),
        sa.Column("desk", sa.Text, nullable=False),
        sa.Column("seller", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("value", sa.Text),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("ix_marked_seller", "marked", ["desk", "seller"])
    op.execute("INSERT INTO marked (desk, seller, name, value, at) SELECT desk, seller, name, value, at FROM marks")


def downgrade() -> None:
    """Undo it."""
    op.drop_table("marked")
    op.drop_table("happenings")
    op.drop_column("messages", "premises")
