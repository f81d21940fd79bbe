"""A server of Alerta's that answers as it likes."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from watchbell.domain.alerts.alerta_model import AlertaModel
from watchbell.domain.alerts.policy import Limits
from watchbell.domain.alerts.timeouts import Timeouts
from watchbell.domain.errors import Permanent, Retryable
from watchbell.domain.roles import USUAL
from watchbell.importers.alerta import Alerta
from watchbell.importers.alerta import server as reading
from watchbell.ports.data_source import Kind, Server, Terms

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
TERMS = Terms(now=NOW, model=AlertaModel(), limits=Limits(), timeouts=Timeouts(), rules=USUAL, max_latency=2_000)
USER = {"login": "pat", "name": "Pat", "roles": ["user"], "status": "active"}


def alert(number: int, **more: Any) -> dict[str, Any]:
    heard = "2026-03-01T11:00:00.000Z"
    named = {"id": f"a{number}", "resource": f"web{number}", "event": "Down", "environment": "Production"}
    return {**named, "severity": "major", "status": "open", "lastReceiveTime": heard, "history": [], **more}


class Fake:
    """Answers pages of lists, and what `other` has for a path."""

    def __init__(self, lists: Mapping[str, list[Any]], other: Mapping[str, Any] | None = None) -> None:
        self.lists = lists
        self.other = other or {}
        self.asked: list[str] = []
        self.headers: Mapping[str, str] = {}
        self.fails: list[int | Exception] = []

    async def __call__(self, url: str, headers: Mapping[str, str]) -> tuple[int, bytes]:
        self.headers = headers
        if self.fails:
            failure = self.fails.pop(0)
            if isinstance(failure, Exception):
                raise failure
            return failure, b'{"status": "error", "message": "no, because"}'
        parts, query = urlsplit(url), parse_qs(urlsplit(url).query)
        self.asked.append(parts.path.removeprefix("/api"))
        if self.asked[-1] in self.other:
            found = self.other[self.asked[-1]]
            return 200, found if isinstance(found, bytes) else json.dumps(found).encode()
        name = "permissions" if parts.path.endswith("perms") else parts.path.rpartition("/")[2]
        rows, page, size = self.lists.get(name, []), int(query["page"][0]), int(query["page-size"][0])
        more = page * size < len(rows)
        shown = rows[(page - 1) * size : page * size]
        return 200, json.dumps({"status": "ok", name: shown, "total": len(rows), "more": more}).encode()


def source(fake: Fake, url: str = "http://127.0.0.1/api/", key: str = "k") -> Any:
    return Alerta().server(Server(url=url, key=key), TERMS, fake)


async def read(fake: Fake, kind: Kind = "alert") -> list[Any]:
    return [row async for row in source(fake).read(kind)]


@pytest.fixture(autouse=True)
def small_pages(monkeypatch):
    monkeypatch.setattr(reading, "PAGE_SIZE", 3)


async def test_all_pages_are_read_with_the_key(monkeypatch):
    fake = Fake({"alerts": [alert(number) for number in range(8)]})
    assert [row.id for row in await read(fake)] == [f"a{number}" for number in range(8)]
    assert fake.asked == ["/alerts"] * 3
    assert fake.headers["Authorization"] == "Key k"
    await source(fake, key="").expected(("alert",))
    assert "Authorization" not in fake.headers


async def test_how_many_there_are_is_asked_for_the_kinds_that_are_wanted():
    fake = Fake({"alerts": [alert(1)], "permissions": [{}] * 4})
    assert await source(fake).expected(("role", "alert", "history", "note")) == {"role": 4, "alert": 1}
    assert fake.asked == ["/perms", "/alerts"]


async def test_notes_are_asked_for_only_where_there_may_be_some():
    note = {
        "id": "n1",
        "text": "seen",
        "type": "alert",
        "createTime": "2026-03-01T11:00:00.000Z",
        "related": {"alert": "a1"},
    }
    history = [
        {"id": "n1", "type": "note", "updateTime": "2026-03-01T11:00:00.000Z", "event": "Down", "status": "open"}
    ]
    fake = Fake({"alerts": [alert(1, history=history), alert(2)]}, {"/alert/a1/notes": {"notes": [note, {"id": 5}]}})
    first, refused, second = await read(fake)
    assert [one.text for one in first.thing.notes] == ["seen"]
    assert (refused.kind, second.thing.notes) == ("note", ())
    assert fake.asked == ["/alerts", "/alert/a1/notes"]


async def test_entries_of_one_time_come_in_the_order_in_which_they_happened():
    at, later = "2026-03-01T11:00:00.000Z", "2026-03-01T11:00:01.000Z"
    history = [{"type": kind, "status": "open", "updateTime": at} for kind in ("ack", "new")]
    history.append({"type": "close", "status": "closed", "updateTime": later})
    (row,) = await read(Fake({"alerts": [alert(1, history=history)]}))
    assert [entry.type for entry in row.thing.history] == ["new", "ack", "close"]
    found = await read(Fake({"alerts": [alert(1, history="none"), alert(2, history=["odd", {"updateTime": 5}])]}))
    assert [(type(one).__name__, one.kind) for one in found] == [
        ("Refused", "alert"),
        ("Row", "alert"),
        ("Refused", "history"),
        ("Refused", "history"),
    ]


async def test_members_of_groups_are_asked_for():
    fake = Fake(
        {"groups": [{"id": "g/1", "name": "Night", "text": None}]}, {"/group/g%2F1/users": {"users": [{"id": "u1"}, 7]}}
    )
    (group,) = await read(fake, "group")
    assert group.thing.members == ("u1",)


async def test_rows_that_are_none_are_refused_and_others_follow():
    rows = ["text", None, {"id": 7}, {"id": "u2", **USER, "roles": "admin"}, {"id": "u3", **USER}]
    found = await read(Fake({"users": rows}), "user")
    assert [(type(row).__name__, row.id) for row in found] == [
        ("Refused", ""),
        ("Refused", ""),
        ("Refused", ""),
        ("Refused", "u2"),
        ("Row", "u3"),
    ]
    assert found[3].reason == "roles: Expected array | null, got str"


async def test_half_characters_cannot_hide_in_a_text():
    answer = b'{"total": 1, "users": [{"id": "u1", "login": "pat", "roles": ["user"], "text": "\\ud800"}]}'
    (row,) = await read(Fake({}, {"/users": answer}), "user")
    assert row.thing.profile.text == "?"


async def test_what_moved_while_it_was_read_is_said():
    fake = Fake({}, {"/alerts": {"alerts": [alert(1)], "total": 3, "more": False}})
    _, told = await read(fake)
    assert told.reason == "2 of them moved while they were read. Import again: what is there is not doubled"


async def test_a_server_that_fails_is_asked_again_a_few_times():
    fake = Fake({"alerts": [alert(1)]})
    fake.fails = [Retryable("gone"), 502]
    assert [row.id for row in await read(fake)] == ["a1"]
    fake.fails = [Retryable("gone")] * 3
    with pytest.raises(Retryable, match=r"cannot read from http://127\.0\.0\.1/api: gone"):
        await read(fake)
    fake.fails = [502] * 3
    with pytest.raises(Permanent, match=r"answered 502 when asked for alerts\. no, because"):
        await read(fake)


async def test_a_key_that_may_not_says_what_to_do():
    fake = Fake({})
    fake.fails = [403]
    with pytest.raises(
        Permanent, match=r"does not let this key read users \(no, because\). Use a key that has the scope"
    ):
        await source(fake).expected(("user",))


@pytest.mark.parametrize("answer", [b"<html>", b"[1]", b"{}", b"[" * 100_000, b'{"users": {}}', b"\xff"])
async def test_what_is_no_server_of_alertas_is_said(answer):
    with pytest.raises(Permanent, match="is no server of Alerta's"):
        await read(Fake({}, {"/users": answer}), "user")


@pytest.mark.parametrize("url", ["", "alerta.example.org", "ftp://x/api", "http://", "http://me:secret@x/api"])
def test_what_is_no_address_is_said(url):
    with pytest.raises(Permanent, match="no address of a server") as refusal:
        source(Fake({}), url)
    assert "secret" not in str(refusal.value)
