"""Which alert stands for a check or heartbeat, and when an acknowledgement ends that a shelving covers."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_TIME = sa.TIMESTAMP(timezone=True).with_variant(sa.BigInteger(), "sqlite")
_JSON = sa.JSON().with_variant(JSONB(), "postgresql")


def upgrade() -> None:
    """Add the columns. The former release leaves them empty."""
    op.add_column("alerts", sa.Column("ack_reverts_at", _TIME, nullable=True))
    op.add_column("check_healths", sa.Column("said", _JSON, nullable=True))
    op.add_column("heartbeat_pulses", sa.Column("said", _JSON, nullable=True))
