"""Running checks, on a worker: from the message that asks for a run to the result.

A check type that fails, hangs, crashes or does not exist is a result of status unknown that names what to do; only a
run that nobody waits for any more is dropped, and counted.
"""

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, cast

import structlog

from watchbell.domain.checks.check import CheckRun
from watchbell.domain.checks.result import Outcome, Result, Status, tidied
from watchbell.domain.errors import Invalid, Permanent, Retryable
from watchbell.ports.check import CheckType, Target
from watchbell.ports.clock import Clock
from watchbell.ports.telemetry import Telemetry
from watchbell.ports.vault import Vault

_log = structlog.get_logger("probing")

MakeCheck = Callable[[dict[str, Any]], CheckType]
"""Makes a check type from its settings; raises `Invalid`."""

GRACE = 3.0
"""Seconds beyond its timeout that a check type has for ending what it began."""
_REMEMBERED = 10_000


class Prober:
    """Runs checks, at most `concurrency` at once. `types` is the table of check types by name."""

    def __init__(
        self,
        types: Mapping[str, MakeCheck],
        *,
        clock: Clock,
        vault: Vault,
        telemetry: Telemetry,
        worker: str,
        concurrency: int = 100,
        grace: float = GRACE,
    ) -> None:
        self._types = types
        self._clock = clock
        self._vault = vault
        self._telemetry = telemetry
        self._worker = worker
        self._slots = asyncio.Semaphore(concurrency)
        self._grace = grace
        self._draining = False
        self._made: dict[str, tuple[str, dict[str, Any], CheckType]] = {}

    def drain(self) -> None:
        """Begin nothing more: runs that still wait for their turn are given back."""
        self._draining = True

    async def probe(self, run: CheckRun) -> Result | None:
        """Run one check; None when it came too late. Raises `Retryable` after `drain`."""
        async with self._slots:
            if self._draining:
                raise Retryable("the worker is stopping")
            started = self._clock.now()
            if started >= run.deadline:
                self._telemetry.count("check_runs_expired", type=run.type)
                _log.debug("run_expired", check=run.name, late_seconds=(started - run.deadline).total_seconds())
                return None
            began = asyncio.get_running_loop().time()
            outcome = await self._outcome(run)
            duration = asyncio.get_running_loop().time() - began
        self._telemetry.observe("check_run_seconds", duration, type=run.type)
        self._telemetry.count("check_runs", type=run.type, status=outcome.status.value)
        return self._result(run, outcome, started, duration)

    def _result(self, run: CheckRun, outcome: Outcome, started: datetime, duration: float) -> Result:
        return Result(
            run_id=run.run_id,
            check_id=run.check_id,
            due=run.due,
            started=started,
            duration=duration,
            worker=self._worker,
            outcome=outcome,
            manual=run.manual,
        )

    async def _outcome(self, run: CheckRun) -> Outcome:
        target = Target(address=run.address, timeout=run.timeout, host=run.host, check=run.name)
        try:
            check = self._check(run)
            async with asyncio.timeout(run.timeout + self._grace):
                return tidied(await check.run(target))
        except Invalid as error:
            return _unknown(f"The settings of the check are not usable: {error.message}")
        except Permanent as error:
            return _unknown(
                f"The secrets of the check cannot be read: {error.message}; has the worker the same secret_key?"
            )
        except TimeoutError:
            self._telemetry.count("check_runs_stopped", type=run.type)
            return _unknown(f"Stopped after {run.timeout + self._grace:g} s: the check type did not keep its timeout")
        except Exception as error:  # task edge: a fault in a check type is that check's result, not the worker's end
            self._telemetry.count("check_runs_crashed", type=run.type)
            _log.exception("check_type_crashed", check=run.name, type=run.type)
            return tidied(_unknown(f"The check type {run.type} failed: {type(error).__name__}: {error}"))

    def _check(self, run: CheckRun) -> CheckType:
        """The check type with this run's settings, made anew only when they changed."""
        known = self._made.get(run.check_id)
        if known is not None and known[0] == run.type and known[1] == run.config:
            return known[2]
        make = self._types.get(run.type)
        if make is None:
            raise Invalid(
                f"there is no check type {run.type!r} on worker {self._worker}; it has {', '.join(self._types)}"
            )
        check = make(_unsealed(run.config, self._vault))
        if len(self._made) >= _REMEMBERED:
            self._made.clear()
        self._made[run.check_id] = (run.type, run.config, check)
        return check


def _unknown(summary: str) -> Outcome:
    return Outcome(status=Status.UNKNOWN, summary=summary)


def _unsealed(value: Any, vault: Vault) -> Any:
    """Settings with every sealed text opened."""
    if isinstance(value, str):
        return vault.unseal(value) if value.startswith("sealed:") else value
    if isinstance(value, dict):
        members = cast("dict[str, Any]", value)
        return {key: _unsealed(inner, vault) for key, inner in members.items()}
    if isinstance(value, list):
        return [_unsealed(inner, vault) for inner in cast("list[Any]", value)]
    return value
