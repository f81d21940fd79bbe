"""How long things last when nobody says: alerts, acknowledgements, shelvings, heartbeats, blackouts."""

from collections.abc import Mapping

import msgspec

LONGEST_TIMEOUT = 366 * 86400


class Timeouts(msgspec.Struct, frozen=True):
    """All in seconds.

    0 is for ever, but for blackouts, which always end.
    """

    alert: int = 86400
    ack: int = 0
    shelve: int = 7200
    heartbeat: int = 86400
    blackout: int = 3600
    actions: Mapping[str, int] = {}
    """Of the installation's own actions; those that are not named last as long as the alert."""
