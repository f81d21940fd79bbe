"""Takes published files to a target elsewhere: an object store, a distributed file system.

A file waits in the local folder until it is whole at the target, then it is removed here. An object store shows an
object when its upload is complete; elsewhere it is copied beside its name and renamed. A target that is away costs
nothing but room on the local disk: each file is tried again, for ever, in a thread of its own, so that writing goes on.
"""

import threading
import time
from collections import deque
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import fsspec
import structlog

from watchbell.domain.errors import Invalid
from watchbell.toolkit.kept import PARTIAL

FINISH_WITHIN_S = 20.0
"""How long a stop waits for files that are being taken; the rest waits for the next start."""

_ATOMIC = frozenset({"s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "memory"})
_EXTRAS = {"s3": "s3", "s3a": "s3", "gs": "gcs", "gcs": "gcs"}
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.5, 30.0

_log = structlog.get_logger("sinks")
_fsspec: Any = fsspec


class Target:
    """A place that fsspec knows, by URL. Connects with the first file.

    Raises:
        Invalid: the URL's kind is not known, or what it needs is not installed.
    """

    def __init__(self, url: str, options: Mapping[str, Any]) -> None:
        self.url = url.rstrip("/")
        self._protocol = url.partition("://")[0] if "://" in url else ""
        self._options = {"use_listings_cache": False, **options}
        self._system: Any = None
        if not self._protocol:
            raise Invalid(f"{url!r} is no URL such as s3://bucket/events", "target")
        try:
            _fsspec.get_filesystem_class(self._protocol)
        except ValueError as error:
            raise Invalid(f"{url!r} names no kind of store that is known", "target") from error
        except ImportError as error:
            extra = _EXTRAS.get(self._protocol)
            fix = f'install "watchbell[{extra}]"' if extra else str(error)
            raise Invalid(f"{self._protocol}:// needs more packages: {fix}", "target") from error

    def put(self, local: Path, name: str) -> None:
        """Copies a file. It appears whole or not at all.

        What is there already stays: of the same length, it is this file, taken just before a crash; else it is
        another's, and this one gets a name beside it. Raises whatever the store's library raises.
        """
        if self._system is None:
            self._system, _ = _fsspec.core.url_to_fs(self.url, **self._options)
        system = self._system
        root = system._strip_protocol(self.url)  # noqa: SLF001 - fsspec's own spelling of a path
        path, size = f"{root}/{name}", local.stat().st_size
        there = self._size(path)
        while there not in {None, size}:
            stem, dot, suffix = path.rpartition(".")
            path = f"{stem}-again{dot}{suffix}"
            there = self._size(path)
        if there == size:
            return
        if self._protocol in _ATOMIC:
            system.put_file(str(local), path)
        else:
            system.makedirs(path.rpartition("/")[0], exist_ok=True)
            system.put_file(str(local), path + PARTIAL)
            system.mv(path + PARTIAL, path)
        found = self._size(path)
        if found != size:
            raise OSError(f"{path} has {found} bytes there, {size} here")

    def _size(self, path: str) -> int | None:
        self._system.invalidate_cache()
        try:
            return self._system.info(path)["size"]
        except FileNotFoundError:
            return None


class Outbox:
    """Files of a folder on their way to a target. The methods are for one thread; the way has its own."""

    def __init__(self, folder: Path, url: str, options: Mapping[str, Any]) -> None:
        self._folder = folder
        self._target = Target(url, options)
        self._waiting: deque[str] = deque()
        self._arrived: deque[str] = deque()
        self._news = threading.Event()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, names: Iterable[str]) -> None:
        """Begins with what waits already. Nothing changes for files that are on their way."""
        if self._thread is not None and self._thread.is_alive():
            for name in names:
                if name not in self._waiting:
                    self.add(name)
            return
        # A thread that did not end in time keeps its own list, and does no harm: a file is the same file twice.
        self._waiting, self._stop = deque(names), threading.Event()
        self._news.set()
        self._thread = threading.Thread(
            target=self._run, args=(self._stop, self._waiting), name="watchbell-outbox", daemon=True
        )
        self._thread.start()

    def add(self, name: str) -> None:
        """One more file, by its path below the folder."""
        self._waiting.append(name)
        self._news.set()

    def waiting(self) -> int:
        """How many files are not at the target yet."""
        return len(self._waiting)

    def arrived(self) -> list[str]:
        """What has arrived since this was asked last."""
        return [self._arrived.popleft() for _ in range(len(self._arrived))]

    def finish(self) -> list[str]:
        """Waits for what waits, for a time, and stops; what has arrived."""
        end = time.monotonic() + FINISH_WITHIN_S
        while self._waiting and self._thread is not None and time.monotonic() < end:
            time.sleep(0.01)
        if self._waiting:
            _log.warning("sink_files_left", target=self._target.url, files=len(self._waiting), folder=str(self._folder))
        self.stop()
        return self.arrived()

    def stop(self) -> None:
        """Ends the thread after the file that it is taking."""
        thread, self._thread = self._thread, None
        if thread is not None:
            self._stop.set()
            self._news.set()
            thread.join(FINISH_WITHIN_S)

    def _run(self, stop: threading.Event, waiting: deque[str]) -> None:
        wait_s = _FIRST_WAIT_S
        while not stop.is_set():
            if not waiting:
                self._news.wait()
                self._news.clear()
                continue
            try:
                self._take(waiting[0])
                waiting.popleft()
                wait_s = _FIRST_WAIT_S
            except Exception as error:  # task edge: each store's library fails in its own ways, and all may pass
                _log.warning("sink_file_waits", file=waiting[0], target=self._target.url, reason=repr(error)[:500])
                stop.wait(wait_s)
                wait_s = min(wait_s * 2, _LONGEST_WAIT_S)

    def _take(self, name: str) -> None:
        local = self._folder / name
        if local.exists():
            self._target.put(local, name)
            local.unlink(missing_ok=True)
        self._arrived.append(name)
