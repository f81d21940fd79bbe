"""What one run of a check said."""

import math
import re
from datetime import datetime
from enum import StrEnum

import msgspec

SUMMARY_LIMIT = 1000
DETAILS_LIMIT = 16384
NAME_LIMIT = 200
READINGS_LIMIT = 500

# Control characters but tab and line feed, and halves of surrogate pairs.
_HOSTILE = re.compile("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")


class Status(StrEnum):
    """The verdict of one run, in Nagios' words."""

    OK = "ok"
    WARNING = "warning"
    CRITICAL = "critical"
    UNKNOWN = "unknown"


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """One measured number (Nagios' performance data). `unit` as the plug-in wrote it: s, ms, %, B, c or empty."""

    name: str
    value: float
    unit: str = ""
    warning: str = ""
    critical: str = ""
    minimum: float | None = None
    maximum: float | None = None


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What a check type hands back: the verdict, one line for people, more lines, and numbers."""

    status: Status
    summary: str
    details: str = ""
    readings: tuple[Reading, ...] = ()


def tidied(outcome: Outcome) -> Outcome:
    """An outcome that can be stored and shown, whatever a check type made of hostile output.

    No control characters (NUL has no place in PostgreSQL), no lone surrogates (they have none on the wire), one line of
    summary, no number that is not finite, nothing larger than its limit.
    """
    return Outcome(
        status=outcome.status,
        summary=_clean(outcome.summary.replace("\n", " "), SUMMARY_LIMIT),
        details=_clean(outcome.details, DETAILS_LIMIT),
        readings=tuple(
            _tidied(reading)
            for reading in outcome.readings[:READINGS_LIMIT]
            if all(n is None or math.isfinite(n) for n in (reading.value, reading.minimum, reading.maximum))
        ),
    )


def _tidied(reading: Reading) -> Reading:
    texts = (reading.name, reading.unit, reading.warning, reading.critical)
    if not any(len(text) > NAME_LIMIT or _HOSTILE.search(text) for text in texts):
        return reading
    name, unit, warning, critical = (_clean(text, NAME_LIMIT) for text in texts)
    return msgspec.structs.replace(reading, name=name, unit=unit, warning=warning, critical=critical)


def _clean(text: str, limit: int) -> str:
    return _HOSTILE.sub("\ufffd", text[:limit])


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """An outcome with its circumstances, as it travels from a worker to a keeper. `duration` is in seconds."""

    run_id: str
    check_id: str
    due: datetime
    started: datetime
    duration: float
    worker: str
    outcome: Outcome
    manual: bool = False
