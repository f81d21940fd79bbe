"""The release of Alerta whose plug-ins these modules are for."""

__version__ = "9.1.0"
