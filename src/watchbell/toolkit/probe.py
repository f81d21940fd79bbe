"""What every check type is given when it is made."""

from typing import Protocol

import msgspec

from watchbell.ports.process import Ended, ProcessRunner, Program
from watchbell.toolkit.commands import Commands
from watchbell.toolkit.http import HttpFailure, HttpReply, HttpRequest


class Exchanger(Protocol):
    """The part of `HttpClient` that checks use."""

    async def exchange(self, request: HttpRequest) -> HttpReply:
        """Send a request and return the answer; `HttpFailure` when none came."""
        ...


class NoHttp:
    """Reaches nothing."""

    async def exchange(self, request: HttpRequest) -> HttpReply:
        raise HttpFailure(f"this worker has no HTTP client for {request.url}", "request")


class NoProcesses:
    """Runs nothing."""

    async def run(self, program: Program) -> Ended:
        return Ended(error=f"this worker runs no programs, such as {program.argv[0]}")

    async def close(self) -> None:
        """Nothing is held."""


class ProbeTools(msgspec.Struct, frozen=True, kw_only=True):
    """Shared by all checks of a worker. A check type takes what it needs and closes nothing."""

    http: Exchanger = NoHttp()
    processes: ProcessRunner = NoProcesses()
    commands: Commands = Commands()
