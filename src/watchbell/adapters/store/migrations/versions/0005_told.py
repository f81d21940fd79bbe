"""When a node told what it counted in a window, so that a report that was overtaken changes nothing."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column. What the former release writes is older than everything."""
    op.add_column("window_parts", sa.Column("told_ms", sa.BigInteger(), nullable=False, server_default="0"))
