"""The steps of the default mapping: what an event becomes when nothing else is said. Field for field Divolte's."""

from typing import Any, Final

_OF_AGENT: Final = {
    "userAgentName": "name",
    "userAgentFamily": "family",
    "userAgentVendor": "vendor",
    "userAgentType": "type",
    "userAgentVersion": "version",
    "userAgentDeviceCategory": "device_category",
    "userAgentOsFamily": "os_family",
    "userAgentOsVersion": "os_version",
    "userAgentOsVendor": "os_vendor",
}
_VALUES: Final = {
    "detectedDuplicate": "duplicate",
    "detectedCorruption": "corrupt",
    "firstInSession": "first_in_session",
    "timestamp": "timestamp",
    "clientTimestamp": "client_timestamp",
    "remoteHost": "remote_host",
    "referer": "referer",
    "location": "location",
    "viewportPixelWidth": "viewport_width",
    "viewportPixelHeight": "viewport_height",
    "screenPixelWidth": "screen_width",
    "screenPixelHeight": "screen_height",
    "partyId": "party_id",
    "sessionId": "session_id",
    "pageViewId": "page_view_id",
    "eventType": "event_type",
    "userAgentString": "user_agent",
}

DEFAULT_STEPS: Final[list[Any]] = [
    *({"set": field, "to": {"value": name}} for field, name in _VALUES.items()),
    *({"set": field, "to": {"agent": name}} for field, name in _OF_AGENT.items()),
]
"""As a user would write them."""
