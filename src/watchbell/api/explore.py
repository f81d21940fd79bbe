"""`/api/events/archive` and `/api/events/queries`: questions about the events of the past.

The answer to a question comes on the connection that asked: whole, or as server-sent events with what is done so far.
Who closes the connection stops the work. So it makes no difference which of several API processes was asked.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Mapping
from typing import Any, Literal, TypedDict, cast

import msgspec
from litestar import Request, Response, get, post
from litestar.response import Stream

from watchbell.api.auth import requires
from watchbell.api.client_config import ClientConfig
from watchbell.api.contract import Number, Parameter, Seconds, said, told
from watchbell.api.event_answers import AnyAnswer
from watchbell.api.needs import Needed
from watchbell.api.times import Time, moment
from watchbell.api.wire import mapping_of, number_of, ok, time_of
from watchbell.domain.errors import Fault, Faulty, Invalid, Missing, WatchbellError
from watchbell.domain.events.accounts import NodeBooks
from watchbell.domain.events.question import (
    FIELDS,
    MAX_CONDITIONS,
    MAX_STEPS,
    Answer,
    Condition,
    Question,
    check_question,
    parse_condition,
)
from watchbell.domain.events.rules.part import moment_of
from watchbell.ports.books import Books
from watchbell.ports.clock import Clock
from watchbell.usecases.exploring import Exploring
from watchbell.usecases.inspecting import Inspecting

HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
KEEP_ALIVE = 10.0
"""Seconds after which a sign of life is sent while nothing is known of the progress."""
DEFAULT_LAST_S = 86_400


class FieldKind(TypedDict):
    """A field that can be asked for."""

    name: str
    type: Literal["text", "number", "truth"]


class Account(TypedDict):
    """What became of the events of one source at one collector, as numbers of events."""

    node: str
    source: str
    received: int
    stored: int
    rejected: int
    dropped: int
    discarded: int


class NodeAccount(TypedDict):
    """What a collector says of all of its events: accepted = received + lost + waiting; refused is beside that."""

    node: str
    at: Time
    accepted: int
    received: int
    lost: int
    waiting: int
    refused: int
    damaged: int


class RejectedEvent(TypedDict):
    """One event that was not taken, with the reason and its request."""

    at: Time
    reason: str
    detail: str
    mapping: str
    source: str
    request: dict[str, str]
    """As it came: `query`, `body`, `user_agent`, `remote`."""


class SentQuestion(msgspec.Struct, rename="camel", kw_only=True):
    """A question; besides, what its kind asks for: `by`, `measure`, `field`, `steps`, `party`, `limit` and so on."""

    ask: Literal["counts", "top", "numbers", "funnel", "sessions", "records"]
    from_: Time | None = msgspec.field(default=None, name="from")
    to: Time | None = None
    last: Seconds = None
    """Up to now, or up to `to`: so many seconds."""
    where: list[str | Condition] = []
    """Conditions such as `event_type=checkout`; all must hold."""


LIMIT = Number(name="limit", about="How many at most.", default=100, most=1000)
REASON = Parameter(name="reason", about="Only those with this reason.")


@get(
    "/api/events/archive",
    guards=[requires("read:events")],
    opt=told(
        answer=said(
            missing=str,
            oldest=Time | None,
            newest=Time | None,
            keepDays=int,
            fields=list[FieldKind],
            collectorUrl=str,
        )
    ),
)
async def archive(exploring: Needed[Exploring], client_config: Needed[ClientConfig]) -> dict[str, Any]:
    """What can be asked: since when, which fields; or why nothing can be asked."""
    state = await exploring.state()
    return ok(
        missing=state.missing,
        oldest=moment(moment_of(state.oldest_ms)) if state.oldest_ms is not None else None,
        newest=moment(moment_of(state.newest_ms)) if state.newest_ms is not None else None,
        keepDays=state.keep_days,
        fields=[{"name": name, "type": kind} for name, kind in FIELDS.items()],
        collectorUrl=client_config.collector_url,
    )


@post(
    "/api/events/queries",
    guards=[requires("read:events")],
    status_code=200,
    opt=told(body=SentQuestion, answer=said(answer=AnyAnswer)),
)
async def ask(
    request: Request[Any, Any, Any], exploring: Needed[Exploring], clock: Needed[Clock]
) -> Response[dict[str, Any]] | Stream:
    """Ask a question: `ask` is `counts`, `top`, `numbers`, `funnel`, `sessions` or `records`.

    The time is `from` and `to`, or `last` in seconds; `where` a list of conditions such as `event_type=checkout`.
    With `Accept: text/event-stream` the answer is events: `progress`, then `answer` or `error`.
    """
    question = read_question(await mapping_of(request), int(clock.now().timestamp() * 1000))
    check_question(question)
    if "text/event-stream" in request.headers.get("accept", ""):
        return Stream(_streamed(exploring, question), media_type="text/event-stream", headers=HEADERS)
    answer = await _unless_left(request, exploring, question)
    return Response(ok(answer=answer), headers={"Cache-Control": "no-store"})


@get(
    "/api/events/accounts",
    guards=[requires("read:events")],
    opt=told(answer=said(accounts=list[Account], nodes=list[NodeAccount], missing=str)),
)
async def accounts(books: Needed[Books], inspecting: Needed[Inspecting]) -> dict[str, Any]:
    """What became of every event, by collector and source; `missing` says why nothing is known.

    `nodes` has of each collector: accepted = received + lost + waiting; refused is beside that.
    """
    heard = await inspecting.books()
    found = {node.node: node.sources for node in heard}
    missing = ""
    try:
        for node, sources in (await books.accounts()).items():
            found.setdefault(node, sources)
    except Missing as error:
        missing = "" if heard else error.message
    rows: list[Account] = [
        {
            "node": node,
            "source": source,
            "received": book.received,
            "stored": book.stored,
            "rejected": book.rejected,
            "dropped": book.dropped,
            "discarded": book.discarded,
        }
        for node, sources in sorted(found.items())
        for source, book in sorted(sources.items())
    ]
    return ok(accounts=rows, nodes=[_node(node) for node in heard], missing=missing)


def _node(books: NodeBooks) -> NodeAccount:
    return {
        "node": books.node,
        "at": moment(moment_of(books.at_ms)),
        "accepted": books.accepted,
        "received": books.received,
        "lost": books.lost,
        "waiting": books.waiting,
        "refused": books.refused,
        "damaged": books.damaged,
    }


@get(
    "/api/events/rejected",
    guards=[requires("read:events")],
    opt=told(
        query=(REASON, LIMIT),
        answer=said(rejected=list[RejectedEvent], reasons=dict[str, int], trimmed=int, missing=str),
    ),
)
async def rejected(request: Request[Any, Any, Any], books: Needed[Books]) -> dict[str, Any]:
    """The newest rejected events with the reason and the request: `reason`, `limit`; `trimmed` older ones are gone."""
    try:
        found = await books.rejected(request.query_params.get(REASON.name, ""), number_of(request, LIMIT))
    except Missing as error:
        return ok(rejected=[], reasons={}, trimmed=0, missing=error.message)
    rows: list[RejectedEvent] = [
        {
            "at": moment(moment_of(one.received_ms)),
            "reason": one.reason,
            "detail": one.detail,
            "mapping": one.mapping,
            "source": one.source,
            "request": one.request,
        }
        for one in found.events
    ]
    return ok(rejected=rows, reasons=found.reasons, trimmed=found.trimmed, missing="")


def read_question(body: Mapping[str, Any], now_ms: int) -> Question:
    """The question in a body.

    Raises:
        Invalid: with the field and the reason.
    """
    given = dict(body)
    start, end, last = given.pop("from", None), given.pop("to", None), given.pop("last", None)
    end_ms = _millis(end, "to") if end is not None else now_ms
    if start is not None:
        start_ms = _millis(start, "from")
    else:
        if last is not None and (isinstance(last, bool) or not isinstance(last, int | float) or not 0 < last < 4e7):
            raise Invalid("must be a number of seconds", "last")
        start_ms = end_ms - int((last or DEFAULT_LAST_S) * 1000)
    given |= {"startMs": start_ms, "endMs": end_ms, "where": _conditions(given.get("where", []), "where")}
    if isinstance(given.get("steps"), list):
        if len(given["steps"]) > MAX_STEPS:
            raise Invalid(f"must be 2 to {MAX_STEPS}", "steps")
        given["steps"] = [_step(step, number) for number, step in enumerate(given["steps"])]
    try:
        return msgspec.convert(given, Question)
    except msgspec.ValidationError as error:
        raise Invalid(str(error), "question") from None


def _millis(text: Any, field: str) -> int:
    if not isinstance(text, str):
        raise Invalid("must be a time such as 2026-11-21T08:00:00.000Z", field)
    return round(time_of(text, field).timestamp() * 1000)


def _conditions(given: Any, field: str) -> list[Any]:
    """Conditions as texts or as objects."""
    if not isinstance(given, list):
        raise Invalid("must be a list of conditions", field)
    if len(cast("list[Any]", given)) > MAX_CONDITIONS:
        raise Invalid(f"has more than {MAX_CONDITIONS} conditions", field)
    found: list[Any] = []
    faults: list[Fault] = []
    for number, one in enumerate(cast("list[Any]", given)):
        try:
            found.append(msgspec.to_builtins(parse_condition(one)) if isinstance(one, str) else one)
        except Invalid as error:
            faults.append(Fault(field=f"{field}.{number}", reason=error.reason))
    if faults:
        raise Faulty(faults)
    return found


def _step(step: Any, number: int) -> Any:
    """A step: conditions, or an object with a name and conditions."""
    field = f"steps.{number}.where"
    if isinstance(step, list):
        return {"where": _conditions(step, field)}
    if isinstance(step, dict) and "where" in step:
        given = cast("dict[str, Any]", step)
        return given | {"where": _conditions(given["where"], field)}
    return cast("Any", step)


async def _unless_left(request: Request[Any, Any, Any], exploring: Exploring, question: Question) -> Answer:
    """The answer; the work stops when the caller closes the connection."""
    asking = asyncio.create_task(exploring.ask(question, lambda _: None))
    leaving = asyncio.create_task(_left(request))
    try:
        await asyncio.wait({asking, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not asking.done():
            asking.cancel()
        return await asking
    finally:
        for task in (asking, leaving):
            task.cancel()
        await asyncio.gather(asking, leaving, return_exceptions=True)


async def _left(request: Request[Any, Any, Any]) -> None:
    message: Any = {}
    while message.get("type") != "http.disconnect":
        message = await request.receive()


async def _streamed(exploring: Exploring, question: Question) -> AsyncGenerator[bytes]:
    news: asyncio.Queue[float] = asyncio.Queue()
    asking = asyncio.create_task(exploring.ask(question, news.put_nowait))
    try:
        yield _frame("progress", {"done": None})
        while not asking.done():
            told = asyncio.create_task(news.get())
            await asyncio.wait({asking, told}, timeout=KEEP_ALIVE, return_when=asyncio.FIRST_COMPLETED)
            if told.done():
                yield _frame("progress", {"done": told.result()})
            else:
                told.cancel()
                if not asking.done():
                    yield b": still here\n\n"
        yield _frame(*_outcome(asking))
    finally:
        asking.cancel()
        with contextlib.suppress(asyncio.CancelledError, WatchbellError):
            await asking


def _outcome(asking: "asyncio.Task[Answer]") -> tuple[str, dict[str, Any]]:
    error = asking.exception()
    if error is None:
        return "answer", asking.result()
    if isinstance(error, WatchbellError):
        return "error", {"message": error.message}
    raise error


def _frame(event: str, data: Any) -> bytes:
    return f"event: {event}\ndata: ".encode() + msgspec.json.encode(data) + b"\n\n"


routes = [archive, ask, accounts, rejected]
