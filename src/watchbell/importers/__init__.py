"""Importers: one for each system that people move from. Each reads that system's files and never executes them."""
