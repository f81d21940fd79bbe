"""The default record: what an event becomes when nothing else is configured. Its schema is Divolte's, field for field.

Mapping cannot fail: whatever the event does not say is null, except that an event without a type is of type `unknown`.
"""

from typing import Any, Final

from watchbell.domain.events.agent import UserAgent
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


_NOBODY = UserAgent()


class DefaultMapping:
    """Maps events to default records."""

    name = "default"
    kept = b""
    """Needs nothing."""
    schema = DEFAULT_SCHEMA
    sources: frozenset[str] = frozenset()
    """All."""
    sinks: tuple[str, ...] = ()
    """All."""
    discard_corrupted = False
    discard_duplicates = False

    def record(self, event: Event) -> Record:
        """The record of one event."""
        header, agent = event.user_agent, event.agent or _NOBODY
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
