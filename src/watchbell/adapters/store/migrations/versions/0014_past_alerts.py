"""When the episode of an alert began, and the archive of episodes that are over."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_TEXT = sa.Text(collation="C").with_variant(sa.Text(), "sqlite")
_TIME = sa.TIMESTAMP(timezone=True).with_variant(sa.BigInteger(), "sqlite")
_JSON = sa.JSON().with_variant(JSONB(), "postgresql")
_NUMBER = sa.Double[float]()
_OVER = "('closed', 'expired', 'NORM')"


def upgrade() -> None:
    """Make the column and the tables. What an older release writes has no episode, so it is never archived."""
    op.add_column("alerts", sa.Column("opened_at", _TIME, nullable=True))
    first = f"SELECT min(at) FROM alert_history WHERE alert_id = alerts.id AND status NOT IN {_OVER}"  # noqa: S608 - a constant
    op.execute(f"UPDATE alerts SET opened_at = ({first})")  # noqa: S608 - a constant
    settled = sa.text(f"opened_at IS NOT NULL AND status IN {_OVER}")
    op.create_index("ix_alerts_settled", "alerts", ["update_time"], postgresql_where=settled, sqlite_where=settled)
    op.create_table(
        "past_alerts",
        *_texts("id", "alert_id", "environment", "resource", "event", "customer", "service"),
        *_texts("group", "severity", "highest_severity", "status"),
        *_times("opened_at", "last_receive_time"),
        *_times("acknowledged_at", nullable=True),
        *_texts("acknowledged_by"),
        *_times("resolved_at", nullable=True),
        *_times("archived_at"),
        *(sa.Column(name, _NUMBER, nullable=True) for name in ("seconds_to_acknowledge", "seconds_to_resolve")),
        sa.Column("stood", _NUMBER, nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in ("duplicate_count", "severity_changes")),
        sa.Column("flapped", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_past_alerts"),
    )
    for columns in (["opened_at", "id"], ["alert_id"], ["archived_at"]):
        op.create_index(f"ix_past_alerts_{'_'.join(columns)}", "past_alerts", columns)
    op.create_table(
        "past_details",
        *_texts("id"),
        sa.Column("value", _TEXT, nullable=True),
        sa.Column("value_is_json", sa.Boolean(), nullable=False),
        *_texts("text", "tags"),
        sa.Column("attributes", _JSON, nullable=False),
        *_texts("origin", "type", "searched", "lines"),
        sa.PrimaryKeyConstraint("id", name="pk_past_details"),
    )


def _texts(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, _TEXT, nullable=False) for name in names]


def _times(*names: str, nullable: bool = False) -> list[sa.Column[object]]:
    return [sa.Column(name, _TIME, nullable=nullable) for name in names]
