"""Forwarding: rows of the outbox by which other installations are told, written with what they are told of.

A destination has rows of its own kind, so that one that is away keeps nobody else's waiting. What came through a
destination is not sent there again; what was here before is refused.
"""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from watchbell.domain.alerts.act import Acted
from watchbell.domain.alerts.alert import Alert
from watchbell.domain.alerts.phase import UNDER_BLACKOUT
from watchbell.domain.errors import Diverted
from watchbell.domain.forwarding import Destination, Forward, place
from watchbell.domain.ids import new_id, shard_of
from watchbell.domain.signal import Signal
from watchbell.ports.store import OutboxRow
from watchbell.usecases.calling import caller_now

FORWARD = "forward:"
"""Kinds of outbox rows begin so; the destination's name follows. The subject is the alert's id."""

_forward = msgspec.json.Decoder(Forward)


class Forwarding(msgspec.Struct, frozen=True):
    """What this installation forwards. `own` is its API's address, '' where nobody said; then it knows no loops."""

    own: str = ""
    destinations: tuple[Destination, ...] = ()

    @property
    def wanted(self) -> bool:
        """Whether there is anybody to tell."""
        return bool(self.destinations)

    def refuse_loop(self, what: str) -> None:
        """Nothing, unless the request that is served came through here already.

        Raises:
            Diverted: it did.
        """
        via = caller_now().via
        if self.own and via and place(self.own) in via:
            raise Diverted(f"{what} forwarded by {via[-1]} already processed by {self.own}")

    def received_rows(self, received: Sequence[tuple[Alert, Signal]], now: datetime) -> list[OutboxRow]:
        """Tell of alerts as signals left them; not of what is under a blackout."""
        return [
            row
            for alert, signal in received
            if alert.status not in UNDER_BLACKOUT
            for row in self._rows(Forward(verb="alert", alert=alert, via=signal.via), alert.version, now)
        ]

    def acted_rows(self, changes: Sequence[Acted], now: datetime) -> list[OutboxRow]:
        """Tell of what people did to alerts."""
        via = caller_now().via
        found: list[OutboxRow] = []
        for change in changes:
            done, alert = change.performed, change.alert
            if done is not None and alert.status not in UNDER_BLACKOUT:
                forward = Forward(
                    verb="action", alert=alert, action=done.action, text=done.text, timeout=done.timeout, via=via
                )
                found += self._rows(forward, alert.version, now)
        return found

    def deleted_rows(self, alerts: Sequence[Alert], now: datetime) -> list[OutboxRow]:
        """Tell of what people deleted."""
        via = caller_now().via
        forwards = [Forward(verb="delete", alert=alert, via=via) for alert in alerts]
        return [row for forward in forwards for row in self._rows(forward, forward.alert.version + 1, now)]

    def _rows(self, forward: Forward, version: int, now: datetime) -> list[OutboxRow]:
        to = [
            each
            for each in self.destinations
            if each.takes(forward.verb, forward.action) and place(each.url) not in forward.via
        ]
        if not to:
            return []
        body = msgspec.json.encode(msgspec.structs.replace(forward, via=(*forward.via, place(self.own)))).decode()
        subject = forward.alert.id
        return [
            OutboxRow(
                # Rows of one moment are taken in order of their ids, and an alert's version grows.
                id=f"{version:012}-{new_id()}",
                kind=f"{FORWARD}{each.name}",
                subject=subject,
                shard=shard_of(subject),
                created_at=now,
                available_at=now,
                body=body,
            )
            for each in to
        ]


NO_FORWARDING = Forwarding()


def forward_of(row: OutboxRow) -> Forward | None:
    """What a row carries; None when it cannot be read."""
    try:
        return _forward.decode(row.body or "")
    except msgspec.DecodeError:
        return None
