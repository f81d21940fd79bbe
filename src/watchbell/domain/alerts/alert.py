"""What an alert is, and what its history holds."""

from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from watchbell.domain.alerts.flapping import Flaps
from watchbell.domain.correlated import Correlated
from watchbell.domain.ids import AlertId
from watchbell.domain.signal import Signal


class Identity(NamedTuple):
    """What makes two signals speak of the same alert.

    `customer` is '' when there is none. Of an alert that a rule correlates, `resource` is the rule's key and `event` is
    empty.
    """

    environment: str
    resource: str
    event: str
    customer: str

    @property
    def subject(self) -> tuple[str, str, str]:
        """What alerts have in common that may take each other's signals: environment, resource, customer."""
        return self.environment, self.resource, self.customer


def plain_identity_of(signal: Signal) -> Identity:
    """What a signal speaks of without the rule that correlates it: an alert from before the rule is taken over."""
    return Identity(signal.environment, signal.resource, signal.event, signal.customer or "")


def identity_of(told: "Signal | Alert") -> Identity:
    """What a signal or an alert speaks of."""
    if told.correlation is None:
        return Identity(told.environment, told.resource, told.event, told.customer or "")
    return Identity(told.environment, told.correlation.subject, "", told.customer or "")


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """A de-duplicated problem.

    Times are aware, in UTC. `create_time` is the sender's clock, all others ours. `previous_status`,
    `status_before_ack` and `status_before_shelve` remember what the state machine must return to, so that receiving a
    signal never reads history. `reverts_at` is when the present acknowledgement or shelving runs out by itself, and
    `ack_reverts_at` when the acknowledgement does that a shelving covers. `flaps` is None until its severity changes.
    `inhibits` names the first inhibition whose source it is. While it is inhibited, `inhibited_by` is the id of the
    alert that does it, `inhibition` names by which, and `inhibited_until` is when that ends, known once the other is
    over. `correlation` is the rule that made it of several signals.
    `opened_at` is when the present episode began: the first time that it stood since it was new, or since the last
    episode was archived; None while there is none.
    `version` grows with every write.
    """

    id: AlertId
    environment: str
    resource: str
    event: str
    severity: str
    status: str
    correlate: tuple[str, ...] = ()
    service: tuple[str, ...] = ()
    group: str = "Misc"
    value: Any = None
    text: str = ""
    tags: tuple[str, ...] = ()
    attributes: dict[str, Any] = {}
    origin: str = ""
    type: str = "exceptionAlert"
    create_time: datetime
    timeout: int = 86400
    raw_data: Any = None
    customer: str | None = None
    duplicate_count: int = 0
    repeat: bool = False
    previous_severity: str = "indeterminate"
    trend_indication: str = "noChange"
    receive_time: datetime
    last_receive_id: str
    last_receive_time: datetime
    update_time: datetime
    previous_status: str = "open"
    status_before_ack: str = "open"
    status_before_shelve: str = "open"
    reverts_at: datetime | None = None
    ack_reverts_at: datetime | None = None
    flaps: Flaps | None = None
    inhibits: str | None = None
    inhibited_by: AlertId | None = None
    inhibition: str | None = None
    inhibited_until: datetime | None = None
    correlation: Correlated | None = None
    opened_at: datetime | None = None
    version: int = 1

    @property
    def identity(self) -> Identity:
        """The key that is unique in the store."""
        return identity_of(self)

    @property
    def flapping(self) -> bool:
        """Whether its severity changes again and again."""
        return self.flaps is not None and self.flaps.since is not None

    @property
    def inhibited(self) -> bool:
        """Whether it tells nobody because another stands that it follows from."""
        return self.inhibited_by is not None


class HistoryEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One change of an alert, by receipt time.

    `id` is the message that caused it. `at` is our clock; `sent_at` the sender's. `type` is one of new, severity,
    status, value, open, ack, unack, shelve, unshelve, close, expired, timeout, assign, note, dismiss, action,
    flapping, calm, inhibited, released, member.
    `reason` is the sentence that says which rule made the change; `config_version` the configuration that it read.
    `source` is the way that the message came, when it was one.
    """

    id: str
    alert_id: AlertId
    at: datetime
    sent_at: datetime
    event: str
    severity: str
    status: str
    value: Any = None
    text: str = ""
    type: str
    user: str | None = None
    timeout: int = 0
    reason: str = ""
    config_version: int = 0
    source: str = ""
