"""Azure Monitor: classic alerts, metric and log alerts, and the common alert schema.

The severity is Azure's (0 critical, 1 major, 2 warning, 3 informational, 4 debug); a classic alert that is activated is
critical. Resolved and deactivated are ok. Properties become tags.
"""

from typing import Any

import msgspec

from watchbell.domain.errors import Invalid
from watchbell.domain.ids import new_id
from watchbell.domain.signal import Signal
from watchbell.ports.webhook import Call
from watchbell.toolkit.incoming import attributes, decode, moment, shaped, text_of

SEVERITIES = {"0": "critical", "1": "major", "2": "warning", "3": "informational", "4": "debug"}
OVER = frozenset({"Resolved", "Deactivated"})


class Metric(msgspec.Struct, frozen=True, rename="camel"):
    """One metric beyond its threshold."""

    metric_name: str = ""
    metric_value: str | int | float | None = None
    operator: str = ""
    threshold: str | int | float | None = None
    all_of: list["Metric"] = []


class Context(msgspec.Struct, frozen=True, rename="camel"):
    """What an alert is about."""

    name: str = ""
    resource_name: str = ""
    resource_type: str = ""
    resource_group_name: str = ""
    timestamp: str = ""
    description: str = ""
    severity: str | int | None = None
    condition_type: str = ""
    condition: Metric | None = None
    portal_link: str = ""


class Essentials(msgspec.Struct, frozen=True, rename="camel"):
    """What every alert of the common schema says."""

    alert_rule: str
    severity: str = ""
    monitor_condition: str = ""
    alert_target_ids: list[str] = msgspec.field(default=[], name="alertTargetIDs")
    configuration_items: list[str] = []
    fired_date_time: str = ""
    resolved_date_time: str = ""
    monitoring_service: str = ""
    signal_type: str = ""
    description: str = ""
    alert_id: str = ""
    origin_alert_id: str = ""


class AlertContext(msgspec.Struct, frozen=True):
    """What a metric alert of the common schema says besides."""

    condition: Metric | None = None


class Data(msgspec.Struct, frozen=True, rename="camel"):
    """The envelope's content."""

    status: str = ""
    context: Context | None = None
    properties: dict[str, Any] | None = None
    essentials: Essentials | None = None
    alert_context: Any = None
    custom_properties: dict[str, Any] | None = None


class Body(msgspec.Struct, frozen=True, rename="camel"):
    """What Azure sends: `data` since schemas have names, the rest before."""

    schema_id: str = ""
    data: Data | None = None
    status: str = ""
    context: Context | None = None
    properties: dict[str, Any] | None = None


class AzureMonitor:
    """Alerts of Azure Monitor."""

    name = "azuremonitor"
    title = "Azure Monitor"

    def read(self, call: Call) -> list[Signal]:
        """One signal."""
        body = decode(Body, call.body)
        data = body.data
        if data is not None and data.essentials is not None:
            return [_common(data, data.essentials, call)]
        if data is not None and data.context is not None:
            severity = SEVERITIES.get(text_of(data.context.severity) or "3", "unknown")
            kind = "MetricAlert" if body.schema_id == "AzureMonitorMetricAlert" else "EventAlert"
            return [_signal(data.context, data.status, severity, kind, data.properties, call)]
        if body.context is None:
            raise Invalid("is missing", "data.context" if data else "context")
        severity = "critical" if body.status == "Activated" else "indeterminate"
        kind = f"{body.context.condition_type}Alert"
        return [_signal(body.context, body.status, severity, kind, body.properties, call)]


def _signal(
    context: Context, status: str, severity: str, kind: str, properties: dict[str, Any] | None, call: Call
) -> Signal:
    for field, value in (("resourceName", context.resource_name), ("name", context.name)):
        if not value:
            raise Invalid("is missing", f"context.{field}")
    severity = "ok" if status in OVER else severity
    value, measured = _measured(context.condition)
    return Signal(
        id=new_id(),
        environment=call.query.get("environment", "Production"),
        resource=context.resource_name,
        event=context.name,
        severity=severity,
        service=(context.resource_type or "Azure",),
        group=context.resource_group_name or "Azure",
        value=value,
        text=f"{severity.upper()}: {measured}" if measured else context.description or severity.upper(),
        tags=_tags(properties),
        attributes=attributes({"moreInfo": context.portal_link}),
        origin="Azure Monitor",
        type=kind,
        create_time=moment(context.timestamp, call.received),
        raw_data=call.body.decode(errors="replace"),
    )


def _common(data: Data, said: Essentials, call: Call) -> Signal:
    over = said.monitor_condition in OVER
    severity = "ok" if over else SEVERITIES.get(said.severity.removeprefix("Sev"), "unknown")
    target = said.alert_target_ids[0] if said.alert_target_ids else ""
    parts = target.strip("/").split("/")
    places = dict(zip([part.lower() for part in parts[::2]], parts[1::2], strict=False))
    try:
        context = shaped(AlertContext, data.alert_context or {}, "data.alertContext")
    except Invalid:
        context = AlertContext()  # each monitoring service has a context of its own
    value, measured = _measured(context.condition)
    return Signal(
        id=new_id(),
        environment=call.query.get("environment", "Production"),
        resource=next(iter(said.configuration_items), "") or parts[-1] or "azure",
        event=said.alert_rule,
        severity=severity,
        service=("/".join(parts[-3:-1]) if len(parts) > 3 else said.monitoring_service or "Azure",),
        group=places.get("resourcegroups", "") or said.signal_type or "Azure",
        value=value,
        text=said.description or f"{severity.upper()}: {measured or said.alert_rule}",
        tags=_tags(data.custom_properties),
        attributes=attributes({"alertId": said.origin_alert_id or said.alert_id, "target": target}),
        origin="Azure Monitor",
        type=f"{said.signal_type or 'Common'}Alert",
        create_time=moment(said.resolved_date_time if over else said.fired_date_time, call.received),
        raw_data=call.body.decode(errors="replace"),
    )


def _measured(condition: Metric | None) -> tuple[str | None, str]:
    """The value, and the value with the bound that it passed."""
    if condition is None:
        return None, ""
    metric = condition.all_of[0] if condition.all_of else condition
    if not metric.metric_name:
        return None, ""
    value = f"{text_of(metric.metric_value)} {metric.metric_name}".strip()
    return value, f"{value} ({metric.operator} {text_of(metric.threshold)})"


def _tags(properties: dict[str, Any] | None) -> tuple[str, ...]:
    return tuple(f"{name}={text_of(value)}" for name, value in (properties or {}).items())
