"""What plug-ins raise, as Watchbell understands it.

`RejectException` is 403 where alerts come in and 400 elsewhere, `RateLimit` 429, `InvalidAction` 409;
`HeartbeatReceived`, `BlackoutPeriod` and `ForwardingLoop` are 202. Any other `AlertaException` keeps a code below 500.
Everything else is a fault of the plug-in.
"""

from collections.abc import Generator
from contextlib import contextmanager

from alerta.exceptions import (
    AlertaException,
    BlackoutPeriod,
    ForwardingLoop,
    HeartbeatReceived,
    InvalidAction,
    RateLimit,
    RejectException,
)
from watchbell.domain.errors import Conflict, Diverted, Invalid, Missing, Refused, Throttled, WatchbellError


@contextmanager
def refusals(alert_id: str = "", *, incoming: bool = False) -> Generator[None]:
    """Turn what is raised inside into ours; `alert_id` is what the answers of a blackout and a rate limit name."""
    try:
        yield
    except AlertaException as error:
        ours = _of(error, alert_id, incoming=incoming)
        if ours is None:
            raise
        raise ours from error


def _of(error: AlertaException, alert_id: str, *, incoming: bool) -> WatchbellError | None:
    said = str(error)
    if isinstance(error, HeartbeatReceived):
        return Diverted(said, error.id)
    if isinstance(error, BlackoutPeriod):
        return Diverted(said, alert_id, suppressed=True)
    if isinstance(error, ForwardingLoop):
        return Diverted(said)
    if isinstance(error, RejectException):
        return Refused(said) if incoming else Invalid(said)
    if isinstance(error, RateLimit):
        return Throttled(said, identifier=alert_id)
    return _by_code(409 if isinstance(error, InvalidAction) else error.code, said)


def _by_code(code: int | None, said: str) -> WatchbellError | None:
    if code is None or not 400 <= code < 500:
        return None
    known: dict[int, type[WatchbellError]] = {403: Refused, 404: Missing, 409: Conflict, 429: Throttled}
    return known.get(code, Invalid)(said)
