"""Alerts that rules make of several signals."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the column. What an older release writes has none: it is no such alert."""
    column = sa.JSON().with_variant(JSONB(), "postgresql")
    op.add_column("alerts", sa.Column("correlation", column, nullable=True))
