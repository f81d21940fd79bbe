"""What is good once and was used: answers of log-in providers, signatures of requests."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

_TEXT = sa.Text(collation="C").with_variant(sa.Text(), "sqlite")
_TIME = sa.TIMESTAMP(timezone=True).with_variant(sa.BigInteger(), "sqlite")


def upgrade() -> None:
    """Make the table. An older release beside it keeps such things as failed log-ins, or in its memory."""
    op.create_table(
        "spent",
        sa.Column("key", _TEXT, primary_key=True),
        sa.Column("until", _TIME, nullable=False),
    )
    op.create_index("ix_spent_until", "spent", ["until"])
