"""Every error of the API in one shape, made in one place: `{status, message, code, errors, requestId}`.

What the inside raises is mapped by type; nothing of an unexpected error reaches the caller but its request id, which
the log has too.
"""

from typing import Any

import msgspec
import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException

from watchbell.domain.errors import (
    Conflict,
    Faulty,
    Fenced,
    Forbidden,
    Invalid,
    Missing,
    Overloaded,
    Permanent,
    Refused,
    Retryable,
    Throttled,
    Unauthenticated,
    WatchbellError,
)
from watchbell.toolkit.settings import InvalidSettings

CODES: dict[type[WatchbellError], int] = {
    Invalid: 400,
    Unauthenticated: 401,
    Throttled: 429,
    Refused: 403,
    Forbidden: 403,
    Missing: 404,
    Conflict: 409,
    Overloaded: 503,
    Fenced: 503,
    Retryable: 503,
    Permanent: 502,
}

_log = structlog.get_logger("api")


def body(request: Request[Any, Any, Any], message: str, code: int, errors: list[Any] | None = None) -> dict[str, Any]:
    """The error body, as Alerta's clients know it."""
    request_id = request.scope["state"].get("request_id", "")
    return {"status": "error", "message": message, "code": code, "errors": errors, "requestId": request_id}


def answer(
    request: Request[Any, Any, Any], message: str, code: int, errors: list[Any] | None = None, **headers: str
) -> Response[bytes]:
    """An answer with the error body."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    content = msgspec.json.encode(body(request, message, code, errors))
    return Response(content, status_code=code, media_type="application/json", headers=named)


def on_watchbell_error(request: Request[Any, Any, Any], error: WatchbellError) -> Response[bytes]:
    """Map one of ours."""
    code = next((code for cls, code in CODES.items() if isinstance(error, cls)), 500)
    headers: dict[str, str] = {}
    if code in {429, 503}:
        headers["Retry_After"] = str(max(1, round(getattr(error, "retry_after", 0) or 1)))
    errors: list[Any] | None = None
    if isinstance(error, InvalidSettings):
        errors = [msgspec.structs.asdict(problem) for problem in error.problems]
    elif isinstance(error, Faulty):
        errors = [msgspec.structs.asdict(fault) for fault in error.faults]
    elif isinstance(error, Invalid) and error.field:
        errors = [{"field": error.field, "reason": error.reason, "fix": ""}]
    return answer(request, error.message, code, errors, **headers)


def on_http_error(request: Request[Any, Any, Any], error: HTTPException) -> Response[bytes]:
    """Map one of the framework's."""
    headers = {name.replace("-", "_"): value for name, value in (error.headers or {}).items()}
    message = error.detail or "error"
    extra = error.extra if isinstance(error.extra, list) else None
    return answer(request, message, error.status_code, extra, **headers)


def on_unexpected(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """Log it whole, and tell the caller where to look."""
    request_id = request.scope["state"].get("request_id", "")
    _log.error("request_failed", request_id=request_id, path=request.url.path, exc_info=error)
    return answer(request, "An internal error has occurred!", 500, [f"see the log for request {request_id}"])
