"""Results become health, history and signals, on the keeper that holds the checks' shards; one batch, one transaction.

A result of a check that no longer exists, or that was judged already, counts for nothing. Losing the lease raises
`Fenced`, losing the database `Retryable`; nothing is written then, and the batch can be judged again with the same end.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import datetime

import msgspec
import structlog

from watchbell.domain.checks.health import Health
from watchbell.domain.checks.judge import judge, retire
from watchbell.domain.checks.placement import Placed
from watchbell.domain.checks.result import Result
from watchbell.domain.signal import Signal
from watchbell.ports.store import Lease, Store, Transaction
from watchbell.ports.telemetry import Telemetry

_log = structlog.get_logger("judging")

TakeSignals = Callable[[Transaction, Sequence[Signal], datetime], Awaitable[object]]
"""Applies signals to alerts, in the same transaction."""


class Verdicts(msgspec.Struct, frozen=True, kw_only=True):
    """What a batch came to: the new health of each check, the signals, and how many results counted for nothing."""

    healths: dict[str, Health] = {}
    accepted: tuple[Result, ...] = ()
    signals: tuple[Signal, ...] = ()
    refused: int = 0


def decide(
    checks: Mapping[str, Placed], healths: Mapping[str, Health], results: Iterable[Result], now: datetime
) -> Verdicts:
    """Judge a batch in the order in which the runs were due. Pure."""
    after: dict[str, Health] = {}
    accepted: list[Result] = []
    signals: list[Signal] = []
    refused = 0
    for result in sorted(results, key=lambda r: r.due):
        placed = checks.get(result.check_id)
        if placed is None:
            refused += 1
            continue
        known = after.get(result.check_id) or healths.get(result.check_id) or Health(check_id=result.check_id)
        judged = judge(placed.check, known, result, now)
        if judged.refused:
            refused += 1
            continue
        after[result.check_id] = judged.health
        accepted.append(result)
        if judged.signal is not None:
            signals.append(judged.signal)
            _log.info(
                "check_signalled",
                check=placed.check.name,
                status=result.outcome.status.value,
                severity=judged.signal.severity,
                reason=judged.reason,
            )
    return Verdicts(healths=after, accepted=tuple(accepted), signals=tuple(signals), refused=refused)


class Judging:
    """Judges batches. `take_signals` is intake's way into the alerts."""

    def __init__(self, store: Store, take_signals: TakeSignals, telemetry: Telemetry) -> None:
        self._store = store
        self._take_signals = take_signals
        self._telemetry = telemetry

    async def judge(
        self, checks: Mapping[str, Placed], results: Sequence[Result], leases: Sequence[Lease], now: datetime
    ) -> Verdicts:
        """Judge results of checks whose shards the leases hold; `checks` are the present configuration, by id."""
        async with self._store.transaction() as tx:
            await tx.leases.verify(leases)
            healths = await tx.checks.healths(sorted({result.check_id for result in results}))
            verdicts = decide(checks, healths, results, now)
            if verdicts.accepted:
                await tx.checks.save(list(verdicts.healths.values()))
                await tx.checks.add_results(verdicts.accepted)
                tx.changed("check", *verdicts.healths)
            if verdicts.signals:
                await self._take_signals(tx, verdicts.signals, now)
        self._tell(verdicts, now)
        return verdicts

    async def retire(
        self, gone: Iterable[Placed], leases: Sequence[Lease], now: datetime, reason: str, *, forget: bool = True
    ) -> None:
        """Close what stands for checks that are removed, disabled, or now speak under another name; start them afresh.

        `forget` also drops their results: for checks that no longer exist.
        """
        checks = {placed.check.id: placed.check for placed in gone}
        if not checks:
            return
        async with self._store.transaction() as tx:
            await tx.leases.verify(leases)
            healths = await tx.checks.healths(sorted(checks))
            signals = [s for h in healths.values() if (s := retire(checks[h.check_id], h, now, reason)) is not None]
            if forget:
                await tx.checks.forget(sorted(checks))
            else:
                fresh = [
                    Health(check_id=h.check_id, last_due=h.last_due, version=h.version + 1) for h in healths.values()
                ]
                await tx.checks.save(fresh)
            if signals:
                await self._take_signals(tx, signals, now)
            tx.changed("check", *checks)

    def _tell(self, verdicts: Verdicts, now: datetime) -> None:
        self._telemetry.count("check_results", len(verdicts.accepted))
        if verdicts.refused:
            self._telemetry.count("check_results_refused", verdicts.refused)
        for result in verdicts.accepted:
            self._telemetry.observe("check_lag_seconds", max((now - result.due).total_seconds() - result.duration, 0.0))
