"""Prometheus' Alertmanager, webhook version 4.

Labels and annotations may refer to other labels as `{label}`. A resolved alert is a signal of severity `normal`. An
alert without a `service` label belongs to the service named like its `job`, or to `Prometheus`.
"""

import msgspec

from watchbell.domain.errors import Invalid
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
        for number, alert in enumerate(group.alerts):
            if not alert.status:
                raise Invalid("is missing", f"alerts[{number}].status")
        environment = call.query.get("environment", "Production")
        return [signal_of(alert, call.received, environment, group.external_url) for alert in group.alerts]
