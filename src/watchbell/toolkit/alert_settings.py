"""What becomes of alerts: the sections `alerts` and `flapping` of the settings."""

from watchbell.domain.alerts.timeouts import Timeouts
from watchbell.toolkit.settings import Settings


class Alerts(Settings, frozen=True):
    """What alerts have when their senders do not say, and what is let in."""

    timeout: int = 86400
    """Seconds after its last message that an alert expires; 0 is never."""
    ack_timeout: int = 0
    """Seconds that an acknowledgement lasts; 0 is for ever."""
    shelve_timeout: int = 7200
    """Seconds that an alert stays shelved; 0 is for ever."""
    heartbeat_timeout: int = 86400
    """Seconds without a word after which an origin's heartbeat has failed; 0 is never."""
    heartbeat_latency: int = 2000
    """Milliseconds that a heartbeat may take to arrive; beyond it its origin counts as slow."""
    blackout_duration: int = 3600
    """Seconds that a blackout lasts."""
    value_history: bool = True
    """Whether the history says when the value changed, and nothing else."""
    refused_origins: list[str] = []
    """Regular expressions; an alert whose origin begins with a match of one is refused."""

    def timeouts(self) -> Timeouts:
        """How long things last."""
        return Timeouts(
            alert=self.timeout,
            ack=self.ack_timeout,
            shelve=self.shelve_timeout,
            heartbeat=self.heartbeat_timeout,
            blackout=self.blackout_duration,
        )


class Flapping(Settings, frozen=True):
    """When an alert counts as flapping, and how often people hear of one. On-call tells once, then by digest."""

    changes: int = 5
    """Changes of severity within `window` that make an alert flap; 0 recognises none."""
    window: float = 1800
    """Seconds in which the changes are counted."""
    calm: float = 900
    """Seconds without a change after which an alert flaps no more."""
    digest: float = 3600
    """Seconds after which people hear again of an alert that goes on flapping; 0 is never."""
