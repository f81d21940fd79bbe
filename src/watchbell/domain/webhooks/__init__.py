"""Inbound formats of one's own: what a message must say to become alerts."""
