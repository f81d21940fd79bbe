"""Roles of one's own; keys of a customer; what changed, and from where, in the audit log."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_TEXT = sa.Text(collation="C").with_variant(sa.Text(), "sqlite")
_JSON = sa.JSON().with_variant(JSONB(), "postgresql")


def upgrade() -> None:
    """Make the table and the columns."""
    op.create_table(
        "permissions",
        *(sa.Column(name, _TEXT, nullable=False) for name in ("id", "match", "scopes")),
        sa.PrimaryKeyConstraint("id", name="pk_permissions"),
    )
    op.create_index("uq_permissions_match", "permissions", ["match"], unique=True)
    op.add_column("api_keys", sa.Column("customer", _TEXT, nullable=True))
    # What an older release writes has none of these, so the database fills them in.
    for name in ("user_id", "key", "customers", "subject_id", "address", "request_id", "user_agent"):
        op.add_column("audit", sa.Column(name, _TEXT, nullable=False, server_default=sa.text("''")))
    op.add_column("audit", sa.Column("category", _TEXT, nullable=False, server_default="admin"))
    op.add_column("audit", sa.Column("changes", _JSON, nullable=False, server_default=sa.text("'[]'")))
