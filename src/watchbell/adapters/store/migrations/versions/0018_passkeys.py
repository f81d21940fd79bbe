"""Passkeys."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

_TEXT = sa.Text(collation="C").with_variant(sa.Text(), "sqlite")
_TIME = sa.TIMESTAMP(timezone=True).with_variant(sa.BigInteger(), "sqlite")


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "passkeys",
        sa.Column("id", _TEXT, primary_key=True),
        sa.Column("user_id", _TEXT, nullable=False),
        sa.Column("name", _TEXT, nullable=False),
        sa.Column("credential", _TEXT, nullable=False),
        sa.Column("public_key", _TEXT, nullable=False),
        sa.Column("counter", sa.BigInteger(), nullable=False),
        sa.Column("transports", _TEXT, nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("last_used", _TIME, nullable=True),
    )
    op.create_index("uq_passkeys_credential", "passkeys", ["credential"], unique=True)
    op.create_index("ix_passkeys_user_id", "passkeys", ["user_id"])
