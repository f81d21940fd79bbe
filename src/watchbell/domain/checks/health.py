"""A check's health: what stands after all its results so far."""

from datetime import datetime

import msgspec

from watchbell.domain.checks.result import Outcome, Status
from watchbell.domain.checks.said import Said


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """The state of one check.

    `status` is the newest verdict, `hard` whether it has been confirmed, `attempt` how many results in a row spoke
    like the newest (good or bad). `hard_status` is the last confirmed verdict; an alert stands while it is not OK.
    `since` is when `hard_status` began. `last_due` is the due time of the newest result judged: an older one is
    refused. `signalled_at` and `signalled_text` remember the newest signal, so that a problem is repeated neither too
    often nor never; `said` is the alert that stands, which may have another name than the check has by now.
    """

    check_id: str
    status: Status = Status.OK
    pending: bool = True
    hard: bool = True
    attempt: int = 0
    hard_status: Status = Status.OK
    since: datetime | None = None
    last_due: datetime | None = None
    last_run: datetime | None = None
    last_duration: float = 0.0
    outcome: Outcome | None = None
    signalled_at: datetime | None = None
    signalled_text: str = ""
    said: Said | None = None
    version: int = 0
