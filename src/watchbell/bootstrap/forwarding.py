"""Which other installations are told of alerts, and how they are spoken to."""

from collections.abc import Mapping

from watchbell.adapters.federation import AlertaRemote
from watchbell.bootstrap.parts import Parts
from watchbell.config import Configuration
from watchbell.ports.remote import Remote
from watchbell.toolkit.forwarding import read_destinations
from watchbell.usecases.forwarding import Forwarding


def forwarding_of(settings: Configuration) -> Forwarding:
    """What is forwarded, and by which name this installation is known."""
    own = f"{settings.base_url}/api" if settings.server.base_url else ""
    return Forwarding(own, tuple(one.destination() for one in read_destinations(settings.plugins.forward)))


def remotes_of(parts: Parts) -> Mapping[str, Remote]:
    """The destinations, by name."""
    given = read_destinations(parts.settings.plugins.forward)
    return {one.called: AlertaRemote(one, parts.http, parts.clock) for one in given}
