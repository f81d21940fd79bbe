"""Regular expressions of users, for plug-ins: see `watchbell.domain.pattern`."""

from watchbell.domain.pattern import Pattern

__all__ = ["Pattern"]
