"""Which alert stands for a check or a heartbeat, so that it can be closed when what it is about goes or is renamed."""

import msgspec


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """What the newest signal of a problem spoke of. It is kept with what is known of the check or heartbeat."""

    environment: str
    resource: str
    event: str
    services: tuple[str, ...] = ()

    def elsewhere(self, other: "Said") -> bool:
        """Whether the other one is about another alert."""
        return (self.environment, self.resource, self.event) != (other.environment, other.resource, other.event)
