"""What a result makes of a check's health, and whether an alert must hear of it.

Rules:

- A result that is not newer than the newest judged (by `due`) is refused: it came late or twice.
- `attempt` counts the results in a row that are equally good or bad; the first one is attempt 1.
- Without a standing problem, `fail_after` bad results in a row make it hard, and a signal. A good result before that
  ends the soft problem at once and silently, for no alert stood.
- With a standing problem, `recover_after` good results in a row make the recovery hard, and a signal of severity
  `normal`. A bad result before that takes up the standing problem at once.
- A standing problem that changes its degree (warning, critical, unknown) is hard at once: that something is wrong was
  confirmed, and what got worse must not wait.
- A standing problem signals again when its text changed, at most every `TEXT_EVERY`, and at least every `REPEAT_EVERY`:
  an alert that was closed or deleted by hand while the problem stands comes back.

The signal: `resource` is the host, or the check's name when it has none; `event` is the check's name; `group` is
Checks; it never times out.
"""

import uuid
from datetime import datetime, timedelta

import msgspec

from watchbell.domain.checks.check import Check
from watchbell.domain.checks.health import Health
from watchbell.domain.checks.result import Outcome, Reading, Result, Status
from watchbell.domain.checks.said import Said
from watchbell.domain.signal import Signal

TEXT_EVERY = timedelta(seconds=30)
REPEAT_EVERY = timedelta(minutes=5)
RECOVERED = "normal"
SIGNAL_TYPE = "checkAlert"
GROUP = "Checks"
TEXT_LIMIT = 1000
_NAMESPACE = uuid.UUID("6f0b5f6c-6f5e-4d0b-9c53-6a1f3f1f8b52")


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """What was decided. `refused` says that the result counted for nothing; `reason` is a sentence for people."""

    health: Health
    signal: Signal | None = None
    reason: str
    refused: bool = False


class _Step(msgspec.Struct, frozen=True):
    """Where the state machine goes: the new hard status, whether the newest verdict is confirmed, and why."""

    hard_status: Status
    hard: bool
    reason: str


def judge(check: Check, health: Health, result: Result, now: datetime) -> Judged:
    """Judge one result. `now` is the keeper's clock and becomes the time of what changed."""
    if health.last_due is not None and result.due <= health.last_due:
        repeated = result.due == health.last_due
        reason = "A result for this run was judged already" if repeated else "A newer result was judged already"
        return Judged(health=health, reason=reason, refused=True)
    status = result.outcome.status
    same_side = not health.pending and (status is Status.OK) == (health.status is Status.OK)
    attempt = health.attempt + 1 if same_side else 1
    step = _recovering(check, health, attempt) if status is Status.OK else _failing(check, health, status, attempt)
    changed = health.pending or step.hard_status is not health.hard_status
    after = msgspec.structs.replace(
        health,
        status=status,
        pending=False,
        hard=step.hard,
        attempt=attempt,
        hard_status=step.hard_status,
        since=now if changed else health.since,
        last_due=result.due,
        last_run=result.started,
        last_duration=result.duration,
        outcome=result.outcome,
        said=None if step.hard_status is Status.OK else _said(check),
        version=health.version + 1,
    )
    text = result.outcome.summary[:TEXT_LIMIT]
    if not _speaks(health, after, text, now):
        return Judged(health=after, reason=step.reason)
    after = msgspec.structs.replace(after, signalled_at=now, signalled_text=text)
    return Judged(health=after, signal=_signal(check, after, result), reason=step.reason)


def _failing(check: Check, health: Health, status: Status, attempt: int) -> _Step:
    """A bad result."""
    standing = health.hard_status
    if standing is Status.OK:
        if attempt < check.fail_after:
            return _Step(Status.OK, hard=False, reason=f"{_word(status)}, {attempt} of {check.fail_after} to be sure")
        return _Step(status, hard=True, reason=f"{_word(status)} {_times(attempt)}: the problem is confirmed")
    if status is standing:
        back = health.status is Status.OK
        return _Step(status, hard=True, reason=f"{'Again' if back else 'Still'} {status}")
    return _Step(status, hard=True, reason=f"The problem went from {standing} to {status}")


def _recovering(check: Check, health: Health, attempt: int) -> _Step:
    """A good result."""
    if health.hard_status is not Status.OK:
        if attempt < check.recover_after:
            return _Step(health.hard_status, hard=False, reason=f"Ok, {attempt} of {check.recover_after} to be sure")
        return _Step(Status.OK, hard=True, reason=f"Ok {_times(attempt)}: recovered from {health.hard_status}")
    if not health.pending and health.status is not Status.OK:
        return _Step(Status.OK, hard=True, reason=f"The problem passed before it was confirmed ({health.status})")
    return _Step(Status.OK, hard=True, reason="Ok")


def _speaks(before: Health, after: Health, text: str, now: datetime) -> bool:
    """Whether a signal is due."""
    if after.hard_status is not before.hard_status:
        return True
    if after.hard_status is Status.OK or after.status is Status.OK:
        return False
    if before.signalled_at is None:
        return True
    silence = now - before.signalled_at
    return silence >= REPEAT_EVERY or (silence >= TEXT_EVERY and text != before.signalled_text)


def severity_of(check: Check, status: Status) -> str:
    """The alert's severity for a confirmed status."""
    severities = {
        Status.OK: RECOVERED,
        Status.WARNING: check.warning_severity,
        Status.CRITICAL: check.severity,
        Status.UNKNOWN: check.unknown_severity,
    }
    return severities[status]


def retire(health: Health, now: datetime, reason: str, check: Check | None = None) -> Signal | None:
    """Close what stands for a check that is removed, disabled, or now speaks under another name.

    `check` gives the name when the health does not: the former release did not note it. Returns None when nothing
    stands.
    """
    said = health.said or (None if check is None else _said(check))
    if health.hard_status is Status.OK or said is None:
        return None
    return Signal(
        id=str(uuid.uuid5(_NAMESPACE, f"retired/{health.check_id}/{health.version}")),
        environment=said.environment,
        resource=said.resource,
        event=said.event,
        severity=RECOVERED,
        service=said.services,
        group=GROUP,
        value=Status.OK.value,
        text=reason[:TEXT_LIMIT],
        attributes={"check": said.event},
        origin="watchbell/keeper",
        type=SIGNAL_TYPE,
        create_time=now,
        timeout=0,
        source=f"check/{said.event}",
    )


def afresh(health: Health) -> Health:
    """As if the check had never run, but that older results are still refused."""
    return Health(check_id=health.check_id, last_due=health.last_due, version=health.version + 1)


def moved(check: Check, health: Health) -> bool:
    """Whether the health is of another time: an alert stands under another name, or the check is not run any more."""
    if not check.enabled:
        return not health.pending
    return health.hard_status is not Status.OK and health.said is not None and health.said.elsewhere(_said(check))


def _said(check: Check) -> Said:
    return Said(
        environment=check.environment,
        resource=check.host or check.name,
        event=check.name,
        services=tuple(check.services),
    )


def _signal(check: Check, health: Health, result: Result) -> Signal:
    """The signal for what is confirmed. Its id follows from the run, so that judging again makes the same signal."""
    outcome = result.outcome
    return Signal(
        id=str(uuid.uuid5(_NAMESPACE, f"{check.id}/{result.run_id}/{result.due.isoformat()}")),
        environment=check.environment,
        resource=check.host or check.name,
        event=check.name,
        severity=severity_of(check, health.hard_status),
        service=tuple(check.services),
        group=GROUP,
        value=_value(outcome),
        source=f"check/{check.name}",
        text=outcome.summary[:TEXT_LIMIT],
        attributes={
            "check": check.name,
            "checkType": check.type,
            "site": check.site,
            "pool": check.pool,
            "worker": result.worker,
            "attempt": health.attempt,
            "durationSeconds": round(result.duration, 6),
        },
        origin=f"watchbell/{result.worker}",
        type=SIGNAL_TYPE,
        create_time=result.started + timedelta(seconds=max(result.duration, 0.0)),
        timeout=0,
        raw_data=outcome.details or None,
    )


def _value(outcome: Outcome) -> str:
    """The first number, or the verdict when nothing was measured."""
    return _number(outcome.readings[0]) if outcome.readings else outcome.status.value


def _number(reading: Reading) -> str:
    return f"{reading.value:.6g}{reading.unit}"


def _word(status: Status) -> str:
    return status.value.capitalize()


def _times(attempt: int) -> str:
    return "at the first result" if attempt == 1 else f"{attempt} times in a row"
