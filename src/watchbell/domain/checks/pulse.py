"""What a ping, or the lack of one, makes of a heartbeat.

A job pings when it has succeeded, when it failed, and may ping when it starts. Silence longer than `every` plus `grace`
is an alert; so is a job that started and does not end within `grace`. The first ping that says success ends the alert.
"""

import uuid
from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

from watchbell.domain.checks.heartbeat import Heartbeat, Pulse
from watchbell.domain.signal import Signal

_NAMESPACE = uuid.UUID("1d6f86cb-51a5-5c9c-8f1a-4a1c0d3f2f66")
RECOVERED = "normal"
GROUP = "Heartbeats"
TYPE = "heartbeatAlert"
LONGEST_NOTE = 500


class Beat(StrEnum):
    """What a ping says."""

    SUCCESS = "success"
    START = "start"
    FAIL = "fail"


class Ping(msgspec.Struct, frozen=True, kw_only=True):
    """One ping. `exit_code` is the job's, when it said so; `note` what it sent along."""

    heartbeat_id: str
    beat: Beat = Beat.SUCCESS
    exit_code: int = 0
    note: str = ""


class Beaten(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes of the pulse, the signal if one is due, and when to look again (None: not before the next ping)."""

    pulse: Pulse
    signal: Signal | None = None
    due: datetime | None = None


def due_at(heartbeat: Heartbeat, pulse: Pulse, since: datetime) -> datetime:
    """When silence becomes an alert. `since` is when watching began, for a heartbeat that was never pinged."""
    expected = (pulse.last_ping or since) + timedelta(seconds=heartbeat.every)
    if pulse.started is not None and (pulse.last_ping is None or pulse.started > pulse.last_ping):
        expected = min(expected, pulse.started)
    return expected + timedelta(seconds=heartbeat.grace)


def pinged(heartbeat: Heartbeat, pulse: Pulse, ping: Ping, now: datetime) -> Beaten:
    """Take a ping."""
    version = pulse.version + 1
    if ping.beat is Beat.START:
        after = msgspec.structs.replace(pulse, started=now, version=version)
        return Beaten(pulse=after, due=None if pulse.failing else due_at(heartbeat, after, now))
    failed = ping.beat is Beat.FAIL or ping.exit_code != 0
    after = msgspec.structs.replace(
        pulse,
        last_ping=now,
        last_exit=ping.exit_code or int(failed),
        failing=failed and heartbeat.enabled,
        version=version,
    )
    signal = None
    if failed and heartbeat.enabled:
        said = f"exit code {ping.exit_code}" if ping.exit_code else "the job said that it failed"
        signal = _signal(heartbeat, after, f"{heartbeat.name} failed: {said}", now, ping.note, failing=True)
    elif pulse.failing:
        signal = _signal(heartbeat, after, f"{heartbeat.name} succeeded", now, ping.note, failing=False)
    return Beaten(pulse=after, signal=signal, due=due_at(heartbeat, after, now))


def overdue(heartbeat: Heartbeat, pulse: Pulse, since: datetime, now: datetime) -> Beaten:
    """Look whether the heartbeat has been silent for too long; `since` as in `due_at`."""
    if not heartbeat.enabled:
        return retired(heartbeat, pulse, now, f"{heartbeat.name} is not watched any more")
    if pulse.failing:
        return Beaten(pulse=pulse)
    due = due_at(heartbeat, pulse, since)
    if due > now:
        return Beaten(pulse=pulse, due=due)
    after = msgspec.structs.replace(pulse, failing=True, version=pulse.version + 1)
    return Beaten(pulse=after, signal=_signal(heartbeat, after, _silence(heartbeat, pulse), now, "", failing=True))


def retired(heartbeat: Heartbeat, pulse: Pulse, now: datetime, reason: str) -> Beaten:
    """Stop watching: what stands is closed."""
    if not pulse.failing:
        return Beaten(pulse=pulse)
    after = msgspec.structs.replace(pulse, failing=False, version=pulse.version + 1)
    return Beaten(pulse=after, signal=_signal(heartbeat, after, reason, now, "", failing=False))


def _silence(heartbeat: Heartbeat, pulse: Pulse) -> str:
    if pulse.started is not None and (pulse.last_ping is None or pulse.started > pulse.last_ping):
        return f"{heartbeat.name} started at {pulse.started:%Y-%m-%d %H:%M:%S} UTC and has not finished"
    if pulse.last_ping is None:
        return f"{heartbeat.name} has never pinged"
    return f"{heartbeat.name} has not pinged since {pulse.last_ping:%Y-%m-%d %H:%M:%S} UTC"


def _signal(heartbeat: Heartbeat, pulse: Pulse, text: str, now: datetime, note: str, *, failing: bool) -> Signal:
    return Signal(
        # It follows from the pulse's version, so that what is decided again is the same signal.
        id=str(uuid.uuid5(_NAMESPACE, f"{heartbeat.id}/{pulse.version}")),
        environment=heartbeat.environment,
        resource=heartbeat.name,
        event="Heartbeat",
        severity=heartbeat.severity if failing else RECOVERED,
        service=tuple(heartbeat.services),
        group=GROUP,
        value=str(pulse.last_exit),
        text=text,
        attributes={"heartbeat": heartbeat.name},
        origin="watchbell/heartbeat",
        type=TYPE,
        create_time=now,
        timeout=0,
        raw_data=note[:LONGEST_NOTE] or None,
    )
