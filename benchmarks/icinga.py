"""A private Icinga 2 that runs one plug-in as often as it can: for `checks_plugins.py` to stand beside.

Everything lies in a temporary folder, nothing listens, and the process is ended by its id. Its rate is what its own
performance data writer counts, one line for each result.
"""

import contextlib
import grp
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

PROGRAM = shutil.which("icinga2")
"""Where Icinga 2 is; None when it is not installed (Debian package: icinga2-bin)."""

_CONFIGURATION = """
const MaxConcurrentChecks = 512
object CheckerComponent "checker" {{ }}
object PerfdataWriter "counter" {{
  service_perfdata_path = "{folder}/results"
  service_temp_path = "{folder}/spool/results"
  host_perfdata_path = "{folder}/hosts"
  host_temp_path = "{folder}/spool/hosts"
  service_format_template = "{line}"
  rotation_interval = 1d
}}
object CheckCommand "plugin" {{ command = [ {command} ] }}
object Host "here" {{ check_command = "plugin", enable_active_checks = false }}
for (n in range({checks})) {{
  object Service "s" + n {{
    host_name = "here"
    check_command = "plugin"
    check_interval = 1s
    retry_interval = 1s
  }}
}}
"""
_LINE = "r" * 399  # long, because it is written 8 kB at a time
_FOLDERS = {"DataDir": "data", "LogDir": "log", "SpoolDir": "spool", "CacheDir": "cache", "InitRunDir": "run"}
_FILES = {"PidPath": "pid", "StatePath": "state", "ObjectsPath": "objects", "VarsPath": "vars", "ModAttrPath": "mod"}


def rate(argv: list[str], checks: int, seconds: float) -> float:
    """Runs a second, judged and written, of `checks` services that are all due each second.

    Raises:
        RuntimeError: it does not start; the text is the end of what it said.
    """
    folder = Path(tempfile.mkdtemp(prefix="watchbell-icinga-"))
    try:
        return _measured(_start(folder, argv, checks), folder / "spool" / "results", folder / "said", seconds)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _start(folder: Path, argv: list[str], checks: int) -> "subprocess.Popen[bytes]":
    for name in _FOLDERS.values():
        (folder / name).mkdir()
    command = ", ".join(f'"{word}"' for word in argv)
    (folder / "icinga2.conf").write_text(
        _CONFIGURATION.format(folder=folder, command=command, checks=checks, line=_LINE)
    )
    us = {"RunAsUser": pwd.getpwuid(os.getuid()).pw_name, "RunAsGroup": grp.getgrgid(os.getgid()).gr_name}
    places = {name: str(folder / place) for name, place in (_FOLDERS | _FILES).items()} | us
    defines = [f"-DConfiguration.{name}={value}" for name, value in places.items()]
    with (folder / "said").open("wb") as said:
        return subprocess.Popen(
            [str(PROGRAM), "daemon", "-c", str(folder / "icinga2.conf"), *defines],
            stdout=said,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def _measured(process: "subprocess.Popen[bytes]", results: Path, said: Path, seconds: float) -> float:
    try:
        deadline = time.monotonic() + 60
        while not results.exists() or not results.stat().st_size:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(said.read_text(errors="replace")[-2000:])
            time.sleep(0.1)
        time.sleep(2)  # past the start, at which it spreads the checks over their interval
        began, before = time.perf_counter(), results.stat().st_size
        time.sleep(seconds)
        return (results.stat().st_size - before) / (len(_LINE) + 1) / (time.perf_counter() - began)
    finally:
        process.terminate()  # it ends its workers itself
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
