"""A schema registry: where the consumers of records look up what a schema's id stands for."""

from typing import Any, Protocol


class Registry(Protocol):
    """Knows schemas by subject. Blocks, for seconds at most: callers have a thread of their own."""

    def id_of(self, subject: str, schema: dict[str, Any]) -> int:
        """The id of an Avro schema under a subject, registered if it is not there yet and that is allowed.

        The same schema has the same id at each call. An id that was told once is remembered, and the registry is not
        asked again.

        Raises:
            Retryable: the registry is away, or asks to come again later.
            Permanent: it refuses the schema (incompatible, invalid), the caller, or has no such schema and may not be
                given one.
        """
        ...
