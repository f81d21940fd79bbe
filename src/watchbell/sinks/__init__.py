"""Sinks: where records go. One file per kind, and one line in the table of plug-ins."""
