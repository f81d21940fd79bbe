"""Where a collector gets the mappings of the configuration from."""

from collections.abc import Sequence
from typing import Protocol

from watchbell.domain.events.mapping.model import Mapping


class MappingSource(Protocol):
    """The mappings as they are configured now."""

    async def current(self) -> Sequence[Mapping]:
        """All mappings, disabled ones included.

        Raises:
            Retryable: not reachable just now; the caller goes on with those that it has.
        """
        ...
