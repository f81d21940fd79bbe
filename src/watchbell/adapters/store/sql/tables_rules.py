"""Tables of event rules: what collectors counted, what keepers made of it, and what was learned.

They take the place of `window_counts`, which stays for a former release that runs beside this one.
"""

from sqlalchemy import BigInteger, Boolean, Column, Double, Index, PrimaryKeyConstraint, Table

from watchbell.adapters.store.sql.tables import metadata
from watchbell.adapters.store.sql.types import Enumerated, Moment, Typed, string
from watchbell.domain.events.rules.bounds import Outcome

window_parts = Table(
    "window_parts",
    metadata,
    Column("rule_id", string(), nullable=False),
    Column("window_start", Moment(), nullable=False),
    Column("node", string(), nullable=False),
    Column("group", string(), nullable=False),
    Column("window_s", BigInteger(), nullable=False),
    Column("count", BigInteger(), nullable=False),
    Column("of", BigInteger(), nullable=False),
    Column("sketch", string(), nullable=False),
    Column("complete", Boolean(), nullable=False),
    Column("partial", Boolean(), nullable=False),
    Column("told_ms", BigInteger(), nullable=False, server_default="0"),
    PrimaryKeyConstraint("rule_id", "window_start", "node", "group"),
    Index("ix_window_parts_window_start", "window_start"),
)

rule_windows = Table(
    "rule_windows",
    metadata,
    Column("rule_id", string(), nullable=False),
    Column("window_start", Moment(), nullable=False),
    Column("group", string(), nullable=False),
    Column("value", Double[float](), nullable=True),
    Column("low", Double[float](), nullable=True),
    Column("high", Double[float](), nullable=True),
    Column("expected", Double[float](), nullable=True),
    Column("outcome", Enumerated(Outcome), nullable=False),
    Column("reason", string(), nullable=False),
    Column("state", string(), nullable=False),
    PrimaryKeyConstraint("rule_id", "window_start", "group"),
    Index("ix_rule_windows_window_start", "window_start"),
)

rule_hours = Table(
    "rule_hours",
    metadata,
    Column("rule_id", string(), nullable=False),
    Column("hour", Moment(), nullable=False),
    Column("group", string(), nullable=False),
    Column("points", Typed(list[float]), nullable=False),
    Column("odd", Boolean(), nullable=False),
    PrimaryKeyConstraint("rule_id", "hour", "group"),
    Index("ix_rule_hours_hour", "hour"),
)
