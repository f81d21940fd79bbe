"""The way that a message came, in the history of its alert."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_TEXT = sa.Text(collation="C").with_variant(sa.Text(), "sqlite")


def upgrade() -> None:
    """Make the column. What an older release writes has none, so the database fills it in."""
    op.add_column("alert_history", sa.Column("source", _TEXT, nullable=False, server_default=sa.text("''")))
