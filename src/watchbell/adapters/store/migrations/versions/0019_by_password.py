"""Which sessions began with a password."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; nobody knows how those began that are there already."""
    op.add_column("sessions", sa.Column("by_password", sa.Boolean(), nullable=False, server_default=sa.false()))
