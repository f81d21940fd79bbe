"""The roles that need the broker only: workers and notifiers."""

import asyncio
from collections.abc import Mapping
from functools import partial
from typing import Any

from watchbell import plugins
from watchbell.bootstrap.parts import Parts
from watchbell.roles.notifier import Notifier, channel_maker
from watchbell.roles.worker import Worker
from watchbell.toolkit.objects import ObjectShapes
from watchbell.toolkit.sending import SendingTools
from watchbell.toolkit.settings import read
from watchbell.usecases.probing import MakeCheck, Prober
from watchbell.usecases.relaying import Sender


def check_makers(parts: Parts) -> Mapping[str, MakeCheck]:
    """For each check type a function that makes one from its settings."""
    tools = parts.probe_tools

    def make(cls: Any, config: dict[str, Any]) -> Any:
        return cls(read(cls.Config, config), tools)

    return {name: partial(make, cls) for name, cls in plugins.table("check").items()}


def _sending_tools(parts: Parts) -> SendingTools:
    return SendingTools(http=parts.http, egress=parts.egress, timeout=parts.settings.delivery.attempt_timeout)


def sender(parts: Parts) -> Sender:
    """Sends deliveries through the channels of this process."""
    make = channel_maker(plugins.table("channel"), _sending_tools(parts))
    return Sender(make, parts.vault, parts.clock, parts.telemetry)


def object_shapes(parts: Parts) -> ObjectShapes:
    """What objects look like, with the plug-ins that are installed here; each says what is wrong with its settings."""
    return ObjectShapes(
        {kind: plugins.table(kind) for kind in ("check", "channel")},
        tuple(parts.settings.allowed_environments),
        {"check": parts.probe_tools, "channel": _sending_tools(parts)},
        {"webhook": frozenset(plugins.table("webhook"))},
        parts.settings.alerts.scale(),
    )


async def work(parts: Parts, stop: asyncio.Event) -> None:
    """Run checks until told to stop."""
    settings = parts.settings.worker
    prober = Prober(
        check_makers(parts),
        clock=parts.clock,
        vault=parts.vault,
        telemetry=parts.telemetry,
        worker=f"{settings.site}/{parts.node}",
        concurrency=settings.concurrency,
    )
    worker = Worker(
        await parts.bus(),
        prober,
        parts.telemetry,
        site=settings.site,
        pool=settings.pool,
        concurrency=settings.concurrency,
    )
    await worker.start()
    await stop.wait()
    await worker.stop()


async def notify(parts: Parts, stop: asyncio.Event) -> None:
    """Send messages to people until told to stop."""
    await Notifier(await parts.bus(), sender(parts), parts.clock, parts.telemetry).run(stop)
