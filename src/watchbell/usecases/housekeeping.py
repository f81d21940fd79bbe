"""Housekeeping when somebody asks for it: archives and deletes what has been over for long enough.

Keepers do the same by themselves.
"""

from datetime import timedelta

import msgspec

from watchbell.domain.alerts.model import AlarmModel
from watchbell.domain.errors import Invalid
from watchbell.ports.clock import Clock
from watchbell.ports.store import Store
from watchbell.usecases.alerting import Alerting, Retained

ROUNDS = 1_000  # batches in one call
LONGEST = timedelta(days=3650)


class Housekeeping:
    """Deletes closed, expired and informational alerts. `retained` is what is kept unless the caller says."""

    def __init__(self, store: Store, clock: Clock, model: AlarmModel, retained: Retained | None = None) -> None:
        self._store = store
        self._clock = clock
        self._model = model
        self._retained = retained or Retained()

    async def run(self, closed_hours: float | None = None, informational_hours: float | None = None) -> int:
        """Delete what is older than that, 0 keeping everything; returns how many alerts went.

        Raises:
            Invalid: the hours are out of bounds.
        """
        # Who asks for it now waits for nobody's change of mind.
        retained = msgspec.structs.replace(
            self._retained,
            undone=0,
            **_seconds("closed", "expired", closed_hours),
            **_seconds("informational", "info", informational_hours),
        )
        alerting = Alerting(self._store, self._model, retained)
        now, gone = self._clock.now(), 0
        for _ in range(ROUNDS):
            deleted = await alerting.delete_old((), now)
            gone += deleted
            if not deleted:
                break
        for _ in range(ROUNDS):
            if not await alerting.settle((), now):
                break
        return gone


def _seconds(field: str, parameter: str, hours: float | None) -> dict[str, float]:
    if hours is None:
        return {}
    if not 0 <= hours <= LONGEST / timedelta(hours=1):
        raise Invalid("must be a number of hours, at most ten years", parameter)
    return {field: hours * 3600}
