"""Mappings: how an event becomes a record of a schema of the user's own. Data only: nothing in one is ever executed."""
