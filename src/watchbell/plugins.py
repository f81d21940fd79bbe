"""Which plug-ins there are: one line for each built-in one, and whatever other distributions offer by entry point.

A table maps the name that people write to the class. Built-in classes are imported when the table is first asked for.
Third parties use the entry-point groups `watchbell.checks`, `watchbell.channels`, `watchbell.importers`,
`watchbell.sinks` and `watchbell.webhooks`; one that does not load, or is not what its kind must be, is left out and
logged, and a name that is taken is never replaced.

Of plug-ins for alerts (`watchbell.alert_plugins`) and rules that choose among them (`watchbell.alert_routing`) only
those are loaded that the settings name; one that somebody installed goes before a built-in one of its name, which is
often an example that they made their own of. A finder (`watchbell.finders`) offers plug-ins
that another product's distributions have, made to fit.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache, partial
from importlib import import_module
from importlib.metadata import entry_points
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol

import msgspec
import structlog

from watchbell.domain.errors import Permanent
from watchbell.ports.alert_plugin import HOOKS, AlertLookup
from watchbell.toolkit.settings import fields_of

BUILT_IN: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "alert_plugin": {
            "acked_by": "watchbell.alert_plugins.acked_by:AckedBy",
            "escalate": "watchbell.alert_plugins.escalate:Escalate",
            "normalise": "watchbell.alert_plugins.normalise:Normalise",
            "remote_ip": "watchbell.alert_plugins.remote_ip:RemoteIp",
            "timeout": "watchbell.alert_plugins.timeout:Timeout",
        },
        "check": {
            "command": "watchbell.checks.command:Command",
            "http": "watchbell.checks.http:Http",
        },
        "channel": {
            "email": "watchbell.channels.email:Email",
            "webhook": "watchbell.channels.webhook:Webhook",
        },
        "importer": {
            "alerta": "watchbell.importers.alerta:Alerta",
            "divolte": "watchbell.importers.divolte:Divolte",
        },
        "sink": {
            "avro_files": "watchbell.sinks.avro_files:AvroFiles",
            "http_ndjson": "watchbell.sinks.http_ndjson:HttpNdjson",
            "kafka": "watchbell.sinks.kafka:Kafka",
            "parquet_files": "watchbell.sinks.parquet_files:ParquetFiles",
        },
        "webhook": {
            "azuremonitor": "watchbell.webhooks.azuremonitor:AzureMonitor",
            "cloudevents": "watchbell.webhooks.cloudevents:CloudEvents",
            "cloudwatch": "watchbell.webhooks.cloudwatch:CloudWatch",
            "datadog": "watchbell.webhooks.datadog:Datadog",
            "email": "watchbell.webhooks.email:Email",
            "fail2ban": "watchbell.webhooks.fail2ban:Fail2Ban",
            "github": "watchbell.webhooks.github:GitHub",
            "grafana": "watchbell.webhooks.grafana:Grafana",
            "graylog": "watchbell.webhooks.graylog:Graylog",
            "mailgun": "watchbell.webhooks.mailgun:Mailgun",
            "msteams": "watchbell.webhooks.msteams:MsTeams",
            "newrelic": "watchbell.webhooks.newrelic:NewRelic",
            "otlp": "watchbell.webhooks.otlp:Otlp",
            "pagerduty": "watchbell.webhooks.pagerduty:PagerDuty",
            "pingdom": "watchbell.webhooks.pingdom:Pingdom",
            "prometheus": "watchbell.webhooks.prometheus:Prometheus",
            "query": "watchbell.webhooks.query:Query",
            "riemann": "watchbell.webhooks.riemann:Riemann",
            "sentry": "watchbell.webhooks.sentry:Sentry",
            "serverdensity": "watchbell.webhooks.serverdensity:ServerDensity",
            "slack": "watchbell.webhooks.slack:Slack",
            "stackdriver": "watchbell.webhooks.stackdriver:Stackdriver",
            "statuscake": "watchbell.webhooks.statuscake:StatusCake",
            "telegram": "watchbell.webhooks.telegram:Telegram",
            "uptime_kuma": "watchbell.webhooks.uptime_kuma:UptimeKuma",
            "zabbix": "watchbell.webhooks.zabbix:Zabbix",
        },
    }
)

GROUPS = MappingProxyType({kind: f"watchbell.{kind}s" for kind in BUILT_IN})

NEEDS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "alert_plugin": (),
        "check": ("Config", "run"),
        "channel": ("Config", "send", "close"),
        "importer": ("read",),
        "sink": ("Config", "open", "write", "sync", "tend", "close"),
        "webhook": ("read",),
    }
)
"""What a plug-in of each kind must have."""

ALERT_ROUTING = "watchbell.alert_routing"
FINDERS = "watchbell.finders"


class Offer(NamedTuple):
    """Something that a distribution has: its name, what loads it, and whose it is, for the log."""

    name: str
    load: Callable[[], Any]
    whose: str


class Finder(Protocol):
    """Offers plug-ins of another product's distributions. Made without arguments."""

    def configure(self, configuration: Any, lookup: AlertLookup) -> None:
        """Hear the process's settings, a `watchbell.config.Configuration`, before anything is loaded."""
        ...

    def offers(self, kind: str) -> Iterable[Offer]:
        """What there is of a kind: those of `BUILT_IN`, `alert_plugin` and `alert_routing`. Loads nothing yet."""
        ...


_log = structlog.get_logger("plugins")


@cache
def table(kind: str) -> Mapping[str, Any]:
    """Every plug-in class of a kind (`check`, `channel`, `importer`, `sink`, `webhook`), by name."""
    found: dict[str, Any] = {name: _import(where) for name, where in BUILT_IN[kind].items()}
    for offer in _offers(kind, GROUPS[kind]):
        if offer.name in found:
            whose = "built in" if offer.name in BUILT_IN[kind] else "another distribution's"
            hint = f"the {kind} {offer.name!r} is {whose} and stays; offer this one by another name"
            _log.warning("plugin_refused", kind=kind, name=offer.name, plugin=offer.whose, hint=hint)
            continue
        try:
            plugin = offer.load()
            wrong = _misfit(kind, plugin)
        except (Exception, SystemExit) as error:  # task edge: a broken third-party plug-in must not stop the rest
            wrong = f"{type(error).__name__}: {error}"
        else:
            if not wrong:
                found[offer.name] = plugin
                continue
        hint = "it is left out; mend or remove that distribution"
        _log.error("plugin_not_loaded", kind=kind, name=offer.name, plugin=offer.whose, error=wrong, hint=hint)
    return MappingProxyType(found)


def configure(configuration: Any, lookup: AlertLookup) -> None:
    """Tell finders the settings of this process, and where alerts are looked up, before they load anything."""
    for finder in _finders():
        finder.configure(configuration, lookup)


def alert_plugins(names: Sequence[str]) -> dict[str, Any]:
    """The plug-ins for alerts of these names, made, in this order.

    Raises:
        Permanent: one is not installed, or does not load: an alert must not do without it unnoticed.
    """
    return {name: _made("alert_plugin", GROUPS["alert_plugin"], name, "plugins.alerts") for name in names}


def alert_routing(name: str) -> Callable[..., Any]:
    """The rules of this name. Raises as `alert_plugins`."""
    return _chosen("alert_routing", ALERT_ROUTING, name, "plugins.routing")


def _made(kind: str, group: str, name: str, setting: str) -> Any:
    factory = _chosen(kind, group, name, setting)
    try:
        plugin = factory()
    except (Exception, SystemExit) as error:  # task edge: says which plug-in it is that keeps the process from starting
        raise Permanent(f"{setting}: {name!r} cannot be used: {type(error).__name__}: {error}") from error
    if not getattr(plugin, "hooks", None) and not any(callable(getattr(plugin, hook, None)) for hook in HOOKS):
        raise Permanent(f"{setting}: {name!r} has none of {', '.join(HOOKS)}")
    return plugin


def _chosen(kind: str, group: str, name: str, setting: str) -> Any:
    own = [Offer(own, partial(_import, where), "built in") for own, where in BUILT_IN.get(kind, {}).items()]
    offers = {offer.name: offer for offer in reversed([*_offers(kind, group), *own])}
    if name not in offers:
        there = ", ".join(sorted(offers)) or "none"
        raise Permanent(f"{setting}: {name!r} is not installed here; there are: {there}")
    try:
        found = offers[name].load()
    except (Exception, SystemExit) as error:  # task edge: as above
        why = f"{type(error).__name__}: {error}"
        raise Permanent(f"{setting}: {name!r} ({offers[name].whose}) does not load: {why}") from error
    if not callable(found):
        raise Permanent(f"{setting}: {name!r} ({offers[name].whose}) is no class and no function")
    return found


def _offers(kind: str, group: str) -> Iterator["Offer"]:
    for point in entry_points(group=group):
        whose = f"{point.value} of {point.dist.name if point.dist else 'an unknown distribution'}"
        yield Offer(point.name, point.load, whose)
    for finder in _finders():
        yield from finder.offers(kind)


@cache
def _finders() -> tuple["Finder", ...]:
    found: list[Finder] = []
    for point in entry_points(group=FINDERS):
        try:
            found.append(point.load()())
        except (Exception, SystemExit) as error:  # task edge: a broken finder must not stop the rest
            _log.error("plugin_not_loaded", kind="finder", name=point.name, error=f"{type(error).__name__}: {error}")
    return tuple(found)


def _misfit(kind: str, plugin: Any) -> str:
    """Why this cannot be a plug-in of that kind; empty when it can. What the plug-in itself raises comes out."""
    if not isinstance(plugin, type):
        return "it is no class"
    missing = [name for name in NEEDS[kind] if not hasattr(plugin, name)]
    if missing:
        return f"it has no {' and no '.join(missing)}"
    if "Config" in NEEDS[kind]:
        config: Any = getattr(plugin, "Config")  # noqa: B009 - of a class that nothing is known of
        if not isinstance(config, type) or not issubclass(config, msgspec.Struct):
            return "its Config is no settings class"
        fields_of(config)  # forms and the reference are drawn from them
    else:
        plugin()
    return ""


def _import(where: str) -> Any:
    module, _, name = where.partition(":")
    return getattr(import_module(module), name)
