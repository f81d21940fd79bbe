"""`ProcessRunner` over helper processes.

Starts them when first needed, and again when one dies; what was under way there runs once more.
"""

import asyncio
import contextlib
import json
import os
import pwd
import secrets
import signal
import socket
import subprocess
import sys
from collections.abc import Iterable
from typing import cast

import msgspec

from watchbell.adapters.spawner.wire import Cancel, Finished, Frames, Options, Start, frame
from watchbell.domain.errors import Invalid
from watchbell.ports.process import Ended, Program
from watchbell.toolkit.commands import Commands

_BOOT = """import json, sys
sys.path[:] = json.loads(sys.argv[2])
from watchbell.adapters.spawner.server import main
main(sys.argv[1])
"""
_STUCK = 10.0
"""Seconds beyond the deadline after which the helper itself is taken for dead."""
_reports = msgspec.msgpack.Decoder(list[Finished])


class _Lost(Exception):
    """The helper process ended."""


class _Helper(asyncio.Protocol):
    """One helper process, as the event loop sees it."""

    def __init__(self, process: subprocess.Popen[bytes], token: str) -> None:
        self.process = process
        self.token = token
        self.alive = True
        self.waiting: dict[int, asyncio.Future[Ended]] = {}
        self._frames = Frames()
        self._transport: asyncio.WriteTransport | None = None
        self._pending: list[bytes] = []
        self._number = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.WriteTransport", transport)  # uvloop's is one in all but name

    def data_received(self, data: bytes) -> None:
        for body in self._frames.feed(data):
            for done in _reports.decode(body):
                future = self.waiting.pop(done.number, None)
                if future is not None and not future.done():
                    future.set_result(_ended(done))

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio gives it
        self.alive = False
        for future in self.waiting.values():
            if not future.done():
                future.set_exception(_Lost())
        self.waiting.clear()

    def submit(self, program: Program) -> tuple[int, asyncio.Future[Ended]]:
        self._number += 1
        future: asyncio.Future[Ended] = asyncio.get_running_loop().create_future()
        self.waiting[self._number] = future
        start = Start(self._number, list(program.argv), program.env, program.timeout, program.output_limit)
        self._write(frame(start))
        return self._number, future

    def cancel(self, number: int) -> None:
        if self.waiting.pop(number, None) is not None:
            self._write(frame(Cancel(number)))

    def _write(self, data: bytes) -> None:
        """Send with everything else of this turn of the loop."""
        if not self._pending:
            asyncio.get_running_loop().call_soon(self._flush)
        self._pending.append(data)

    def _flush(self) -> None:
        data, self._pending = b"".join(self._pending), []
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def end(self) -> None:
        """Close the control socket: the helper kills what runs, and ends."""
        if self._transport is not None:
            self._transport.close()

    def bury(self) -> None:
        """Wait for the helper's end; kill it, and what it left, when it will not."""
        try:
            self.process.wait(2.0)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        _kill_marked(self.token)


class Spawner:
    """See the port. One for each process; to be used from one event loop."""

    def __init__(self, settings: Commands | None = None) -> None:
        self._settings = settings or Commands()
        self._helpers: list[_Helper] = []
        self._starting = asyncio.Lock()
        self._funerals: set[asyncio.Task[None]] = set()
        self._closed = False

    async def run(self, program: Program) -> Ended:
        for _ in range(2):
            try:
                return await self._attempt(program)
            except _Lost:
                continue
            except (OSError, Invalid) as error:
                return Ended(error=f"the helper process did not start: {error}")
        return Ended(error="the helper process ended, twice")

    async def _attempt(self, program: Program) -> Ended:
        helper = await self._least_busy()
        number, future = helper.submit(program)
        try:
            async with asyncio.timeout(program.timeout + _STUCK):
                return await future
        except TimeoutError as error:
            helper.process.kill()
            raise _Lost from error
        finally:
            helper.cancel(number)

    async def _least_busy(self) -> _Helper:
        if len(self._helpers) < self._settings.spawners or not all(helper.alive for helper in self._helpers):
            async with self._starting:
                await self._fill()
        return min(self._helpers, key=lambda helper: len(helper.waiting))

    async def _fill(self) -> None:
        if self._closed:
            raise Invalid("it was closed")
        for helper in self._helpers:
            if not helper.alive:
                self._bury(helper)
        self._helpers = [helper for helper in self._helpers if helper.alive]
        while len(self._helpers) < max(1, self._settings.spawners):
            self._helpers.append(await self._launch())

    async def _launch(self) -> _Helper:
        token = secrets.token_hex(8)
        options = msgspec.json.encode(self._options(token)).decode()
        ours, theirs = socket.socketpair()
        with theirs:
            process = subprocess.Popen(  # noqa: ASYNC220 - a few milliseconds, once in a helper's life
                [sys.executable, "-I", "-c", _BOOT, options, json.dumps(sys.path)],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                env={"PATH": os.defpath, "LANG": "C.UTF-8"},
                start_new_session=True,
            )
        ours.setblocking(False)  # noqa: FBT003 - the standard library takes it by position
        _, helper = await asyncio.get_running_loop().create_unix_connection(lambda: _Helper(process, token), sock=ours)
        return helper

    def _options(self, token: str) -> Options:
        settings = self._settings
        limits = Options(token=token, directory=settings.working_directory, memory_bytes=settings.memory_limit_mb << 20)
        if not settings.run_as or os.geteuid() != 0:
            return limits
        try:
            user = pwd.getpwnam(settings.run_as)
        except KeyError as error:
            raise Invalid(f"there is no user {settings.run_as!r} to run programs as", "run_as") from error
        groups = os.getgrouplist(user.pw_name, user.pw_gid)
        return msgspec.structs.replace(limits, uid=user.pw_uid, gid=user.pw_gid, groups=groups)

    def _bury(self, helper: _Helper) -> None:
        task = asyncio.get_running_loop().create_task(asyncio.to_thread(helper.bury))
        self._funerals.add(task)
        task.add_done_callback(self._funerals.discard)

    async def close(self) -> None:
        self._closed = True
        helpers, self._helpers = self._helpers, []
        for helper in helpers:
            helper.end()
            self._bury(helper)
        await asyncio.gather(*self._funerals)


def _ended(done: Finished) -> Ended:
    return Ended(
        exit_code=done.exit_code,
        stdout=done.stdout,
        stderr=done.stderr,
        duration=done.duration,
        timed_out=done.timed_out,
        flooded=done.flooded,
        truncated=done.truncated,
        error=done.error,
    )


def _kill_marked(token: str) -> None:
    """Kill every process that carries a dead helper's mark in its environment."""
    mark = f"WATCHBELL_RUN={token}/".encode()
    for pid in _processes():
        try:
            with open(f"/proc/{pid}/environ", "rb") as file:  # noqa: PTH123 - pathlib costs more than the read
                marked = any(variable.startswith(mark) for variable in file.read().split(b"\0"))
        except OSError:
            continue
        if marked:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)


def _processes() -> Iterable[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]  # noqa: PTH208 - as above
