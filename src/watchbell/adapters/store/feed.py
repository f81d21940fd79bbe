"""What a transaction changed, collected for its one row in the feed."""

LARGEST = 1000
"""More ids than this under one topic are written as `*`: whoever shows them loads the page again."""


class Noted:
    """Ids by topic, each once, in the order in which they were noted."""

    def __init__(self) -> None:
        self._topics: dict[str, dict[str, None]] = {}

    def add(self, topic: str, identifiers: tuple[str, ...]) -> None:
        """Note ids under a topic. Without an id nothing is noted."""
        if identifiers:
            self._topics.setdefault(topic, {}).update(dict.fromkeys(identifiers))

    def items(self) -> dict[str, list[str]]:
        """For each topic the ids; empty when nothing was noted."""
        return {topic: ["*"] if len(ids) > LARGEST else list(ids) for topic, ids in self._topics.items()}
