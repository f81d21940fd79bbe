"""How much both stores keep of what may be forgotten."""

from datetime import timedelta

FAILURES_KEPT = timedelta(days=1)
"""How long a failed log-in is remembered."""

EVENTS_KEPT = 1000
"""So many of the newest shown events are left by a trim."""

BOOKS = "events/books/"
"""Prefix of the facts that hold the books of collectors."""
