"""Objects of every kind with hostile text wherever a text may stand, made from the kinds themselves.

A kind that is new is covered without a line here; one that needs more than texts to be valid says so in `WANTED`.
"""

from collections.abc import Iterator, Mapping
from typing import Any, get_args, get_origin

import msgspec

from watchbell.domain.kinds import KINDS

SCRIPT = "<script>alert('1')</script>"

WANTED: Mapping[str, dict[str, Any]] = {
    "check": {"type": "command", "config": {"command": ["/bin/echo", SCRIPT]}},
    "channel": {
        "type": "webhook",
        "config": {"url": "https://kept.invalid/", "secret": SCRIPT, "headers": {"X-Note": SCRIPT}},
    },
    "policy": {"steps": []},
    "webhook": {"alert": {"resource": SCRIPT, "event": SCRIPT, "attributes": {"note": SCRIPT}}},
    "blackout": {"environment": "Production", "start": "2026-11-21T22:00:00Z", "duration": 60},
    "correlation": {"key": "resource", "alerts": {"event": SCRIPT, "tags": [SCRIPT]}},
    "inhibition": {"source": {"resource": SCRIPT, "tags": [SCRIPT]}, "target": {"event": SCRIPT, "service": [SCRIPT]}},
}
"""What an object of the kind needs to be valid."""

NAMES: Mapping[str, str] = {"webhook": "<img src=x onerror=alert(1)>"}
"""Hostile names of kinds whose names may hold no slash; all others take `SCRIPT`."""

KEPT = frozenset({"id", "name", "type", "config", "steps"})
"""Fields that are set otherwise."""


def fields_of(kind: str, text: str = SCRIPT) -> Iterator[tuple[str, Any]]:
    """Fields that may hold texts, with one hostile value for each."""
    for field in msgspec.structs.fields(KINDS[kind]):
        if field.name in KEPT:
            continue
        if field.type is str:
            yield field.encode_name, text
        elif get_origin(field.type) in {list, tuple} and get_args(field.type)[0] is str:
            yield field.encode_name, [text]
        elif get_origin(field.type) is dict:
            yield field.encode_name, {text: text}


def texts(value: Any) -> Iterator[str]:
    """Every text within a value, names included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield name
            yield from texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from texts(inner)
