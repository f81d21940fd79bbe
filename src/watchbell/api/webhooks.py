"""`POST /api/webhooks/<vendor>`: other systems' formats, through the same pipeline as every alert."""

from collections.abc import Mapping
from typing import Any

from litestar import Request, Response, post
from litestar.params import FromPath

from watchbell.api.alerts import received_body
from watchbell.api.auth import requires
from watchbell.api.needs import Needed
from watchbell.domain.errors import Missing
from watchbell.ports.clock import Clock
from watchbell.ports.webhook import Call, Webhook
from watchbell.usecases.intake import Intake


@post("/api/webhooks/{vendor:str}", guards=[requires("write:webhooks")])
async def receive(
    request: Request[Any, Any, Any],
    vendor: FromPath[str],
    webhooks: Needed[Mapping[str, Webhook]],
    intake: Needed[Intake],
    clock: Needed[Clock],
) -> Response[bytes]:
    """Read a vendor's message. All its alerts are accepted, or none."""
    if vendor not in webhooks:
        raise Missing(f"Custom webhook '{vendor}' not found.")
    query = {name: values[0] for name, values in request.query_params.dict().items()}
    signals = webhooks[vendor].read(Call(body=await request.body(), query=query, received=clock.now()))
    received = await intake.receive_many(signals)
    return received_body(request, received)


routes = [receive]
