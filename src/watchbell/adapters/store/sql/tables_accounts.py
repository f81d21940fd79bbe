"""Tables of people and their ways in: users, what proves who they are, sessions, API keys, roles, and the audit log."""

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, Table, false, text

from watchbell.adapters.store.sql.tables import metadata
from watchbell.adapters.store.sql.types import Enumerated, Lines, Moment, Typed, string
from watchbell.domain.letters import Purpose
from watchbell.domain.plan import FieldChange

_NUMBER = BigInteger().with_variant(Integer(), "sqlite")

users = Table(
    "users",
    metadata,
    Column("id", string(), primary_key=True),
    Column("login", string(), nullable=False),
    # The login in lower case: logins that differ only in case are one.
    Column("login_folded", string(), nullable=False),
    Column("name", string(), nullable=False),
    Column("email", string(), nullable=False),
    Column("password_hash", string(), nullable=False),
    Column("roles", Lines(), nullable=False),
    Column("active", Boolean(), nullable=False),
    Column("created_at", Moment(), nullable=False),
    Column("last_login", Moment(), nullable=True),
    Index("uq_users_login_folded", "login_folded", unique=True),
)

sessions = Table(
    "sessions",
    metadata,
    Column("id", string(), primary_key=True),
    Column("user_id", string(), nullable=False),
    Column("csrf", string(), nullable=False),
    Column("created_at", Moment(), nullable=False),
    Column("seen_at", Moment(), nullable=False),
    Column("expires_at", Moment(), nullable=False),
    # An older release does not write it.
    Column("by_password", Boolean(), nullable=False, server_default=false()),
    Index("ix_sessions_user_id", "user_id"),
    Index("ix_sessions_expires_at", "expires_at"),
)

identities = Table(
    "identities",
    metadata,
    Column("issuer", string(), primary_key=True),
    Column("subject", string(), primary_key=True),
    Column("user_id", string(), nullable=False),
    Column("created_at", Moment(), nullable=False),
    Column("last_login", Moment(), nullable=False),
    Index("ix_identities_user_id", "user_id"),
)

letters = Table(
    "letters",
    metadata,
    Column("id", string(), primary_key=True),
    Column("purpose", Enumerated(Purpose), nullable=False),
    Column("address", string(), nullable=False),
    Column("user_id", string(), nullable=False),
    Column("token", string(), nullable=False),
    Column("bound", string(), nullable=False),
    Column("created_at", Moment(), nullable=False),
    Column("expires_at", Moment(), nullable=True),
    Index("ix_letters_token", "token"),
    Index("ix_letters_user_id", "user_id"),
)

second_factors = Table(
    "second_factors",
    metadata,
    Column("user_id", string(), primary_key=True),
    Column("secret", string(), nullable=False),
    Column("last_step", BigInteger(), nullable=False),
    Column("created_at", Moment(), nullable=False),
)

recovery_codes = Table(
    "recovery_codes",
    metadata,
    Column("user_id", string(), primary_key=True),
    Column("hash", string(), primary_key=True),
)

spent = Table(
    "spent",
    metadata,
    Column("key", string(), primary_key=True),
    Column("until", Moment(), nullable=False),
    Index("ix_spent_until", "until"),
)

passkeys = Table(
    "passkeys",
    metadata,
    Column("id", string(), primary_key=True),
    Column("user_id", string(), nullable=False),
    Column("name", string(), nullable=False),
    Column("credential", string(), nullable=False),
    Column("public_key", string(), nullable=False),
    Column("counter", BigInteger(), nullable=False),
    Column("transports", Lines(), nullable=False),
    Column("created_at", Moment(), nullable=False),
    Column("last_used", Moment(), nullable=True),
    Index("uq_passkeys_credential", "credential", unique=True),
    Index("ix_passkeys_user_id", "user_id"),
)

views = Table(
    "views",
    metadata,
    Column("id", string(), primary_key=True),
    Column("owner", string(), nullable=False),
    Column("name", string(), nullable=False),
    Column("query", string(), nullable=False),
    Column("shared", Boolean(), nullable=False),
    Column("created_at", Moment(), nullable=False),
    Index("uq_views_owner_name", "owner", "name", unique=True),
)

login_failures = Table(
    "login_failures",
    metadata,
    Column("seq", _NUMBER, primary_key=True, autoincrement=True),
    Column("key", string(), nullable=False),
    Column("at", Moment(), nullable=False),
    Index("ix_login_failures_key_at", "key", "at"),
    Index("ix_login_failures_at", "at"),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", string(), primary_key=True),
    Column("hash", string(), nullable=False),
    Column("prefix", string(), nullable=False),
    Column("user", string(), nullable=False),
    Column("scopes", Lines(), nullable=False),
    Column("text", string(), nullable=False),
    Column("created_at", Moment(), nullable=False),
    Column("expires_at", Moment(), nullable=True),
    Column("last_used", Moment(), nullable=True),
    Column("customer", string(), nullable=True),
    Index("uq_api_keys_hash", "hash", unique=True),
)

permissions = Table(
    "permissions",
    metadata,
    Column("id", string(), primary_key=True),
    Column("match", string(), nullable=False),
    Column("scopes", Lines(), nullable=False),
    Index("uq_permissions_match", "match", unique=True),
)

audit = Table(
    "audit",
    metadata,
    Column("seq", _NUMBER, primary_key=True, autoincrement=True),
    Column("id", string(), nullable=False),
    Column("at", Moment(), nullable=False),
    Column("who", string(), nullable=False),
    Column("action", string(), nullable=False),
    Column("kind", string(), nullable=False),
    Column("subject", string(), nullable=False),
    Column("text", string(), nullable=False),
    # An older release writes none of these, so the database fills them in.
    Column("category", string(), nullable=False, server_default="admin"),
    Column("user_id", string(), nullable=False, server_default=text("''")),
    Column("key", string(), nullable=False, server_default=text("''")),
    Column("customers", Lines(), nullable=False, server_default=text("''")),
    Column("subject_id", string(), nullable=False, server_default=text("''")),
    Column("changes", Typed(tuple[FieldChange, ...]), nullable=False, server_default=text("'[]'")),
    Column("address", string(), nullable=False, server_default=text("''")),
    Column("request_id", string(), nullable=False, server_default=text("''")),
    Column("user_agent", string(), nullable=False, server_default=text("''")),
    Index("ix_audit_at_seq", "at", "seq"),
)
