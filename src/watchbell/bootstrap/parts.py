"""What several roles share: clock, vault, telemetry, store, bus, the tools of plug-ins.

Each is made when it is first asked for.
"""

import asyncio
import os
import socket
from contextlib import AsyncExitStack
from functools import cached_property
from typing import Self
from urllib.parse import urlsplit

import structlog

from watchbell.adapters.clock import SystemClock
from watchbell.adapters.spawner.runner import Spawner
from watchbell.adapters.telemetry import PrometheusTelemetry
from watchbell.adapters.vault import AesVault
from watchbell.config import Configuration
from watchbell.domain.errors import Permanent, Retryable
from watchbell.loading import secret_key
from watchbell.ports.bus import Bus
from watchbell.ports.clock import Clock
from watchbell.ports.store import Store
from watchbell.ports.vault import Vault
from watchbell.toolkit.commands import Commands
from watchbell.toolkit.egress import Egress, EgressPolicy
from watchbell.toolkit.http import HttpClient
from watchbell.toolkit.probe import ProbeTools
from watchbell.usecases.configuration import Configured

_log = structlog.get_logger("bootstrap")


class Unreachable(Permanent):
    """A server that a setting names is not there; `key` is the setting. Passwords of its address are not told."""

    def __init__(self, key: str, message: str) -> None:
        super().__init__(message)
        self.key = key


def no_database(url: str, error: Retryable) -> Unreachable:
    """The database of this URL does not answer."""
    place = urlsplit(url)
    where = f"{place.hostname}:{place.port or 5432}" if place.hostname else place.path
    return Unreachable(
        "store.url", f"cannot use the database at {where}: {error.message}. Start it, or mend store.url."
    )


class Parts:
    """The parts of one process.

    Use it as an asynchronous context: what was opened is closed at its end.
    """

    def __init__(self, settings: Configuration) -> None:
        self.settings = settings
        self.clock: Clock = SystemClock()
        self.telemetry = PrometheusTelemetry()
        self.node = f"{socket.gethostname()}-{os.getpid()}"
        self.stack = AsyncExitStack()
        self._store: Store | None = None
        self._bus: Bus | None = None

    @cached_property
    def vault(self) -> Vault:
        """Seals secrets with the installation's key."""
        return AesVault(secret_key(self.settings))

    @cached_property
    def egress(self) -> EgressPolicy:
        """Where checks and webhooks may connect to."""
        given = self.settings.egress
        return EgressPolicy(Egress(allow_loopback=given.allow_loopback, allow=given.allow, deny=given.deny))

    @cached_property
    def http(self) -> HttpClient:
        """For outgoing calls."""
        client = HttpClient(self.egress)
        self.stack.push_async_callback(client.close)
        return client

    @cached_property
    def probe_tools(self) -> ProbeTools:
        """What check types are given."""
        given = self.settings.worker
        directories = tuple("/" if folder == "*" else folder for folder in given.commands)
        commands = Commands(directories=directories, run_as=given.command_user)
        spawner = Spawner(commands)
        self.stack.push_async_callback(spawner.close)
        return ProbeTools(http=self.http, processes=spawner, commands=commands)

    async def store(self) -> Store:
        """The database, its schema checked."""
        if self._store is None:
            self.settings.data.mkdir(parents=True, exist_ok=True)
        return await self._opened()

    async def try_store(self) -> None:
        """Raise unless the database answers, or could be made. Nothing is written."""
        from watchbell.adapters.store.sqlite_file import fault_of, file_of

        path = file_of(self.settings.store_url)
        if path is None:
            await self._opened()
        elif reason := await asyncio.to_thread(fault_of, path):
            raise Unreachable("store.url", f"cannot use the database at {path}: {reason}. Mend store.url.")

    async def _opened(self) -> Store:
        if self._store is None:
            from watchbell.adapters.store.sql.store import open_store

            self._store = open_store(self.settings.store_url)
            self.stack.push_async_callback(self._store.close)
            try:
                await self._store.ping()
            except Retryable as error:
                raise no_database(self.settings.store_url, error) from error
        return self._store

    async def migrated_store(self) -> Store:
        """The database for a role of a cluster: `watchbell migrate` must have been run."""
        from watchbell.adapters.store.migrations import pending

        store = await self.store()
        missing = await pending(self.settings.store_url)
        if missing:
            raise Permanent(f"the database lacks {len(missing)} migrations. Run `watchbell migrate` first.")
        return store

    async def bus(self) -> Bus:
        """The broker."""
        if self._bus is None:
            url = self.settings.bus.url.reveal()
            if url.startswith("memory"):
                from watchbell.adapters.bus.memory import MemoryBus

                self._bus = MemoryBus()
            else:
                from watchbell.adapters.bus.rabbitmq import RabbitBus

                self._bus = RabbitBus(url, self.telemetry)
            self.stack.push_async_callback(self._bus.close)
        return self._bus

    async def configured(self) -> Configured:
        """The configuration, cached."""
        return Configured(await self.store(), self.clock, self.telemetry)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.stack.aclose()
