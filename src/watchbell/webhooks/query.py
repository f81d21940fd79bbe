"""Anything that can call an address: every field of the alert stands in the query string, the body is not looked at.

`?resource=web01&event=Down&severity=critical&text=…`; by GET, too. Besides there are `environment` (Production),
`service` (QueryDefaultService; commas separate several), `group`, `value`, `tags` (commas), `origin`, `timeout`
(seconds), `customer`. A severity of `normal` closes the alert.
"""

from watchbell.domain.ids import new_id
from watchbell.domain.signal import Signal
from watchbell.ports.webhook import Call
from watchbell.toolkit.incoming import seconds, words


class Query:
    """An alert in a query string."""

    name = "query"
    title = "Query string"

    def read(self, call: Call) -> list[Signal]:
        """One signal."""
        given = call.query
        return [
            Signal(
                id=new_id(),
                environment=given.get("environment") or "Production",
                resource=given.get("resource") or "QueryDefaultResource",
                event=given.get("event") or "QueryDefaultEvent",
                severity=given.get("severity") or "major",
                service=words(given.get("service", "")) or ("QueryDefaultService",),
                group=given.get("group") or "QueryDefaultGroup",
                value=given.get("value") or None,
                text=given.get("text", ""),
                tags=words(given.get("tags", "")),
                origin=given.get("origin") or "QueryDefaultOrigin",
                create_time=call.received,
                timeout=seconds(given.get("timeout", ""), "timeout"),
                customer=given.get("customer") or None,
                raw_data=dict(given),
            )
        ]
