"""What an event gains before it is mapped: its kept headers, what they say of the software, where its address is.

Nothing fails here: what cannot be told stays None. What nobody gave a reader for costs nothing.
"""

from watchbell.domain.events.agent import Headers, ParseUserAgent, UserAgent
from watchbell.domain.events.event import Event
from watchbell.domain.events.place import FindPlace

# Longer headers (characters) are not remembered: they are rare, and the memory would be a stranger's to fill.
_KEPT_AGENT = 1024
_HINT = "sec-ch-ua"


class Enricher:
    """Fills in what events do not say themselves. Keeps the user agents that it met, up to `agents` of them."""

    def __init__(
        self, parse_agent: ParseUserAgent | None = None, find_place: FindPlace | None = None, agents: int = 10_000
    ) -> None:
        self._parse = parse_agent
        self._find = find_place
        self._agents: dict[tuple[str, Headers], UserAgent] = {}
        self._limit = agents

    def enrich(self, event: Event, headers: Headers) -> None:
        """Fills in `headers`, `agent` and `place`."""
        event.headers = headers
        if self._parse is not None and event.user_agent is not None:
            hints = tuple([pair for pair in headers if pair[0].startswith(_HINT)]) if headers else ()
            key = (event.user_agent, hints)
            event.agent = self._agents.get(key) or self._read(self._parse, key)
        if self._find is not None:
            event.place = self._find(event.remote)

    def _read(self, parse: ParseUserAgent, key: tuple[str, Headers]) -> UserAgent:
        found = parse(*key)
        if len(key[0]) + sum(len(value) for _, value in key[1]) <= _KEPT_AGENT:
            if len(self._agents) >= self._limit:
                self._agents.clear()
            self._agents[key] = found
        return found
