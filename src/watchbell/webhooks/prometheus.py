"""Prometheus' Alertmanager, webhook version 4.

Labels and annotations may refer to other labels as `{label}`. A resolved alert is a signal of severity `normal`. An
alert without a `service` label belongs to the service named like its `job`, or to `Prometheus`. A label `timeout`
(seconds) says when the alert expires. An alert without `status` is firing.
"""

import msgspec

from watchbell.domain.signal import Signal
from watchbell.ports.webhook import Call
from watchbell.toolkit.incoming import decode
from watchbell.toolkit.prometheus import PrometheusAlert, signal_of


class Group(msgspec.Struct, frozen=True):
    """The message."""

    alerts: list[PrometheusAlert]
    external_url: str = msgspec.field(default="", name="externalURL")


class Prometheus:
    """Alertmanager's webhook receiver: `url: https://…/api/webhooks/prometheus`."""

    name = "prometheus"
    title = "Prometheus Alertmanager"

    def read(self, call: Call) -> list[Signal]:
        """One signal for each alert of the group."""
        group = decode(Group, call.body)
        environment = call.query.get("environment", "Production")
        alerts = [msgspec.structs.replace(each, status=each.status or "firing") for each in group.alerts]
        return [signal_of(alert, call.received, environment, group.external_url) for alert in alerts]
