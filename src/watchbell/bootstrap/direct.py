"""What commands do on the store itself, without a server: people, keys, objects, one check, the schema."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

from watchbell import plugins
from watchbell.adapters.passwords import Argon2Passwords
from watchbell.bootstrap.parts import Parts, no_database
from watchbell.bootstrap.workers import check_makers, object_shapes
from watchbell.config import Configuration
from watchbell.domain.checks.check import Check, CheckRun, Host
from watchbell.domain.checks.placement import place
from watchbell.domain.checks.result import Result
from watchbell.domain.errors import Missing, Retryable
from watchbell.domain.ids import new_id, shard_of
from watchbell.toolkit.objects import ObjectShapes
from watchbell.usecases.administering import Administering
from watchbell.usecases.authenticating import Authenticating
from watchbell.usecases.directory import Directory
from watchbell.usecases.managing import Managing
from watchbell.usecases.probing import Prober
from watchbell.usecases.two_step import TwoStep

GRACE = timedelta(seconds=10)


@dataclass(frozen=True)
class Direct:
    """Use cases over the store, without a server."""

    administering: Administering
    managing: Managing
    directory: Directory
    two_step: TwoStep


@asynccontextmanager
async def direct(settings: Configuration) -> AsyncGenerator[Direct]:
    """Open the store; with SQLite it is made and migrated when it is not there yet."""
    if settings.single_node:
        await migrate(settings)
    async with Parts(settings) as parts:
        store = await parts.migrated_store()
        passwords = Argon2Passwords()
        authenticating = Authenticating(store, parts.clock, passwords, rules=settings.auth.rules())
        yield Direct(
            administering=Administering(store, parts.clock, passwords, authenticating),
            managing=Managing(store, parts.clock, parts.vault, object_shapes(parts), rules=authenticating.rules),
            directory=Directory(store, parts.clock, authenticating.rules),
            two_step=TwoStep(store, parts.clock, parts.vault, authenticating),
        )


def shapes(settings: Configuration) -> ObjectShapes:
    """What objects look like, with the plug-ins that are installed here."""
    tables = {kind: plugins.table(kind) for kind in ("check", "channel")}
    return ObjectShapes(tables, tuple(settings.allowed_environments), severities=settings.alerts.scale())


async def migrate(settings: Configuration) -> list[str]:
    """Bring the database to the newest schema; returns the migrations that were missing."""
    from watchbell.adapters.store import migrations

    if settings.single_node:
        settings.data.mkdir(parents=True, exist_ok=True)
    try:
        missing = await migrations.pending(settings.store_url)
        await migrations.migrate(settings.store_url)
    except Retryable as error:
        raise no_database(settings.store_url, error) from error
    return [str(name) for name in missing]


async def stored_check(settings: Configuration, name: str) -> tuple[Check, dict[str, Host]]:
    """A check from the store, with all hosts. Secrets stay sealed."""
    async with Parts(settings) as parts:
        await parts.migrated_store()
        config = await (await parts.configured()).current()
    if name not in config.checks:
        known = ", ".join(sorted(config.checks)[:20]) or "none"
        raise Missing(f"there is no check named {name!r}; there are: {known}")
    return config.checks[name], dict(config.hosts)


async def run_check(settings: Configuration, check: Check, hosts: dict[str, Host]) -> Result:
    """Run a check here and now, whatever its site is."""
    async with Parts(settings) as parts:
        prober = Prober(
            check_makers(parts),
            clock=parts.clock,
            vault=parts.vault,
            telemetry=parts.telemetry,
            worker=f"here/{parts.node}",
            concurrency=1,
        )
        placed, now = place(check, hosts), parts.clock.now()
        identifier = check.id or new_id()
        result = await prober.probe(
            CheckRun(
                run_id=new_id(),
                check_id=identifier,
                name=check.name,
                type=check.type,
                config=check.config,
                address=placed.address,
                timeout=check.timeout,
                shard=shard_of(identifier),
                due=now,
                deadline=now + timedelta(seconds=check.timeout) + GRACE,
                manual=True,
            )
        )
        if result is None:
            raise Retryable("the run came too late; try again")
        return result
