"""Times on the wire."""

from datetime import UTC, datetime
from typing import Annotated, TypeAlias, overload

import msgspec

Time: TypeAlias = Annotated[str, msgspec.Meta(extra_json_schema={"format": "date-time"})]
"""A time in UTC, as `2026-11-21T08:00:00.000Z`."""


@overload
def moment(at: datetime) -> str: ...
@overload
def moment(at: datetime | None) -> str | None: ...
def moment(at: datetime | None) -> str | None:
    """A time as the wire has it, Alerta's too: UTC, milliseconds, cut."""
    if at is None:
        return None
    utc = at if at.tzinfo is UTC else at.astimezone(UTC)
    return utc.isoformat(timespec="milliseconds")[:-6] + "Z"
