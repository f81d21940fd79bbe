"""Serving an ASGI or RSGI application inside the running event loop, until told to stop."""

import asyncio
import socket
from pathlib import Path
from typing import Any

import structlog
from granian.constants import HTTPModes, Interfaces
from granian.log import LogLevels
from granian.server.embed import Server

from watchbell.domain.errors import Permanent

GRACE = 10.0  # seconds that requests under way get when the process stops

_log = structlog.get_logger("serving")


def free_port(host: str) -> int:
    """A port that is free now."""
    with socket.create_server((host, 0)) as listener:
        return listener.getsockname()[1]


def check_port(host: str, port: int, setting: str = "--port or server.port") -> None:
    """Raise `Permanent` when another program listens there already; `setting` says what to change."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise Permanent(
                f"cannot listen on {host}:{port}: {error.strerror}. Choose another with {setting}."
            ) from error


async def serve(
    app: Any, host: str, port: int, stop: asyncio.Event, *, tls_cert: str = "", tls_key: str = "", kind: str = "asgi"
) -> None:
    """Serve `app` until `stop` is set; then take no more requests and give those under way `GRACE` seconds."""
    check_port(host, port)
    server = Server(
        target=app,
        address=host,
        port=port,
        interface=Interfaces(kind),
        http=HTTPModes.auto,
        websockets=False,
        backlog=1024,
        log_enabled=False,
        log_level=LogLevels.error,
        ssl_cert=Path(tls_cert) if tls_cert else None,
        ssl_key=Path(tls_key) if tls_key else None,
    )
    serving = asyncio.create_task(server.serve(), name="http-server")
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
    if serving.done():
        stopping.cancel()
        await serving
        raise Permanent("the HTTP server ended by itself")
    server.stop()
    try:
        await asyncio.wait_for(serving, GRACE)
    except TimeoutError:
        _log.warning("requests_cut_off", after_seconds=GRACE)
