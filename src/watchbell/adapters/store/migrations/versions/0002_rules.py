"""Event rules: mergeable parts of windows by group, judgements, and hours to learn from."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_TEXT = sa.Text(collation="C").with_variant(sa.Text(), "sqlite")
_TIME = sa.TIMESTAMP(timezone=True).with_variant(sa.BigInteger(), "sqlite")
_JSON = sa.JSON().with_variant(JSONB(), "postgresql")
_FLOAT: sa.Double[float] = sa.Double()


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "window_parts",
        sa.Column("rule_id", _TEXT, nullable=False),
        sa.Column("window_start", _TIME, nullable=False),
        sa.Column("node", _TEXT, nullable=False),
        sa.Column("group", _TEXT, nullable=False),
        sa.Column("window_s", sa.BigInteger(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("of", sa.BigInteger(), nullable=False),
        sa.Column("sketch", _TEXT, nullable=False),
        sa.Column("complete", sa.Boolean(), nullable=False),
        sa.Column("partial", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("rule_id", "window_start", "node", "group", name="pk_window_parts"),
    )
    op.create_index("ix_window_parts_window_start", "window_parts", ["window_start"], unique=False)
    op.create_table(
        "rule_windows",
        sa.Column("rule_id", _TEXT, nullable=False),
        sa.Column("window_start", _TIME, nullable=False),
        sa.Column("group", _TEXT, nullable=False),
        *(sa.Column(name, _FLOAT, nullable=True) for name in ("value", "low", "high", "expected")),
        *(sa.Column(name, _TEXT, nullable=False) for name in ("outcome", "reason", "state")),
        sa.PrimaryKeyConstraint("rule_id", "window_start", "group", name="pk_rule_windows"),
    )
    op.create_index("ix_rule_windows_window_start", "rule_windows", ["window_start"], unique=False)
    op.create_table(
        "rule_hours",
        sa.Column("rule_id", _TEXT, nullable=False),
        sa.Column("hour", _TIME, nullable=False),
        sa.Column("group", _TEXT, nullable=False),
        sa.Column("points", _JSON, nullable=False),
        sa.Column("odd", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("rule_id", "hour", "group", name="pk_rule_hours"),
    )
    op.create_index("ix_rule_hours_hour", "rule_hours", ["hour"], unique=False)
