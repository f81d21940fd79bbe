"""Plug-ins for alerts that come with Watchbell: one file for each, one line in `watchbell.plugins`.

They do what Alerta's of the same names do. None runs that `plugins.alerts` does not name.
"""
