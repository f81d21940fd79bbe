"""The default record: what an event becomes when nothing else is configured. Its schema is Divolte's, field for field.

Mapping cannot fail: whatever the event does not say is null, except that an event without a type is of type `unknown`.
"""

from collections.abc import Callable
from typing import Any, Final

import msgspec

from watchbell.domain.events.event import Event

_NULLABLE_STRINGS_OF_AGENT = (
    "userAgentString",
    "userAgentName",
    "userAgentFamily",
    "userAgentVendor",
    "userAgentType",
    "userAgentVersion",
    "userAgentDeviceCategory",
    "userAgentOsFamily",
    "userAgentOsVersion",
    "userAgentOsVendor",
)


def _field(name: str, kind: str, *, nullable: bool = False) -> dict[str, Any]:
    return {"name": name, "type": ["null", kind], "default": None} if nullable else {"name": name, "type": kind}


DEFAULT_SCHEMA: Final[dict[str, Any]] = {
    "namespace": "io.divolte.record",
    "type": "record",
    "name": "DefaultEventRecord",
    "fields": [
        _field("detectedDuplicate", "boolean"),
        _field("detectedCorruption", "boolean"),
        _field("firstInSession", "boolean"),
        _field("timestamp", "long"),
        _field("clientTimestamp", "long"),
        _field("remoteHost", "string"),
        _field("referer", "string", nullable=True),
        _field("location", "string", nullable=True),
        _field("viewportPixelWidth", "int", nullable=True),
        _field("viewportPixelHeight", "int", nullable=True),
        _field("screenPixelWidth", "int", nullable=True),
        _field("screenPixelHeight", "int", nullable=True),
        _field("partyId", "string", nullable=True),
        _field("sessionId", "string", nullable=True),
        _field("pageViewId", "string", nullable=True),
        {"name": "eventType", "type": "string", "default": "unknown"},
        *[_field(name, "string", nullable=True) for name in _NULLABLE_STRINGS_OF_AGENT],
    ],
}
"""The Avro schema, 26 fields."""

Record = dict[str, Any]
"""One typed record: field name → value, as the schema has it."""


class UserAgent(msgspec.Struct, frozen=True, kw_only=True):
    """What a `User-Agent` header says. What cannot be told is None."""

    name: str | None = None
    family: str | None = None
    vendor: str | None = None
    type: str | None = None
    version: str | None = None
    device_category: str | None = None
    os_family: str | None = None
    os_version: str | None = None
    os_vendor: str | None = None


ParseUserAgent = Callable[[str], UserAgent]
"""Reads a `User-Agent` header. Must be quick for a string that was seen before."""

# Longer headers (characters) are not remembered: they are rare, and the memory would be a stranger's to fill.
_KEPT_AGENT = 1024

_NO_AGENT: Record = dict.fromkeys(_NULLABLE_STRINGS_OF_AGENT)


class DefaultMapping:
    """Maps events to default records. Keeps the fields of each user agent that it met, up to `agents` of them."""

    schema = DEFAULT_SCHEMA

    def __init__(self, parse_user_agent: ParseUserAgent, agents: int = 10_000) -> None:
        self._parse = parse_user_agent
        self._agents: dict[str, Record] = {}
        self._limit = agents

    def record(self, event: Event) -> Record:
        """The record of one event."""
        return {
            "detectedDuplicate": event.duplicate,
            "detectedCorruption": event.corrupt,
            "firstInSession": event.first_in_session,
            "timestamp": event.received_ms,
            "clientTimestamp": event.client_ms,
            "remoteHost": event.remote,
            "referer": event.referer,
            "location": event.location,
            "viewportPixelWidth": event.viewport_width,
            "viewportPixelHeight": event.viewport_height,
            "screenPixelWidth": event.screen_width,
            "screenPixelHeight": event.screen_height,
            "partyId": event.party_id,
            "sessionId": event.session_id,
            "pageViewId": event.page_view_id,
            "eventType": "unknown" if event.event_type is None else event.event_type,
            **self._agent(event.user_agent),
        }

    def _agent(self, header: str | None) -> Record:
        if header is None:
            return _NO_AGENT
        known = self._agents.get(header)
        if known is None:
            known = _agent_fields(header, self._parse(header))
            if len(header) <= _KEPT_AGENT:
                if len(self._agents) >= self._limit:
                    self._agents.clear()
                self._agents[header] = known
        return known


def _agent_fields(header: str, agent: UserAgent) -> Record:
    return {
        "userAgentString": header,
        "userAgentName": agent.name,
        "userAgentFamily": agent.family,
        "userAgentVendor": agent.vendor,
        "userAgentType": agent.type,
        "userAgentVersion": agent.version,
        "userAgentDeviceCategory": agent.device_category,
        "userAgentOsFamily": agent.os_family,
        "userAgentOsVersion": agent.os_version,
        "userAgentOsVendor": agent.os_vendor,
    }
