"""The helper process: starts programs, gathers what they print, ends them at their deadline, and reports.

One thread, one epoll. It knows nothing but its control socket (standard input). When that closes, because the worker
ended however it ended, every program is killed and the helper ends too. It is the reaper of what its programs leave
behind: a process that lost its parent comes to it, is recognised by an environment variable, and is killed once the run
that it belonged to is over.
"""

import contextlib
import ctypes
import heapq
import os
import resource
import select
import signal
import socket
import sys
import time

import msgspec

from watchbell.adapters.spawner.wire import Cancel, Finished, Frames, Options, Start, frame

GRACE = 1.0
"""Seconds between asking a program to end and killing it."""
FLOOD = 16
"""A program that prints so many times its limit is ended."""
RUN_VARIABLE = "WATCHBELL_RUN"
_ORPHANS_EVERY = 2.0
_PR_SET_CHILD_SUBREAPER = 36
_CHUNK = 65536
_RESET = [signal.SIGPIPE, signal.SIGCHLD, signal.SIGTERM, signal.SIGINT]
if hasattr(signal, "SIGXFSZ"):
    _RESET.append(signal.SIGXFSZ)

_requests = msgspec.msgpack.Decoder(Start | Cancel)


class _Run:
    """One program that runs."""

    __slots__ = (
        "asked",
        "began",
        "cancelled",
        "flooded",
        "killed",
        "number",
        "outputs",
        "pid",
        "seen",
        "start",
        "timed_out",
        "truncated",
    )

    def __init__(self, start: Start, pid: int, outputs: dict[int, bytearray], began: float) -> None:
        self.number = start.number
        self.start = start
        self.pid = pid
        self.outputs = outputs  # read end of the pipe → what came; standard output first
        self.seen = 0
        self.began = began
        self.asked = self.killed = self.cancelled = False
        self.timed_out = self.flooded = self.truncated = False


class Server:
    """The loop. `control` is a connected stream socket."""

    def __init__(self, control: socket.socket, token: str) -> None:
        self._control = control
        self._token = token
        self._frames = Frames()
        self._epoll = select.epoll()
        self._runs: dict[int, _Run] = {}
        self._numbers: dict[int, _Run] = {}
        self._readers: dict[int, _Run] = {}
        self._deadlines: list[tuple[float, int]] = []
        self._reports: list[Finished] = []
        self._look_for_orphans = 0.0
        self._open = True
        self._wake, wake_write = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        signal.signal(signal.SIGCHLD, _noticed)
        signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
        self._null = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
        self._epoll.register(control.fileno(), select.EPOLLIN)
        self._epoll.register(self._wake, select.EPOLLIN)

    def serve(self) -> None:
        """Work until the worker goes away, then kill everything."""
        try:
            while self._open:
                self._turn()
        finally:
            for run in list(self._runs.values()):
                _kill_tree(run.pid)

    def _turn(self) -> None:
        reap = False
        for fd, _ in self._epoll.poll(self._patience(), 256):
            if fd == self._control.fileno():
                self._listen()
            elif fd == self._wake:
                with contextlib.suppress(BlockingIOError):
                    os.read(self._wake, _CHUNK)
                reap = True
            elif (run := self._readers.get(fd)) is not None:
                self._read(run, fd)
        if reap:
            self._reap()
        self._expire(time.monotonic())
        if self._reports:
            self._control.sendall(frame(self._reports))
            self._reports = []

    def _patience(self) -> float:
        soonest = _ORPHANS_EVERY
        if self._deadlines:
            soonest = min(soonest, max(0.0, self._deadlines[0][0] - time.monotonic()))
        return soonest

    def _listen(self) -> None:
        try:
            data = self._control.recv(1 << 18)
        except ConnectionError:
            data = b""
        if not data:
            self._open = False
            return
        for body in self._frames.feed(data):
            message = _requests.decode(body)
            if isinstance(message, Start):
                self._start(message)
            else:
                self._cancel(message.number)

    def _start(self, start: Start) -> None:
        began = time.monotonic()
        pipes: list[int] = []
        try:
            pipes += os.pipe2(os.O_CLOEXEC)
            pipes += os.pipe2(os.O_CLOEXEC)
            pid = os.posix_spawn(
                start.argv[0],
                start.argv,
                {**start.env, RUN_VARIABLE: f"{self._token}/{start.number}"},
                file_actions=[
                    (os.POSIX_SPAWN_DUP2, self._null, 0),
                    (os.POSIX_SPAWN_DUP2, pipes[1], 1),
                    (os.POSIX_SPAWN_DUP2, pipes[3], 2),
                ],
                setsid=True,
                setsigmask=(),
                setsigdef=_RESET,
            )
        except (OSError, ValueError) as error:
            for fd in pipes:
                os.close(fd)
            words = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            self._report(start.number, 0, b"", b"", began, error=f"{start.argv[0]}: {words}")
            return
        os.close(pipes[1])
        os.close(pipes[3])
        run = _Run(start, pid, {pipes[0]: bytearray(), pipes[2]: bytearray()}, began)
        self._runs[pid] = self._numbers[start.number] = run
        for fd in run.outputs:
            os.set_blocking(fd, False)
            self._readers[fd] = run
            self._epoll.register(fd, select.EPOLLIN)
        heapq.heappush(self._deadlines, (began + start.timeout, start.number))

    def _read(self, run: _Run, fd: int) -> bool:
        """Take what is there; False when there is nothing more for now, or ever."""
        try:
            data = os.read(fd, _CHUNK)
        except BlockingIOError:
            return False
        if not data:
            self._epoll.unregister(fd)
            del self._readers[fd]
            return False
        run.seen += len(data)
        kept = run.outputs[fd]
        room = run.start.limit - len(kept)
        kept += data[: max(room, 0)]
        run.truncated = run.truncated or len(data) > room
        if run.seen > run.start.limit * FLOOD and not run.killed:
            run.flooded = run.killed = True
            _kill_tree(run.pid)
        return True

    def _reap(self) -> None:
        while True:
            try:
                dead = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            except ChildProcessError:
                return
            if dead is None:
                return
            run = self._runs.pop(dead.si_pid, None)
            if run is not None:
                # What it left in its group goes before the number can be given to anybody else.
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(dead.si_pid, signal.SIGKILL)
            _, status = os.waitpid(dead.si_pid, 0)
            if run is not None:
                self._finish(run, os.waitstatus_to_exitcode(status))

    def _finish(self, run: _Run, exit_code: int) -> None:
        for fd in run.outputs:
            budget = 2 * FLOOD
            while fd in self._readers and budget and self._read(run, fd):
                budget -= 1
            if fd in self._readers:
                self._epoll.unregister(fd)
                del self._readers[fd]
            os.close(fd)
        del self._numbers[run.number]
        if run.cancelled:
            return
        stdout, stderr = (bytes(kept) for kept in run.outputs.values())
        self._report(
            run.number,
            exit_code,
            stdout,
            stderr,
            run.began,
            timed_out=run.timed_out,
            flooded=run.flooded,
            truncated=run.truncated,
        )

    def _report(  # noqa: PLR0913 - the fields of a report
        self,
        number: int,
        exit_code: int,
        stdout: bytes,
        stderr: bytes,
        began: float,
        *,
        timed_out: bool = False,
        flooded: bool = False,
        truncated: bool = False,
        error: str = "",
    ) -> None:
        duration = time.monotonic() - began
        self._reports.append(
            Finished(number, exit_code, stdout, stderr, duration, timed_out, flooded, truncated, error)
        )

    def _cancel(self, number: int) -> None:
        run = self._numbers.get(number)
        if run is not None:
            run.cancelled = run.killed = True
            _kill_tree(run.pid)

    def _expire(self, now: float) -> None:
        while self._deadlines and self._deadlines[0][0] <= now:
            _, number = heapq.heappop(self._deadlines)
            run = self._numbers.get(number)
            if run is None or run.killed:
                continue
            run.timed_out = True
            if run.asked:
                run.killed = True
                _kill_tree(run.pid)
            else:
                run.asked = True
                _signal_group(run.pid, signal.SIGTERM)
                _signal_group(run.pid, signal.SIGCONT)
                heapq.heappush(self._deadlines, (now + GRACE, number))
        if now >= self._look_for_orphans:
            self._look_for_orphans = now + _ORPHANS_EVERY
            self._kill_orphans()

    def _kill_orphans(self) -> None:
        """Kill children that are not ours by start: they outlived their parents, and maybe their run."""
        for pid in _children(os.getpid()):
            if pid in self._runs:
                continue
            number = _run_number(pid, self._token)
            if number is None or number not in self._numbers:
                _kill_tree(pid)


def _noticed(number: int, stack: object) -> None:
    """Do nothing: the wake-up pipe has told."""


def _signal_group(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


def _kill_tree(pid: int) -> None:
    """Kill a program, its group, and descendants that left the group."""
    family = [pid]
    for member in family:
        family += [child for child in _children(member) if child not in family]
    _signal_group(pid, signal.SIGKILL)
    for member in family:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(member, signal.SIGKILL)


def _children(pid: int) -> list[int]:
    try:
        with open(f"/proc/{pid}/task/{pid}/children", "rb") as file:  # noqa: PTH123 - pathlib costs more than the read
            return [int(word) for word in file.read().split()]
    except OSError:
        return []


def _run_number(pid: int, token: str) -> int | None:
    """To which run a process belongs, by its environment; None when it hides that."""
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:  # noqa: PTH123 - as above
            variables = file.read().split(b"\0")
    except OSError:
        return None
    prefix = f"{RUN_VARIABLE}={token}/".encode()
    return next((int(v[len(prefix) :]) for v in variables if v.startswith(prefix) and v[len(prefix) :].isdigit()), None)


def prepare(options: Options) -> None:
    """Become what every program shall inherit: limits, directory, user."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 8192 if hard == resource.RLIM_INFINITY else min(hard, 8192)
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    os.umask(0o077)
    if options.gid >= 0:
        os.setgroups(options.groups)
        os.setgid(options.gid)
    if options.uid >= 0:
        os.setuid(options.uid)
    os.chdir(options.directory)
    if options.memory_bytes:
        resource.setrlimit(resource.RLIMIT_AS, (options.memory_bytes, options.memory_bytes))


def main(text: str) -> None:
    """Serve on standard input. `text` is the `Options`, as JSON."""
    options = msgspec.json.decode(text, type=Options)
    control = socket.socket(fileno=os.dup(0))
    os.set_inheritable(control.fileno(), False)  # noqa: FBT003 - the standard library takes it by position
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a Ctrl-C is the worker's to answer
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    prepare(options)
    Server(control, options.token).serve()


if __name__ == "__main__":
    main(sys.argv[1])
