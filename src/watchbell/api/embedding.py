"""Counts of alerts in other pages (`/api/oembed`, and the script that asks it); a page of management's links."""

from html import escape
from pathlib import Path
from typing import Any, Literal
from urllib.parse import parse_qsl, urlsplit

from litestar import MediaType, Request, Response, get
from litestar.datastructures import MultiDict

from watchbell.api.alert_query import query_from
from watchbell.api.alerts import answer, base_of
from watchbell.api.auth import requires
from watchbell.api.contract import Parameter, Shape, told
from watchbell.api.needs import Needed
from watchbell.domain.alerts.model import AlarmModel
from watchbell.domain.alerts.query import AlertCounts
from watchbell.domain.errors import Invalid
from watchbell.ports.store import Store

PLACES = ("gtg", "healthcheck", "housekeeping", "manifest", "metrics", "properties", "status")
COUNT = "/alerts/count"
URL = Parameter(name="url", about="An address of `/alerts/count` with the query that is to be counted.")
TITLE = Parameter(name="title", about="What stands above the numbers.", default="Alerts")
FORMAT = Parameter(name="format", about="`json`; there is no other.", default="json")
WIDTH, HEIGHT = 320, 60  # pixels
LONGEST_TITLE = 200  # characters
SCRIPT = Path(__file__).with_name("embed.js").read_bytes()
SCRIPT_TYPE = "text/javascript"
SCRIPT_AGE = 3600  # seconds


@get("/api/management", guards=[requires("read:management")], opt=told(answer=str), media_type=MediaType.HTML)
async def index(request: Request[Any, Any, Any]) -> str:
    """A page with a link to each of the management routes."""
    base = escape(f"{base_of(request)}/management")
    links = "".join(f'<li><a href="{base}/{place}">{place}</a></li>' for place in PLACES)
    return f'<!doctype html><html lang="en"><title>Management</title><h1>Management</h1><ul>{links}</ul></html>'


@get(
    ["/api/oembed", "/api/oembed.json"],
    guards=[requires("read:oembed")],
    opt=told(
        query=(URL, TITLE, FORMAT),
        answer=Shape(
            {
                "version": Literal["1.0"],
                "type": Literal["rich"],
                "title": str,
                "provider_name": str,
                "provider_url": str,
                "html": str,
                "width": int,
                "height": int,
            }
        ),
    ),
)
async def oembed(request: Request[Any, Any, Any], store: Needed[Store], model: Needed[AlarmModel]) -> Response[bytes]:
    """Counts by severity as HTML, by the oEmbed format; only addresses of `/alerts/count` can be embedded."""
    given = request.query_params
    if (given.get(FORMAT.name) or FORMAT.default) != FORMAT.default:
        raise Invalid("must be json", FORMAT.name)
    try:
        address = urlsplit(given.get(URL.name, ""))
    except ValueError:
        raise Invalid("is no address", URL.name) from None
    if not address.path.endswith(COUNT):
        raise Invalid(f"must be an address of {COUNT}", URL.name)
    title = (given.get(TITLE.name) or TITLE.default)[:LONGEST_TITLE]
    query = query_from(MultiDict(parse_qsl(address.query, keep_blank_values=True)), model)
    async with store.reading() as tx:
        counts = await tx.alerts.counts(query)
    return answer(
        {
            "version": "1.0",
            "type": "rich",
            "title": title,
            "provider_name": "Watchbell",
            "provider_url": str(request.base_url),
            "html": _shown(title, counts, query.severities),
            "width": WIDTH,
            "height": HEIGHT,
        }
    )


@get("/api/embed.js", opt={"open": True} | told(answer=str), media_type=SCRIPT_TYPE)
async def embed_script() -> Response[bytes]:
    """The script that puts counts into pages and keeps them up to date; it asks with the key that the page gives it."""
    return Response(SCRIPT, media_type=SCRIPT_TYPE, headers={"Cache-Control": f"public, max-age={SCRIPT_AGE}"})


def _shown(title: str, counts: AlertCounts, severities: tuple[str, ...]) -> str:
    """The numbers, the most severe first; every text is escaped, for it stands in pages of others."""
    ranks = {severity: rank for rank, severity in enumerate(severities)}
    found = sorted(counts.by_severity.items(), key=lambda item: (ranks.get(item[0], len(ranks)), item[0]))
    cells = "".join(f"<li>{escape(severity)}: <strong>{number}</strong></li>" for severity, number in found)
    return (
        f'<div class="watchbell-counts"><p>{escape(title)}: <strong>{counts.total}</strong></p><ul>{cells}</ul></div>'
    )


routes = [index, oembed, embed_script]
