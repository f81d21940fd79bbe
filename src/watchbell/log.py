"""Logs: facts with stable names and keys, as text or JSON lines on standard error.

Secrets are of a type that prints as dots; keys that usually hold one are masked besides. Logging never raises and
never blocks on
anything but standard error itself.
"""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

_MASKED = frozenset(
    {"password", "secret", "secret_key", "admin_key", "api_key", "token", "authorization", "cookie", "key"}
)
_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


def _mask(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for name in event.keys() & _MASKED:
        event[name] = "••••"
    return event


def configure(level: str = "info", style: str = "text", role: str = "") -> None:
    """Set up structlog and send the standard library's records (of libraries) the same way."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        _mask,
    ]
    if style == "json":
        shared.append(structlog.processors.format_exc_info)
    renderer: Any = (
        structlog.processors.JSONRenderer()
        if style == "json"
        else structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    )
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=False,
    )
    structlog.contextvars.bind_contextvars(**({"role": role} if role else {}))
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared, processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer]
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(max(_LEVELS[level], logging.WARNING))
    # Our bus tells of a broker that is away, with its address and what to do; the library would add a traceback.
    logging.getLogger("aiormq").setLevel(logging.CRITICAL)
