"""A private store that speaks Google Cloud Storage's protocol, from an emulator that is installed from its own lock.

fsspec's client of it is installed beside it; both are no packages of ours, so they live in a folder of their own.
"""

import json
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote
from urllib.request import Request, urlopen

from servers.process import Folder, ServerProcess, free_port, is_listening

LOCK = Path(__file__).with_name("gcs.lock")
PATIENCE = 240  # seconds that installing may take


class GcsMissing(Exception):
    """The packages cannot be had; the message says why."""


def install(folder: Path) -> Path:
    """Install the packages into `folder`, which then belongs on PYTHONPATH; returns it.

    Raises:
        GcsMissing: they could not be installed.
    """
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--target", str(folder)]
    options = ["--no-deps", "--only-binary", ":all:", "--require-hashes", "--requirement", str(LOCK)]
    try:
        done = subprocess.run([*pip, *options], capture_output=True, text=True, timeout=PATIENCE, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise GcsMissing(f"the packages of {LOCK.name} cannot be installed: {error}") from error
    if done.returncode:
        raise GcsMissing(f"the packages of {LOCK.name} cannot be installed: {done.stderr.strip()[-500:]}")
    return folder


class GcsServer:
    """An object store on a free port. ``with`` starts it and removes it at the end. It keeps objects in memory."""

    def __init__(self, packages: Path) -> None:
        self._folder = Folder("gcs")
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        place = ["--host", "127.0.0.1", "--port", str(self.port)]
        start = ["start", "--in-memory", "--default-bucket", "events"]
        command = [sys.executable, "-m", "gcp_storage_emulator", *start, *place]
        environment = {"PYTHONPATH": str(packages)}
        self.process = ServerProcess("gcs", command, folder=self._folder.path, env=environment)

    def __enter__(self) -> Self:
        self.process.start().wait_ready(lambda: is_listening(self.port))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.kill()
        self._folder.remove()

    def objects(self) -> list[str]:
        """Names of the objects in the bucket `events`."""
        found = json.loads(self._get("/storage/v1/b/events/o"))
        return sorted(item["name"] for item in found.get("items", []))

    def read(self, name: str) -> bytes:
        """Return an object's bytes."""
        return self._get(f"/storage/v1/b/events/o/{quote(name, safe='')}?alt=media")

    def _get(self, path: str) -> bytes:
        with urlopen(Request(self.url + path), timeout=30) as answer:
            return answer.read()
