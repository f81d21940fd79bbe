"""The store: SQL on SQLite and PostgreSQL, and in memory."""
