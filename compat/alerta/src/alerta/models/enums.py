"""Words of alerts."""

from enum import Enum


class Severity(str, Enum):
    """Severities of the usual alarm model."""

    Security = "security"
    Critical = "critical"
    Major = "major"
    Minor = "minor"
    Warning = "warning"
    Indeterminate = "indeterminate"
    Informational = "informational"
    Normal = "normal"
    Ok = "ok"
    Cleared = "cleared"
    Debug = "debug"
    Trace = "trace"
    Unknown = "unknown"


class Status(str, Enum):
    """What an alert may be."""

    Open = "open"
    Assign = "assign"
    Ack = "ack"
    Shelved = "shelved"
    Blackout = "blackout"
    Closed = "closed"
    Expired = "expired"
    Unknown = "unknown"


class Action(str, Enum):
    """What may be done to one."""

    OPEN = "open"
    ASSIGN = "assign"
    ACK = "ack"
    UNACK = "unack"
    SHELVE = "shelve"
    UNSHELVE = "unshelve"
    CLOSE = "close"
    EXPIRED = "expired"
    TIMEOUT = "timeout"


class TrendIndication(str, Enum):
    """Where its severity goes."""

    More_Severe = "moreSevere"
    No_Change = "noChange"
    Less_Severe = "lessSevere"
