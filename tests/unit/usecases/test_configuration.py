"""The configuration: cached for who looks often, and as it is now for who decides only once."""

from datetime import UTC, datetime

from watchbell.adapters.store.memory import MemoryStore
from watchbell.domain.managed import Stored
from watchbell.ports.telemetry import NullTelemetry
from watchbell.usecases.configuration import Configured

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


class Still:
    """A clock that does not move."""

    def now(self) -> datetime:
        """Always the same."""
        return NOW

    async def sleep(self, seconds: float) -> None:
        """Return at once."""


async def add_service(store: MemoryStore, name: str) -> None:
    async with store.transaction() as tx:
        await tx.catalogue.put(
            [Stored(kind="service", id=f"id-{name}", name=name, version=1, body={}, updated_at=NOW, updated_by="x")]
        )


async def test_a_transaction_sees_what_was_made_a_moment_before_it():
    """An alert that names a service of the same moment is routed only once: the cache must not decide it."""
    store = MemoryStore(lambda: NOW)
    configured = Configured(store, Still(), NullTelemetry())
    assert not (await configured.current()).services
    await add_service(store, "new")
    assert not (await configured.current()).services, "from memory, for two seconds"
    async with store.transaction() as tx:
        assert list((await configured.within(tx)).services) == ["new"]
    assert list((await configured.current()).services) == ["new"], "what one has seen is there for all"
