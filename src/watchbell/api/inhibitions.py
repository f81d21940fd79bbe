"""`/api/inhibitions/preview`: what an inhibition would be about. Inhibitions themselves are managed objects."""

from typing import Any

from litestar import Request, post

from watchbell.api.auth import requires
from watchbell.api.contract import said, told
from watchbell.api.needs import Needed
from watchbell.api.wire import mapping_of, ok
from watchbell.domain.alerts.inhibition import KIND, Inhibition
from watchbell.ports.store import Store
from watchbell.toolkit.objects import ObjectShapes
from watchbell.usecases.inhibiting import foreseen


@post(
    "/api/inhibitions/preview",
    guards=[requires("write:objects")],
    status_code=200,
    opt=told(body=dict[str, Any], answer=said(sources=int, targets=int)),
)
async def preview(
    request: Request[Any, Any, Any], store: Needed[Store], shapes: Needed[ObjectShapes]
) -> dict[str, Any]:
    """How many alerts that stand are sources of an inhibition, and how many are targets.

    The body has the fields of the managed object. Which of them have in common what is asked for is not looked at.
    """
    inhibition = shapes.read(KIND, {"name": "preview", **await mapping_of(request)})
    assert isinstance(inhibition, Inhibition)  # noqa: S101 - the kind says so
    sources, targets = await foreseen(store, inhibition)
    return ok(sources=sources, targets=targets)


routes = [preview]
