"""Everything, as the first release has it."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_TEXT = sa.Text(collation="C").with_variant(sa.Text(), "sqlite")
_TIME = sa.TIMESTAMP(timezone=True).with_variant(sa.BigInteger(), "sqlite")
_JSON = sa.JSON().with_variant(JSONB(), "postgresql")
_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_FLOAT: sa.Double[float] = sa.Double()


def _texts(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, _TEXT, nullable=False) for name in names]


def _alerts() -> None:
    op.create_table(
        "alerts",
        *_texts(
            "id", "environment", "resource", "event", "customer", "severity", "status", "correlate", "service", "group"
        ),
        sa.Column("value", _TEXT, nullable=True),
        sa.Column("value_is_json", sa.Boolean(), nullable=False),
        *_texts("text", "tags", "origin", "type"),
        sa.Column("create_time", _TIME, nullable=False),
        sa.Column("timeout", sa.BigInteger(), nullable=False),
        sa.Column("duplicate_count", sa.BigInteger(), nullable=False),
        sa.Column("repeat", sa.Boolean(), nullable=False),
        *_texts("previous_severity", "trend_indication"),
        sa.Column("receive_time", _TIME, nullable=False),
        *_texts("last_receive_id"),
        sa.Column("last_receive_time", _TIME, nullable=False),
        sa.Column("update_time", _TIME, nullable=False),
        *_texts("previous_status", "status_before_ack", "status_before_shelve"),
        sa.Column("reverts_at", _TIME, nullable=True),
        sa.Column("version", sa.BigInteger(), nullable=False),
        *_texts("identity_key"),
        sa.Column("subject_key", sa.BigInteger(), nullable=False),
        sa.Column("attributes", _JSON, nullable=False),
        sa.Column("attribute_texts", _JSON, nullable=True),
        sa.Column("raw_data", _TEXT, nullable=True),
        sa.Column("raw_data_is_json", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_alerts"),
    )
    op.create_index("ix_alerts_last_receive_id", "alerts", ["last_receive_id"], unique=False)
    op.create_index("ix_alerts_last_receive_time", "alerts", ["last_receive_time"], unique=False)
    op.create_index("ix_alerts_severity_last_receive_time", "alerts", ["severity", "last_receive_time"], unique=False)
    op.create_index("ix_alerts_status_last_receive_time", "alerts", ["status", "last_receive_time"], unique=False)
    op.create_index("ix_alerts_subject_key", "alerts", ["subject_key"], unique=False)
    op.create_index("uq_alerts_identity_key", "alerts", ["identity_key"], unique=True)


def _history() -> None:
    op.create_table(
        "alert_history",
        sa.Column("seq", _NUMBER, nullable=False, autoincrement=True),
        *_texts("id", "alert_id"),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("sent_at", _TIME, nullable=False),
        *_texts("event", "severity", "status"),
        sa.Column("value", _TEXT, nullable=True),
        sa.Column("value_is_json", sa.Boolean(), nullable=False),
        *_texts("text", "type"),
        sa.Column("user", _TEXT, nullable=True),
        sa.Column("timeout", sa.BigInteger(), nullable=False),
        *_texts("reason"),
        sa.Column("config_version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_alert_history"),
    )
    op.create_index("ix_alert_history_alert_id_seq", "alert_history", ["alert_id", "seq"], unique=False)
    op.create_index("ix_alert_history_at_seq", "alert_history", ["at", "seq"], unique=False)


def _catalogue() -> None:
    op.create_table(
        "objects",
        *_texts("kind", "id", "name"),
        sa.Column("body", _JSON, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", _TIME, nullable=False),
        *_texts("updated_by"),
        sa.PrimaryKeyConstraint("kind", "id", name="pk_objects"),
    )
    op.create_index("uq_objects_kind_name", "objects", ["kind", "name"], unique=True)
    op.create_table(
        "object_versions",
        *_texts("kind", "id", "name"),
        sa.Column("body", _JSON, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", _TIME, nullable=False),
        *_texts("updated_by"),
        sa.PrimaryKeyConstraint("kind", "id", "version", name="pk_object_versions"),
    )


def _facts() -> None:
    op.create_table(
        "facts",
        *_texts("name", "value"),
        sa.PrimaryKeyConstraint("name", name="pk_facts"),
    )
    op.create_table(
        "changes",
        sa.Column("id", _NUMBER, nullable=False, autoincrement=True),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("items", _JSON, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_changes"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_changes_at", "changes", ["at"], unique=False)


def _checks() -> None:
    op.create_table(
        "check_healths",
        *_texts("check_id"),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("pending", sa.Boolean(), nullable=False),
        sa.Column("hard", sa.Boolean(), nullable=False),
        sa.Column("attempt", sa.BigInteger(), nullable=False),
        sa.Column("hard_status", sa.Text(), nullable=False),
        sa.Column("since", _TIME, nullable=True),
        sa.Column("last_due", _TIME, nullable=True),
        sa.Column("last_run", _TIME, nullable=True),
        sa.Column("last_duration", _FLOAT, nullable=False),
        sa.Column("outcome", _JSON, nullable=True),
        sa.Column("signalled_at", _TIME, nullable=True),
        *_texts("signalled_text"),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("check_id", name="pk_check_healths"),
    )
    op.create_table(
        "check_results",
        *_texts("run_id", "check_id"),
        sa.Column("due", _TIME, nullable=False),
        sa.Column("started", _TIME, nullable=False),
        sa.Column("duration", _FLOAT, nullable=False),
        *_texts("worker"),
        sa.Column("outcome", _JSON, nullable=False),
        sa.Column("manual", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("run_id", name="pk_check_results"),
    )
    op.create_index("ix_check_results_check_id_started", "check_results", ["check_id", "started"], unique=False)
    op.create_index("ix_check_results_started", "check_results", ["started"], unique=False)


def _pulses() -> None:
    op.create_table(
        "heartbeat_pulses",
        *_texts("heartbeat_id"),
        sa.Column("last_ping", _TIME, nullable=True),
        sa.Column("started", _TIME, nullable=True),
        sa.Column("last_exit", sa.BigInteger(), nullable=False),
        sa.Column("failing", sa.Boolean(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("heartbeat_id", name="pk_heartbeat_pulses"),
    )


def _incidents() -> None:
    op.create_table(
        "incidents",
        *_texts("id", "service", "title"),
        sa.Column("status", sa.Text(), nullable=False),
        *_texts("severity", "environment", "alerts", "active", "policy"),
        sa.Column("step", sa.BigInteger(), nullable=False),
        sa.Column("escalates_at", _TIME, nullable=True),
        *_texts("told"),
        sa.Column("opened_at", _TIME, nullable=False),
        sa.Column("acknowledged_at", _TIME, nullable=True),
        *_texts("acknowledged_by"),
        sa.Column("resolved_at", _TIME, nullable=True),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_incidents"),
    )
    op.create_index("ix_incidents_opened_at", "incidents", ["opened_at"], unique=False)
    op.create_index("ix_incidents_service_opened_at", "incidents", ["service", "opened_at"], unique=False)
    op.create_index("ix_incidents_service_status", "incidents", ["service", "status"], unique=False)
    op.create_index("ix_incidents_status_opened_at", "incidents", ["status", "opened_at"], unique=False)


def _timelines() -> None:
    op.create_table(
        "incident_alerts",
        *_texts("alert_id", "incident_id"),
        sa.PrimaryKeyConstraint("alert_id", "incident_id", name="pk_incident_alerts"),
    )
    op.create_table(
        "incident_timeline",
        sa.Column("seq", _NUMBER, nullable=False, autoincrement=True),
        *_texts("id", "incident_id"),
        sa.Column("at", _TIME, nullable=False),
        *_texts("kind", "text", "reason", "by"),
        sa.Column("data", _JSON, nullable=False),
        sa.Column("config_version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_incident_timeline"),
    )
    op.create_index("ix_incident_timeline_incident_id_seq", "incident_timeline", ["incident_id", "seq"], unique=False)


def _notifications() -> None:
    op.create_table(
        "notifications",
        *_texts("id", "incident_id", "channel", "to"),
        sa.Column("purpose", sa.Text(), nullable=False),
        *_texts("title", "text", "severity", "link"),
        sa.Column("data", _JSON, nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("done_at", _TIME, nullable=True),
        sa.Column("attempts", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_notifications"),
    )
    op.create_index(
        "ix_notifications_incident_id_created_at", "notifications", ["incident_id", "created_at"], unique=False
    )
    op.create_table(
        "notification_attempts",
        *_texts("notification_id"),
        sa.Column("number", sa.BigInteger(), nullable=False),
        *_texts("provider"),
        sa.Column("started_at", _TIME, nullable=False),
        sa.Column("finished_at", _TIME, nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        *_texts("detail", "reference"),
        sa.Column("retry_after", _FLOAT, nullable=False),
        sa.PrimaryKeyConstraint("notification_id", "number", name="pk_notification_attempts"),
    )


def _duties() -> None:
    op.create_table(
        "outbox",
        *_texts("id", "kind", "subject"),
        sa.Column("shard", sa.BigInteger(), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("available_at", _TIME, nullable=False),
        sa.Column("claimed_until", _TIME, nullable=True),
        sa.Column("claims", sa.BigInteger(), nullable=False),
        sa.Column("attempts", sa.BigInteger(), nullable=False),
        sa.Column("token", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_outbox"),
    )
    op.create_index("ix_outbox_kind_shard_available_at", "outbox", ["kind", "shard", "available_at"], unique=False)
    op.create_table(
        "timers",
        *_texts("kind", "subject"),
        sa.Column("shard", sa.BigInteger(), nullable=False),
        sa.Column("due", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("kind", "subject", name="pk_timers"),
    )
    op.create_index("ix_timers_shard_due", "timers", ["shard", "due"], unique=False)
    op.create_table(
        "leases",
        *_texts("name", "holder"),
        sa.Column("token", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_leases"),
    )


def _accounts() -> None:
    op.create_table(
        "users",
        *_texts("id", "login", "login_folded", "name", "email", "password_hash", "roles"),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("last_login", _TIME, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_users"),
    )
    op.create_index("uq_users_login_folded", "users", ["login_folded"], unique=True)
    op.create_table(
        "api_keys",
        *_texts("id", "hash", "prefix", "user", "scopes", "text"),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("expires_at", _TIME, nullable=True),
        sa.Column("last_used", _TIME, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_api_keys"),
    )
    op.create_index("uq_api_keys_hash", "api_keys", ["hash"], unique=True)


def _sessions() -> None:
    op.create_table(
        "sessions",
        *_texts("id", "user_id", "csrf"),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("seen_at", _TIME, nullable=False),
        sa.Column("expires_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_sessions"),
    )
    op.create_index("ix_sessions_expires_at", "sessions", ["expires_at"], unique=False)
    op.create_index("ix_sessions_user_id", "sessions", ["user_id"], unique=False)
    op.create_table(
        "login_failures",
        sa.Column("seq", _NUMBER, nullable=False, autoincrement=True),
        *_texts("key"),
        sa.Column("at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_login_failures"),
    )
    op.create_index("ix_login_failures_at", "login_failures", ["at"], unique=False)
    op.create_index("ix_login_failures_key_at", "login_failures", ["key", "at"], unique=False)
    op.create_table(
        "audit",
        sa.Column("seq", _NUMBER, nullable=False, autoincrement=True),
        *_texts("id"),
        sa.Column("at", _TIME, nullable=False),
        *_texts("who", "action", "kind", "subject", "text"),
        sa.PrimaryKeyConstraint("seq", name="pk_audit"),
    )
    op.create_index("ix_audit_at_seq", "audit", ["at", "seq"], unique=False)


def _tallies() -> None:
    op.create_table(
        "window_counts",
        *_texts("rule_id"),
        sa.Column("window_start", _TIME, nullable=False),
        *_texts("node"),
        sa.Column("window_s", sa.BigInteger(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("complete", sa.Boolean(), nullable=False),
        sa.Column("partial", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("rule_id", "window_start", "node", name="pk_window_counts"),
    )
    op.create_index("ix_window_counts_window_start", "window_counts", ["window_start"], unique=False)
    op.create_table(
        "minute_counts",
        sa.Column("minute", _TIME, nullable=False),
        *_texts("event_type", "node"),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("minute", "event_type", "node", name="pk_minute_counts"),
    )
    op.create_table(
        "recent_events",
        sa.Column("seq", _NUMBER, nullable=False, autoincrement=True),
        *_texts("node"),
        sa.Column("event", _JSON, nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_recent_events"),
    )


def _lower() -> None:
    """Lower case for all of Unicode, whatever the locale of the database; SQLite gets its own with each connection."""
    connection = op.get_bind()
    if connection.dialect.name != "postgresql":
        return
    known = connection.execute(sa.text("SELECT 1 FROM pg_collation WHERE collname = 'und-x-icu'")).first()
    collation = "und-x-icu" if known else "default"
    op.execute(
        "CREATE OR REPLACE FUNCTION watchbell_lower(value text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE "
        f"""AS $$ SELECT lower(value COLLATE "{collation}") COLLATE "C" $$"""
    )


def upgrade() -> None:
    """Make all tables."""
    _alerts()
    _history()
    _catalogue()
    _facts()
    _checks()
    _pulses()
    _incidents()
    _timelines()
    _notifications()
    _duties()
    _accounts()
    _sessions()
    _tallies()
    _lower()
