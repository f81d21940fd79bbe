"""Alerts that inhibit others, and those that are inhibited."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_TEXT = sa.Text(collation="C").with_variant(sa.Text(), "sqlite")
_TIME = sa.TIMESTAMP(timezone=True).with_variant(sa.BigInteger(), "sqlite")


def upgrade() -> None:
    """Make the columns. What an older release writes has none of them: it inhibits nothing."""
    for name in ("inhibits", "inhibited_by", "inhibition"):
        op.add_column("alerts", sa.Column(name, _TEXT, nullable=True))
    op.add_column("alerts", sa.Column("inhibited_until", _TIME, nullable=True))
    op.add_column("alerts", sa.Column("inhibited", sa.Boolean(), nullable=False, server_default=sa.false()))
    _index("ix_alerts_inhibits", ["environment", "resource"], "inhibits IS NOT NULL")
    _index("ix_alerts_inhibited_by", ["inhibited_by"], "inhibited_by IS NOT NULL")


def _index(name: str, columns: list[str], where: str) -> None:
    op.create_index(name, "alerts", columns, postgresql_where=sa.text(where), sqlite_where=sa.text(where))
