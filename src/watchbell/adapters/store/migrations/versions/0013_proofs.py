"""Mails that prove an address, and two-step log-in."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_TEXT = sa.Text(collation="C").with_variant(sa.Text(), "sqlite")
_TIME = sa.TIMESTAMP(timezone=True).with_variant(sa.BigInteger(), "sqlite")


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "letters",
        sa.Column("id", _TEXT, primary_key=True),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("address", _TEXT, nullable=False),
        sa.Column("user_id", _TEXT, nullable=False),
        sa.Column("token", _TEXT, nullable=False),
        sa.Column("bound", _TEXT, nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("expires_at", _TIME, nullable=True),
    )
    op.create_index("ix_letters_token", "letters", ["token"])
    op.create_index("ix_letters_user_id", "letters", ["user_id"])
    op.create_table(
        "second_factors",
        sa.Column("user_id", _TEXT, primary_key=True),
        sa.Column("secret", _TEXT, nullable=False),
        sa.Column("last_step", sa.BigInteger(), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
    )
    op.create_table(
        "recovery_codes",
        sa.Column("user_id", _TEXT, primary_key=True),
        sa.Column("hash", _TEXT, primary_key=True),
    )
