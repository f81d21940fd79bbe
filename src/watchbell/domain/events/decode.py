"""Any raw event, read by its kind."""

from watchbell.domain.events.browser import decode_browser
from watchbell.domain.events.event import Event, Rejection
from watchbell.domain.events.json_source import decode_batch_event, decode_json
from watchbell.domain.events.raw import RawEvent, RawKind


def decode(raw: RawEvent) -> Event | Rejection:
    """The event in `raw`, or why there is none.

    Never raises: the raw event came from a stranger and is already accepted.
    """
    match raw.kind:
        case RawKind.BROWSER:
            return decode_browser(raw)
        case RawKind.JSON:
            return decode_json(raw)
        case RawKind.BATCH:
            return decode_batch_event(raw)
