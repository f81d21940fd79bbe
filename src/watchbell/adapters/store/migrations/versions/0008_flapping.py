"""Alerts that flap, and incidents that know which of theirs do."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_JSON = sa.JSON().with_variant(JSONB(), "postgresql")


def upgrade() -> None:
    """Make the columns. What an older release writes has none of them, so the database fills them in."""
    op.add_column("alerts", sa.Column("flaps", _JSON, nullable=True))
    op.add_column("alerts", sa.Column("flapping", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("incidents", sa.Column("flapping", _JSON, nullable=False, server_default=sa.text("'{}'")))
