"""The archive of events: the spool that a collector writes, the process that makes files of it, and who asks them."""

import functools
import os
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

from watchbell import log
from watchbell.adapters.archive.asking import ArchiveSettings, DuckArchive
from watchbell.adapters.books import LocalBooks
from watchbell.bootstrap.events import rejected_files, system_ms
from watchbell.config import Configuration
from watchbell.ports.sink import Sink
from watchbell.roles.archiving import run_archiver
from watchbell.roles.process import Role
from watchbell.usecases.lanes import MakeSink

DAY_S = 86_400
_NOT_SHARED = (
    "Collectors of a cluster keep events on their own disks. Set explore.url, for the collectors and for the API, to a "
    "folder or an object store that all of them reach."
)
_ELSEWHERE = (
    "No collector runs on the machine of this API, and none has told its books. `watchbell events rejected` shows on a "
    "collector's machine what was rejected."
)
_OFF = "Nothing is kept for questions: explore.keep is 0. Set it to the number of days to keep, and restart."


def make_archive(settings: Configuration) -> DuckArchive:
    """Who answers questions in the API."""
    given = settings.explore
    alone = settings.bus.url.reveal().startswith("memory") or bool(given.url)
    return DuckArchive(
        ArchiveSettings(
            url=_place(settings),
            scratch=settings.data / "explore" / "scratch",
            memory_mib=given.memory,
            threads=max(1, min(4, os.cpu_count() or 1)),
            timeout_s=given.timeout,
            keep_days=given.keep,
            missing=_OFF if given.keep <= 0 else "",
            missing_folder="" if alone else _NOT_SHARED,
        )
    )


def make_spool(settings: Configuration, node: str) -> dict[str, MakeSink]:
    """What makes the spool that a collector writes, by its name; nothing when nothing is to be kept."""
    from watchbell.adapters.archive.spool import EventSpool

    def make(schema: dict[str, Any]) -> Sink:
        del schema  # it takes the events themselves
        return EventSpool(_spool(settings, node), roll_every_s=settings.explore.every, now_ms=system_ms)

    return {"explore": make} if settings.explore.keep > 0 else {}


def archiver(settings: Configuration, node: str) -> dict[str, Role]:
    """The role that makes files of the spool, by its name; none when nothing is to be kept."""
    if settings.explore.keep <= 0:
        return {}
    spool = _spool(settings, node)
    work = functools.partial(_convert, spool, _place(settings), node, settings.explore.keep, os.getpid())
    prepared = functools.partial(_prepared, settings.log.level, settings.log.format, work)
    return {"archiver": functools.partial(run_archiver, prepared, functools.partial(_is_empty, spool))}


def make_books(settings: Configuration) -> LocalBooks:
    """The books of this machine's collector, for the API."""
    return LocalBooks(
        settings.journal_dir,
        rejected_files(settings),
        node=f"{socket.gethostname()}-{settings.collector.port}",
        missing=_ELSEWHERE,
    )


def _place(settings: Configuration) -> str:
    return settings.explore.url or str((settings.data / "explore" / "archive").absolute())


def _spool(settings: Configuration, node: str) -> Path:
    from watchbell.adapters.archive.layout import node_name

    return settings.data / "explore" / "spool" / node_name(node)


def _is_empty(spool: Path) -> bool:
    return not any(spool.glob("*.partial")) and not any(spool.glob("*.spool"))


def _prepared(level: str, form: str, work: Callable[[], None]) -> None:
    log.configure(level, form, "archiver")
    work()


def _convert(spool: Path, url: str, node: str, keep_days: float, parent: int) -> None:
    """Turns until told to stop, or the collector is gone."""
    import structlog

    from watchbell.adapters.archive.convert import Converter
    from watchbell.adapters.archive.layout import Place

    stopping: list[int] = []

    def obey(number: int, _frame: FrameType | None) -> None:
        stopping.append(number)

    signal.signal(signal.SIGTERM, obey)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the collector says when
    os.nice(10)  # mapping comes first
    converter = Converter(spool, Place(url), node=node, keep_ms=int(keep_days * DAY_S * 1000))
    while not stopping and os.getppid() == parent:
        try:
            converter.turn()
        except OSError as error:
            structlog.get_logger("explore").warning("archive_unreachable", place=url, reason=str(error))
            time.sleep(5)
        time.sleep(0.5)
