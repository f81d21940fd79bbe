"""Which plug-ins there are: one line for each built-in one, and whatever other distributions offer by entry point.

A table maps the name that people write to the class. Built-in classes are imported when the table is first asked for.
Third parties use the entry-point groups `watchbell.checks`, `watchbell.channels`, `watchbell.importers`,
`watchbell.sinks` and `watchbell.webhooks`; one that does not load, or is not what its kind must be, is left out and
logged, and a name that is taken is never replaced.
"""

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from types import MappingProxyType
from typing import Any

import msgspec
import structlog

from watchbell.toolkit.settings import fields_of

BUILT_IN: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
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
        "check": ("Config", "run"),
        "channel": ("Config", "send", "close"),
        "importer": ("read",),
        "sink": ("Config", "open", "write", "sync", "tend", "close"),
        "webhook": ("read",),
    }
)
"""What a plug-in of each kind must have."""

_log = structlog.get_logger("plugins")


@cache
def table(kind: str) -> Mapping[str, Any]:
    """Every plug-in class of a kind (`check`, `channel`, `importer`, `sink`, `webhook`), by name."""
    found: dict[str, Any] = {name: _import(where) for name, where in BUILT_IN[kind].items()}
    for point in entry_points(group=GROUPS[kind]):
        offered = f"{point.value} of {point.dist.name if point.dist else 'an unknown distribution'}"
        if point.name in found:
            whose = "built in" if point.name in BUILT_IN[kind] else "another distribution's"
            hint = f"the {kind} {point.name!r} is {whose} and stays; offer this one by another name"
            _log.warning("plugin_refused", kind=kind, name=point.name, plugin=offered, hint=hint)
            continue
        try:
            plugin = point.load()
            wrong = _misfit(kind, plugin)
        except (Exception, SystemExit) as error:  # task edge: a broken third-party plug-in must not stop the rest
            wrong = f"{type(error).__name__}: {error}"
        else:
            if not wrong:
                found[point.name] = plugin
                continue
        hint = "it is left out; mend or remove that distribution"
        _log.error("plugin_not_loaded", kind=kind, name=point.name, plugin=offered, error=wrong, hint=hint)
    return MappingProxyType(found)


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
