"""Running other people's programs."""

from typing import Protocol

import msgspec


class Program(msgspec.Struct, frozen=True, kw_only=True):
    """A program to run, without a shell. `timeout` is in seconds; `output_limit` in bytes, for each of the two outputs.

    `env` is the whole environment. `argv[0]` is an absolute path.
    """

    argv: tuple[str, ...]
    env: dict[str, str] = {}
    timeout: float = 10.0
    output_limit: int = 65536


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """How it ended. `exit_code` is negative for a signal.

    `error` is not empty when the program could not be run at all. `timed_out` says that the deadline ended it,
    `flooded` that it was ended because it would not stop printing, `truncated` that some output is missing.
    """

    exit_code: int = 0
    stdout: bytes = b""
    stderr: bytes = b""
    duration: float = 0.0
    timed_out: bool = False
    flooded: bool = False
    truncated: bool = False
    error: str = ""


class ProcessRunner(Protocol):
    """Runs programs, many at once.

    Promises: standard input is empty; the program leads a session of its own; at the deadline it and everything that it
    started are asked to end (SIGTERM) and, after a short grace, killed; what it leaves running when it ends is killed
    too. Cancelling `run` kills at once. A program that cannot be started is an `Ended` with `error`; `run` does not
    raise.
    """

    async def run(self, program: Program) -> Ended:
        """Run one program to its end."""
        ...

    async def close(self) -> None:
        """End what runs and give back everything."""
        ...
