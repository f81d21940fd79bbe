"""The only place that constructs: settings in, running roles out.

`ROLES` has one coroutine function for each command that runs something. Nothing is opened before it is called, and
everything that it opened is closed when it ends, in reverse order. A role is imported when it is to run: a worker needs
none of what a collector maps events with.
"""

from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType

from watchbell.config import Configuration

ROLES: Mapping[str, str] = MappingProxyType(
    {
        "up": "watchbell.bootstrap.single:up",
        "api": "watchbell.bootstrap.nodes:api",
        "keeper": "watchbell.bootstrap.nodes:keeper",
        "worker": "watchbell.bootstrap.nodes:worker",
        "notifier": "watchbell.bootstrap.nodes:notifier",
        "collector": "watchbell.bootstrap.collector:collector",
    }
)

__all__ = ["ROLES", "run_role"]


async def run_role(role: str, settings: Configuration) -> None:
    """Run one of them until it is told to stop."""
    module, _, name = ROLES[role].partition(":")
    await getattr(import_module(module), name)(settings)
