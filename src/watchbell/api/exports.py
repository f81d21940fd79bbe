"""`GET /api/alerts/export`: the alerts that match as a file, CSV or JSON, sent while it is made."""

from collections.abc import AsyncIterator
from typing import Any

import msgspec
from litestar import Request, get
from litestar.response import Stream

from watchbell.api import sheets
from watchbell.api.alert_query import SELECTION, query_of
from watchbell.api.alerta_wire import AlertBody, alert_body
from watchbell.api.alerts import READ, base_of
from watchbell.api.contract import Parameter, told
from watchbell.api.needs import Needed
from watchbell.domain.alerts.alert import Alert
from watchbell.domain.alerts.model import AlarmModel
from watchbell.domain.errors import Invalid
from watchbell.ports.store import Store
from watchbell.usecases import exporting

TYPES = {"csv": "text/csv", "json": "application/json"}
FORMAT = Parameter(name="format", about="`csv` or `json`.", default="csv")
COLUMNS = (
    *("id", "environment", "severity", "status", "resource", "event", "service", "group", "value", "text", "tags"),
    *("origin", "customer", "type", "createTime", "receiveTime", "lastReceiveTime", "updateTime", "duplicateCount"),
    *("repeat", "previousSeverity", "trendIndication", "timeout", "correlate", "attributes"),
)
_LISTS = frozenset({"service", "tags", "correlate"})


@get("/api/alerts/export", guards=READ, opt=told(query=(*SELECTION, FORMAT), answer=str, media="text/csv"))
async def export(request: Request[Any, Any, Any], store: Needed[Store], model: Needed[AlarmModel]) -> Stream:
    """All alerts that match, in order of their ids, as a file.

    In CSV a text that a spreadsheet would compute begins with an apostrophe. JSON is `{"alerts": […]}`, each alert as
    everywhere else, without its history and what it was made from.
    """
    wanted = request.query_params.get(FORMAT.name) or FORMAT.default
    if wanted not in TYPES:
        raise Invalid("must be csv or json", "format")
    query = query_of(request, model, beside=frozenset({FORMAT.name}))
    pieces = exporting.read(store, await exporting.chosen(store, query))
    base = base_of(request)
    lines = _csv(pieces, base) if wanted == "csv" else _json(pieces, base)
    headers = {"Content-Disposition": f'attachment; filename="alerts.{wanted}"', "Cache-Control": "no-store"}
    return Stream(lines, media_type=TYPES[wanted], headers=headers)


async def _csv(pieces: AsyncIterator[list[Alert]], base: str) -> AsyncIterator[bytes]:
    yield sheets.line(COLUMNS)
    async for piece in pieces:
        yield b"".join(sheets.line(_cells(alert_body(alert, base))) for alert in piece)


def _cells(body: AlertBody) -> list[Any]:
    row: dict[str, Any] = {**body}
    return [", ".join(row[name]) if name in _LISTS else row[name] for name in COLUMNS]


async def _json(pieces: AsyncIterator[list[Alert]], base: str) -> AsyncIterator[bytes]:
    yield b'{"alerts":['
    first = True
    async for piece in pieces:
        bodies = [msgspec.json.encode(alert_body(alert, base, raw=False)) for alert in piece]
        if bodies:
            yield (b"" if first else b",") + b",".join(bodies)
            first = False
    yield b'],"status":"ok"}'


routes = [export]
