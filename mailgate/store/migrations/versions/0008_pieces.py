"""Large mails in pieces: only their beginning stands in the spool."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Make the table; what is there stays whole."""
    op.create_table(
        "pieces",
        sa.Column("spool_id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=False),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("raw", sa.LargeBinary, nullable=False),
    )


def downgrade() -> None:
    """Put the mails together again."""
    connection = op.get_bind()
    rest = sa.table("pieces", sa.column("spool_id"), sa.column("number"), sa.column("raw"))
    spool = sa.table("spool", sa.column("id"), sa.column("raw"))
    for number in connection.execute(sa.select(rest.c.spool_id).distinct()).scalars().all():
        first = connection.execute(sa.select(spool.c.raw).where(spool.c.id == number)).scalar_one()
        others = connection.execute(sa.select(rest.c.raw).where(rest.c.spool_id == number).order_by(rest.c.number)).scalars()
        connection.execute(sa.update(spool).where(spool.c.id == number).values(raw=b"".join([first, *others])))
    op.drop_table("pieces")
