"""Messages that webhooks received."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_TEXT = sa.Text(collation="C").with_variant(sa.Text(), "sqlite")
_TIME = sa.TIMESTAMP(timezone=True).with_variant(sa.BigInteger(), "sqlite")
_JSON = sa.JSON().with_variant(JSONB(), "postgresql")


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "received_calls",
        sa.Column("id", _TEXT, nullable=False),
        sa.Column("name", _TEXT, nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("content_type", _TEXT, nullable=False),
        sa.Column("query", _JSON, nullable=False),
        sa.Column("body", _TEXT, nullable=False),
        sa.Column("problem", _TEXT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_received_calls"),
    )
    op.create_index("ix_received_calls_name_at", "received_calls", ["name", "at"], unique=False)
