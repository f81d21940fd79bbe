"""What a rule would have learned in former weeks, put into the database in place of the weeks."""

import asyncio
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

from acceptance.installation import Installation
from watchbell.adapters.store.sql.store import open_store
from watchbell.domain.events.rules.baseline import ENOUGH_DAYS, HOUR, HourRow, hour_of

DAYS = ENOUGH_DAYS + 2


def define_learned(
    installation: Installation, store_url: str, rule: Mapping[str, Any], points: Sequence[float], now: datetime
) -> str:
    """Make a rule whose windows had these values at this hour, and the next, of each day of the last week; its id.

    A keeper asks for the history once an hour, so the rule is switched on when it is there.
    """
    rule_id = installation.define("rule", **{**rule, "enabled": False})
    hours = [hour_of(now) + ahead * HOUR - timedelta(days=back) for back in range(1, DAYS) for ahead in (0, 1)]
    rows = [HourRow(rule_id=rule_id, group="", hour=hour, points=sorted(points)) for hour in hours]

    async def learn() -> None:
        store = open_store(store_url)
        try:
            async with store.transaction() as tx:
                await tx.rule_history.learn(rows)
        finally:
            await store.close()

    with ThreadPoolExecutor(1) as elsewhere:  # an open browser occupies this thread's loop
        elsewhere.submit(asyncio.run, learn()).result()
    installation.call("PUT", f"/api/objects/rule/{quote(rule_id)}", {**rule, "enabled": True})
    return rule_id
