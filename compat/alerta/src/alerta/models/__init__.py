"""Alerts, as plug-ins know them."""
