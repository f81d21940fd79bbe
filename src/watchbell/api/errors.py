"""Every error of the API in one shape, made in one place: `{status, message, code, errors, requestId}`.

What the inside raises is mapped by type; nothing of an unexpected error reaches the caller but its request id, which
the log has too.
"""

from http import HTTPStatus
from typing import Any, Literal, NotRequired, TypedDict

import msgspec
import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException

from watchbell.domain.errors import (
    CodeNeeded,
    Conflict,
    Diverted,
    Faulty,
    Fenced,
    Forbidden,
    Invalid,
    Missing,
    Overloaded,
    Permanent,
    Refused,
    Retryable,
    StepNeeded,
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


class FieldError(TypedDict):
    """What is wrong with one field."""

    field: str
    """Where, as `config.url` or `steps.0.where`."""
    reason: str
    """Why."""
    fix: str
    """What would be right; empty when there is no saying."""


class ErrorBody(TypedDict):
    """Every answer that is no success."""

    status: Literal["error"]
    message: str
    code: int
    """The HTTP status."""
    errors: list[FieldError | str] | None
    """All that is wrong, when it is known field by field."""
    requestId: str
    """What the log has it under."""
    id: NotRequired[str]
    """Of the alert that a plug-in has no room for now."""


_log = structlog.get_logger("api")


def body(request: Request[Any, Any, Any], message: str, code: int, errors: list[Any] | None = None) -> ErrorBody:
    """The error body, as Alerta's clients know it."""
    request_id = request.scope["state"].get("request_id", "")
    return {"status": "error", "message": message, "code": code, "errors": errors, "requestId": request_id}


def answer(
    request: Request[Any, Any, Any], message: str, code: int, errors: list[Any] | None = None, **headers: str
) -> Response[bytes]:
    """An answer with the error body."""
    return _sent(body(request, message, code, errors), headers)


def _sent(content: ErrorBody, headers: dict[str, str]) -> Response[bytes]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(
        msgspec.json.encode(content), status_code=content["code"], media_type="application/json", headers=named
    )


class DivertedBody(TypedDict):
    """A plug-in has taken care of it, and nothing else was done."""

    status: Literal["ok"]
    message: str
    id: NotRequired[str]
    """Of what it made of it."""


DIVERTED = {202: DivertedBody}
"""What routes answer besides that ask plug-ins."""


def code_of(error: WatchbellError) -> int:
    """The HTTP status of one of ours."""
    return next((code for cls, code in CODES.items() if isinstance(error, cls)), 500)


def on_watchbell_error(request: Request[Any, Any, Any], error: WatchbellError) -> Response[bytes]:
    """Map one of ours."""
    if isinstance(error, Diverted):
        return diverted(error)
    code = code_of(error)
    headers: dict[str, str] = {}
    if code in {429, 503}:
        headers["Retry_After"] = str(max(1, round(getattr(error, "retry_after", 0) or 1)))
    errors: list[Any] | None = None
    if isinstance(error, InvalidSettings):
        errors = [msgspec.structs.asdict(problem) for problem in error.problems]
    elif isinstance(error, Faulty):
        errors = [msgspec.structs.asdict(fault) for fault in error.faults]
    elif isinstance(error, CodeNeeded):
        errors = [{"field": "code", "reason": error.reason, "fix": "see your telephone, or use a recovery code"}]
    elif isinstance(error, StepNeeded):
        errors = [{"field": error.field, "reason": "is required", "fix": error.fix}]
    elif isinstance(error, Conflict) and error.field:
        errors = [{"field": error.field, "reason": error.message, "fix": ""}]
    elif isinstance(error, Invalid) and error.field:
        errors = [{"field": error.field, "reason": error.reason, "fix": ""}]
    told = body(request, error.message, code, errors)
    if isinstance(error, Throttled) and error.identifier:
        told["id"] = error.identifier
    return _sent(told, headers)


def diverted(error: Diverted) -> Response[bytes]:
    """What Alerta's clients expect when a plug-in has taken care of an alert."""
    told: DivertedBody = {"status": "ok", "message": error.message}
    if error.identifier:
        told["id"] = error.identifier
    return Response(msgspec.json.encode(told), status_code=202, media_type="application/json")


def on_http_error(request: Request[Any, Any, Any], error: HTTPException) -> Response[bytes]:
    """Map one of the framework's."""
    headers = {name.replace("-", "_"): value for name, value in (error.headers or {}).items()}
    message = error.detail or "error"
    faults = _faults(error.extra)
    if faults is None and error.status_code in {404, 405}:
        # Alerta says so when it has no such route; what is not there of its own has no list.
        faults = [f"{error.status_code} {HTTPStatus(error.status_code).phrase}: {message}"]
    return answer(request, message, error.status_code, faults, **headers)


def _faults(extra: Any) -> list[Any] | None:
    """What the framework found wrong, as ours is."""
    if not isinstance(extra, list):
        return None
    found: list[dict[str, Any]] = [one for one in extra if isinstance(one, dict)]  # pyright: ignore[reportUnknownVariableType]
    return [{"field": str(one.get("key", "")), "reason": str(one.get("message", "")), "fix": ""} for one in found]


def on_unexpected(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """Log it whole, and tell the caller where to look."""
    request_id = request.scope["state"].get("request_id", "")
    _log.error("request_failed", request_id=request_id, path=request.url.path, exc_info=error)
    return answer(request, "An internal error has occurred!", 500, [f"see the log for request {request_id}"])
