"""The plug-ins for alerts that the settings name."""

import asyncio

from watchbell import plugins
from watchbell.adapters.threads import LaneThreads
from watchbell.bootstrap.parts import Parts
from watchbell.domain.alerts.model import AlarmModel
from watchbell.domain.alerts.policy import Limits
from watchbell.ports.alert_plugin import every_plugin
from watchbell.ports.store import Store
from watchbell.usecases.consulting import Consulting, Plugged, Terms, hooks_of
from watchbell.usecases.looking import StoreLookup


def make_consulting(parts: Parts, store: Store, model: AlarmModel, limits: Limits) -> Consulting:
    """Load the plug-ins; without any, what is returned is silent.

    Raises:
        Permanent: one of them is not there or cannot be used.
    """
    given = parts.settings.plugins
    lookup = StoreLookup(store, asyncio.get_running_loop(), given.timeout)
    plugins.configure(parts.settings, lookup)
    if not given.alerts:
        return Consulting()
    chosen = plugins.alert_plugins(given.alerts)
    return Consulting(
        [Plugged(name, plugin, hooks_of(plugin)) for name, plugin in chosen.items()],
        rules=plugins.alert_routing(given.routing) if given.routing else every_plugin,
        threads=LaneThreads(given.concurrency),
        lookup=lookup,
        telemetry=parts.telemetry,
        terms=Terms(
            timeout=given.timeout,
            strict=given.raise_on_error,
            config=given.settings,
            statuses=frozenset(model.statuses),
            severities=model.severities.ranks,
            timeouts=parts.settings.alerts.timeouts(),
            limits=limits,
        ),
    )
