"""Alerta's data out of a running server, by its API."""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, cast
from urllib.parse import quote, urlencode, urlsplit

import msgspec

from watchbell.domain.errors import Permanent, Retryable
from watchbell.importers.alerta.converting import Converting
from watchbell.ports.data_source import Fetch, Kind, Refused, Row, Server, Terms

PAGE_SIZE = 500
TRIES = 3

_LISTS: Mapping[Kind, tuple[str, str]] = MappingProxyType(
    {
        "role": ("/perms", "permissions"),
        "customer": ("/customers", "customers"),
        "user": ("/users", "users"),
        "group": ("/groups", "groups"),
        "key": ("/keys", "keys"),
        "blackout": ("/blackouts", "blackouts"),
        "heartbeat": ("/heartbeats", "heartbeats"),
        "alert": ("/alerts", "alerts"),
    }
)
# Oldest first, so that what comes meanwhile is on the last page; the rest makes the order a total one.
_ORDER = [("sort-by", name) for name in ("-createTime", "environment", "resource", "event", "customer")]
_WHOLE = [("show-history", "true"), ("show-raw-data", "true"), *_ORDER]


class ServerSource:
    """A running server. Redirects are not followed: the key goes to the address that was given, and to no other."""

    def __init__(self, server: Server, terms: Terms, fetch: Fetch) -> None:
        parts = urlsplit(server.url)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username or parts.query:
            raise Permanent("that is no address of a server; write it as https://alerta.example.org/api")
        self.title = server.url.rstrip("/")
        self._fetch = fetch
        self._headers = {"Accept": "application/json"}
        if server.key:
            self._headers["Authorization"] = f"Key {server.key}"
        self._converting = Converting(terms)

    async def expected(self, kinds: Sequence[Kind]) -> dict[Kind, int]:
        found: dict[Kind, int] = {}
        for kind in kinds:
            if kind in _LISTS:
                total = (await self._page(kind, _LISTS[kind][0], 1, 1)).get("total")
                found[kind] = total if isinstance(total, int) else 0
        return found

    async def read(self, kind: Kind) -> AsyncIterator[Row | Refused]:
        if kind not in _LISTS:
            return
        path, field = _LISTS[kind]
        page, seen, total = 1, 0, 0
        while True:
            answer = await self._page(kind, path, page, PAGE_SIZE)
            rows, total = _listed(answer, field, self.title), answer.get("total", 0)
            seen += len(rows)
            for given in rows:
                async for each in self._row(kind, given):
                    yield each
            if not rows or not answer.get("more"):
                break
            page += 1
        if isinstance(total, int) and seen < total:
            reason = f"{total - seen} of them moved while they were read. Import again: what is there is not doubled"
            yield Refused(kind=kind, id="", reason=reason)

    async def close(self) -> None:
        """Nothing is held."""

    async def _row(self, kind: Kind, given: Any) -> AsyncIterator[Row | Refused]:
        notes: list[Any] = []
        if isinstance(given, dict):
            row = cast("dict[str, Any]", given)
            if kind == "group":
                path = f"/group/{quote(str(row.get('id')), safe='')}/users"
                members = _listed(await self._get(kind, path), "users", self.title)
                given = {**row, "users": [one.get("id") for one in members if isinstance(one, dict)]}  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
            elif kind == "alert":
                given = {**row, "history": _in_order(row.get("history"))}
                if _noted(row):
                    path = f"/alert/{quote(str(row.get('id')), safe='')}/notes"
                    notes = _listed(await self._get("note", path), "notes", self.title)
        for each in self._converting.row(kind, given, notes):
            yield each

    async def _page(self, kind: Kind, path: str, page: int, size: int) -> dict[str, Any]:
        query = [("page", str(page)), ("page-size", str(size))]
        return await self._get(kind, f"{path}?{urlencode(query + (_WHOLE if kind == 'alert' else []))}")

    async def _get(self, kind: Kind, path: str) -> dict[str, Any]:
        for left in reversed(range(TRIES)):
            try:
                status, body = await self._fetch(self.title + path, self._headers)
            except Retryable as error:
                if not left:
                    raise Retryable(f"cannot read from {self.title}: {error.message}") from error
                continue
            if status < 500 or not left:
                return self._answer(kind, status, body)
        raise AssertionError  # the last try returns or raises

    def _answer(self, kind: Kind, status: int, body: bytes) -> dict[str, Any]:
        answer = _decoded(body)
        said = str(answer.get("message", ""))[:300]
        if status in {401, 403}:
            fix = f"Use a key that has the scope admin, or leave {kind}s out with --only"
            raise Permanent(f"{self.title} does not let this key read {kind}s ({said or status}). {fix}.")
        if status != 200:
            raise Permanent(f"{self.title} answered {status} when asked for {kind}s. {said}".rstrip())
        if not answer:
            raise Permanent(f"{self.title} is no server of Alerta's: its answer for {kind}s is none of Alerta's")
        return answer


def _decoded(body: bytes) -> dict[str, Any]:
    """The object; nothing when it is none."""
    try:
        answer = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError):
        # Python's own reader takes texts that are none, so that only their rows are refused.
        try:
            answer = _without_halves(json.loads(body))
        except (ValueError, RecursionError):
            return {}
    return cast("dict[str, Any]", answer) if isinstance(answer, dict) else {}


def _without_halves(value: Any) -> Any:
    """The value with a mark in place of what is half a character: no text can hold that."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {_without_halves(name): _without_halves(inner) for name, inner in value.items()}  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, list):
        return [_without_halves(inner) for inner in value]  # pyright: ignore[reportUnknownVariableType]
    return value


def _listed(answer: Mapping[str, Any], field: str, title: str) -> list[Any]:
    rows = answer.get(field)
    if not isinstance(rows, list):
        raise Permanent(f"{title} is no server of Alerta's: its answer has no list of {field}")
    return cast("list[Any]", rows)


def _in_order(history: Any) -> Any:
    """The entries, the oldest first. Alerta keeps the newest first and sorts by time, so equal times are reversed."""
    if not isinstance(history, list):
        return history
    newest_first = sorted(cast("list[Any]", history), key=_time_of, reverse=True)
    # Equal ones keep their order in that, so that the whole can be turned round.
    return newest_first[::-1]


def _time_of(entry: Any) -> str:
    at = cast("dict[str, Any]", entry).get("updateTime") if isinstance(entry, dict) else None
    return at if isinstance(at, str) else ""


def _noted(row: Mapping[str, Any]) -> bool:
    """Whether there may be notes: Alerta lists them by alert only, and a request for each would take hours."""
    history = row.get("history")
    entries = cast("list[Any]", history) if isinstance(history, list) else []
    return any(isinstance(one, dict) and cast("dict[str, Any]", one).get("type") == "note" for one in entries)
