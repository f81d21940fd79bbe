"""Objects that people manage: in the pages, by the API, or as YAML files; all three are equal."""

from datetime import datetime
from typing import Any

import msgspec


class Managed(msgspec.Struct, frozen=True, kw_only=True):
    """What every managed object has. Other objects refer to it by `name`, which is unique within its kind."""

    id: str = ""
    """Identifier; given when it is first stored."""
    name: str
    """Unique name within its kind, 1 to 200 characters."""


class Stored(msgspec.Struct, frozen=True, kw_only=True):
    """A managed object as the catalogue keeps it: `body` is the object as JSON-compatible data, secrets sealed.

    `version` is the version of the whole configuration at which this object was last written.
    """

    kind: str
    id: str
    name: str
    body: dict[str, Any]
    version: int
    updated_at: datetime
    updated_by: str
