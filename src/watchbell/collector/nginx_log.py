"""Lines of an nginx log in the format of `deploy/nginx/events-log.conf`, read as requests of the tag.

A line is a JSON array of texts: time, address, port, method, status, query, user agent, then names and values of
further headers in turn. A line that is not so becomes a raw event whose query is that line: it is rejected behind the
journal and kept with the reason, so that nothing vanishes.
"""

from collections.abc import Sequence

import msgspec

from watchbell.domain.events.raw import RawEvent, RawKind

FIELDS = 7
"""How many texts stand before the names and values of headers."""

_lines = msgspec.json.Decoder(list[list[str]])
_line = msgspec.json.Decoder(list[str])

_COUNTED = "200"
_REPEATED = "304"


class Parsed(msgspec.Struct):
    """What a piece of a log holds."""

    events: list[RawEvent]
    repeated: int = 0
    """Requests that named the known ETag: repeated by the browser, and no events."""
    others: int = 0
    """Requests by another method, or with another answer."""
    unreadable: int = 0
    """Lines in another format; they are among the events."""


def parse_log(piece: bytes, source: str, now_ms: int) -> Parsed:
    """The requests in whole lines of a log. `now_ms` stands for the time of a line that cannot be read."""
    texts = piece.split(b"\n")[:-1]
    found = Parsed([])
    for text, fields in zip(texts, _decoded(texts), strict=True):
        event = _event(fields, source, found) if fields else None
        if event is None:
            found.unreadable += 1
            event = RawEvent(RawKind.BROWSER, source, now_ms, ":0", None, text.decode("utf-8", "replace"))
        elif event is _IGNORED:
            continue
        found.events.append(event)
    return found


_IGNORED = RawEvent(RawKind.BROWSER, "", 0, "", None, "")


def _decoded(texts: Sequence[bytes]) -> Sequence[list[str] | None]:
    try:
        # One call for all is several times as fast as one for each; a single bad line takes the slow way for its piece.
        return _lines.decode(b"[" + b",".join(texts) + b"]")
    except (msgspec.DecodeError, UnicodeDecodeError):
        return [_decoded_alone(text) for text in texts]


def _decoded_alone(text: bytes) -> list[str] | None:
    try:
        # nginx leaves bytes from 0x80 as they are, also those that are no UTF-8.
        return _line.decode(text.decode("utf-8", "replace"))
    except msgspec.DecodeError:
        return None


def _event(fields: list[str], source: str, found: Parsed) -> RawEvent | None:
    """The event of a line, `_IGNORED` when the line is none and counted in `found`, None when it cannot be read."""
    if len(fields) < FIELDS:
        return None
    moment, address, port, method, status, query, agent = fields[:FIELDS]
    seconds, dot, thousandths = moment.partition(".")
    if not (seconds.isdecimal() and dot and len(thousandths) == 3 and thousandths.isdecimal()):
        return None
    if method != "GET" or status != _COUNTED:
        if method == "GET" and status == _REPEATED:
            found.repeated += 1
        else:
            found.others += 1
        return _IGNORED
    remote = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
    more = fields[FIELDS:]
    headers = tuple([pair for pair in zip(more[::2], more[1::2], strict=False) if pair[1]]) if more else ()
    received_ms = int(seconds + thousandths)
    return RawEvent(RawKind.BROWSER, source, received_ms, remote, agent or None, query, b"", headers)
