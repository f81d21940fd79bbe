"""Log-in providers."""
