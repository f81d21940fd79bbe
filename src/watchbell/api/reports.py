"""`/api/reports/alerts`: what became of alerts over weeks and months, the archived and the live ones together."""

from datetime import timedelta
from typing import Any, TypedDict

from litestar import Request, Response, get

from watchbell.api.alerts import READ, answer
from watchbell.api.archive import CHOICE, chosen
from watchbell.api.contract import Number, Parameter, said, told
from watchbell.api.needs import Needed
from watchbell.api.times import Time, moment
from watchbell.api.wire import number_of
from watchbell.domain.alerts.report import AlertReport, ReportQuery, Spread, Standing, Worst
from watchbell.domain.errors import Invalid
from watchbell.usecases.looking_back import LookingBack

INTERVAL = Parameter(
    name="interval", about="Seconds of one point of the volume, from 60; without it, what makes up to 100.", type=int
)
LIMIT = Number(name="limit", about="How long each list is.", default=10, most=100)
_LONGEST = 366 * 86_400
_SHORTEST = 60


class SeverityVolume(TypedDict):
    """How many alerts with this highest severity opened in each point of the time."""

    severity: str
    counts: list[int]


class SpreadBody(TypedDict):
    """How long something took: of how many alerts, and seconds. Null when there were none."""

    count: int
    mean: float | None
    median: float | None
    p90: float | None
    """Nine of ten took no longer."""


class WorstBody(TypedDict):
    """A resource, an event or a service with its alerts."""

    name: str
    count: int
    secondsStanding: float
    """All of them together."""
    severityChanges: int


class StandingBody(TypedDict):
    """An alert of those that stood longest."""

    alertId: str
    archiveId: str | None
    """Where it is in the archive; null while it is among the live ones."""
    environment: str
    event: str
    highestSeverity: str
    openTime: Time
    resolveTime: Time | None
    resource: str
    secondsStanding: float


_ANSWER = said(
    **{"from": Time, "to": Time},
    interval=float,
    times=list[Time],
    volume=list[SeverityVolume],
    total=int,
    flapped=int,
    acknowledging=SpreadBody,
    resolving=SpreadBody,
    resources=list[WorstBody],
    events=list[WorstBody],
    services=list[WorstBody],
    flapping=list[WorstBody],
    longest=list[StandingBody],
)


@get("/api/reports/alerts", guards=READ, opt=told(query=(*CHOICE, INTERVAL, LIMIT), answer=_ANSWER))
async def alerts(request: Request[Any, Any, Any], looking_back: Needed[LookingBack]) -> Response[bytes]:
    """Alerts that opened in a span, archived and live ones together; without `from` and `to`, in the last 30 days.

    How many there were over time, by their highest severity; how long it took until somebody acknowledged them and
    until they were resolved; the resources, events and services with the most, those that flapped, and what stood
    longest.
    """
    query, most = chosen(request, INTERVAL, LIMIT), number_of(request, LIMIT)
    made = await looking_back.report(query, _interval(request.query_params.get(INTERVAL.name)), most)
    return answer(_body(made.query, made.report))


def _interval(text: str | None) -> float | None:
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 9 and _SHORTEST <= int(text) <= _LONGEST):
        raise Invalid(f"must be a number of seconds from {_SHORTEST} to {_LONGEST}", INTERVAL.name)
    return float(text)


def _body(query: ReportQuery, report: AlertReport) -> dict[str, Any]:
    before = query.chosen.before or query.now
    points = -(-(before - query.since) // timedelta(seconds=query.step))
    return {
        "from": moment(query.since),
        "to": moment(before),
        "interval": query.step,
        "times": [moment(query.since + timedelta(seconds=query.step * number)) for number in range(points)],
        "volume": _volume(query, report, points),
        "total": report.total,
        "flapped": report.flapped,
        "acknowledging": _spread(report.acknowledging),
        "resolving": _spread(report.resolving),
        "resources": [_worst(each) for each in report.resources],
        "events": [_worst(each) for each in report.events],
        "services": [_worst(each) for each in report.services],
        "flapping": [_worst(each) for each in report.flapping],
        "longest": [_standing(each) for each in report.longest],
        "status": "ok",
    }


def _volume(query: ReportQuery, report: AlertReport, points: int) -> list[SeverityVolume]:
    """The worst severity first, those that are not known at the end."""
    counts: dict[str, list[int]] = {}
    for each in report.volume:
        counts.setdefault(each.severity, [0] * points)[min(each.index, points - 1)] += each.count
    ranks = {name: rank for rank, name in enumerate(query.severities)}
    ordered = sorted(counts, key=lambda name: (ranks.get(name, len(ranks)), name))
    return [{"severity": name, "counts": counts[name]} for name in ordered]


def _spread(spread: Spread) -> SpreadBody:
    return {"count": spread.count, "mean": spread.mean, "median": spread.median, "p90": spread.p90}


def _worst(worst: Worst) -> WorstBody:
    return {
        "name": worst.name,
        "count": worst.count,
        "secondsStanding": worst.stood,
        "severityChanges": worst.severity_changes,
    }


def _standing(one: Standing) -> StandingBody:
    return {
        "alertId": one.alert_id,
        "archiveId": one.past_id or None,
        "environment": one.environment,
        "event": one.event,
        "highestSeverity": one.severity,
        "openTime": moment(one.opened_at),
        "resolveTime": moment(one.resolved_at),
        "resource": one.resource,
        "secondsStanding": one.stood,
    }


routes = [alerts]
