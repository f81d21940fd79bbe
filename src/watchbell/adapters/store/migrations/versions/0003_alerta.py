"""What Alerta's API keeps besides alerts: notes, heartbeats by origin, profiles, groups of users, customers."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_TEXT = sa.Text(collation="C").with_variant(sa.Text(), "sqlite")
_TIME = sa.TIMESTAMP(timezone=True).with_variant(sa.BigInteger(), "sqlite")
_JSON = sa.JSON().with_variant(JSONB(), "postgresql")


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "notes",
        *_texts("id", "alert_id", "text"),
        sa.Column("user", _TEXT, nullable=True),
        sa.Column("attributes", _JSON, nullable=False),
        *_texts("type"),
        sa.Column("create_time", _TIME, nullable=False),
        sa.Column("update_time", _TIME, nullable=False),
        sa.Column("customer", _TEXT, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_notes"),
    )
    op.create_index("ix_notes_alert_id", "notes", ["alert_id"], unique=False)
    op.create_table(
        "origin_heartbeats",
        *_texts("id", "origin", "customer", "tags"),
        sa.Column("attributes", _JSON, nullable=False),
        *_texts("type"),
        sa.Column("create_time", _TIME, nullable=False),
        sa.Column("receive_time", _TIME, nullable=False),
        sa.Column("timeout", sa.BigInteger(), nullable=False),
        sa.Column("max_latency", sa.BigInteger(), nullable=False),
        *_texts("alerted"),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_origin_heartbeats"),
    )
    op.create_index("ix_origin_heartbeats_origin_customer", "origin_heartbeats", ["origin", "customer"], unique=True)
    _people()


def _people() -> None:
    op.create_table(
        "profiles",
        *_texts("user_id", "text"),
        sa.Column("attributes", _JSON, nullable=False),
        sa.Column("email_verified", sa.Boolean(), nullable=False),
        sa.Column("updated_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("user_id", name="pk_profiles"),
    )
    op.create_table(
        "user_groups", *_texts("id", "name", "text", "members"), sa.PrimaryKeyConstraint("id", name="pk_user_groups")
    )
    op.create_index("ix_user_groups_name", "user_groups", ["name"], unique=True)
    op.create_table(
        "customer_lookups",
        *_texts("id", "match", "customer"),
        sa.PrimaryKeyConstraint("id", name="pk_customer_lookups"),
    )


def _texts(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, _TEXT, nullable=False) for name in names]
