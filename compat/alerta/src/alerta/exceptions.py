"""What plug-ins raise, and what becomes of it: see `watchbell_alerta.refusing`."""

from typing import Any


class AlertaException(Exception):
    """Something that the caller is told, with a status code and a list of errors."""

    def __init__(self, message: str = "", code: int | None = None, errors: list[Any] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.errors = errors


class RejectException(AlertaException):
    """The alert is not wanted: 403 for one that is sent, 400 for what is done to one."""


class RateLimit(AlertaException):
    """Too many: 429."""


class HeartbeatReceived(AlertaException):
    """The alert has become a heartbeat: 202."""

    def __init__(self, id: str = "", message: str = "Alert converted to Heartbeat") -> None:  # noqa: A002 - Alerta's
        super().__init__(message)
        self.id = id


class BlackoutPeriod(AlertaException):
    """The alert falls under a blackout and is not kept: 202."""


class ForwardingLoop(AlertaException):
    """The alert has been here before: 202."""


class InvalidAction(AlertaException):
    """The action makes no sense now: 409."""


class BaseError(AlertaException):
    """What the API answers."""


class ApiError(BaseError):
    """The same."""


class NoCustomerMatch(KeyError):
    """No customer was found."""
