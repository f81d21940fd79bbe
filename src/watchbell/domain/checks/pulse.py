"""What a ping, or the lack of one, makes of a heartbeat.

A job pings when it has succeeded, when it failed, and may ping when it starts. Silence longer than `every` plus `grace`
is an alert; so is a job that started and does not end within `grace`. The first ping that says success ends the alert.
"""

import uuid
from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

from watchbell.domain.checks.heartbeat import Heartbeat, Pulse
from watchbell.domain.checks.said import Said
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
        said=_said(heartbeat) if failed and heartbeat.enabled else None,
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
        return retired(pulse, now, f"{heartbeat.name} is not watched any more", heartbeat)
    if pulse.failing:
        return Beaten(pulse=pulse)
    due = due_at(heartbeat, pulse, since)
    if due > now:
        return Beaten(pulse=pulse, due=due)
    after = msgspec.structs.replace(pulse, failing=True, said=_said(heartbeat), version=pulse.version + 1)
    return Beaten(pulse=after, signal=_signal(heartbeat, after, _silence(heartbeat, pulse), now, "", failing=True))


def retired(pulse: Pulse, now: datetime, reason: str, heartbeat: Heartbeat | None = None) -> Beaten:
    """Close what stands for a heartbeat that is removed, not watched any more, or has another name now.

    `heartbeat` gives the name when the pulse does not: the former release did not note it.
    """
    said = pulse.said or (None if heartbeat is None else _said(heartbeat))
    if not pulse.failing or said is None:
        return Beaten(pulse=pulse)
    after = msgspec.structs.replace(pulse, failing=False, said=None, version=pulse.version + 1)
    return Beaten(pulse=after, signal=_signal_of(said, after, RECOVERED, reason, now, ""))


def moved(heartbeat: Heartbeat, pulse: Pulse) -> bool:
    """Whether the alert that stands has another name than the heartbeat has by now."""
    return pulse.failing and pulse.said is not None and pulse.said.elsewhere(_said(heartbeat))


def again(heartbeat: Heartbeat, pulse: Pulse, now: datetime) -> Beaten:
    """Say once more, under its present name, that it fails."""
    after = msgspec.structs.replace(pulse, failing=True, said=_said(heartbeat), version=pulse.version + 1)
    text = f"{heartbeat.name} failed: exit code {pulse.last_exit}" if pulse.last_exit else _silence(heartbeat, pulse)
    return Beaten(pulse=after, signal=_signal(heartbeat, after, text, now, "", failing=True))


def _silence(heartbeat: Heartbeat, pulse: Pulse) -> str:
    if pulse.started is not None and (pulse.last_ping is None or pulse.started > pulse.last_ping):
        return f"{heartbeat.name} started at {pulse.started:%Y-%m-%d %H:%M:%S} UTC and has not finished"
    if pulse.last_ping is None:
        return f"{heartbeat.name} has never pinged"
    return f"{heartbeat.name} has not pinged since {pulse.last_ping:%Y-%m-%d %H:%M:%S} UTC"


def _said(heartbeat: Heartbeat) -> Said:
    return Said(
        environment=heartbeat.environment,
        resource=heartbeat.name,
        event="Heartbeat",
        services=tuple(heartbeat.services),
    )


def _signal(heartbeat: Heartbeat, pulse: Pulse, text: str, now: datetime, note: str, *, failing: bool) -> Signal:
    severity = heartbeat.severity if failing else RECOVERED
    return _signal_of(_said(heartbeat), pulse, severity, text, now, note)


def _signal_of(said: Said, pulse: Pulse, severity: str, text: str, now: datetime, note: str) -> Signal:
    return Signal(
        # It follows from the pulse's version, so that what is decided again is the same signal.
        id=str(uuid.uuid5(_NAMESPACE, f"{pulse.heartbeat_id}/{pulse.version}")),
        environment=said.environment,
        resource=said.resource,
        event=said.event,
        severity=severity,
        service=said.services,
        group=GROUP,
        value=str(pulse.last_exit),
        text=text,
        attributes={"heartbeat": said.resource},
        origin="watchbell/heartbeat",
        source=f"heartbeat/{said.resource}",
        type=TYPE,
        create_time=now,
        timeout=0,
        raw_data=note[:LONGEST_NOTE] or None,
    )
