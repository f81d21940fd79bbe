"""Flapping: an alert whose severity changes again and again.

It *flaps* from the change that makes them `FlapRule.changes` within `FlapRule.window`, until it has not changed for
`FlapRule.calm`. What must be known for that is kept on the alert itself, so that no signal reads history and a restart
forgets nothing; the times at which something is due are kept too, so that a change of the rule moves none of them.
"""

from datetime import datetime, timedelta

import msgspec

FEWEST_CHANGES = 2
MOST_CHANGES = 100
LONGEST_FLAP = 30 * 86400
"""Seconds that each of the times may be."""


class FlapRule(msgspec.Struct, frozen=True, kw_only=True):
    """When an alert flaps. All but `changes` are in seconds."""

    changes: int = 5
    """So many changes of severity; 0 recognises nothing."""
    window: float = 1800
    calm: float = 900
    digest: float = 3600
    """How often people hear of one that goes on flapping; 0 is never."""


NEVER = FlapRule(changes=0)


class Flaps(msgspec.Struct, frozen=True, kw_only=True):
    """What an alert remembers.

    `times` are the last changes while it does not flap. It flaps while `since` is set; then `count` counts its changes,
    `calms_at` and `digest_at` are what is due, and `digests` counts what was. Afterwards `count` and `calm` stay, for
    who tells of it.
    """

    times: tuple[datetime, ...] = ()
    since: datetime | None = None
    count: int = 0
    calm: float = 0
    digest: float = 0
    calms_at: datetime | None = None
    digest_at: datetime | None = None
    digests: int = 0

    @property
    def due(self) -> datetime | None:
        """When to look at it again."""
        return min((time for time in (self.calms_at, self.digest_at) if time is not None), default=None)


def counted(flaps: Flaps | None, rule: FlapRule, now: datetime) -> Flaps | None:
    """After one more change of severity."""
    if not rule.changes:
        return flaps
    before = flaps or Flaps()
    if before.since is not None:
        calms_at = now + timedelta(seconds=rule.calm)
        return msgspec.structs.replace(before, count=before.count + 1, calm=rule.calm, calms_at=calms_at)
    earliest = now - timedelta(seconds=rule.window)
    times = (*(time for time in before.times if time > earliest), now)
    if len(times) < rule.changes:
        return Flaps(times=times)
    return Flaps(
        since=now,
        count=len(times),
        calm=rule.calm,
        digest=rule.digest,
        calms_at=now + timedelta(seconds=rule.calm),
        digest_at=now + timedelta(seconds=rule.digest) if rule.digest else None,
    )


def calmed(flaps: Flaps) -> Flaps:
    """It flaps no more."""
    return Flaps(count=flaps.count, calm=flaps.calm)


def digested(flaps: Flaps, now: datetime) -> Flaps:
    """Its digest is due, and the next one is `digest` seconds later."""
    return msgspec.structs.replace(
        flaps, digests=flaps.digests + 1, digest_at=now + timedelta(seconds=flaps.digest) if flaps.digest else None
    )
