"""The keeper with its duties."""

import asyncio

from watchbell.bootstrap.core import Core
from watchbell.bootstrap.forwarding import remotes_of
from watchbell.bootstrap.login import make_mailing, make_post
from watchbell.bootstrap.parts import Parts
from watchbell.bootstrap.workers import sender
from watchbell.config import Configuration
from watchbell.roles.checking import Checking
from watchbell.roles.keeper import Duties, Keeper
from watchbell.usecases.alerting import Alerting, Retained
from watchbell.usecases.delivering import Delivering, Patience
from watchbell.usecases.federating import Federating
from watchbell.usecases.informing import Informing
from watchbell.usecases.inhibiting import Inhibiting
from watchbell.usecases.leasing import Shards
from watchbell.usecases.mailing_nudges import MailingNudges
from watchbell.usecases.muting import Muting
from watchbell.usecases.pruning import Pruning
from watchbell.usecases.retiring import Retiring
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
        routing=Routing(core.store, core.configured, core.rules, clock, telemetry, core.model),
        escalating=core.escalating,
        delivering=_delivering(parts, core, shards),
        alerting=Alerting(core.store, core.model, retained(settings), informs=core.informs),
        pulsing=core.pulsing,
        heartbeating=core.heartbeating,
        ruling=Ruling(core.store, core.configured, core.take, clock),
        checking=_checking(parts, core, shards),
        muting=Muting(core.store, core.configured, core.model, clock),
        inhibiting=Inhibiting(core.store, core.configured, clock),
        retiring=Retiring(core.store, core.model, clock),
        pruning=Pruning(core.store, settings.alerts.history_limit),
        mailing=make_mailing(parts, core.store),
        nudges=MailingNudges(core.store, clock, make_post(parts), settings.auth.rules()),
        informing=Informing(core.store, core.consulting, clock, telemetry, held=shards.held),
        federating=_federating(parts, core, shards),
        results_kept=settings.retention.results,
        audit_kept=settings.retention.audit,
    )


def _delivering(parts: Parts, core: Core, shards: Shards) -> Delivering:
    return Delivering(
        core.store,
        core.bus,
        core.configured,
        sender(parts),
        parts.clock,
        parts.telemetry,
        held=shards.held,
        patience=_patience(parts.settings),
    )


def _checking(parts: Parts, core: Core, shards: Shards) -> Checking:
    return Checking(
        core.store,
        core.bus,
        core.configured,
        parts.clock,
        parts.telemetry,
        held=shards.held,
        taken=Taken(core.take),
        wake=BusWake(core.bus),
    )


def _federating(parts: Parts, core: Core, shards: Shards) -> Federating:
    return Federating(
        core.store,
        remotes_of(parts),
        parts.clock,
        parts.telemetry,
        held=shards.held,
        give_up_after=parts.settings.delivery.give_up_after,
    )


def _patience(settings: Configuration) -> Patience:
    given = settings.delivery
    return Patience(attempt_timeout=given.attempt_timeout, give_up_after=given.give_up_after)


def retained(settings: Configuration) -> Retained:
    """How long alerts are kept when they are over."""
    kept = settings.retention
    return Retained(closed=kept.closed_alerts, informational=kept.informational_alerts, past=kept.archive * 86400)
