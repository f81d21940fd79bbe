"""What a system that people move from keeps: alerts, people and the rest, row by row, as ours."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, Protocol

import msgspec

from watchbell.domain.accounts import ApiKey, CustomerLookup, Group, Permission, Profile, User
from watchbell.domain.alerts.alert import Alert, HistoryEntry
from watchbell.domain.alerts.model import AlarmModel
from watchbell.domain.alerts.note import Note
from watchbell.domain.alerts.policy import Limits
from watchbell.domain.alerts.timeouts import Timeouts
from watchbell.domain.checks.origin_heartbeat import OriginHeartbeat
from watchbell.domain.roles import RoleRules

Kind = Literal["role", "customer", "user", "group", "key", "blackout", "heartbeat", "alert", "history", "note"]
KINDS: tuple[Kind, ...] = (
    "role",
    "customer",
    "user",
    "group",
    "key",
    "blackout",
    "heartbeat",
    "alert",
    "history",
    "note",
)
"""In the order in which they are read: what is named by others comes before them."""

IMPORTED = "import/"
"""How the source of history begins that was imported: the system's name follows. All else happened here."""


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """What this installation takes. `max_latency` in milliseconds; `now` is when the import began."""

    now: datetime
    model: AlarmModel
    limits: Limits
    timeouts: Timeouts
    rules: RoleRules
    max_latency: int


class MovedUser(msgspec.Struct, frozen=True, kw_only=True):
    """A person; `source_id` is how the other system's groups call them.

    `remark` is empty or what whoever moves should know of them.
    """

    source_id: str
    user: User
    profile: Profile
    remark: str = ""


class MovedBlackout(msgspec.Struct, frozen=True, kw_only=True):
    """A blackout as the body of a managed object, without its name."""

    id: str
    body: dict[str, Any]


class MovedAlert(msgspec.Struct, frozen=True, kw_only=True):
    """An alert with its history, the oldest first, and its notes where they come with it."""

    alert: Alert
    history: tuple[HistoryEntry, ...] = ()
    notes: tuple[Note, ...] = ()


Thing = Permission | CustomerLookup | MovedUser | Group | ApiKey | MovedBlackout | OriginHeartbeat | MovedAlert | Note
"""Members of a `Group` are ids of the other system's users."""


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One thing; `id` is the other system's, and tells nothing that lets anybody in."""

    kind: Kind
    id: str
    thing: Thing


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that does not come. `lost` tells that it had an effect where it was."""

    kind: Kind
    id: str
    reason: str
    lost: bool = True


class DataSource(Protocol):
    """One installation of another system, or what was saved of it. It is only read."""

    title: str
    """What it is, for people: an address without secrets, or the file's name."""

    async def expected(self, kinds: Sequence[Kind]) -> dict[Kind, int]:
        """How many rows of the kinds there are, as far as that is known without reading them.

        Raises:
            Permanent: it is not what it should be, or may not be read.
            Retryable: it does not answer.
        """
        ...

    def read(self, kind: Kind) -> AsyncIterator[Row | Refused]:
        """All rows of a kind, in a stream; history comes with its alerts. A bad row is `Refused`, and others follow.

        Raises as `expected` does.
        """
        ...

    async def close(self) -> None:
        """Give back what it holds."""
        ...


class Server(msgspec.Struct, frozen=True, kw_only=True):
    """Where another system answers, and as whom."""

    url: str
    key: str = ""


Fetch = Callable[[str, Mapping[str, str]], Awaitable[tuple[int, bytes]]]
"""GETs an address with headers; status and body. Redirects are not followed.

Raises `Retryable` when there is no answer, `Permanent` when it is absurdly long.
"""


class DataImporter(Protocol):
    """An importer that brings data, too."""

    def dump(self, file: Path, terms: Terms, schema: str = "") -> DataSource:
        """What a dump of its database holds; `schema` where the dump has several that could be meant.

        Raises:
            Permanent: it cannot be read, or is none.
        """
        ...

    def server(self, server: Server, terms: Terms, fetch: Fetch) -> DataSource:
        """What a running server tells.

        Raises:
            Permanent: the address is none.
        """
        ...
