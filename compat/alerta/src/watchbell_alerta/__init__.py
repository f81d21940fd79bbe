"""Finds plug-ins, webhooks and routing rules of Alerta by their own entry points, and gives them Alerta's settings."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from importlib.metadata import EntryPoint, entry_points
from types import MappingProxyType
from typing import Any

from alerta.app import app
from alerta.models.alert import Alert
from watchbell.config import Configuration
from watchbell.plugins import Offer
from watchbell.ports.alert_plugin import AlertLookup
from watchbell_alerta.adapting import plugin_of, rules_of, webhook_of
from watchbell_alerta.translating import StoreDesk

ADAPTED: Mapping[str, tuple[str, Callable[[Any], Any]]] = MappingProxyType(
    {
        "alert_plugin": ("alerta.plugins", plugin_of),
        "alert_routing": ("alerta.routing", rules_of),
        "webhook": ("alerta.webhooks", webhook_of),
    }
)
"""For each kind of ours the group of entry points that Alerta has, and what makes one of the other."""


class AlertaFinder:
    """Offers what was written for Alerta."""

    def configure(self, configuration: Configuration, lookup: AlertLookup) -> None:
        """Fill in Alerta's settings, before any of it is loaded."""
        app.config.clear()
        app.config.update(settings_of(configuration))
        Alert.desk = StoreDesk(lookup)

    def offers(self, kind: str) -> Iterator[Offer]:
        """What there is of a kind."""
        if kind not in ADAPTED:
            return
        group, adapt = ADAPTED[kind]
        for point in entry_points(group=group):
            whose = f"{point.value} of {point.dist.name if point.dist else 'an unknown distribution'}"
            yield Offer(point.name, partial(_loaded, point, adapt), whose)


def _loaded(point: EntryPoint, adapt: Callable[[Any], Any]) -> Any:
    return adapt(point.load())


def settings_of(c: Configuration) -> dict[str, Any]:
    """Watchbell's settings under Alerta's names, and over them what `plugins.settings` says."""
    scale = c.alerts.scale()
    return {
        "DEBUG": False,
        "BASE_URL": c.base_url + "/api",
        "AUTH_REQUIRED": c.auth.required,
        "CUSTOMER_VIEWS": c.auth.customer_views,
        "ADMIN_USERS": list(c.auth.admin_users),
        "ALLOWED_ENVIRONMENTS": list(c.allowed_environments),
        "DEFAULT_ENVIRONMENT": next(iter(c.allowed_environments), ""),
        "ORIGIN_BLACKLIST": list(c.alerts.refused_origins),
        "ALERT_TIMEOUT": c.alerts.timeout,
        "ACK_TIMEOUT": c.alerts.ack_timeout,
        "SHELVE_TIMEOUT": c.alerts.shelve_timeout,
        "HEARTBEAT_TIMEOUT": c.alerts.heartbeat_timeout,
        "HEARTBEAT_MAX_LATENCY": c.alerts.heartbeat_latency,
        "BLACKOUT_DURATION": c.alerts.blackout_duration,
        "HISTORY_LIMIT": 100,
        "HISTORY_ON_VALUE_CHANGE": c.alerts.value_history,
        "SEVERITY_MAP": dict(scale.ranks),
        "DEFAULT_NORMAL_SEVERITY": scale.normal,
        "DEFAULT_INFORM_SEVERITY": scale.informational,
        "DEFAULT_PREVIOUS_SEVERITY": scale.previous,
        "PLUGINS": list(c.plugins.alerts),
        "PLUGINS_RAISE_ON_ERROR": c.plugins.raise_on_error,
        **c.plugins.settings,
    }
