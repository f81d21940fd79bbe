"""Whom log-in providers vouch for."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_TEXT = sa.Text(collation="C").with_variant(sa.Text(), "sqlite")
_TIME = sa.TIMESTAMP(timezone=True).with_variant(sa.BigInteger(), "sqlite")


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "identities",
        *(sa.Column(name, _TEXT, nullable=False) for name in ("issuer", "subject", "user_id")),
        *(sa.Column(name, _TIME, nullable=False) for name in ("created_at", "last_login")),
        sa.PrimaryKeyConstraint("issuer", "subject", name="pk_identities"),
    )
    op.create_index("ix_identities_user_id", "identities", ["user_id"])
