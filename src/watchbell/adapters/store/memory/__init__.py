"""The store in memory: the fake that tests and simulations run on.

It passes the same contract suite as the SQL store.
"""

from watchbell.adapters.store.memory.store import MemoryStore

__all__ = ["MemoryStore"]
