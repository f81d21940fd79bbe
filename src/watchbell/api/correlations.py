"""`/api/correlations/preview`: what a correlation would make one of. Correlations themselves are managed objects."""

from typing import Any, TypedDict

import msgspec
from litestar import Request, post

from watchbell.api.auth import requires
from watchbell.api.contract import said, told
from watchbell.api.needs import Needed
from watchbell.api.wire import mapping_of, ok
from watchbell.domain.alerts.correlation import KIND, Correlation
from watchbell.ports.store import Store
from watchbell.toolkit.objects import ObjectShapes
from watchbell.usecases.correlating import foreseen


class ForeseenGroup(TypedDict):
    """Alerts that would be one."""

    count: int
    environment: str
    key: str
    resources: list[str]
    """Some of them."""


@post(
    "/api/correlations/preview",
    guards=[requires("write:objects")],
    status_code=200,
    opt=told(body=dict[str, Any], answer=said(alerts=int, become=int, keyless=int, groups=list[ForeseenGroup])),
)
async def preview(
    request: Request[Any, Any, Any], store: Needed[Store], shapes: Needed[ObjectShapes]
) -> dict[str, Any]:
    """How many alerts that stand a correlation is for, how many they would be, and the largest groups.

    The body has the fields of the managed object. Looked at are the thousand that were received last.
    """
    correlation = shapes.read(KIND, {"name": "preview", **await mapping_of(request)})
    assert isinstance(correlation, Correlation)  # noqa: S101 - the kind says so
    return ok(**msgspec.to_builtins(await foreseen(store, correlation)))


routes = [preview]
