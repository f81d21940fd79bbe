"""The only place that constructs: settings in, running roles out.

`ROLES` has one coroutine function for each command that runs something. Nothing is opened before it is called, and
everything that it opened is closed when it ends, in reverse order.
"""

from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType

from watchbell.bootstrap.collector import collector
from watchbell.bootstrap.nodes import api, keeper, notifier, worker
from watchbell.bootstrap.single import up
from watchbell.config import Configuration

ROLES: Mapping[str, Callable[[Configuration], Awaitable[None]]] = MappingProxyType(
    {"up": up, "api": api, "keeper": keeper, "worker": worker, "notifier": notifier, "collector": collector}
)

__all__ = ["ROLES", "run_role"]


async def run_role(role: str, settings: Configuration) -> None:
    """Run one of them until it is told to stop."""
    await ROLES[role](settings)
