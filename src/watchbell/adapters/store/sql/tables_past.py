"""Tables of past alerts: one of what is counted and filtered by, so that reports read little, and one of the rest."""

from sqlalchemy import BigInteger, Boolean, Column, Double, Index, Table

from watchbell.adapters.store.sql.tables import metadata
from watchbell.adapters.store.sql.types import Lines, Moment, json, string

past_alerts = Table(
    "past_alerts",
    metadata,
    Column("id", string(), primary_key=True),
    *(Column(name, string(), nullable=False) for name in ("alert_id", "environment", "resource", "event", "customer")),
    Column("service", Lines(), nullable=False),
    *(Column(name, string(), nullable=False) for name in ("group", "severity", "highest_severity", "status")),
    Column("opened_at", Moment(), nullable=False),
    Column("last_receive_time", Moment(), nullable=False),
    Column("acknowledged_at", Moment(), nullable=True),
    Column("acknowledged_by", string(), nullable=False),
    Column("resolved_at", Moment(), nullable=True),
    Column("archived_at", Moment(), nullable=False),
    Column("seconds_to_acknowledge", Double[float](), nullable=True),
    Column("seconds_to_resolve", Double[float](), nullable=True),
    Column("stood", Double[float](), nullable=False),
    Column("duplicate_count", BigInteger(), nullable=False),
    Column("severity_changes", BigInteger(), nullable=False),
    Column("flapped", Boolean(), nullable=False),
    Index("ix_past_alerts_opened_at_id", "opened_at", "id"),
    Index("ix_past_alerts_alert_id", "alert_id"),
    Index("ix_past_alerts_archived_at", "archived_at"),
)

past_details = Table(
    "past_details",
    metadata,
    Column("id", string(), primary_key=True),
    Column("value", string(), nullable=True),
    Column("value_is_json", Boolean(), nullable=False),
    Column("text", string(), nullable=False),
    Column("tags", Lines(), nullable=False),
    Column("attributes", json(), nullable=False),
    Column("origin", string(), nullable=False),
    Column("type", string(), nullable=False),
    # All that words are looked for in, in small letters.
    Column("searched", string(), nullable=False),
    # The history, as `past_lines` writes it.
    Column("lines", string(), nullable=False),
)
