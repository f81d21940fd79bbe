"""The ports implemented; the only code that imports a driver."""
