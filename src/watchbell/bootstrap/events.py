"""What events pass through behind the journal: sinks by name, enrichment, the memory of duplicates."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from watchbell import plugins
from watchbell.adapters.duplicate_file import DuplicateFile
from watchbell.adapters.event_rewriting import too_old
from watchbell.adapters.forgotten import ForgottenFile
from watchbell.adapters.places import PlaceFile
from watchbell.adapters.rejected import RejectedFiles
from watchbell.adapters.user_agents import parse_user_agent
from watchbell.config import Configuration
from watchbell.domain.errors import Invalid, Permanent
from watchbell.domain.events.duplicates import DuplicateMemory
from watchbell.domain.events.enrich import Enricher
from watchbell.domain.events.place import FindPlace
from watchbell.domain.events.privacy import Privacy
from watchbell.ports.sink import Sink
from watchbell.toolkit.settings import InvalidSettings, read
from watchbell.usecases.lanes import MakeSink

DAY_S = 86_400


def system_ms() -> int:
    """The system's clock, in milliseconds since 1970."""
    return time.time_ns() // 1_000_000


def make_sinks(settings: Configuration, node: str) -> dict[str, MakeSink]:
    """What makes each sink that is configured.

    Raises:
        Permanent: a sink's type is not known, or its settings are wrong.
    """
    return {
        name: _sink(name, dict(given), settings.data / "events", node)
        for name, given in settings.collector.sinks.items()
    }


def _sink(name: str, given: dict[str, Any], folder: Path, node: str) -> MakeSink:
    table = plugins.table("sink")
    kind = given.pop("type", name)
    if kind not in table:
        known = ", ".join(sorted(table))
        raise Permanent(f"collector.sinks.{name}.type: there is no sink {kind!r}; known are {known}.")
    cls: Any = table[kind]
    try:
        config = read(cls.Config, given, prefix=f"collector.sinks.{name}.")
        if hasattr(cls, "check"):
            cls.check(config)
    except InvalidSettings as error:
        raise Permanent(error.message) from error
    except Invalid as error:
        raise Permanent(f"collector.sinks.{name}.{error.field or 'type'}: {error.reason}") from error
    # Two sinks of one type must not find each other's files.
    place = folder if name == kind else folder / name

    def make(schema: dict[str, Any]) -> Sink:
        return cls(config, schema=schema, folder=place, node=node, now_ms=system_ms)

    return make


def find_place(settings: Configuration, now_ms: Callable[[], int] = system_ms) -> FindPlace | None:
    """What looks places up; None when no database is configured.

    Raises:
        Permanent: the file cannot be read.
    """
    return PlaceFile(Path(settings.events.places), now_ms).find if settings.events.places else None


def enricher(settings: Configuration) -> Enricher:
    """What fills in what events do not say themselves.

    Raises:
        Permanent: as `find_place`.
    """
    return Enricher(parse_user_agent, find_place(settings))


def duplicate_memory(settings: Configuration) -> DuplicateMemory:
    """The node's memory, kept over restarts.

    Raises:
        Permanent: its file cannot be had.
    """
    slots = settings.events.duplicate_memory
    if slots < 1:
        raise Permanent("events.duplicate_memory must be at least 1.")
    return DuplicateMemory(table=DuplicateFile(settings.data / "collector" / "seen", slots).table)


def privacy(settings: Configuration) -> Privacy:
    """What of events is not stored.

    Raises:
        Permanent: a number of bits is none.
    """
    given = settings.events
    if not 0 <= given.ipv4_bits <= 32 or not 0 <= given.ipv6_bits <= 128:
        raise Permanent("events.ipv4_bits must be 0 to 32, and events.ipv6_bits 0 to 128.")
    return Privacy(
        addresses=given.addresses,
        ipv4_bits=given.ipv4_bits,
        ipv6_bits=given.ipv6_bits,
        redact=frozenset(name.lower() for name in given.redact),
        rotate_ids=given.rotate_ids,
    )


def rejected_files(settings: Configuration) -> RejectedFiles:
    """Where rejected events are kept."""
    keep_ms = int(settings.events.keep_rejected * DAY_S * 1000)
    return RejectedFiles(settings.data / "rejected", keep_ms=keep_ms, now_ms=system_ms)


def forgotten_file(settings: Configuration) -> ForgottenFile:
    """The parties that are to be forgotten."""
    return ForgottenFile(settings.data / "collector" / "forgotten.json")


def event_folders(settings: Configuration) -> list[Path]:
    """Where the sinks of this machine publish their files; those that go to a target only wait there."""
    chosen = [
        Path(given["folder"])
        for given in settings.collector.sinks.values()
        if isinstance(given.get("folder"), str) and given["folder"] and not given.get("target")
    ]
    return list(dict.fromkeys([settings.data / "events", *chosen]))


def tidy(settings: Configuration) -> int:
    """Deletes published files and rejected events that are too old; how many files.

    Raises:
        Retryable: the disk failed.
    """
    rejected_files(settings).trim()
    keep_s = settings.events.keep_files * DAY_S
    old = too_old(time.time() - keep_s, *event_folders(settings)) if keep_s > 0 else []
    for path in old:
        path.unlink(missing_ok=True)
    return len(old)
