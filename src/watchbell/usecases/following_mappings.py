"""The mappings of the configuration, ready for a collector, and news of them when they change.

Without an enabled mapping there is the default one. A mapping that cannot be made ready (written by a newer release) is
left out, and told with its reason; if none is left, the default one is not put in its place: records of another schema
would be worse than none.
"""

from collections.abc import Sequence

import msgspec

from watchbell.domain.errors import Faulty
from watchbell.domain.events.mapping.compiled import compile_mapping
from watchbell.domain.events.mapping.model import Mapping
from watchbell.domain.events.mapping.reading import Lookups
from watchbell.domain.events.record import DefaultMapping
from watchbell.domain.events.routes import EventMapping
from watchbell.ports.mappings import MappingSource
from watchbell.usecases.configuration import Configured


class ConfiguredMappings:
    """The mappings of the configuration, for a collector that can read the store."""

    def __init__(self, configured: Configured) -> None:
        self._configured = configured

    async def current(self) -> Sequence[Mapping]:
        return tuple((await self._configured.current()).mappings.values())


def ready(mappings: Sequence[Mapping], lookups: Lookups | None = None) -> tuple[list[EventMapping], list[str]]:
    """The enabled mappings, ready, in the order of their names; and `name: why` of each that cannot be made so."""
    enabled = sorted((mapping for mapping in mappings if mapping.enabled), key=lambda mapping: mapping.name)
    if not enabled:
        return [DefaultMapping()], []
    found: list[EventMapping] = []
    wrong: list[str] = []
    for mapping in enabled:
        try:
            found.append(compile_mapping(mapping, lookups))
        except Faulty as error:
            wrong.append(f"{mapping.name}: {error.message}")
    return found, wrong


def revive(kept: bytes, lookups: Lookups | None = None) -> EventMapping:
    """A mapping made ready of what was kept of it with a checkpoint.

    Raises:
        Faulty: it cannot be made ready. DecodeError: no mapping was kept there.
    """
    if not kept:
        return DefaultMapping()
    return compile_mapping(msgspec.msgpack.decode(kept, type=Mapping), lookups)


class MappingFollower:
    """Asks for the mappings and tells when they changed."""

    def __init__(self, source: MappingSource, lookups: Lookups | None = None) -> None:
        self._source = source
        self._lookups = lookups
        self._last: Sequence[Mapping] | None = None

    async def news(self) -> tuple[list[EventMapping], list[str]] | None:
        """What `ready` says of the mappings, when they are not those of the last call; else None.

        Raises:
            Retryable: they cannot be asked for just now.
        """
        current = sorted(await self._source.current(), key=lambda mapping: mapping.name)
        if current == self._last:
            return None
        self._last = current
        return ready(current, self._lookups)

    def revive(self, kept: bytes) -> EventMapping:
        """See `revive`."""
        return revive(kept, self._lookups)
