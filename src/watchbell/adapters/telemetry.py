"""Metrics by prometheus-client, in a registry of their own.

A metric is made when it is first used, so its label names must be the same at each use: another set is dropped and
logged once.
"""

from threading import Lock

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

PREFIX = "watchbell_"
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)  # seconds

_log = structlog.get_logger("telemetry")


class PrometheusTelemetry:
    """Counters, gauges and histograms named `watchbell_<name>`."""

    content_type = CONTENT_TYPE_LATEST

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._metrics: dict[tuple[type, str], Counter | Gauge | Histogram] = {}
        # Each set of labels that was used, as its caller names them: to look one up there costs more than to count.
        self._used: dict[tuple[object, ...], Counter | Gauge | Histogram | None] = {}
        self._lock = Lock()
        self._complained: set[str] = set()

    def count(self, name: str, amount: float = 1, **labels: str) -> None:
        metric = self._metric(Counter, name, labels)
        if isinstance(metric, Counter):
            metric.inc(amount)

    def gauge(self, name: str, value: float, **labels: str) -> None:
        metric = self._metric(Gauge, name, labels)
        if isinstance(metric, Gauge):
            metric.set(value)

    def observe(self, name: str, seconds: float, **labels: str) -> None:
        metric = self._metric(Histogram, name, labels)
        if isinstance(metric, Histogram):
            metric.observe(seconds)

    def exposition(self) -> bytes:
        """Everything in Prometheus' text format."""
        return generate_latest(self.registry)

    def _metric(
        self, kind: type[Counter | Gauge | Histogram], name: str, labels: dict[str, str]
    ) -> Counter | Gauge | Histogram | None:
        used = (kind, name, *labels.items())
        if used not in self._used:
            self._used[used] = self._labelled(kind, name, labels)
        return self._used[used]

    def _labelled(
        self, kind: type[Counter | Gauge | Histogram], name: str, labels: dict[str, str]
    ) -> Counter | Gauge | Histogram | None:
        metric = self._metrics.get((kind, name))
        if metric is None:
            with self._lock:
                metric = self._metrics.get((kind, name)) or self._make(kind, name, labels)
        try:
            return metric.labels(**labels) if labels else metric
        except ValueError as error:
            if name not in self._complained:
                self._complained.add(name)
                _log.warning("metric_labels_differ", metric=name, error=str(error))
            return None

    def _make(
        self, kind: type[Counter | Gauge | Histogram], name: str, labels: dict[str, str]
    ) -> Counter | Gauge | Histogram:
        text = name.replace("_", " ").capitalize() + "."
        names = tuple(sorted(labels))
        made = (
            Histogram(PREFIX + name, text, names, registry=self.registry, buckets=BUCKETS)
            if kind is Histogram
            else kind(PREFIX + name, text, names, registry=self.registry)
        )
        self._metrics[kind, name] = made
        return made
