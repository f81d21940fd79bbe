"""Inbound vendor formats, one file each."""
