"""Run one command and end it, with all its children, when our standard input closes or we are told to stop.

The test process holds the other end of that standard input. However it ends, even by ``kill -9``, the kernel closes the
pipe, so no server outlives the tests. Used as ``python supervise.py [--user NAME] [--signal TERM] [--grace SECONDS]
--pid-file FILE -- COMMAND …``; the command's process id is written to the file. Exits with the command's status.
"""

import argparse
import contextlib
import os
import pwd
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--user")
    parser.add_argument("--signal", default="TERM")
    parser.add_argument("--grace", type=float, default=10.0)
    parser.add_argument("--pid-file", type=Path, required=True)
    parser.add_argument("command", nargs="+")
    options = parser.parse_args()
    user = _credentials(options.user)
    child = subprocess.Popen[bytes](options.command, stdin=subprocess.DEVNULL, start_new_session=True, **user)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: stop.set())
    threading.Thread(target=_wait_for_parent, args=(stop,), daemon=True).start()
    threading.Thread(target=_wait_for_child, args=(child, stop), daemon=True).start()
    # Written last and by rename, so that whoever sees the file may already signal us.
    fresh = options.pid_file.with_suffix(".new")
    fresh.write_text(str(child.pid))
    fresh.rename(options.pid_file)
    stop.wait()
    return _end(child, signal.Signals[f"SIG{options.signal}"], options.grace)


def _credentials(user: str | None) -> dict[str, Any]:
    """What Popen needs to run as ``user``; nothing when we already are that user or none was named."""
    if user is None or pwd.getpwnam(user).pw_uid == os.getuid():
        return {}
    entry = pwd.getpwnam(user)
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": os.getgrouplist(user, entry.pw_gid)}


def _wait_for_parent(stop: threading.Event) -> None:
    while os.read(sys.stdin.fileno(), 4096):
        pass
    stop.set()


def _wait_for_child(child: subprocess.Popen[bytes], stop: threading.Event) -> None:
    child.wait()
    stop.set()


def _end(child: subprocess.Popen[bytes], polite: signal.Signals, grace: float) -> int:
    """Ask the child, wait, then kill whatever is left of its process group."""
    if child.poll() is None:
        child.send_signal(polite)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(grace)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    code = child.wait()
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main())
