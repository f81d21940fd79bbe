"""Forgetting a party: what it did is removed from every file of this machine that Watchbell wrote."""

import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from watchbell.adapters.event_rewriting import event_files, remove_records, unfinished_files
from watchbell.adapters.journal.scanning import blank, checkpoint_of, scan
from watchbell.adapters.salt_file import SaltFile
from watchbell.bootstrap.events import event_folders, forgotten_file, privacy, rejected_files, system_ms
from watchbell.bootstrap.parts import Parts
from watchbell.config import Configuration
from watchbell.domain.errors import Invalid
from watchbell.domain.events.decode import decode
from watchbell.domain.events.event import Event
from watchbell.domain.events.identifiers import parse_identifier
from watchbell.domain.events.privacy import DAY_MS, Protector
from watchbell.domain.events.raw import RawEvent

Say = Callable[[str], None]

_PASSES = 5
_PAUSE_S = 1.0


class Forgotten(msgspec.Struct):
    """What was done."""

    rejected: int = 0
    journal: int = 0
    records: int = 0
    files: int = 0
    not_yet: int = 0
    """Events in the journal that are not mapped yet; they never will be, and go with their segment."""
    unfinished: list[str] = []
    """Files in flight, which may hold more."""


def forget(settings: Configuration, party: str, wait_s: float, say: Say) -> Forgotten:
    """Removes a party. Safe to run again, and while the collector runs; `say` is told how far it is.

    Raises:
        Invalid: `party` is no identifier. OSError: the disk failed; run it again. Retryable: as that.
    """
    known = parse_identifier(party)
    if known is None:
        raise Invalid("a party is written 0:<time>:<text>, as the records have it", "party")
    names = _names(settings, known)
    until_ms = system_ms()
    forgotten_file(settings).add(sorted(names), until_ms)
    done = Forgotten()
    done.rejected = rejected_files(settings).rewrite(lambda row: not _mentions(row.event(), names))
    say(f"rejected events: {done.rejected} removed")
    _clean_journal(settings, names, until_ms, wait_s, done)
    say(f"journal: {done.journal} events blanked, {done.not_yet} left that will not be mapped")
    _clean_files(settings, names, until_ms, wait_s, done, say)
    return done


async def forget_shown(settings: Configuration, party: str) -> int:
    """Removes the party's events from those that the store shows on pages; how many there were.

    Raises:
        Retryable: the store cannot be reached.
    """
    names = _names(settings, parse_identifier(party) or party)
    async with Parts(settings) as parts:
        store = await parts.migrated_store()
        async with store.transaction() as tx:
            return await tx.tallies.forget(names)


def _names(settings: Configuration, party: str) -> frozenset[str]:
    """The party, and what stands for it today and yesterday when identifiers rotate."""
    names = {party}
    if settings.events.rotate_ids:
        protector = Protector(privacy(settings), SaltFile(settings.data / "collector" / "salt").of)
        for moment_ms in (system_ms(), system_ms() - DAY_MS):
            names.add(protector.identifier("party", party, moment_ms) or party)
    return frozenset(names)


def _mentions(raw: RawEvent | None, names: frozenset[str]) -> bool:
    if raw is None:
        return False
    found = decode(raw)
    if isinstance(found, Event):
        return found.party_id in names
    text = f"{raw.query}\n{raw.body.decode('utf-8', 'replace')}".replace("%3A", ":").replace("%3a", ":")
    return any(name in text for name in names)


def _clean_journal(
    settings: Configuration, names: frozenset[str], until_ms: int, wait_s: float, done: Forgotten
) -> None:
    leave = time.monotonic() + wait_s

    def unwanted(raw: RawEvent) -> bool:
        return raw.received_ms <= until_ms and _mentions(raw, names)

    while True:
        mapped = checkpoint_of(settings.journal_dir).positions
        done.not_yet = 0
        for batch in scan(settings.journal_dir):
            if batch.end <= mapped.get(batch.stream, 0):
                done.journal += blank(batch, unwanted)
            else:
                done.not_yet += sum(map(unwanted, batch.events()))
        if not done.not_yet or time.monotonic() > leave:
            return
        time.sleep(_PAUSE_S)


def _clean_files(
    settings: Configuration, names: frozenset[str], until_ms: int, wait_s: float, done: Forgotten, say: Say
) -> None:
    """Waits for what is in flight, then looks until nothing is found that may have moved on meanwhile."""
    archive = settings.data / "explore"
    folders = *event_folders(settings), archive
    # What was mapped of the party is in files that are there by now. Told once more, the collector publishes them all;
    # what it begins afterwards has nothing of the party, and is not waited for.
    begun = unfinished_files(*folders)
    forgotten_file(settings).add(sorted(names), until_ms)
    if begun:
        say(f"files: {len(begun)} are being written; they are looked through when they are published")
    done.unfinished = [str(path) for path in _published(begun, time.monotonic() + wait_s)]
    looked: set[Path] = set()
    for _ in range(_PASSES):
        merging = _merging(archive)
        new = [path for path in event_files(*folders) if path not in looked]
        looked.update(new)
        found = _pass(new, names, done, say)
        # Whatever went before it could be looked into may be in another file by now.
        if not found and not merging and all(path.exists() for path in new):
            return
        if merging:
            time.sleep(_PAUSE_S)
    done.unfinished += map(str, _merging(archive))


def _published(paths: list[Path], leave: float) -> list[Path]:
    """Waits until these files are published; those that are not yet when it is time to leave."""
    while (waiting := [path for path in paths if _in_flight(path)]) and time.monotonic() < leave:
        time.sleep(_PAUSE_S)
    return waiting


def _in_flight(path: Path) -> bool:
    """Whether a file is still being written, or waits to become one of the archive, which it does by another name."""
    return path.exists() or path.with_suffix(".spool").exists()


def _merging(archive: Path) -> list[Path]:
    """Files of the archive that are being made of others."""
    return [path for path in unfinished_files(archive) if path.name.endswith(".parquet.partial")]


def _pass(paths: list[Path], names: frozenset[str], done: Forgotten, say: Say) -> int:
    found = 0
    for number, path in enumerate(paths, 1):
        removed = remove_records(path, names)
        if removed:
            found += removed
            done.files += 1
        if number % 100 == 0 or number == len(paths):
            say(f"files: {number} of {len(paths)} looked through, {done.records + found} records removed")
    done.records += found
    return found
