"""Tables of what Alerta's API keeps besides alerts: notes, heartbeats by origin, profiles, groups, customers."""

from sqlalchemy import BigInteger, Boolean, Column, Index, Table

from watchbell.adapters.store.sql.tables import metadata
from watchbell.adapters.store.sql.types import Lines, Moment, json, string

notes = Table(
    "notes",
    metadata,
    Column("id", string(), primary_key=True),
    Column("alert_id", string(), nullable=False),
    Column("text", string(), nullable=False),
    Column("user", string(), nullable=True),
    Column("attributes", json(), nullable=False),
    Column("type", string(), nullable=False),
    Column("create_time", Moment(), nullable=False),
    Column("update_time", Moment(), nullable=False),
    Column("customer", string(), nullable=True),
    Index("ix_notes_alert_id", "alert_id"),
)

origin_heartbeats = Table(
    "origin_heartbeats",
    metadata,
    Column("id", string(), primary_key=True),
    Column("origin", string(), nullable=False),
    Column("customer", string(), nullable=False),
    Column("tags", Lines(), nullable=False),
    Column("attributes", json(), nullable=False),
    Column("type", string(), nullable=False),
    Column("create_time", Moment(), nullable=False),
    Column("receive_time", Moment(), nullable=False),
    Column("timeout", BigInteger(), nullable=False),
    Column("max_latency", BigInteger(), nullable=False),
    Column("alerted", string(), nullable=False),
    Column("version", BigInteger(), nullable=False),
    Index("ix_origin_heartbeats_origin_customer", "origin", "customer", unique=True),
)

profiles = Table(
    "profiles",
    metadata,
    Column("user_id", string(), primary_key=True),
    Column("text", string(), nullable=False),
    Column("attributes", json(), nullable=False),
    Column("email_verified", Boolean(), nullable=False),
    Column("updated_at", Moment(), nullable=False),
)

user_groups = Table(
    "user_groups",
    metadata,
    Column("id", string(), primary_key=True),
    Column("name", string(), nullable=False),
    Column("text", string(), nullable=False),
    Column("members", Lines(), nullable=False),
    Index("ix_user_groups_name", "name", unique=True),
)

customer_lookups = Table(
    "customer_lookups",
    metadata,
    Column("id", string(), primary_key=True),
    Column("match", string(), nullable=False),
    Column("customer", string(), nullable=False),
)
