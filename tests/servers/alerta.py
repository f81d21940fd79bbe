"""Alerta's own command line, installed from its lock into an environment of its own and used as it is."""

import json
import os
import pty
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from subprocess import CompletedProcess

LOCK = Path(__file__).with_name("alerta.lock")
RUNNER = Path(__file__).with_name("alerta_runner.py")
PATIENCE = 240  # seconds that installing may take


class AlertaMissing(Exception):
    """The package cannot be had; the message says why."""


def install(folder: Path, lock: Path = LOCK, program: str = "alerta") -> Path:
    """Make an environment in `folder` of what the lock names; returns the program.

    Raises:
        AlertaMissing: the packages could not be installed.
    """
    environment = folder / "alerta"
    pip = [sys.executable, "-m", "pip", "--python", str(environment / "bin" / "python"), "install"]
    options = ["--quiet", "--disable-pip-version-check", "--require-hashes", "--requirement", str(lock)]
    for command in ([sys.executable, "-m", "venv", "--without-pip", str(environment)], [*pip, *options]):
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise AlertaMissing(f"{lock.stem} cannot be installed: {error}") from error
        if done.returncode:
            raise AlertaMissing(f"{lock.stem} cannot be installed: {done.stderr.strip()[-500:]}")
    return environment / "bin" / program


class AlertaRunner:
    """The program, loaded once: to load it takes most of a command's time."""

    def __init__(self, program: Path) -> None:
        self.program = program
        command = [str(program.with_name("python")), str(RUNNER)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def run(self, arguments: Sequence[str], environment: Mapping[str, str], stdin: str) -> CompletedProcess[str]:
        """Run one command in a process of its own."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with tempfile.TemporaryDirectory() as folder:
            files = {name: Path(folder) / name for name in ("stdin", "stdout", "stderr")}
            for name, file in files.items():
                file.write_text(stdin if name == "stdin" else "")
            order = {"arguments": arguments, "environment": dict(environment)}
            order |= {name: str(file) for name, file in files.items()}
            self._process.stdin.write(json.dumps(order) + "\n")
            self._process.stdin.flush()
            status = int(self._process.stdout.readline())
            return CompletedProcess(arguments, status, files["stdout"].read_text(), files["stderr"].read_text())

    def close(self) -> None:
        """End it."""
        self._process.communicate()


class AlertaCommand:
    """The program with one person's settings: an endpoint, a home folder, and a key or none."""

    def __init__(
        self, runner: AlertaRunner, endpoint: str, home: Path, key: str = "", authority: Path | None = None
    ) -> None:
        self.program = runner.program
        self._runner = runner
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "ALERTA_ENDPOINT": endpoint,
            "ALERTA_API_KEY": key,
            "LC_ALL": "C.UTF-8",
            **({"REQUESTS_CA_BUNDLE": str(authority)} if authority else {}),
        }

    def run(self, *arguments: str, stdin: str | None = None) -> CompletedProcess[str]:
        """Run a command, whatever it says."""
        return self._runner.run(arguments, self.environment, stdin or "")

    def __call__(self, *arguments: str, stdin: str | None = None) -> str:
        """Run a command that must succeed; what it printed, without the line's end."""
        done = self.run(*arguments, stdin=stdin)
        assert done.returncode == 0, f"alerta {' '.join(arguments)}: {done.stdout}{done.stderr[-2000:]}"
        return done.stdout.strip()


def typed(alerta: AlertaCommand, *arguments: str, answers: list[str]) -> str:
    """Run a command at a terminal and type answers to what it asks; what it showed."""
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [str(alerta.program), *arguments],
        env=alerta.environment | {"TERM": "xterm", "LINES": "40", "COLUMNS": "200"},
        stdin=follower,
        stdout=follower,
        stderr=follower,
        start_new_session=True,
    )
    os.close(follower)
    shown, until = b"", time.monotonic() + 60
    try:
        while time.monotonic() < until and (process.poll() is None or select.select([leader], [], [], 0)[0]):
            if not select.select([leader], [], [], 0.2)[0]:
                continue
            try:
                shown += os.read(leader, 65536)
            except OSError:
                break
            if answers and shown.rstrip().endswith(b":"):
                os.write(leader, f"{answers.pop(0)}\n".encode())
            elif not answers and arguments[0] in {"top", "watch"} and len(shown) > 200:
                os.killpg(process.pid, signal.SIGINT)
        process.wait(10)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        os.close(leader)
    return shown.decode(errors="replace")
