"""Check types, one file each."""
