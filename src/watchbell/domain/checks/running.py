"""Whether checks run: the answer to those who watch from outside."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from watchbell.domain.checks.check import Check
from watchbell.domain.checks.health import Health

SLACK = timedelta(seconds=30)
TOLERATED = 0.1  # part of the checks that may be late before the whole counts as not running


def running(
    checks: Iterable[Check], healths: Mapping[str, Health], keepers: int, started: datetime, now: datetime
) -> tuple[bool, str]:
    """Whether checks run, and a sentence that says why.

    Each check is measured against its own interval: it is late when its newest result (or `started`, when the process
    that answers began, if there is none) lies more than two intervals, its timeout and 30 seconds back. Late checks of
    more than a tenth, or no living keeper, mean that checks do not run. An installation without checks runs when a
    keeper lives.
    """
    if keepers == 0:
        return False, "no keeper holds a lease"
    enabled = [check for check in checks if check.enabled]
    late = [check.name for check in enabled if _late(check, healths.get(check.id), started, now)]
    if late and len(late) > TOLERATED * len(enabled):
        return False, f"{len(late)} of {len(enabled)} checks are late, first {min(late)}"
    return True, f"{len(enabled)} checks, {len(late)} late"


def _late(check: Check, health: Health | None, started: datetime, now: datetime) -> bool:
    newest = max(started, health.last_run) if health is not None and health.last_run is not None else started
    return now - newest > timedelta(seconds=2 * check.interval + check.timeout) + SLACK
