"""What is reported about episodes, live and past ones together."""

from datetime import datetime

import msgspec

from watchbell.domain.alerts.past import PastQuery


class ReportQuery(msgspec.Struct, frozen=True, kw_only=True):
    """A report over the episodes of `chosen`, whose `since` and `before` are set and whose `words` count nothing.

    `step` is the length of a point of the volume, in seconds. `severities` are those that are known, the worst first.
    `now` is until when those have stood that still do. `most` is the length of each list.
    """

    chosen: PastQuery
    since: datetime
    step: float
    now: datetime
    severities: tuple[str, ...] = ()
    most: int = 10


class Spread(msgspec.Struct, frozen=True, kw_only=True):
    """How long something took: of how many, and seconds. `median` and `p90` are values that occurred (nearest rank)."""

    count: int = 0
    mean: float | None = None
    median: float | None = None
    p90: float | None = None


class Volume(msgspec.Struct, frozen=True, kw_only=True):
    """How many episodes with this highest severity opened in the point number `index`, from 0."""

    index: int
    severity: str
    count: int


class Worst(msgspec.Struct, frozen=True, kw_only=True):
    """A resource, an event or a service: how many episodes it had, how long they stood, how often severity changed.

    `stood` is in seconds.
    """

    name: str
    count: int
    stood: float
    severity_changes: int


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """An episode in the list of those that stood longest. `past_id` is '' while it is live."""

    alert_id: str
    past_id: str
    environment: str
    resource: str
    event: str
    severity: str
    """The highest."""
    opened_at: datetime
    resolved_at: datetime | None
    stood: float


class AlertReport(msgspec.Struct, frozen=True, kw_only=True):
    """The report. `flapping` are resources whose alerts flapped; an alert of several `services` counts for each.

    The worst come first in each list.
    """

    total: int = 0
    flapped: int = 0
    volume: tuple[Volume, ...] = ()
    acknowledging: Spread = Spread()
    resolving: Spread = Spread()
    resources: tuple[Worst, ...] = ()
    events: tuple[Worst, ...] = ()
    services: tuple[Worst, ...] = ()
    flapping: tuple[Worst, ...] = ()
    longest: tuple[Standing, ...] = ()
