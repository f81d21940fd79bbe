"""Results become health, history and signals, on the keeper that holds the checks' shards; one batch, one transaction.

A result of a check that no longer exists or is not run any more, or that was judged already, counts for nothing. Losing
the lease raises `Fenced`, losing the database `Retryable`; nothing is written then, and the batch can be judged again
with the same end.
"""

from collections.abc import Awaitable, Callable, Container, Iterable, Mapping, Sequence
from datetime import datetime

import msgspec
import structlog

from watchbell.domain.checks.check import Check
from watchbell.domain.checks.health import Health
from watchbell.domain.checks.judge import afresh, judge, moved, retire
from watchbell.domain.checks.placement import Placed
from watchbell.domain.checks.result import Result
from watchbell.domain.ids import shard_of
from watchbell.domain.signal import Signal
from watchbell.ports.store import Lease, Store, Transaction
from watchbell.ports.telemetry import Telemetry
from watchbell.usecases.configuration import Configuration, Configured

_log = structlog.get_logger("judging")

REMOVED = "The check was removed"
RENAMED = "The check was disabled or renamed"

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
        if placed is None or not placed.check.enabled:
            refused += 1
            continue
        known = after.get(result.check_id) or healths.get(result.check_id) or Health(check_id=result.check_id)
        judged = judge(placed.check, known, result, now)
        if judged.refused:
            refused += 1
            continue
        if moved(placed.check, known) and (ended := retire(known, now, RENAMED, placed.check)) is not None:
            signals.append(ended)
            judged = judge(placed.check, afresh(known), result, now)
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
        self, configured: Configured, shards: Container[int], leases: Sequence[Lease], now: datetime
    ) -> None:
        """Close what stands for checks that were removed, disabled or renamed, and forget those that no longer exist.

        What stands is kept with the health, so it does not matter who held the shard when that happened.
        """
        config = await configured.current()
        known = {check.id: check for check in config.checks.values()}
        async with self._store.reading() as tx:
            healths = await tx.checks.healths()
        held = {key: health for key, health in healths.items() if shard_of(key) in shards}
        others = [key for key, health in held.items() if _unsettled(known.get(key), health)]
        if not others:
            return
        async with self._store.transaction() as tx:
            await tx.leases.verify(leases)
            # As it is now, and not as it was a moment ago: a check that was just made must not be forgotten.
            gone, changed = await _settle(tx, await configured.within(tx), sorted(others))
            ended = [retire(health, now, REMOVED) for health in gone]
            ended += [retire(health, now, RENAMED, check) for health, check in changed]
            await tx.checks.forget([health.check_id for health in gone])
            await tx.checks.save([afresh(health) for health, _ in changed])
            signals = [signal for signal in ended if signal is not None]
            if signals:
                await self._take_signals(tx, signals, now)
            tx.changed("check", *others)

    def _tell(self, verdicts: Verdicts, now: datetime) -> None:
        self._telemetry.count("check_results", len(verdicts.accepted))
        if verdicts.refused:
            self._telemetry.count("check_results_refused", verdicts.refused)
        for result in verdicts.accepted:
            self._telemetry.observe("check_lag_seconds", max((now - result.due).total_seconds() - result.duration, 0.0))


async def _settle(
    tx: Transaction, config: Configuration, check_ids: Sequence[str]
) -> tuple[list[Health], list[tuple[Health, Check]]]:
    """Healths of checks that no longer exist, and of those whose alert is not theirs any more."""
    healths = await tx.checks.healths(check_ids)
    known = {check.id: check for check in config.checks.values()}
    # One that this release cannot read is there nevertheless.
    there = {row.id for row in await tx.catalogue.all("check")}
    gone = [health for key, health in healths.items() if key not in there]
    both = [(health, known[key]) for key, health in healths.items() if key in known]
    return gone, [(health, check) for health, check in both if moved(check, health)]


def _unsettled(check: Check | None, health: Health) -> bool:
    return check is None or moved(check, health)
