"""The keeper with its duties."""

import asyncio

from watchbell.bootstrap.core import Core
from watchbell.bootstrap.login import make_mailing
from watchbell.bootstrap.parts import Parts
from watchbell.bootstrap.workers import sender
from watchbell.config import Configuration
from watchbell.roles.checking import Checking
from watchbell.roles.keeper import Duties, Keeper
from watchbell.usecases.alerting import Alerting, Retained
from watchbell.usecases.delivering import Delivering, Patience
from watchbell.usecases.informing import Informing
from watchbell.usecases.inhibiting import Inhibiting
from watchbell.usecases.leasing import Shards
from watchbell.usecases.muting import Muting
from watchbell.usecases.pruning import Pruning
from watchbell.usecases.routing import Routing
from watchbell.usecases.ruling import Ruling
from watchbell.usecases.waking import BusWake, Taken


async def keep(parts: Parts, core: Core, stop: asyncio.Event) -> None:
    """Do what is due until told to stop."""
    keeper = Keeper(core.store, core.bus, parts.clock, parts.telemetry, duties(parts, core))
    await keeper.run(stop)


def duties(parts: Parts, core: Core) -> Duties:
    """Everything that a keeper does."""
    settings, clock, telemetry = parts.settings, parts.clock, parts.telemetry
    shards = Shards(core.store, clock, telemetry, keeper=parts.node)
    return Duties(
        shards=shards,
        routing=Routing(core.store, core.configured, core.rules, clock, telemetry),
        escalating=core.escalating,
        delivering=Delivering(
            core.store,
            core.bus,
            core.configured,
            sender(parts),
            clock,
            telemetry,
            held=shards.held,
            patience=_patience(settings),
        ),
        alerting=Alerting(core.store, core.model, retained(settings), informs=core.informs),
        pulsing=core.pulsing,
        heartbeating=core.heartbeating,
        ruling=Ruling(core.store, core.configured, core.take, clock),
        checking=Checking(
            core.store,
            core.bus,
            core.configured,
            clock,
            telemetry,
            held=shards.held,
            taken=Taken(core.take),
            wake=BusWake(core.bus),
        ),
        muting=Muting(core.store, core.configured, core.model, clock),
        inhibiting=Inhibiting(core.store, core.configured, clock),
        pruning=Pruning(core.store, settings.alerts.history_limit),
        mailing=make_mailing(parts, core.store),
        informing=Informing(core.store, core.consulting, clock, telemetry, held=shards.held),
        results_kept=settings.retention.results,
        audit_kept=settings.retention.audit,
    )


def _patience(settings: Configuration) -> Patience:
    given = settings.delivery
    return Patience(attempt_timeout=given.attempt_timeout, give_up_after=given.give_up_after)


def retained(settings: Configuration) -> Retained:
    """How long alerts are kept when they are over."""
    kept = settings.retention
    return Retained(closed=kept.closed_alerts, informational=kept.informational_alerts, past=kept.archive * 86400)
