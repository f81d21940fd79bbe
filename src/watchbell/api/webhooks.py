"""`/api/webhooks/<name>`, also without `/api`: other systems' formats, through the pipeline of every alert.

A webhook for which `webhooks.secrets` has a secret is taken only when it was signed, besides the scope that every
caller needs. A call by GET must come with a key: a browser sends its session's cookie along with any page's images.
"""

import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypedDict, TypeVar

import msgspec
import structlog
from litestar import Request, Response, route
from litestar.enums import HttpMethod
from litestar.params import FromPath

from watchbell.api.alerts import answer, received_body
from watchbell.api.auth import CSRF_HEADER, principal_of, refuse_pages, requires
from watchbell.api.contract import told
from watchbell.api.errors import code_of
from watchbell.api.needs import Needed
from watchbell.api.wire import media_of, raw_of
from watchbell.domain.accounts import Principal
from watchbell.domain.errors import Invalid, Missing, Refused, Unauthenticated, WatchbellError
from watchbell.ports.clock import Clock
from watchbell.ports.threads import NoThreads, Threads
from watchbell.ports.webhook import Call, Reading, Reply, Signing, Webhook
from watchbell.toolkit.form import form, is_form
from watchbell.toolkit.incoming import decode
from watchbell.toolkit.settings import Secret
from watchbell.toolkit.verifying import standard
from watchbell.usecases.auditing import Auditing
from watchbell.usecases.interpreting import Interpreting
from watchbell.usecases.obeying import Asked, Obeying
from watchbell.usecases.shaping import Shaping, call_to_keep
from watchbell.usecases.sifting import MOST_NAMED, Refusal

T = TypeVar("T")
MAY = [requires("write:webhooks")]
PATHS = [f"{prefix}/webhooks/{{name:str}}{rest}" for prefix in ("/api", "") for rest in ("", "/{rest:path}")]
"""Ours, and where Alerta has them when it is not mounted below `/api`."""
TOLD = told(body=Any, optional=True, sent="*/*", answer=Any, others={200: Any, 202: Any, 400: Any, 412: Any})
"""The alert, or the ids of several and what of them was refused, unless the vendor has an answer of its own."""
TOLD_LOGS = told(body=Any, optional=True, sent="*/*", answer=Any)
LARGEST = 16 * 1024 * 1024  # bytes, when it was compressed
RATIO = 200
"""Times that unpacking may make a body longer: batches of logs, which are alike, become 20 to 40 times as long."""
SMALL = 1024 * 1024  # bytes that it may become in any case
_LONGEST = 1000  # characters of a text that an answer, the log and the audit repeat
LONG = 262_144  # bytes that are not read on the event loop
_CREDENTIALS = frozenset({"authorization", "cookie", "x-api-key", "proxy-authorization", CSRF_HEADER})
_QUERY_CREDENTIALS = frozenset({"api-key"})

_log = structlog.get_logger("webhooks")


class RefusedAlert(TypedDict):
    """An alert of a message that was not taken although others were."""

    index: int
    """The how many-th of the message, from 0."""
    resource: str
    event: str
    code: int
    """The HTTP status that it would have been answered with alone."""
    message: str


class Hooks(NamedTuple):
    """What receiving needs: the webhooks by name, and the secrets that some share with their senders."""

    table: Mapping[str, Webhook]
    secrets: Mapping[str, Secret]
    obeying: Obeying
    shaping: Shaping
    auditing: Auditing
    clock: Clock
    interpreting: Interpreting = Interpreting()
    threads: Threads = NoThreads()
    patience: float = 5.0
    """Seconds that reading may take in a thread."""


@route(PATHS, http_method=[HttpMethod.GET, HttpMethod.POST], guards=MAY, status_code=201, opt=TOLD)
async def receive(request: Request[Any, Any, Any], name: FromPath[str], hooks: Needed[Hooks]) -> Response[bytes]:
    """Read a vendor's message. An alert in it that is refused costs none of the others.

    A severity that is none here stands for one that is as bad. When only some alerts are refused, `refused` says which
    and why.
    """
    return await received(request, name, hooks)


@route("/v1/logs", http_method=[HttpMethod.POST], guards=MAY, status_code=200, opt=TOLD_LOGS)
async def receive_logs(request: Request[Any, Any, Any], hooks: Needed[Hooks]) -> Response[bytes]:
    """Logs of OpenTelemetry, on the path that its exporters have."""
    return await received(request, "otlp", hooks)


async def received(request: Request[Any, Any, Any], name: str, hooks: Hooks) -> Response[bytes]:
    """Verify, read, do what is asked, answer."""
    by = principal_of(request)
    refuse_pages(request, "A webhook is called by GET with a key only.")
    try:
        call = await call_of(request, hooks.clock)
        verify(hooks.table.get(name), call, hooks.secrets.get(name))
        if name in hooks.table:
            return await _obeyed(request, _from(await _read(hooks, call, name), name, hooks, by), name, hooks, by)
        return await _shaped(request, name, call, hooks, by)
    except (Invalid, Refused, Unauthenticated) as error:
        await hooks.auditing.refused(by, "webhook", name, error.message)
        raise


async def _obeyed(
    request: Request[Any, Any, Any], reading: Reading, name: str, hooks: Hooks, by: Principal
) -> Response[bytes]:
    asked = Asked(signals=reading.signals, recoveries=reading.recoveries, deeds=reading.deeds, mutes=reading.mutes)
    try:
        obeyed = await hooks.obeying.obey(asked, by)
    except Missing:
        if reading.missing is None:
            raise
        return _sent(reading.missing)
    refused = [_refused(each) for each in obeyed.refused]
    if refused:
        why = f"{len(refused)} of {len(refused) + len(obeyed.received)} alerts: {_named(refused)}"
        _log.warning("webhook_alerts_refused", webhook=name, why=why)
        await hooks.auditing.refused(by, "webhook", name, why)
    if reading.reply is not None:
        return _sent(reading.reply(obeyed.alerts))
    if refused:
        return answer({"ids": [one.alert.id for one in obeyed.received], "refused": refused, "status": "ok"}, 201)
    return received_body(request, list(obeyed.received))


def _refused(one: Refusal) -> RefusedAlert:
    return {
        "index": one.index,
        "resource": one.signal.resource[:_LONGEST],
        "event": one.signal.event[:_LONGEST],
        "code": code_of(one.error),
        "message": one.error.message,
    }


def _named(refused: Sequence[RefusedAlert]) -> str:
    texts = [f"[{one['index']}] {one['message']}" for one in refused[:MOST_NAMED]]
    return "; ".join(texts)[:_LONGEST]


async def _shaped(
    request: Request[Any, Any, Any], name: str, call: Call, hooks: Hooks, by: Principal
) -> Response[bytes]:
    """Read by a format of one's own. What came is kept, also when there is no such format yet."""
    compiled, problem = await hooks.shaping.named(name), ""
    try:
        if compiled is None:
            raise Missing(f"Custom webhook '{name}' not found.")
        ready = compiled
        signals = await _done(
            hooks,
            name,
            lambda: ready.read(content_of(call), call.query, call.received),
            aside=len(call.body) > LONG,
        )
        return await _obeyed(request, _from(Reading(signals=signals), name, hooks, by), name, hooks, by)
    except WatchbellError as error:
        problem = error.message
        raise
    finally:
        await hooks.shaping.keep(
            call_to_keep(name, call.received, call.headers.get("content-type", ""), call.query, call.body, problem)
        )


def content_of(call: Call) -> Any:
    """The body as data: JSON, or a form as an object of texts."""
    content: Any = form(call) if is_form(call) else decode(object, call.body)
    return content


async def call_of(request: Request[Any, Any, Any], clock: Clock) -> Call:
    """The request without its credentials, its body unpacked."""
    said = {
        name: values for name, values in request.query_params.dict().items() if name.lower() not in _QUERY_CREDENTIALS
    }
    headers = {name.lower(): value for name, value in request.headers.items() if name.lower() not in _CREDENTIALS}
    return Call(
        body=_unpacked(await raw_of(request), headers.get("content-encoding", "")),
        query={name: values[0] for name, values in said.items()},
        repeated={name: values for name, values in said.items() if len(values) > 1},
        received=clock.now(),
        path=str(request.path_params.get("rest", "")).strip("/"),
        headers=headers,
    )


def verify(webhook: object, call: Call, secret: Secret | None) -> None:
    """Raise `Unauthenticated` when there is a secret and the call was not signed with it."""
    if not secret:
        return
    if isinstance(webhook, Signing):
        webhook.verify(call, secret.reveal())
    else:
        standard(call, secret.reveal())


def _unpacked(body: bytes, encoding: str) -> bytes:
    if encoding.lower() not in {"gzip", "deflate"}:
        return body
    most = min(LARGEST, max(SMALL, RATIO * len(body)))
    unpacking = zlib.decompressobj(zlib.MAX_WBITS | 32)
    try:
        found = unpacking.decompress(body, most)
    except zlib.error as error:
        raise Invalid(f"cannot be unpacked: {error}", "body") from None
    if not unpacking.eof:
        raise Invalid(f"is cut off, or more than {most} bytes when it is unpacked; send smaller batches", "body")
    return found


async def _done(hooks: Hooks, name: str, work: Callable[[], T], *, aside: bool) -> T:
    """What reading gives; in a thread, with a deadline, when it may take long."""
    return await hooks.threads.run(f"The webhook {name!r}", work, hooks.patience) if aside else work()


async def _read(hooks: Hooks, call: Call, name: str) -> Reading:
    webhook = hooks.table[name]
    try:
        aside = getattr(webhook, "blocks", False) or len(call.body) > LONG
        found = await _done(hooks, name, lambda: webhook.read(call), aside=aside)
    except WatchbellError:
        raise
    except Exception as error:  # task edge: what a plug-in did not expect is its sender's to read, as with Alerta
        _log.warning("webhook_failed", webhook=name, exc_info=error)
        raise Invalid(str(error) or type(error).__name__) from error
    return found if isinstance(found, Reading) else Reading(signals=found)


def _from(reading: Reading, name: str, hooks: Hooks, by: Principal) -> Reading:
    """The same, its signals with severities of ours, and with the way that they came, for who asks later."""
    source = f"webhook/{name}"
    signals = [msgspec.structs.replace(each, source=source, user=each.user or by.login) for each in reading.signals]
    return msgspec.structs.replace(reading, signals=hooks.interpreting.all(signals))


def _sent(reply: Reply) -> Response[bytes]:
    body: bytes = reply.body if isinstance(reply.body, bytes) else msgspec.json.encode(reply.body)
    return Response(body, status_code=reply.status, media_type=media_of(reply.media_type), headers=dict(reply.headers))


routes = [receive, receive_logs]
