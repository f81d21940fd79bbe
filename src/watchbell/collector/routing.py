"""Which handler gets a request: paths match exactly, after they were made canonical. Nothing here fails."""

from collections.abc import Awaitable, Callable

from watchbell.collector.answers import SERVER, TEXT, Headers
from watchbell.collector.protocol import Answering, Scope

Handler = Callable[[Scope, Answering], Awaitable[None]]
"""Answers one request."""


def canonical_path(path: str) -> str:
    """The path without empty and `.` segments, `..` taken with the segment before it. A slash at the end stays."""
    kept: list[str] = []
    segments = path.split("/")
    for segment in segments[:-1]:
        if segment == "..":
            del kept[-1:]
        elif segment not in {"", "."}:
            kept.append(segment)
    last = segments[-1]
    if last == "..":
        del kept[-1:]
    return "/" + "/".join([*kept, "" if last in {".", ".."} else last])


def not_allowed(scope: Scope, proto: Answering, allowed: str, more: Headers | None = None) -> None:
    """Answers a method that the path does not have."""
    headers = [("allow", allowed), TEXT, SERVER, *(more or [])]
    proto.response_str(405, headers, f"HTTP method {scope.method} not allowed.")
