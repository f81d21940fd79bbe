"""Rows of the outbox by which plug-ins are told what has happened, written with what has happened.

Each carries the alert as it was then: later messages may follow before a plug-in is told of this one.
"""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from watchbell.domain.alerts.act import Acted
from watchbell.domain.alerts.alert import Alert
from watchbell.domain.alerts.phase import UNDER_BLACKOUT
from watchbell.domain.ids import new_id, shard_of
from watchbell.domain.signal import Signal
from watchbell.ports.store import OutboxRow

PLUGIN = "plugin"
"""Kind of the outbox row that says that plug-ins are to be told; its subject is the alert's id."""


class HookCall(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What plug-ins are told: the hook, the alert as it was, and for `post_action` what was done.

    `left` names the plug-ins that are still to be told; None is all of them.
    """

    hook: str
    alert: Alert
    action: str = ""
    text: str = ""
    timeout: int | None = None
    user: str | None = None
    left: tuple[str, ...] | None = None


_call = msgspec.json.Decoder(HookCall)


def hook_row(call: HookCall, now: datetime, *, available_at: datetime | None = None, attempts: int = 0) -> OutboxRow:
    """The row that carries a call."""
    return OutboxRow(
        # Rows of one moment are taken in order of their ids, and an alert's version grows.
        id=f"{call.alert.version:012}-{new_id()}",
        kind=PLUGIN,
        subject=call.alert.id,
        shard=shard_of(call.alert.id),
        created_at=now,
        available_at=available_at or now,
        attempts=attempts,
        body=msgspec.json.encode(call).decode(),
    )


def call_of(row: OutboxRow) -> HookCall | None:
    """What a row carries; None when it cannot be read."""
    try:
        return _call.decode(row.body or "")
    except msgspec.DecodeError:
        return None


def received_rows(received: Sequence[tuple[Alert, Signal]], now: datetime) -> list[OutboxRow]:
    """Tell plug-ins of alerts as signals left them, and of who sent each; not of what is under a blackout."""
    return [
        hook_row(HookCall(hook="post_receive", alert=alert, user=signal.user), now)
        for alert, signal in received
        if alert.status not in UNDER_BLACKOUT
    ]


def action_rows(changes: Sequence[Acted], now: datetime) -> list[OutboxRow]:
    """Tell plug-ins of the actions among the changes; what is under a blackout is nobody's to hear."""
    return [
        hook_row(
            HookCall(
                hook="post_action",
                alert=change.alert,
                action=change.performed.action,
                text=change.performed.text,
                timeout=change.performed.timeout,
                user=change.performed.user,
            ),
            now,
        )
        for change in changes
        if change.performed is not None and change.alert.status not in UNDER_BLACKOUT
    ]
