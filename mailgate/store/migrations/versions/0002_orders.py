"""Orders, what is remembered of sellers beside their strikes, and signed actions that were used."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

Instant = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make them, and the index by which a seller's tickets are found."""
    op.create_index("ix_tickets_seller", "tickets", ["desk", "seller"])
    op.create_table(
        "orders",
        sa.Column("desk", sa.Text, nullable=False),
        sa.Column("number", sa.Text, nullable=False),
        sa.Column("seller", sa.Text),
        sa.Column("entity", sa.Text),
        sa.Column("customer", sa.Text),
        sa.Column("product", sa.Text),
        sa.Column("sold_at", Instant),
        sa.Column("billed_at", Instant),
        sa.Column("subscription", sa.Boolean),
        sa.Column("amount", sa.Text),
        sa.Column("currency", sa.Text),
        sa.Column("shipping_number", sa.Text),
        sa.Column("shipping_date", sa.Text),
        sa.Column("extra", sa.Text, nullable=False),
        sa.Column("updated_at", Instant, nullable=False),
        sa.PrimaryKeyConstraint("desk", "number", name="pk_orders"),
    )
    op.create_index("ix_orders_customer", "orders", ["desk", "customer"])
    op.create_table(
        "order_imports",
        sa.Column("sha256", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("lines", sa.Integer, nullable=False),
        sa.Column("taken", sa.Integer, nullable=False),
        sa.Column("bad", sa.Text, nullable=False),
        sa.Column("started_at", Instant, nullable=False),
        sa.Column("finished_at", Instant),
        sa.PrimaryKeyConstraint("sha256", name="pk_order_imports"),
    )
    op.create_table(
        "marks",
        sa.Column("desk", sa.Text, nullable=False),
        sa.Column("seller", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("value", sa.Text, nullable=False),
        sa.Column("at", Instant, nullable=False),
        sa.PrimaryKeyConstraint("desk", "seller", "name", name="pk_marks"),
    )
    op.create_table(
        "spent",
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("at", Instant, nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_spent"),
    )


def downgrade() -> None:
    """Drop them."""
    for table in ("spent", "marks", "order_imports", "orders"):
        op.drop_table(table)
    op.drop_index("ix_tickets_seller", "tickets")
