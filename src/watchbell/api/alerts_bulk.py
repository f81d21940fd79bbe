"""The same done to all alerts that a query selects.

Everything is done before the answer, some hundreds of alerts in a transaction; there is no queue and no other service.
A request without a selection is refused: it would mean every alert that there is.
"""

from collections.abc import Awaitable
from typing import Any, Literal, NotRequired

import msgspec
from litestar import Request, Response, delete, get, put
from litestar.params import FromPath

from watchbell.api.alert_query import IGNORED, SELECTION, query_of
from watchbell.api.alerts import (
    READ,
    WRITE,
    ActionTaken,
    AttributeSet,
    StatusSet,
    TagList,
    answer,
    assignee_of,
    base_of,
    needed_attributes,
    needed_tags,
    needed_text,
    remarks,
)
from watchbell.api.auth import principal_of, requires
from watchbell.api.contract import Shape, said, told
from watchbell.api.needs import Needed
from watchbell.api.wire import mapping_of
from watchbell.domain.alerts.model import AlarmModel
from watchbell.domain.alerts.undo import GONE
from watchbell.domain.errors import Invalid, Missing
from watchbell.domain.ids import new_id
from watchbell.ports.clock import Clock
from watchbell.ports.store import Store
from watchbell.toolkit.settings import read
from watchbell.usecases.operating import Operating, Swept
from watchbell.usecases.undoing import undo_closing

MOST = 100_000
"""How many alerts one request may select."""
_SELECTS_NOTHING = IGNORED - {"q", "from-date", "to-date"}


async def _selected(request: Request[Any, Any, Any], store: Store, model: AlarmModel) -> list[str]:
    if not any(value for name, value in request.query_params.items() if name not in _SELECTS_NOTHING):
        raise Invalid("select the alerts by query parameters, as in GET /alerts; q=*:* selects all")
    async with store.reading() as tx:
        ids = await tx.reports.ids(query_of(request, model), MOST)
    if not ids:
        raise Missing("not found")
    return ids


async def _swept(work: Awaitable[Swept]) -> Response[bytes]:
    return _told_of(await work)


def _told_of(swept: Swept) -> Response[bytes]:
    body: dict[str, Any] = {"count": len(swept.updated), "status": "ok", "updated": swept.updated}
    return answer(body | ({"refused": swept.refused} if swept.refused else {}))


_SWEPT = said(count=int, updated=list[str], refused=NotRequired[dict[str, str]])


@put("/api/_bulk/alerts/status", guards=WRITE, opt=told(timer="status", body=StatusSet, query=SELECTION, answer=_SWEPT))
async def set_status(
    request: Request[Any, Any, Any], operating: Needed[Operating], store: Needed[Store], model: Needed[AlarmModel]
) -> Response[bytes]:
    """Set a status by hand."""
    body = await mapping_of(request)
    status, said, user = needed_text(body, "status"), remarks(body), principal_of(request).login
    ids = await _selected(request, store, model)
    return await _swept(operating.set_status_of_all(ids, status, user=user, **said))


@put(
    "/api/_bulk/alerts/action",
    guards=WRITE,
    status_code=202,
    opt=told(
        timer="status",
        body=ActionTaken,
        query=SELECTION,
        answer=said(message=str, refused=dict[str, str], updated=list[str]),
    ),
)
async def act(
    request: Request[Any, Any, Any], operating: Needed[Operating], store: Needed[Store], model: Needed[AlarmModel]
) -> Response[bytes]:
    """Act on the alerts; those for which it makes no sense stay as they are."""
    body = await mapping_of(request)
    action, said, user = needed_text(body, "action"), remarks(body), principal_of(request).login
    assignee, ids = assignee_of(body), await _selected(request, store, model)
    if assignee is None:
        swept = await operating.act_on_all(ids, action, user=user, **said)
    else:
        swept = await operating.assign_all(ids, assignee, user=user, text=said["text"])
    # Alerta's clients expect a task that they can ask for; ours is done when they do.
    task = f"{base_of(request)}/_bulk/task/{new_id()}"
    message = f"{len(swept.updated)} alerts queued for action"
    done = answer({"message": message, "refused": swept.refused, "status": "ok", "updated": swept.updated}, 202)
    done.headers["Location"] = task
    return done


class Undo(msgspec.Struct, frozen=True, kw_only=True):
    """What is taken back."""

    action: Literal["close"]
    """Only a closing: of all else there is an action that leads back."""


@put("/api/_bulk/alerts/undo", guards=WRITE, opt=told(timer="status", body=Undo, query=SELECTION, answer=_SWEPT))
async def undo(
    request: Request[Any, Any, Any],
    operating: Needed[Operating],
    store: Needed[Store],
    model: Needed[AlarmModel],
    clock: Needed[Clock],
) -> Response[bytes]:
    """Undo a closing: each alert has the status again that it had, and whoever had acknowledged it has it again.

    Those that nobody closed, or that changed since, stay as they are and are `refused`, as is an `id` that is gone.
    """
    read(Undo, await mapping_of(request))
    ids, user = await _selected(request, store, model), principal_of(request).login
    swept = await undo_closing(store, operating, model, ids, clock.now(), user=user)
    gone = dict.fromkeys({*request.query_params.getall("id", [])}.difference(ids), GONE)
    return _told_of(msgspec.structs.replace(swept, refused=swept.refused | gone))


@get(
    "/api/_bulk/task/{task:str}",
    guards=READ,
    opt=told(answer=Shape({"id": str, "status": Literal["success"]})),
)
async def task(task: FromPath[str]) -> Response[bytes]:
    """How far an action on many alerts is: its request was answered when it was done."""
    return answer({"id": task, "status": "success"})


@put("/api/_bulk/alerts/tag", guards=WRITE, opt=told(timer="tagged", body=TagList, query=SELECTION, answer=_SWEPT))
async def tag(
    request: Request[Any, Any, Any], operating: Needed[Operating], store: Needed[Store], model: Needed[AlarmModel]
) -> Response[bytes]:
    """Add tags."""
    tags = needed_tags(await mapping_of(request))
    return await _swept(operating.tag_all(await _selected(request, store, model), tags))


@put("/api/_bulk/alerts/untag", guards=WRITE, opt=told(timer="untagged", body=TagList, query=SELECTION, answer=_SWEPT))
async def untag(
    request: Request[Any, Any, Any], operating: Needed[Operating], store: Needed[Store], model: Needed[AlarmModel]
) -> Response[bytes]:
    """Remove tags."""
    tags = needed_tags(await mapping_of(request))
    return await _swept(operating.untag_all(await _selected(request, store, model), tags))


@put(
    "/api/_bulk/alerts/attributes",
    guards=WRITE,
    opt=told(timer="attributes", body=AttributeSet, query=SELECTION, answer=_SWEPT),
)
async def set_attributes(
    request: Request[Any, Any, Any], operating: Needed[Operating], store: Needed[Store], model: Needed[AlarmModel]
) -> Response[bytes]:
    """Merge attributes; null removes one."""
    attributes = needed_attributes(await mapping_of(request))
    return await _swept(operating.set_attributes_of_all(await _selected(request, store, model), attributes))


@delete(
    "/api/_bulk/alerts",
    guards=[requires("delete:alerts")],
    status_code=200,
    opt=told(timer="deleted", query=SELECTION, answer=said(count=int, deleted=list[str])),
)
async def remove(
    request: Request[Any, Any, Any], operating: Needed[Operating], store: Needed[Store], model: Needed[AlarmModel]
) -> Response[bytes]:
    """Delete the alerts with their history."""
    gone = await operating.delete_all(await _selected(request, store, model))
    return answer({"count": len(gone), "deleted": gone, "status": "ok"})


routes = [set_status, act, undo, task, tag, untag, set_attributes, remove]
