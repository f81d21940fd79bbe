"""All tables. Columns have the names of the struct fields that they keep; what is added is for finding and locking.

The migrations build exactly these tables (a test compares). Text has the collation C on PostgreSQL, so that both
databases sort and cut ranges alike.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    false,
    text,
)

from watchbell.adapters.store.sql.types import Enumerated, Lines, Moment, Typed, json, string
from watchbell.domain.alerts.flapping import Flaps
from watchbell.domain.checks.result import Outcome, Status
from watchbell.domain.checks.said import Said
from watchbell.domain.correlated import Correlated
from watchbell.domain.oncall.incident import AttemptOutcome, IncidentStatus, NotificationStatus, Purpose

metadata = MetaData(
    naming_convention={"pk": "pk_%(table_name)s", "ix": "ix_%(table_name)s_%(column_0_N_name)s"},
)


def _number() -> BigInteger:
    """A number that the database gives out. SQLite does that for INTEGER primary keys only."""
    return BigInteger().with_variant(Integer(), "sqlite")


def _key(*columns: str) -> PrimaryKeyConstraint:
    return PrimaryKeyConstraint(*columns)


def _text(name: str, *, nullable: bool = False) -> Column[str]:
    return Column(name, string(), nullable=nullable)


def _texts(*names: str) -> list[Column[str]]:
    return [_text(name) for name in names]


def _time(name: str, *, nullable: bool = False) -> Column[object]:
    return Column(name, Moment(), nullable=nullable)


def _integer(name: str) -> Column[int]:
    return Column(name, BigInteger(), nullable=False)


def _lines(name: str) -> Column[object]:
    return Column(name, Lines(), nullable=False)


def _partly(name: str, *columns: str, where: str) -> Index:
    return Index(name, *columns, postgresql_where=text(where), sqlite_where=text(where))


SETTLED = "opened_at IS NOT NULL AND status IN ('closed', 'expired', 'NORM')"
"""Alerts whose episode is over and not archived yet."""

alerts = Table(
    "alerts",
    metadata,
    *_texts("id", "environment", "resource", "event", "customer", "severity", "status"),
    _lines("correlate"),
    _lines("service"),
    _text("group"),
    _text("value", nullable=True),
    Column("value_is_json", Boolean(), nullable=False),
    _text("text"),
    _lines("tags"),
    *_texts("origin", "type"),
    _time("create_time"),
    _integer("timeout"),
    _integer("duplicate_count"),
    Column("repeat", Boolean(), nullable=False),
    *_texts("previous_severity", "trend_indication"),
    _time("receive_time"),
    _text("last_receive_id"),
    _time("last_receive_time"),
    _time("update_time"),
    *_texts("previous_status", "status_before_ack", "status_before_shelve"),
    _time("reverts_at", nullable=True),
    _time("ack_reverts_at", nullable=True),
    _integer("version"),
    Column("flaps", Typed(Flaps), nullable=True),
    Column("flapping", Boolean(), nullable=False, server_default=false()),
    *(_text(name, nullable=True) for name in ("inhibits", "inhibited_by", "inhibition")),
    _time("inhibited_until", nullable=True),
    _time("opened_at", nullable=True),
    Column("inhibited", Boolean(), nullable=False, server_default=false()),
    Column("correlation", Typed(Correlated), nullable=True),
    # Hashes of the identity, and of the environment, resource and customer: short keys for indexes and locks.
    *_texts("identity_key"),
    _integer("subject_key"),
    Column("attributes", json(), nullable=False),
    # The same with every value as the text that it is compared by; NULL when all of them are texts already.
    Column("attribute_texts", json(), nullable=True),
    _text("raw_data", nullable=True),
    Column("raw_data_is_json", Boolean(), nullable=False),
    _key("id"),
    Index("uq_alerts_identity_key", "identity_key", unique=True),
    Index("ix_alerts_subject_key", "subject_key"),
    Index("ix_alerts_last_receive_id", "last_receive_id"),
    Index("ix_alerts_last_receive_time", "last_receive_time"),
    Index("ix_alerts_status_last_receive_time", "status", "last_receive_time"),
    Index("ix_alerts_severity_last_receive_time", "severity", "last_receive_time"),
    # Of few alerts each, so that they cost the others nothing.
    _partly("ix_alerts_inhibits", "environment", "resource", where="inhibits IS NOT NULL"),
    _partly("ix_alerts_inhibited_by", "inhibited_by", where="inhibited_by IS NOT NULL"),
    _partly("ix_alerts_settled", "update_time", where=SETTLED),
)

alert_history = Table(
    "alert_history",
    metadata,
    Column("seq", _number(), autoincrement=True),
    *_texts("id", "alert_id"),
    _time("at"),
    _time("sent_at"),
    *_texts("event", "severity", "status"),
    _text("value", nullable=True),
    Column("value_is_json", Boolean(), nullable=False),
    *_texts("text", "type"),
    _text("user", nullable=True),
    _integer("timeout"),
    _text("reason"),
    _integer("config_version"),
    Column("source", string(), nullable=False, server_default=text("''")),
    _key("seq"),
    Index("ix_alert_history_alert_id_seq", "alert_id", "seq"),
    Index("ix_alert_history_at_seq", "at", "seq"),
)

objects = Table(
    "objects",
    metadata,
    *_texts("kind", "id", "name"),
    Column("body", json(), nullable=False),
    _integer("version"),
    _time("updated_at"),
    _text("updated_by"),
    _key("kind", "id"),
    Index("uq_objects_kind_name", "kind", "name", unique=True),
)

object_versions = Table(
    "object_versions",
    metadata,
    *_texts("kind", "id", "name"),
    Column("body", json(), nullable=False),
    _integer("version"),
    _time("updated_at"),
    _text("updated_by"),
    _key("kind", "id", "version"),
)

check_healths = Table(
    "check_healths",
    metadata,
    _text("check_id"),
    Column("status", Enumerated(Status), nullable=False),
    Column("pending", Boolean(), nullable=False),
    Column("hard", Boolean(), nullable=False),
    _integer("attempt"),
    Column("hard_status", Enumerated(Status), nullable=False),
    _time("since", nullable=True),
    _time("last_due", nullable=True),
    _time("last_run", nullable=True),
    Column("last_duration", Double[float](), nullable=False),
    Column("outcome", Typed(Outcome), nullable=True),
    _time("signalled_at", nullable=True),
    _text("signalled_text"),
    Column("said", Typed(Said), nullable=True),
    _integer("version"),
    _key("check_id"),
)

check_results = Table(
    "check_results",
    metadata,
    *_texts("run_id", "check_id"),
    _time("due"),
    _time("started"),
    Column("duration", Double[float](), nullable=False),
    _text("worker"),
    Column("outcome", Typed(Outcome), nullable=False),
    Column("manual", Boolean(), nullable=False),
    _key("run_id"),
    Index("ix_check_results_check_id_started", "check_id", "started"),
    Index("ix_check_results_started", "started"),
)

heartbeat_pulses = Table(
    "heartbeat_pulses",
    metadata,
    _text("heartbeat_id"),
    _time("last_ping", nullable=True),
    _time("started", nullable=True),
    _integer("last_exit"),
    Column("failing", Boolean(), nullable=False),
    Column("said", Typed(Said), nullable=True),
    _integer("version"),
    _key("heartbeat_id"),
)

incidents = Table(
    "incidents",
    metadata,
    *_texts("id", "service", "title"),
    Column("status", Enumerated(IncidentStatus), nullable=False),
    *_texts("severity", "environment"),
    _lines("alerts"),
    _lines("active"),
    _text("policy"),
    _integer("step"),
    _time("escalates_at", nullable=True),
    _lines("told"),
    _time("opened_at"),
    _time("acknowledged_at", nullable=True),
    _text("acknowledged_by"),
    _time("resolved_at", nullable=True),
    _integer("version"),
    Column("flapping", json(), nullable=False, server_default=text("'{}'")),
    _key("id"),
    Index("ix_incidents_opened_at", "opened_at"),
    Index("ix_incidents_status_opened_at", "status", "opened_at"),
    Index("ix_incidents_service_opened_at", "service", "opened_at"),
    Index("ix_incidents_service_status", "service", "status"),
)

incident_alerts = Table(
    "incident_alerts",
    metadata,
    *_texts("alert_id", "incident_id"),
    _key("alert_id", "incident_id"),
)

incident_timeline = Table(
    "incident_timeline",
    metadata,
    Column("seq", _number(), autoincrement=True),
    *_texts("id", "incident_id"),
    _time("at"),
    *_texts("kind", "text", "reason", "by"),
    Column("data", json(), nullable=False),
    _integer("config_version"),
    _key("seq"),
    Index("ix_incident_timeline_incident_id_seq", "incident_id", "seq"),
)

notifications = Table(
    "notifications",
    metadata,
    *_texts("id", "incident_id", "channel", "to"),
    Column("purpose", Enumerated(Purpose), nullable=False),
    *_texts("title", "text", "severity", "link"),
    Column("data", json(), nullable=False),
    Column("status", Enumerated(NotificationStatus), nullable=False),
    _time("created_at"),
    _time("done_at", nullable=True),
    _integer("attempts"),
    _key("id"),
    Index("ix_notifications_incident_id_created_at", "incident_id", "created_at"),
)

notification_attempts = Table(
    "notification_attempts",
    metadata,
    _text("notification_id"),
    _integer("number"),
    _text("provider"),
    _time("started_at"),
    _time("finished_at"),
    Column("outcome", Enumerated(AttemptOutcome), nullable=False),
    *_texts("detail", "reference"),
    Column("retry_after", Double[float](), nullable=False),
    _key("notification_id", "number"),
)

outbox = Table(
    "outbox",
    metadata,
    *_texts("id", "kind", "subject"),
    _integer("shard"),
    _time("created_at"),
    _time("available_at"),
    _time("claimed_until", nullable=True),
    _integer("claims"),
    _integer("attempts"),
    _integer("token"),
    _text("body", nullable=True),
    _key("id"),
    Index("ix_outbox_kind_shard_available_at", "kind", "shard", "available_at"),
)

timers = Table(
    "timers",
    metadata,
    *_texts("kind", "subject"),
    _integer("shard"),
    _time("due"),
    _key("kind", "subject"),
    Index("ix_timers_shard_due", "shard", "due"),
)

leases = Table(
    "leases",
    metadata,
    *_texts("name", "holder"),
    _integer("token"),
    _time("expires_at"),
    _key("name"),
)

facts = Table(
    "facts",
    metadata,
    *_texts("name", "value"),
    _key("name"),
)

changes = Table(
    "changes",
    metadata,
    Column("id", _number(), autoincrement=True),
    _time("at"),
    Column("items", Typed(dict[str, list[str]]), nullable=False),
    _key("id"),
    Index("ix_changes_at", "at"),
    # Without AUTOINCREMENT SQLite would give out ids again after a trim.
    sqlite_autoincrement=True,
)

window_counts = Table(
    "window_counts",
    metadata,
    _text("rule_id"),
    _time("window_start"),
    _text("node"),
    _integer("window_s"),
    _integer("count"),
    Column("complete", Boolean(), nullable=False),
    Column("partial", Boolean(), nullable=False),
    _key("rule_id", "window_start", "node"),
    Index("ix_window_counts_window_start", "window_start"),
)

minute_counts = Table(
    "minute_counts",
    metadata,
    _time("minute"),
    *_texts("event_type", "node"),
    _integer("count"),
    _key("minute", "event_type", "node"),
)

recent_events = Table(
    "recent_events",
    metadata,
    Column("seq", _number(), autoincrement=True),
    _text("node"),
    Column("event", json(), nullable=False),
    _key("seq"),
)
