"""The table of messages that webhooks received."""

from sqlalchemy import Column, Index, Table

from watchbell.adapters.store.sql.tables import metadata
from watchbell.adapters.store.sql.types import Moment, json, string

received_calls = Table(
    "received_calls",
    metadata,
    Column("id", string(), primary_key=True),
    Column("name", string(), nullable=False),
    Column("at", Moment(), nullable=False),
    Column("content_type", string(), nullable=False),
    Column("query", json(), nullable=False),
    Column("body", string(), nullable=False),
    Column("problem", string(), nullable=False),
    Index("ix_received_calls_name_at", "name", "at"),
)
