"""Messages that were received, kept for a while so that a format can be tried on what really came."""

from datetime import datetime, timedelta

import msgspec

PER_NAME = 20
"""Messages kept of one webhook."""
NAMES_MAX = 50
"""Webhooks that messages are kept of; what comes for further names is not kept."""
BODY_MAX = 65_536
"""Characters of a body that are kept."""
KEPT = timedelta(days=7)
APART = timedelta(seconds=1)
"""Of one webhook and one outcome, no more than one message is kept in this time: storms are not written twice."""


class ReceivedCall(msgspec.Struct, frozen=True, kw_only=True):
    """One message. No headers are kept but the content type. `problem` is '' when it was taken."""

    id: str
    name: str
    at: datetime
    content_type: str = ""
    query: dict[str, str] = {}
    body: str = ""
    problem: str = ""
