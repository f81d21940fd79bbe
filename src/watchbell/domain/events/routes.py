"""Which mapping feeds which sink. Every mapping maps every event of its sources; a sink gets records of one schema."""

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

from watchbell.domain.errors import Invalid
from watchbell.domain.events.event import Event


class EventMapping(Protocol):
    """Makes records of events."""

    @property
    def name(self) -> str:
        """What people call it."""
        ...

    @property
    def kept(self) -> bytes:
        """What it is made ready of again after a restart: the same for the same mapping only."""
        ...

    @property
    def schema(self) -> dict[str, Any]:
        """Avro schema of its records."""
        ...

    @property
    def sources(self) -> frozenset[str]:
        """Names of the sources whose events it maps; empty: all."""
        ...

    @property
    def sinks(self) -> tuple[str, ...]:
        """Names of the sinks that get its records; empty: all."""
        ...

    @property
    def discard_corrupted(self) -> bool:
        """Whether events whose checksum does not fit are left out."""
        ...

    @property
    def discard_duplicates(self) -> bool:
        """Whether events that were seen before are left out."""
        ...

    def record(self, event: Event) -> dict[str, Any] | None:
        """The record; None when the event is dropped on purpose.

        Raises:
            Unmappable: the event fits no record.
        """
        ...


class Route(NamedTuple):
    """What a sink gets."""

    schema: dict[str, Any]
    mappings: tuple[int, ...]
    """Which of the mappings feed it, in their order."""


def routes(mappings: Sequence[EventMapping], sinks: Sequence[str]) -> dict[str, Route]:
    """Sink → what it gets. A sink that no mapping names is left out.

    Raises:
        Invalid: a mapping names a sink that there is not, or a sink would get records of two schemas.
    """
    found: dict[str, Route] = {}
    for number, mapping in enumerate(mappings):
        for sink in mapping.sinks or sinks:
            if sink not in sinks:
                raise Invalid(f"the mapping {mapping.name!r} names the sink {sink!r}, which is not configured")
            known = found.get(sink)
            if known is None:
                found[sink] = Route(mapping.schema, (number,))
            elif known.schema != mapping.schema:
                names = [mappings[each].name for each in (*known.mappings, number)]
                raise Invalid(f"the sink {sink!r} would get records of several schemas, from {', '.join(names)}")
            else:
                found[sink] = Route(known.schema, (*known.mappings, number))
    return found
