"""What the audit tells of alerts: what a caller did to each, within the transaction that does it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from watchbell.domain.alerts.alert import Alert
from watchbell.ports.store import Transaction
from watchbell.usecases.auditing import entry
from watchbell.usecases.calling import caller_now


async def audited(
    tx: Transaction, now: datetime, action: str, before: Sequence[Alert], after: Sequence[Alert], text: str = ""
) -> None:
    """Write down what a caller did to alerts: one entry for each; what Watchbell does by itself is in the history."""
    caller = caller_now().principal
    if caller is None:
        return
    left = {alert.id: alert for alert in after}
    await tx.audit.add(
        [
            entry(
                now,
                caller,
                ("alert", action),
                f"{alert.environment} {alert.resource} {alert.event}",
                text,
                subject_id=alert.id,
                category="write",
                change=(_told(alert), _told(left[alert.id]) if alert.id in left else {}),
            )
            for alert in before
            if alert.id in left or action == "delete"
        ]
    )


def _told(alert: Alert) -> dict[str, Any]:
    return {name: getattr(alert, name) for name in ("severity", "status", "tags", "attributes", "timeout", "customer")}
