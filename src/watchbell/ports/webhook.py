"""A vendor's format for telling of problems."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol, runtime_checkable

import msgspec

from watchbell.domain.alerts.alert import Alert
from watchbell.domain.alerts.deed import Deed, Mute, Recovery
from watchbell.domain.signal import Signal


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One request of a vendor: the raw body, what the query string said (first value of each), and when it came.

    `repeated` has every value of what the query string said more than once. `path` is what follows the webhook's name,
    `headers` have small letters and hold no credentials.
    """

    body: bytes
    query: Mapping[str, str] = {}
    repeated: Mapping[str, Sequence[str]] = {}
    received: datetime
    path: str = ""
    headers: Mapping[str, str] = {}

    @property
    def content_type(self) -> str:
        """The media type of the body without its parameters, in small letters."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    def values(self, name: str) -> Sequence[str]:
        """All that the query string said of a name, in order; none when it said nothing."""
        return self.repeated.get(name) or ([self.query[name]] if name in self.query else [])


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """An answer of the webhook's own. `body` is sent as it is when it is bytes, else as JSON."""

    body: Any
    status: int = 200
    media_type: str = "application/json"
    headers: Mapping[str, str] = {}


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """What a call asks for besides, or instead of, plain signals.

    Of signals and recoveries what is refused costs none of the others. Deeds are done as a whole or not at all; signals
    come before deeds, and those before mutes. `reply` makes the answer of
    the alerts that deeds and mutes named, in their order; None is the answer that every webhook has. `missing` is the
    answer when one of them is not there; None is 404.
    """

    signals: Sequence[Signal] = ()
    recoveries: Sequence[Recovery] = ()
    deeds: Sequence[Deed] = ()
    mutes: Sequence[Mute] = ()
    reply: Callable[[Sequence[Alert]], Reply] | None = None
    missing: Reply | None = None


class Webhook(Protocol):
    """Reads one vendor's format. Pure: it does no I/O, and the same call gives the same signals but for their ids.

    One that is not pure, or may take long, says so by an attribute `blocks` that is true: it is read in a thread,
    with a deadline.
    """

    def read(self, call: Call) -> Sequence[Signal] | Reading:
        """The signals of a call, in order, possibly none; or what else it asks for.

        Raises `Invalid`, naming the field, when the body is not the vendor's.
        """
        ...


@runtime_checkable
class Signing(Protocol):
    """A webhook whose vendor signs in a way of its own. Every other is signed as Standard Webhooks says."""

    def verify(self, call: Call, secret: str) -> None:
        """Raise `Unauthenticated` unless the call was signed with the secret, and not long ago. Pure."""
        ...
