"""What there is among the alerts: environments, services, groups, tags, and the worst offenders."""

from collections.abc import Sequence
from typing import Any, NotRequired, TypedDict

from litestar import Request, Response, get
from litestar.params import FromPath

from watchbell.api.alert_query import GROUP_BY, PAGE_SIZE, SELECTION, group_of, query_of
from watchbell.api.alerts import READ, answer, base_of
from watchbell.api.contract import said, told
from watchbell.api.needs import Needed
from watchbell.api.paging import CUT, PAGED, cut
from watchbell.domain.alerts.model import AlarmModel
from watchbell.domain.alerts.query import AlertCounts, Measure
from watchbell.domain.errors import Missing
from watchbell.ports.store import Store

MEASURES: dict[str, Measure] = {"count": "count", "flapping": "flapping", "standing": "standing"}


class EnvironmentCount(TypedDict):
    """How many alerts an environment has."""

    environment: str
    count: int
    severityCounts: dict[str, int]
    statusCounts: dict[str, int]


class ServiceCount(EnvironmentCount):
    """How many alerts a service has in an environment."""

    service: str


class WorstResource(TypedDict):
    """One of the alerts of a group."""

    id: str
    resource: str
    href: str


class WorstGroup(TypedDict):
    """Alerts that have one value in the field that was asked for; that field comes besides, under its name."""

    count: int
    duplicateCount: int
    environments: Sequence[str]
    services: Sequence[str]
    resources: list[WorstResource]


class GroupCount(TypedDict):
    """How many alerts a group has in an environment."""

    environment: str
    group: str
    count: int


class TagCount(TypedDict):
    """How many alerts have a tag in an environment."""

    environment: str
    tag: str
    count: int


class FieldCount(TypedDict):
    """How many alerts have a value in the field that was asked for."""

    value: str
    count: int
    severityCounts: dict[str, int]
    statusCounts: dict[str, int]


_NOTHING = NotRequired[str]
"""`not found`, when nothing was."""


@get(
    "/api/environments",
    guards=READ,
    opt=told(timer="queries", query=(*SELECTION, *CUT), answer=said(environments=list[EnvironmentCount], **PAGED)),
)
async def environments(
    request: Request[Any, Any, Any], store: Needed[Store], model: Needed[AlarmModel]
) -> Response[bytes]:
    """Counts for each environment."""
    async with store.reading() as tx:
        found = await tx.reports.by_environment(query_of(request, model))
    rows = [{"environment": name, "count": counts.total, **_split(counts)} for name, counts in sorted(found.items())]
    return answer(cut(request, "environments", rows))


@get(
    "/api/services",
    guards=READ,
    opt=told(timer="queries", query=(*SELECTION, *CUT), answer=said(services=list[ServiceCount], **PAGED)),
)
async def services(request: Request[Any, Any, Any], store: Needed[Store], model: Needed[AlarmModel]) -> Response[bytes]:
    """Counts for each service of each environment."""
    async with store.reading() as tx:
        found = await tx.reports.by_service(query_of(request, model))
    rows = [
        {"environment": environment, "service": service, "count": counts.total, **_split(counts)}
        for (environment, service), counts in sorted(found.items())
    ]
    return answer(cut(request, "services", rows))


def _split(counts: AlertCounts) -> dict[str, Any]:
    return {"severityCounts": counts.by_severity, "statusCounts": counts.by_status}


@get(
    "/api/alerts/groups",
    guards=READ,
    opt=told(timer="queries", query=(*SELECTION, *CUT), answer=said(groups=list[GroupCount], **PAGED)),
)
async def groups(request: Request[Any, Any, Any], store: Needed[Store], model: Needed[AlarmModel]) -> Response[bytes]:
    """Counts for each group of each environment."""
    return await _by_value(request, store, model, "group", "group", "groups")


@get(
    "/api/alerts/tags",
    guards=READ,
    opt=told(timer="queries", query=(*SELECTION, *CUT), answer=said(tags=list[TagCount], **PAGED)),
)
async def tags(request: Request[Any, Any, Any], store: Needed[Store], model: Needed[AlarmModel]) -> Response[bytes]:
    """Counts for each tag of each environment."""
    return await _by_value(request, store, model, "tags", "tag", "tags")


async def _by_value(
    request: Request[Any, Any, Any], store: Store, model: AlarmModel, field: str, one: str, many: str
) -> Response[bytes]:
    async with store.reading() as tx:
        found = await tx.reports.by_value(field, query_of(request, model))
    rows = [{"environment": environment, one: value, "count": number} for (environment, value), number in found.items()]
    return answer(cut(request, many, rows))


@get(
    "/api/alerts/grouped",
    guards=READ,
    opt=told(
        timer="queries",
        query=(*SELECTION, GROUP_BY, PAGE_SIZE),
        answer=said(groups=list[FieldCount], total=int, message=_NOTHING),
    ),
)
async def grouped(request: Request[Any, Any, Any], store: Needed[Store], model: Needed[AlarmModel]) -> Response[bytes]:
    """Counts for each value of a field, the most severe first; `total` says how many values there are."""
    query, (_, field) = query_of(request, model), group_of(request)
    async with store.reading() as tx:
        found = await tx.reports.by_field(field, query)
    ranks = {severity: rank for rank, severity in enumerate(query.severities)}

    def order(item: tuple[str, AlertCounts]) -> tuple[int, int, str]:
        name, counts = item
        return min(ranks.get(severity, len(ranks)) for severity in counts.by_severity), -counts.total, name

    worst = sorted(found.items(), key=order)[: query.page_size]
    rows = [{"value": name, "count": counts.total, **_split(counts)} for name, counts in worst]
    return answer({"groups": rows, "status": "ok", "total": len(found)} | ({} if rows else {"message": "not found"}))


@get(
    ["/api/alerts/top10/{measure:str}", "/api/alerts/topn/{measure:str}"],
    guards=READ,
    opt=told(
        timer="counts",
        query=(*SELECTION, GROUP_BY, PAGE_SIZE),
        answer=said(top10=list[WorstGroup], total=int, message=_NOTHING),
    ),
)
async def worst(
    request: Request[Any, Any, Any], measure: FromPath[str], store: Needed[Store], model: Needed[AlarmModel]
) -> Response[bytes]:
    """The worst groups of alerts: by number, by changes of severity, or by how long they stood."""
    if measure not in MEASURES:
        raise Missing("not found")
    query, (name, field) = query_of(request, model), group_of(request)
    async with store.reading() as tx:
        found = await tx.reports.worst(MEASURES[measure], field, query.page_size, query)
    base = base_of(request)
    rows = [
        {
            "count": one.count,
            "duplicateCount": one.duplicate_count,
            "environments": one.environments,
            "services": one.services,
            name: one.name,
            "resources": [
                {"id": identifier, "resource": resource, "href": f"{base}/alert/{identifier}"}
                for identifier, resource in one.resources
            ],
        }
        for one in found
    ]
    return answer({"status": "ok", "top10": rows, "total": len(rows)} | ({} if rows else {"message": "not found"}))


routes = [environments, services, groups, tags, grouped, worst]
