"""What rows of the outbox carry besides their subject."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_TEXT = sa.Text(collation="C").with_variant(sa.Text(), "sqlite")


def upgrade() -> None:
    """Make the column. What an older release writes has none: it tells no plug-ins."""
    op.add_column("outbox", sa.Column("body", _TEXT, nullable=True))
