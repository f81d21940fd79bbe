"""What this process has counted, under the names that dashboards and pages for Alerta know.

Alerts in the database are counted there, so every node says the same number; all else is of this process, and begins
anew with it. In Prometheus' format everything is there from the start. In JSON a timer is left out until there is
something to divide its time by: Alerta's clients show the average.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple, NotRequired, TypedDict

from watchbell.domain.alerts.query import AlertCounts
from watchbell.usecases.metering import Metering

GROUP = "alerts"


class Metric(TypedDict):
    """A number, as Alerta tells of it: a gauge and a switch have a `value`, a counter and a timer a `count`."""

    description: str
    group: str
    name: str
    title: str
    type: str
    value: NotRequired[int | str]
    count: NotRequired[int]
    totalTime: NotRequired[int]
    """Milliseconds that all together took."""


class About(NamedTuple):
    """What a number is called, and what it says."""

    title: str
    description: str


TOTAL = About("Total alerts", "Total number of alerts in the database")
COUNTERS: Mapping[str, About] = {
    "rejected": About("Rejected alerts", "Total number of alerts rejected by policy"),
    "ratelimited": About("Rate-limited alerts", "Total number of alerts rejected by rate limit"),
    "blackout": About("Blackout alerts", "Total number of alerts suppressed by blackout period"),
}
TIMERS: Mapping[str, About] = {
    "received": About("Received alerts", "Total time and number of received alerts"),
    "queries": About("Alert queries", "Total time and number of alert queries"),
    "status": About("Alert status change", "Total time and number of alerts with status changed"),
    "tagged": About("Tagging alerts", "Total time to tag number of alerts"),
    "untagged": About("Removing tags from alerts", "Total time to un-tag and number of alerts"),
    "attributes": About("Alert attributes change", "Total time and number of alerts with attributes changed"),
    "deleted": About("Deleted alerts", "Total time and number of deleted alerts"),
    "counts": About("Count alerts", "Total time and number of count queries"),
}
"""In Alerta's words, which people may have in their dashboards."""
_NONE_YET: Mapping[str, float] = {"_count": 0, "_sum": 0}


def rows(counts: AlertCounts, metering: Metering) -> list[Metric]:
    """As `/management/status` has them: gauges, counters, timers."""
    found = [_row("total", TOTAL, "gauge", value=counts.total)]
    for status, number in sorted(counts.by_status.items()):
        about = About(f"Alerts {status}", f"Alerts {status}")
        found.append(_row(status, about, "gauge", value=number))
    found += [_row(name, about, "counter", count=metering.counts[name]) for name, about in COUNTERS.items()]
    for name, about in TIMERS.items():
        took = metering.times.get(name)
        if took is not None:
            found.append(_row(name, about, "timer", count=took.count, totalTime=round(took.milliseconds)))
    return found


def _row(name: str, about: About, kind: str, **numbers: int) -> Metric:
    row: dict[str, int | str] = {"group": GROUP, "name": name, "type": kind, **about._asdict(), **numbers}
    return row  # pyright: ignore[reportReturnType] - a TypedDict cannot be made of names


def exposition(counts: AlertCounts, metering: Metering, uptime: int) -> str:
    """As `/management/metrics` has them, in Prometheus' text format. `uptime` is in milliseconds."""
    return "".join(_lines(counts, metering, uptime))


def _lines(counts: AlertCounts, metering: Metering, uptime: int) -> Iterator[str]:
    yield _family("alerts_total", TOTAL.description, "gauge", {"": counts.total})
    for name, about in COUNTERS.items():
        yield _family(f"alerts_{name}_total", about.description, "counter", {"": metering.counts[name]})
    for name, about in TIMERS.items():
        took = metering.times.get(name)
        samples = {"_count": took.count, "_sum": round(took.milliseconds, 3)} if took is not None else _NONE_YET
        yield _family(f"alerts_{name}", about.description, "summary", samples)
    yield _family("uptime_msecs", "Milliseconds since this process has started", "counter", {"": uptime})


def _family(name: str, about: str, kind: str, samples: Mapping[str, float]) -> str:
    head = f"# HELP alerta_{name} {about}\n# TYPE alerta_{name} {kind}\n"
    return head + "".join(f"alerta_{name}{suffix} {number}\n" for suffix, number in samples.items())
