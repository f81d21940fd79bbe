"""Small things that plug-ins import."""
