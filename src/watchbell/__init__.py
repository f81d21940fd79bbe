"""Watchbell keeps watch over systems and their users, and rings the right person when something is wrong."""

__version__ = "0.1.0"
