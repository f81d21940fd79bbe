"""Journals: segment files, and one in memory for tests."""
