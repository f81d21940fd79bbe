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
    _clean_files(settings, names, wait_s, done, say)
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


def _clean_files(settings: Configuration, names: frozenset[str], wait_s: float, done: Forgotten, say: Say) -> None:
    """Looks again until a pass finds nothing: files are published and merged meanwhile."""
    folders = *event_folders(settings), settings.data / "explore"
    leave = time.monotonic() + wait_s
    begun = time.time()
    for _ in range(_PASSES):
        found = _pass(event_files(*folders), names, done, say)
        waiting = _older(unfinished_files(*folders), begun)
        while waiting and time.monotonic() < leave:
            time.sleep(_PAUSE_S)
            waiting = _older(waiting, begun)
        done.unfinished = [str(path) for path in waiting]
        if not found and not waiting:
            return
    say("files: some are still being written; run this again later")


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


def _older(paths: list[Path], begun: float) -> list[Path]:
    """Those that were begun before this moment and are still there."""
    return [path for path in paths if path.exists() and path.stat().st_ctime < begun]
