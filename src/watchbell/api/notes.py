"""Notes on alerts."""

from typing import Any, TypedDict

import msgspec
from litestar import Request, Response, delete, get, put
from litestar.params import FromPath

from watchbell.api.alerts import READ, WRITE, answer, base_of, needed_attributes
from watchbell.api.auth import principal_of
from watchbell.api.contract import Done, Pairs, Text, said, told
from watchbell.api.errors import DIVERTED
from watchbell.api.needs import Needed
from watchbell.api.paging import listed, page_of
from watchbell.api.times import Time, moment
from watchbell.api.wire import mapping_of
from watchbell.domain.alerts.note import Note
from watchbell.domain.errors import Invalid
from watchbell.usecases.noting import Noting


class NoteText(msgspec.Struct):
    """What a note is to say: `text`, or as older clients call it, `note`."""

    text: Text = None
    note: Text = None


class NoteChange(NoteText):
    """What is to be changed of a note."""

    attributes: Pairs = None
    """To merge; null removes one."""


class NoteLinks(TypedDict):
    """Where the alert is."""

    alert: str


class NoteBody(TypedDict):
    """A note on an alert."""

    _links: NoteLinks
    attributes: dict[str, Any]
    createTime: Time
    customer: str | None
    href: str
    id: str
    related: NoteLinks
    text: str
    type: str
    updateTime: Time
    user: str | None


_ONE = said(id=str, note=NoteBody)


@put(
    "/api/alert/{name:str}/note",
    guards=WRITE,
    status_code=201,
    opt=told(body=NoteText, answer=_ONE, others=DIVERTED),
)
async def add(request: Request[Any, Any, Any], name: FromPath[str], noting: Needed[Noting]) -> Response[bytes]:
    """Write a note; the history gets a line too."""
    text = _text(await mapping_of(request))
    if text is None:
        raise Invalid("must supply 'note' text")
    note = await noting.add(name, text, user=principal_of(request).login)
    base = base_of(request)
    response = answer({"id": note.id, "note": shown(note, base), "status": "ok"}, 201)
    response.headers["Location"] = f"{base}/alert/{note.alert_id}/note/{note.id}"
    return response


@get("/api/alert/{name:str}/notes", guards=READ, opt=listed("notes", NoteBody))
async def notes(request: Request[Any, Any, Any], name: FromPath[str], noting: Needed[Noting]) -> Response[bytes]:
    """A page of the notes on an alert, oldest first."""
    base = base_of(request)
    return answer(page_of(request, "notes", [shown(note, base) for note in await noting.of(name)]))


@put("/api/alert/{name:str}/note/{note_id:str}", guards=WRITE, opt=told(body=NoteChange, answer=_ONE))
async def change(
    request: Request[Any, Any, Any], name: FromPath[str], note_id: FromPath[str], noting: Needed[Noting]
) -> Response[bytes]:
    """Put another text in place of a note's, and merge attributes."""
    body = await mapping_of(request)
    attributes = needed_attributes(body) if body.get("attributes") is not None else {}
    note = await noting.change(name, note_id, _text(body), attributes)
    return answer({"id": note.id, "note": shown(note, base_of(request)), "status": "ok"})


@delete("/api/alert/{name:str}/note/{note_id:str}", guards=WRITE, status_code=200, opt=told(answer=Done))
async def dismiss(
    request: Request[Any, Any, Any], name: FromPath[str], note_id: FromPath[str], noting: Needed[Noting]
) -> Response[bytes]:
    """Delete a note; what it said stays in the history."""
    await noting.dismiss(name, note_id, user=principal_of(request).login)
    return answer({"status": "ok"})


def _text(body: dict[str, Any]) -> str | None:
    text = body.get("text") or body.get("note") or None
    if text is not None and not isinstance(text, str):
        raise Invalid("must be a string", "text")
    return text


def shown(note: Note, base: str) -> NoteBody:
    """A note as the wire has it."""
    return {
        "_links": {"alert": f"{base}/alert/{note.alert_id}"},
        "attributes": note.attributes,
        "createTime": moment(note.create_time),
        "customer": note.customer,
        "href": f"{base}/note/{note.id}",
        "id": note.id,
        "related": {"alert": note.alert_id},
        "text": note.text,
        "type": note.type,
        "updateTime": moment(note.update_time),
        "user": note.user,
    }


routes = [add, notes, change, dismiss]
