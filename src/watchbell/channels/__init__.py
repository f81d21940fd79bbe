"""Notification providers, one file each."""
