"""Which plug-ins there are: one line for each built-in one, and whatever other distributions offer by entry point.

A table maps the name that people write to the class. Built-in classes are imported when the table is first asked for.
Third parties use the entry-point groups `watchbell.checks`, `watchbell.channels`, `watchbell.sinks` and
`watchbell.webhooks`; one that does not load is left out and logged, and a built-in name is never replaced.
"""

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from types import MappingProxyType
from typing import Any

import structlog

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
        "sink": {
            "avro_files": "watchbell.sinks.avro_files:AvroFiles",
            "parquet_files": "watchbell.sinks.parquet_files:ParquetFiles",
        },
        "webhook": {
            "prometheus": "watchbell.webhooks.prometheus:Prometheus",
        },
    }
)

GROUPS = MappingProxyType({kind: f"watchbell.{kind}s" for kind in BUILT_IN})

_log = structlog.get_logger("plugins")


@cache
def table(kind: str) -> Mapping[str, Any]:
    """Every plug-in class of a kind (`check`, `channel`, `sink`, `webhook`), by name."""
    found: dict[str, Any] = {name: _import(where) for name, where in BUILT_IN[kind].items()}
    for point in entry_points(group=GROUPS[kind]):
        if point.name in found:
            _log.warning("plugin_name_taken", kind=kind, name=point.name, plugin=point.value)
            continue
        try:
            found[point.name] = point.load()
        except Exception as error:  # task edge: a broken third-party plug-in must not stop the rest
            _log.error("plugin_not_loaded", kind=kind, name=point.name, plugin=point.value, error=repr(error))
    return MappingProxyType(found)


def _import(where: str) -> Any:
    module, _, name = where.partition(":")
    return getattr(import_module(module), name)
