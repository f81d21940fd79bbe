"""Starts programs from small helper processes, where that is several times cheaper than from the event loop."""
