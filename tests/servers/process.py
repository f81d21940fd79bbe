"""A server as a supervised process, and the small things that every kind of server needs: ports, folders, waiting."""

import contextlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

_started: set["ServerProcess"] = set()
_folders: set["Folder"] = set()
_SUPERVISOR = Path(__file__).with_name("supervise.py")
# Below the range from which the kernel takes ports for outgoing connections: a server that is down for a while in a
# test finds its port free when it comes back.
_LOWEST_PORT, _HIGHEST_PORT = 17000, 32000
# What keeps the newest ports from being handed out again: UDP has numbers of its own, and nobody here listens on them.
_reserved: deque[socket.socket] = deque()
_RESERVATIONS = 200
PATIENCE = 3
"""How many times longer than on an idle machine anything may take; it costs time only where a test fails."""


class MissingServerError(RuntimeError):
    """A server's program is not installed; the text names the Debian package."""


class UnobtainableServerError(MissingServerError):
    """A program is missing that no package of the distribution has, and that cannot be downloaded everywhere."""


class ServerFailedError(RuntimeError):
    """A server did not start; the text ends with the tail of its log."""


def find_program(name: str, package: str, *places: str) -> str:
    """Return the path of a program, looked for on the PATH and then in ``places`` (glob patterns, newest last)."""
    found = shutil.which(name)
    if found is not None:
        return found
    for place in places:
        for candidate in sorted(Path("/").glob(f"{place.lstrip('/')}/{name}"), reverse=True):
            if os.access(candidate, os.X_OK):
                return str(candidate)
    message = f"{name} is not installed (Debian package: {package}); run scripts/ensure-servers as root"
    raise MissingServerError(message)


def free_port() -> int:
    """Return a loopback TCP port on which nothing listens now, and that no other test process is given meanwhile.

    A server takes seconds until it listens, and may be down for a while: the number stays reserved all the same.
    """
    for _ in range(200):
        port = _LOWEST_PORT + secrets.randbelow(_HIGHEST_PORT - _LOWEST_PORT)
        reservation = socket.socket(type=socket.SOCK_DGRAM)
        with socket.socket() as probe, contextlib.suppress(OSError):
            reservation.bind(("127.0.0.1", port))
            probe.bind(("127.0.0.1", port))
            _reserve(reservation)
            return port
        reservation.close()
    message = "no free loopback port between 17000 and 32000"
    raise ServerFailedError(message)


def _reserve(number: socket.socket) -> None:
    _reserved.append(number)
    while len(_reserved) > _RESERVATIONS:
        _reserved.popleft().close()


def is_listening(port: int, host: str = "127.0.0.1") -> bool:
    """Tell whether something accepts TCP connections there now."""
    try:
        with socket.create_connection((host, port), timeout=1):
            return True
    except OSError:
        return False


def wait_until(condition: Callable[[], object], timeout: float = 30.0, what: str = "condition") -> None:
    """Poll until ``condition`` answers truthily; TimeoutError that names ``what`` if it never does.

    ``timeout`` is what a machine with nothing else to do may take, in seconds; a busy one gets a multiple of it.
    """
    end = time.monotonic() + timeout * PATIENCE
    pause = 0.02
    while not condition():
        if time.monotonic() > end:
            message = f"{what} did not come true within {timeout * PATIENCE:g} s"
            raise TimeoutError(message)
        time.sleep(pause)
        pause = min(pause * 1.3, 0.25)  # asking costs those who are asked


def end_leftovers() -> None:
    """Kill every server and remove every folder that nobody did, because a fixture failed half-way."""
    for server in list(_started):
        server.kill()
    for folder in list(_folders):
        folder.remove()
    while _reserved:
        _reserved.pop().close()


class Folder:
    """A temporary folder outside pytest's own (which only root may enter), removed by ``remove``."""

    def __init__(self, name: str, owner: str | None = None) -> None:
        self.path = Path(tempfile.mkdtemp(prefix=f"watchbell-{name}-"))
        _folders.add(self)
        if owner is not None and os.getuid() == 0:
            shutil.chown(self.path, owner)

    def remove(self) -> None:
        _folders.discard(self)
        shutil.rmtree(self.path, ignore_errors=True)


class ServerProcess:
    """One supervised command, with its log in a file. Start it, then wait for what shows that it is ready.

    ``with`` starts and ends it. ``stop`` asks politely (``stop_signal``), then kills after ``grace`` seconds; ``kill``
    is ``kill -9`` to the command and its children. After either it may be started again.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        folder: Path,
        env: Mapping[str, str] | None = None,
        user: str | None = None,
        stop_signal: str = "TERM",
        grace: float = 10.0,
    ) -> None:
        self.name = name
        self.command = list(command)
        self.folder = folder
        self.log_path = folder / f"{name}.log"
        self._pid_file = folder / f"{name}.pid"
        self._env = None if env is None else {**os.environ, **env}
        self._options = ["--signal", stop_signal, "--grace", str(grace), "--pid-file", str(self._pid_file)]
        if user is not None:
            self._options += ["--user", user]
        self._grace = grace
        self._supervisor: subprocess.Popen[bytes] | None = None

    def start(self) -> Self:
        """Start the command and return when its process exists."""
        self._pid_file.unlink(missing_ok=True)
        with self.log_path.open("ab") as log:
            self._supervisor = subprocess.Popen(
                [sys.executable, "-I", "-S", str(_SUPERVISOR), *self._options, "--", *self.command],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self._env,
                cwd=self.folder,
            )
        _started.add(self)
        self._wait(self._pid_file.exists, 20, "process")
        return self

    @property
    def pid(self) -> int:
        """The command's process id (not the supervisor's)."""
        return int(self._pid_file.read_text())

    @property
    def running(self) -> bool:
        """Whether the command still runs."""
        return self._supervisor is not None and self._supervisor.poll() is None

    def wait_ready(self, ready: Callable[[], object], timeout: float = 60.0) -> Self:
        """Wait until ``ready`` answers truthily; ServerFailedError with the log's tail if it never does."""
        self._wait(ready, timeout, "readiness")
        return self

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the command itself."""
        os.kill(self.pid, number)

    def stop(self) -> int | None:
        """End it politely, or by force after the grace; return its exit status (128 + n: by signal n)."""
        return self._finish()

    def kill(self) -> None:
        """Kill the command and its children with SIGKILL and wait until they are gone."""
        if self.running:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)
        self._finish()

    def wait(self, timeout: float = 30.0) -> int:
        """Wait for the command to end by itself; return its exit status."""
        assert self._supervisor is not None, "not started"
        return self._supervisor.wait(timeout * PATIENCE)

    def log(self) -> str:
        """What it has printed so far."""
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _finish(self) -> int | None:
        _started.discard(self)
        supervisor, self._supervisor = self._supervisor, None
        if supervisor is None:
            return None
        assert supervisor.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            supervisor.stdin.close()
        return supervisor.wait(self._grace + 10 * PATIENCE)

    def _wait(self, ready: Callable[[], object], timeout: float, what: str) -> None:
        end = time.monotonic() + timeout * PATIENCE
        while not ready():
            running = self.running
            if not running or time.monotonic() > end:
                tail = "\n".join(self.log().splitlines()[-30:])
                self.kill()
                reason = "took too long to reach" if running else "ended before"
                message = f"{self.name} {reason} {what}; its log ends:\n{tail}"
                raise ServerFailedError(message)
            time.sleep(0.05)
