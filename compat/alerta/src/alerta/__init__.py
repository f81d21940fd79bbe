"""The part of Alerta's server that its plug-ins import, over Watchbell."""
