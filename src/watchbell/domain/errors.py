"""The errors that carry a decision.

Each is caught where the decision is made; the web layer maps them to status codes once.

WatchbellError
├── Invalid          the input is wrong: names the field and the reason; nothing changed
│   └── Faulty       the same with every fault at once
├── Unauthenticated  nobody knows who calls
│   └── CodeNeeded   the password was right, and a code is needed besides
├── Throttled        too many tries: wait `retry_after` seconds
├── Refused          a policy says no (a rejected alert, an action in the wrong state)
├── Forbidden        the caller may not do this
│   └── StepNeeded   they are known, and a second step is required of them
├── Missing          there is no such thing
├── Conflict         it changed meanwhile, or the name is taken
├── Diverted         a plug-in has taken care of it: nothing else was done, and nothing is wrong
├── Overloaded       a bounded queue is full: try again after `retry_after` seconds
├── Fenced           the lease was lost: what was about to be written must not be
├── Retryable        the other side may succeed later
│   └── Ambiguous    nobody can say whether it has succeeded already
└── Permanent        the other side will never accept this
"""

from collections.abc import Iterable

import msgspec


class WatchbellError(Exception):
    """Something went wrong that a person can read about."""

    def __init__(self, message: str = "") -> None:
        super().__init__(message or (self.__doc__ or "").split("\n")[0])

    @property
    def message(self) -> str:
        """The sentence for the caller."""
        return str(self.args[0])


class Invalid(WatchbellError):
    """The input is wrong."""

    def __init__(self, reason: str, field: str = "") -> None:
        super().__init__(f"{field}: {reason}" if field else reason)
        self.field = field
        self.reason = reason


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """One thing wrong with some input: where, why, and what would be right."""

    field: str
    reason: str
    fix: str = ""


class Faulty(Invalid):
    """The input is wrong in several places; `faults` lists all of them."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("; ".join(f"{fault.field}: {fault.reason}" for fault in self.faults))


class Unauthenticated(WatchbellError):
    """Missing authorization API Key or Bearer Token"""  # noqa: D400 - what clients know as the message


class CodeNeeded(Unauthenticated):
    """A code is needed besides the password."""

    def __init__(self, message: str = "A code is needed besides the password.", reason: str = "is needed") -> None:
        super().__init__(message)
        self.reason = reason


class Throttled(WatchbellError):
    """Too many tries; wait a while. `identifier` is that of what was refused so, when it has one."""

    def __init__(self, message: str = "", retry_after: float = 60.0, identifier: str = "") -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.identifier = identifier


class Refused(WatchbellError):
    """A policy refused this."""


class Forbidden(WatchbellError):
    """You may not do this."""


class StepNeeded(Forbidden):
    """A second step is required. `field` is what is missing, `fix` what to do about it."""

    def __init__(self, message: str, field: str, fix: str) -> None:
        super().__init__(message)
        self.field = field
        self.fix = fix


class Missing(WatchbellError):
    """There is no such thing."""


class Conflict(WatchbellError):
    """It was changed meanwhile, or the name is taken. `field` is what is in the way, where it can be said."""

    def __init__(self, message: str = "", field: str = "") -> None:
        super().__init__(message)
        self.field = field


class Diverted(WatchbellError):
    """A plug-in has taken care of it.

    `identifier` is of what it made of it; empty when there is nothing to name. `suppressed` is whether that was to keep
    it quiet, for a blackout of its own.
    """

    def __init__(self, message: str = "", identifier: str = "", *, suppressed: bool = False) -> None:
        super().__init__(message)
        self.identifier = identifier
        self.suppressed = suppressed


class Overloaded(WatchbellError):
    """There is more to do than can be accepted just now."""

    def __init__(self, message: str = "", retry_after: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Fenced(WatchbellError):
    """The lease was lost to another holder; nothing was written."""


class Retryable(WatchbellError):
    """The other side failed in a way that may pass.

    `retry_after` is in seconds, as the other side asked for it; 0 means it did not say.
    """

    def __init__(self, message: str = "", retry_after: float = 0.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Ambiguous(Retryable):
    """No answer came to what was sent; nobody can say whether the other side has it."""


class Permanent(WatchbellError):
    """The other side will never accept this."""
