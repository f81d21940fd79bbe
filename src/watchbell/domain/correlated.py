"""What an alert remembers of the rule that made it of several signals; see `watchbell.domain.alerts.correlation`."""

from datetime import datetime, timedelta

import msgspec


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """One of the problems that an alert stands for.

    `muted` is whether a blackout covered its last message and is not over; `muted_by` are the ids of those that did.
    `heard_at` is the receipt of that message. It, `service` and `timeout` (seconds, 0 for never) are None when a former
    release wrote it: those of the alert.
    """

    resource: str
    event: str
    severity: str
    text: str = ""
    muted: bool = False
    muted_by: tuple[str, ...] = ()
    service: tuple[str, ...] | None = None
    timeout: int | None = None
    heard_at: datetime | None = None

    def is_silent(self, now: datetime) -> bool:
        """Whether its sender has said nothing for longer than its time-out."""
        if self.timeout is None or self.timeout <= 0 or self.heard_at is None:
            return False
        return self.heard_at + timedelta(seconds=self.timeout) <= now


class Correlated(msgspec.Struct, frozen=True, kw_only=True):
    """The rule by its name, and the key that all signals of the alert have in common.

    `worst` is whether the alert is as bad as the worst of its `members`; they are those that have not recovered, in the
    order of their last messages. Otherwise every message speaks for the whole, and there are none.
    """

    rule: str
    key: str
    worst: bool = True
    members: tuple[Member, ...] = ()

    @property
    def subject(self) -> str:
        """What stands in an identity instead of the resource; no resource is like it, for none begins with NUL."""
        return f"\0{self.rule}\0{self.key}"
