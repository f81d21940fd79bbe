"""`/api/audit`: who did what, for administrators: filtered, in pages, or as a file, CSV or NDJSON."""

from collections.abc import AsyncIterator
from typing import Any, TypedDict

import msgspec
from litestar import Request, Response, get
from litestar.response import Stream

from watchbell.api import sheets
from watchbell.api.alerts import answer
from watchbell.api.auth import principal_of, requires
from watchbell.api.contract import Number, Parameter, said, told
from watchbell.api.needs import Needed
from watchbell.api.times import Time, moment
from watchbell.api.wire import number_of, time_of
from watchbell.domain.audit import AuditEntry, AuditQuery
from watchbell.domain.errors import Forbidden, Invalid
from watchbell.usecases.auditing import Auditing

TEXTS = ("who", "action", "kind", "subject", "category")
TYPES = {"csv": "text/csv", "ndjson": "application/x-ndjson"}
PAGE = Number(name="page", about="From 1.", default=1, most=1_000_000)
SIZES = {name: Number(name=name, about="How many.", default=100, most=1000) for name in ("page-size", "limit")}
QUERY = (
    *(Parameter(name=name, about="Entries with exactly this.") for name in TEXTS),
    Parameter(name="since", about="From this time on.", type=Time),
    Parameter(name="before", about="Before this time.", type=Time),
    Parameter(name="format", about="`csv` or `ndjson`: all of it as a file."),
    PAGE,
    *SIZES.values(),
)


class Changed(TypedDict):
    """One field before and after."""

    field: str
    before: Any
    after: Any


class AuditLine(TypedDict):
    """One thing that somebody did."""

    id: str
    at: Time
    event: str
    category: str
    who: str
    userId: str
    key: str
    """The beginning of the API key that was used."""
    customers: list[str]
    action: str
    kind: str
    subject: str
    subjectId: str
    text: str
    changes: list[Changed]
    address: str
    requestId: str
    userAgent: str


@get(
    "/api/audit",
    guards=[requires("admin:management")],
    opt=told(query=QUERY, answer=said(entries=list[AuditLine], more=bool, page=int, pageSize=int, total=int)),
)
async def audit(request: Request[Any, Any, Any], auditing: Needed[Auditing]) -> Stream | Response[bytes]:
    """Who did what, newest first.

    `who`, `action`, `kind`, `subject`, `category`, `since` and `before` narrow; `page` and `page-size` (or `limit`)
    turn the pages; `format` gives all of it as a file. Not for callers who see some customers only.
    """
    if principal_of(request).customers is not None:
        raise Forbidden("The audit log is everybody's, so whoever sees some customers only does not see it.")
    given = request.query_params
    query = AuditQuery(
        **{name: given.get(name, "") for name in TEXTS},
        since=time_of(given["since"], "since") if given.get("since") else None,
        before=time_of(given["before"], "before") if given.get("before") else None,
    )
    wanted = given.get("format", "")
    if wanted:
        if wanted not in TYPES:
            raise Invalid("must be csv or ndjson", "format")
        headers = {"Content-Disposition": f'attachment; filename="audit.{wanted}"', "Cache-Control": "no-store"}
        lines = _csv(auditing, query) if wanted == "csv" else _ndjson(auditing, query)
        return Stream(lines, media_type=TYPES[wanted], headers=headers)
    page = number_of(request, PAGE)
    size = number_of(request, SIZES["page-size" if "page-size" in given else "limit"])
    found, total = await auditing.page(query, page, size)
    more = page * size < total
    entries = [shown(entry) for entry in found]
    return answer({"entries": entries, "more": more, "page": page, "pageSize": size, "status": "ok", "total": total})


def shown(entry: AuditEntry) -> AuditLine:
    """An entry as the wire has it."""
    return {
        "id": entry.id,
        "at": moment(entry.at),
        "event": entry.event,
        "category": entry.category,
        "who": entry.who,
        "userId": entry.user_id,
        "key": entry.key,
        "customers": list(entry.customers),
        "action": entry.action,
        "kind": entry.kind,
        "subject": entry.subject,
        "subjectId": entry.subject_id,
        "text": entry.text,
        "changes": [{"field": each.field, "before": each.before, "after": each.after} for each in entry.changes],
        "address": entry.address,
        "requestId": entry.request_id,
        "userAgent": entry.user_agent,
    }


async def _ndjson(auditing: Auditing, query: AuditQuery) -> AsyncIterator[bytes]:
    async for entry in auditing.every(query):
        yield msgspec.json.encode(shown(entry)) + b"\n"


async def _csv(auditing: Auditing, query: AuditQuery) -> AsyncIterator[bytes]:
    names: list[str] = []
    async for entry in auditing.every(query):
        row = shown(entry)
        if not names:
            names = list(row)
            yield sheets.line(names)
        yield sheets.line([row[name] for name in names])


routes = [audit]
