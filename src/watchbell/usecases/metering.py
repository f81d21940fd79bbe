"""Metering: how many alerts came in or were refused, and how long requests about alerts took, in this process.

These are the numbers that Alerta keeps in its database, where each request rewrites a row that all its nodes share.
Here they are sums in memory, from the start of the process on: what is scraped adds up processes by itself.
"""

from collections.abc import Sequence
from time import perf_counter

from watchbell.domain.alerts.phase import UNDER_BLACKOUT
from watchbell.domain.alerts.receive import Received
from watchbell.domain.errors import Diverted, Refused, Throttled, WatchbellError

RECEIVED = "received"
REJECTED = "rejected"
RATE_LIMITED = "ratelimited"
BLACKOUT = "blackout"


class Took:
    """How often something was done, and the milliseconds that it took in all."""

    __slots__ = ("count", "milliseconds")

    def __init__(self) -> None:
        self.count = 0
        self.milliseconds = 0.0


class Metering:
    """Adds up. `counts` are by name, and so are `times`, which have a name from the first time on."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = dict.fromkeys((REJECTED, RATE_LIMITED, BLACKOUT), 0)
        self.times: dict[str, Took] = {}

    def took(self, name: str, began: float, count: int = 1) -> None:
        """Something was done so many times, together, since `began` on the clock of `perf_counter`."""
        took = self.times.get(name) or self.times.setdefault(name, Took())
        took.count += count
        took.milliseconds += (perf_counter() - began) * 1000

    def received(self, received: Sequence[Received], began: float) -> None:
        """Alerts came in together."""
        if received:
            self.took(RECEIVED, began, len(received))
            self.counts[BLACKOUT] += sum(each.alert.status in UNDER_BLACKOUT for each in received)

    def refused(self, error: WatchbellError) -> None:
        """An alert was refused, or taken care of elsewhere; what is malformed is not counted, as Alerta does not."""
        if isinstance(error, Refused):
            self.counts[REJECTED] += 1
        elif isinstance(error, Throttled):
            self.counts[RATE_LIMITED] += 1
        elif isinstance(error, Diverted) and error.suppressed:
            self.counts[BLACKOUT] += 1
