"""Prometheus' alerts, as its webhook and its Alertmanager API carry them, and the signals that they are."""

import string
from datetime import UTC, datetime
from math import ceil
from typing import Any

import msgspec

from watchbell.domain.ids import new_id
from watchbell.domain.signal import UNSAID, Signal
from watchbell.toolkit.incoming import DEFAULT_TIMEOUT, attribute_name, resource_of, words

_SAID = frozenset(
    [
        "alertname",
        "event",
        "severity",
        "environment",
        "service",
        "group",
        "job",
        "monitor",
        "correlate",
        "customer",
        "timeout",
        "prometheus",
        "prometheus_replica",
    ]
)
"""Labels that are no part of what an alert is about, or have a field; the last two are which server says it."""
SHORTEST = 60
"""Seconds that an alert stands at least after it was sent, whatever its sender's clock says."""


class PrometheusAlert(msgspec.Struct, frozen=True, rename="camel"):
    """One alert. The webhook says `status`; to the API `ends_at` says it all.

    While the alert stands, `ends_at` lies in year 1, or in the future: then it is over unless it is sent again.
    """

    labels: dict[str, str]
    status: str = ""
    annotations: dict[str, str] = {}
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    generator_url: str = msgspec.field(default="", name="generatorURL")

    def is_over(self, now: datetime) -> bool:
        """Whether the problem is gone."""
        if self.status:
            return self.status == "resolved"
        return self.end is not None and self.end <= now

    @property
    def end(self) -> datetime | None:
        """When it is over, or will be unless it is sent again; None when that is not said. Without an offset, UTC."""
        at = self.ends_at
        if at is None or at.year <= 1:
            return None
        return at if at.tzinfo is not None else at.replace(tzinfo=UTC)


def signal_of(alert: PrometheusAlert, received: datetime, environment: str, external_url: str = "") -> Signal:
    """The signal that an alert is; labels and annotations may refer to labels as `{label}`.

    `environment` is that of an alert without such a label. An alert that says when it ends unless it is sent again
    expires then; a label `timeout` (seconds) says otherwise. One that cannot be read says nothing: it is no reason to
    lose the alert, and the others of its message.
    """
    known = dict(alert.labels)
    labels = {name: _fill(value, known) for name, value in alert.labels.items()}
    notes = {name: _fill(value, known) for name, value in alert.annotations.items()}
    job = labels.get("job", "")
    resource = labels.pop("exported_instance", "") or labels.pop("instance", "") or _resource(labels)
    monitor = labels.pop("monitor", "")
    severity = labels.pop("severity", "").strip() or "warning"
    alertname = labels.pop("alertname", "")
    event = labels.pop("event", "") or alertname
    value, summary, description = (notes.pop(name, "") for name in ("value", "summary", "description"))
    return Signal(
        id=new_id(),
        resource=resource,
        event=notes.pop("alertname", "") or event,
        environment=labels.pop("environment", "") or environment,
        severity="normal" if alert.is_over(received) else severity,
        correlate=words(labels.pop("correlate", "")),
        service=words(labels.pop("service", "")) or (job or "Prometheus",),
        group=labels.pop("group", "") or job or "Prometheus",
        value=value or None,
        text=description or summary or f"{severity.upper()}: {event} on {resource}",
        customer=labels.pop("customer", None) or None,
        timeout=_timeout(labels.pop("timeout", ""), alert, received),
        tags=tuple(f"{name}={text}" for name, text in sorted(labels.items())),
        attributes=_attributes(alert, external_url, notes, summary if description else ""),
        origin=f"prometheus/{monitor}" if monitor else "prometheus",
        type="prometheusAlert",
        create_time=alert.starts_at or received,
        raw_data=msgspec.json.encode(alert).decode(),
    )


def _resource(labels: dict[str, str]) -> str:
    return resource_of({name: text for name, text in labels.items() if name not in _SAID}, "n/a")


def _attributes(alert: PrometheusAlert, external_url: str, notes: dict[str, str], summary: str) -> dict[str, Any]:
    found: dict[str, Any] = {attribute_name(name): text for name, text in notes.items()}
    if summary:
        found["summary"] = summary
    if alert.starts_at:
        found["startsAt"] = alert.starts_at.isoformat()
    if alert.end is not None:
        found["endsAt"] = alert.end.isoformat()
    if external_url:
        found["externalUrl"] = external_url
    if alert.generator_url:
        found["moreInfo"] = alert.generator_url
    return found


class _Labels(dict[str, str]):
    def __missing__(self, name: str) -> str:
        return "{" + name + "}"


def _fill(text: str, labels: dict[str, str]) -> str:
    """Replace `{label}`; anything that is not a plain label name stays as it is written."""
    if "{" not in text:
        return text
    filled: list[str] = []
    try:
        for literal, name, spec, conversion in string.Formatter().parse(text):
            filled.append(literal)
            if name is not None:
                plain = name.isidentifier() and not spec and not conversion
                filled.append(_Labels(labels)[name] if plain else "{" + name + "}")
    except ValueError:
        return text
    return "".join(filled)


def _timeout(said: str, alert: PrometheusAlert, now: datetime) -> int:
    wanted = _seconds(said.strip())
    if wanted or alert.status or alert.end is None or alert.end <= now:
        return wanted or UNSAID
    return min(max(SHORTEST, ceil((alert.end - now).total_seconds())), DEFAULT_TIMEOUT)


def _seconds(said: str) -> int:
    """0 for what is no number, as for 0 itself: Alerta takes neither for never."""
    return int(said) if said.isascii() and said.isdigit() and len(said) < 10 else 0
