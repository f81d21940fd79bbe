"""Tests reach this machine only: a connection to elsewhere is stopped, and names are not known to any name server.

An audit hook cannot be taken out again, so ``guard_network`` is called once, by ``tests/conftest.py``. Code that
connects without Python's socket module (uvloop, a browser, other processes) is not seen.
"""

import ipaddress
import socket
import sys
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any


class NetworkForbiddenError(RuntimeError):
    """A test tried to reach something that is not on loopback."""


def guard_network() -> None:
    """Forbid connections that leave the machine, from now on and for good."""
    sys.addaudithook(_watch)


@contextmanager
def no_sockets() -> Generator[None]:
    """Forbid even loopback within the block: nothing may connect or listen by TCP or UDP."""
    _forbidden.append(True)
    try:
        yield
    finally:
        _forbidden.pop()


_forbidden: list[bool] = []


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    if _forbidden and event in {"socket.connect", "socket.bind"} and isinstance(arguments[1], tuple):
        message = f"{event} {arguments[1]!r}: unit tests open no socket"
        raise NetworkForbiddenError(message)
    if event == "socket.connect" and isinstance(arguments[1], tuple) and not is_local(arguments[1][0]):
        message = f"tests reach loopback only, not {arguments[1]!r}"
        raise NetworkForbiddenError(message)
    if event in {"socket.getaddrinfo", "socket.gethostbyname"} and not (
        is_local(arguments[0]) or _is_number(arguments[0])
    ):
        raise socket.gaierror(socket.EAI_NONAME, f"tests ask no name server for {arguments[0]!r}")


def _is_number(host: str | bytes) -> bool:
    """Whether a host is an address in any of the forms that need no name server, such as ``0x7f.1``."""
    name = host.decode() if isinstance(host, bytes) else host
    try:
        ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        try:
            socket.inet_aton(name)
        except OSError:
            return False
    return True


def is_local(host: str | bytes | None) -> bool:
    """Whether a host is loopback, unspecified, or this machine by its own name."""
    name = (host.decode() if isinstance(host, bytes) else host or "").lower()
    try:
        address = ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        return name in {"", "localhost", socket.gethostname().lower()} or name.endswith(".localhost")
    return address.is_loopback or address.is_unspecified
