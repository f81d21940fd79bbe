"""Trying mappings, with the parser of user agents and the database of places that the settings name."""

import structlog

from watchbell.adapters.user_agents import parse_user_agent
from watchbell.bootstrap.events import find_place
from watchbell.config import Configuration
from watchbell.domain.errors import Permanent
from watchbell.domain.events.place import FindPlace
from watchbell.usecases.trying import Trying

_log = structlog.get_logger("mappings")


def trying(settings: Configuration | None = None) -> Trying:
    """Without settings there are no places; nor without the file, which may lie beside the collectors only."""
    return Trying(parse_user_agent, _places(settings) if settings is not None else None)


def _places(settings: Configuration) -> FindPlace | None:
    try:
        return find_place(settings)
    except Permanent as error:
        _log.warning("places_not_read", reason=error.message, hint="mappings are tried without places")
        return None
