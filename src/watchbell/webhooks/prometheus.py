"""Prometheus' Alertmanager, webhook version 4.

Labels and annotations may refer to other labels as `{label}`. A resolved alert is a signal of severity `normal`. An
alert without a `service` label belongs to the service named like its `job`, or to `Prometheus`.
"""

import string
from datetime import datetime
from typing import Any

import msgspec

from watchbell.domain.errors import Invalid
from watchbell.domain.ids import new_id
from watchbell.domain.signal import Signal
from watchbell.ports.webhook import Call

DEFAULT_TIMEOUT = 86400  # seconds


class PrometheusAlert(msgspec.Struct, frozen=True, rename="camel"):
    """One alert of the message. `ends_at` lies in year 1 while the alert stands."""

    status: str
    labels: dict[str, str]
    annotations: dict[str, str] = {}
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    generator_url: str = msgspec.field(default="", name="generatorURL")


class Group(msgspec.Struct, frozen=True):
    """The message."""

    alerts: list[PrometheusAlert]
    external_url: str = msgspec.field(default="", name="externalURL")


_decoder = msgspec.json.Decoder(Group)


class Prometheus:
    """Alertmanager's webhook receiver: `url: https://…/api/webhooks/prometheus`."""

    name = "prometheus"
    title = "Prometheus Alertmanager"

    def read(self, call: Call) -> list[Signal]:
        """One signal for each alert of the group."""
        try:
            group = _decoder.decode(call.body)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise Invalid(str(error), "body") from error
        except RecursionError:
            raise Invalid("is nested too deeply", "body") from None
        return [_signal(alert, group, call) for alert in group.alerts]


def _signal(alert: PrometheusAlert, group: Group, call: Call) -> Signal:
    known = dict(alert.labels)
    labels = {name: _fill(value, known) for name, value in alert.labels.items()}
    notes = {name: _fill(value, known) for name, value in alert.annotations.items()}
    job = labels.get("job", "")
    instance = labels.pop("instance", "")
    monitor = labels.pop("monitor", "")
    severity = labels.pop("severity", "warning")
    alertname = labels.pop("alertname", "")
    event = labels.pop("event", "") or alertname
    value, summary, description = (notes.pop(name, "") for name in ("value", "summary", "description"))
    return Signal(
        id=new_id(),
        resource=labels.pop("exported_instance", "") or instance or "n/a",
        event=notes.pop("alertname", "") or event,
        environment=labels.pop("environment", "") or call.query.get("environment", "Production"),
        severity="normal" if alert.status == "resolved" else severity,
        correlate=_words(labels.pop("correlate", "")),
        service=_words(labels.pop("service", "")) or (job or "Prometheus",),
        group=labels.pop("group", "") or job or "Prometheus",
        value=value or None,
        text=description or summary or f"{severity.upper()}: {event} on {instance}",
        customer=labels.pop("customer", None) or None,
        timeout=_seconds(labels.pop("timeout", "")),
        tags=tuple(f"{name}={text}" for name, text in sorted(labels.items())),
        attributes=_attributes(alert, group, notes, summary if description else ""),
        origin=f"prometheus/{monitor}" if monitor else "prometheus",
        type="prometheusAlert",
        create_time=alert.starts_at or call.received,
        raw_data=msgspec.json.encode(alert).decode(),
    )


def _attributes(alert: PrometheusAlert, group: Group, notes: dict[str, str], summary: str) -> dict[str, Any]:
    found: dict[str, Any] = {name.replace(".", "_").replace("$", "_"): text for name, text in notes.items()}
    if summary:
        found["summary"] = summary
    if alert.starts_at:
        found["startsAt"] = alert.starts_at.isoformat()
    if alert.ends_at and alert.ends_at.year > 1:
        found["endsAt"] = alert.ends_at.isoformat()
    if group.external_url:
        found["externalUrl"] = group.external_url
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


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())


def _seconds(text: str) -> int:
    if not text:
        return DEFAULT_TIMEOUT
    if not text.isdecimal():
        raise Invalid("must be a number of seconds", "labels.timeout")
    return int(text)
