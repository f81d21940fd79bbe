"""What the inside tells about itself. Never blocks, never raises."""

from typing import Protocol


class Telemetry(Protocol):
    """Counters, gauges and histograms by name; the metric's name on the wire is `watchbell_<name>`."""

    def count(self, name: str, amount: float = 1, **labels: str) -> None:
        """Add to a counter."""
        ...

    def gauge(self, name: str, value: float, **labels: str) -> None:
        """Set a gauge."""
        ...

    def observe(self, name: str, seconds: float, **labels: str) -> None:
        """Put a duration into a histogram."""
        ...


class NullTelemetry:
    """Hears everything and says nothing."""

    def count(self, name: str, amount: float = 1, **labels: str) -> None:
        """Ignore."""

    def gauge(self, name: str, value: float, **labels: str) -> None:
        """Ignore."""

    def observe(self, name: str, seconds: float, **labels: str) -> None:
        """Ignore."""


class Exposition(Protocol):
    """Everything that was counted, for those who collect it."""

    content_type: str

    def exposition(self) -> bytes:
        """All metrics in Prometheus' text format."""
        ...
