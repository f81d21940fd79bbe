"""`Archive` over worker processes: started for the first question, ended after some quiet, replaced when they die."""

import asyncio
import contextlib
import sys
from collections.abc import AsyncGenerator
from pathlib import Path

import msgspec
import structlog

from watchbell.adapters.archive.layout import HOUR_MS, Place, counting
from watchbell.adapters.archive.wire import Ask, Begin, Reply, Stop
from watchbell.domain.errors import Missing, Overloaded, Retryable
from watchbell.domain.events.question import Answer, Question
from watchbell.ports.archive import ArchiveState, OnProgress

AT_ONCE = 2
"""So many questions are worked on at the same time."""
WAITING = 8
"""So many more may wait."""
_LINE = 64 * 1024 * 1024
_STOP_WITHIN_S = 3.0
_QUIET_S = 120.0
_reply = msgspec.json.Decoder(Reply)
_log = structlog.get_logger("explore")


class ArchiveSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How questions are answered."""

    url: str
    scratch: Path
    memory_mib: int = 512
    threads: int = 2
    timeout_s: float = 60
    keep_days: float = 30
    missing: str = ""
    """Why there is no archive here; empty: there is."""
    missing_folder: str = ""
    """The same, as long as there is no folder at `url`."""
    command: tuple[str, ...] = (sys.executable, "-m", "watchbell.adapters.archive.worker")


class DuckArchive:
    """See Archive. To be used from one event loop."""

    def __init__(self, settings: ArchiveSettings) -> None:
        self._settings = settings
        self._idle: list[asyncio.subprocess.Process] = []
        self._started: list[asyncio.subprocess.Process] = []
        """All that may still run; those that were ended too, until they are gone."""
        self._turn = asyncio.Semaphore(AT_ONCE)
        self._inside = 0
        self._quiet: asyncio.TimerHandle | None = None

    async def state(self) -> ArchiveState:
        """See Archive."""
        if self._settings.missing:
            return ArchiveState(missing=self._settings.missing)
        try:
            return await asyncio.to_thread(self._look)
        except OSError as error:
            raise Retryable(f"{self._settings.url}: {error}") from error

    def _look(self) -> ArchiveState:
        place = Place(self._settings.url)
        if not place.exists() and self._settings.missing_folder:
            return ArchiveState(missing=self._settings.missing_folder)
        hours = list(place.hours()) if place.exists() else []
        files = [file for hour in (*hours[:1], *hours[-1:]) for file in counting(place.files(hour))]
        return ArchiveState(
            oldest_ms=hours[0] if hours else None,
            newest_ms=hours[-1] + HOUR_MS if hours else None,
            files=len(files),
            bytes=sum(file.size for file in files),
            keep_days=self._settings.keep_days,
        )

    async def ask(self, question: Question, on_progress: OnProgress) -> Answer:
        """See Archive."""
        missing = (await self.state()).missing
        if missing:
            raise Missing(missing)
        if self._inside >= AT_ONCE + WAITING:
            raise Overloaded("too many questions are being answered; try again in a moment")
        self._inside += 1
        try:
            async with self._turn, asyncio.timeout(self._settings.timeout_s), self._worker() as worker:
                return await self._exchange(worker, question, on_progress)
        except TimeoutError:
            limit = self._settings.timeout_s
            raise Retryable(
                f"no answer within {limit:g} s (explore.timeout). Ask for a shorter time, or for fewer events."
            ) from None
        finally:
            self._inside -= 1

    @contextlib.asynccontextmanager
    async def _worker(self) -> AsyncGenerator[asyncio.subprocess.Process]:
        """A worker, kept for the next question when it is fit for one."""
        worker = self._idle.pop() if self._idle else await self._start()
        try:
            yield worker
        except asyncio.CancelledError:
            if not await self._interrupt(worker):
                _kill(worker)
                raise
            self._keep(worker)
            raise
        except BaseException:
            _kill(worker)
            raise
        self._keep(worker)

    async def _start(self) -> asyncio.subprocess.Process:
        given = self._settings
        given.scratch.mkdir(parents=True, exist_ok=True)
        worker = await asyncio.create_subprocess_exec(
            *given.command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=_LINE,
            start_new_session=True,
        )
        self._started = [*(one for one in self._started if one.returncode is None), worker]
        _send(worker, Begin(given.url, given.memory_mib, given.threads, str(given.scratch.absolute())))
        return worker

    async def _exchange(
        self, worker: asyncio.subprocess.Process, question: Question, on_progress: OnProgress
    ) -> Answer:
        _send(worker, Ask(question))
        while True:
            reply = await _receive(worker)
            if reply is None:
                raise Retryable("the process that looks for the answer ended; ask for a shorter time")
            if reply.answer is not None:
                return reply.answer
            if reply.failed:
                raise _failure(reply)
            if reply.progress is not None:
                on_progress(reply.progress)

    async def _interrupt(self, worker: asyncio.subprocess.Process) -> bool:
        """Stops what a worker does; whether it is fit for another question."""
        try:
            _send(worker, Stop())
            async with asyncio.timeout(_STOP_WITHIN_S):
                while (reply := await _receive(worker)) is not None:
                    if reply.failed or reply.answer is not None:
                        return True
        except (TimeoutError, ConnectionError):
            return False
        return False

    def _keep(self, worker: asyncio.subprocess.Process) -> None:
        if worker.returncode is not None:
            return
        self._idle.append(worker)
        if self._quiet is not None:
            self._quiet.cancel()
        self._quiet = asyncio.get_running_loop().call_later(_QUIET_S, self._end_idle)

    def _end_idle(self) -> None:
        for worker in self._idle:
            _kill(worker)
        self._idle.clear()

    async def close(self) -> None:
        """See Archive."""
        if self._quiet is not None:
            self._quiet.cancel()
        self._idle.clear()
        for worker in self._started:
            _kill(worker)
            await worker.wait()
        self._started.clear()


def _failure(reply: Reply) -> Exception:
    if reply.failed == "memory":
        return Retryable("the answer needs more memory than explore.memory allows. Ask for a shorter time.")
    if reply.failed == "stopped":
        return Retryable("the question was stopped")
    _log.warning("explore_question_failed", reason=reply.detail)
    return Retryable("the archive could not be read; the log says why")


def _send(worker: asyncio.subprocess.Process, message: msgspec.Struct) -> None:
    assert worker.stdin is not None  # noqa: S101 - it was started with a pipe
    worker.stdin.write(msgspec.json.encode(message) + b"\n")


async def _receive(worker: asyncio.subprocess.Process) -> Reply | None:
    assert worker.stdout is not None  # noqa: S101 - it was started with a pipe
    line = await worker.stdout.readline()
    return _reply.decode(line) if line else None


def _kill(worker: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        worker.kill()
