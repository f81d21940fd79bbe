"""The store over SQLAlchemy Core: one statement set, and two small dialect files for SQLite and PostgreSQL."""
