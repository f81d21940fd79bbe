"""Which mappings were in force up to where in the journal: what is read again is mapped as it was entered in the books.

An era begins and ends between two batches. A past one is kept until every sink that it feeds has everything of it,
also over a restart: a sink that was away gets what the mappings of that time make for it, even if no mapping feeds it
any more.
"""

from collections.abc import Callable, Collection, Sequence
from typing import Any

import msgspec
import structlog

from watchbell.domain.errors import Faulty
from watchbell.domain.events.routes import EventMapping, Route, routes
from watchbell.ports.journal import JournalBatch, JournalReader, Positions

Revive = Callable[[bytes], EventMapping]
"""Makes a mapping ready again, of what was `kept` of it. Raises Faulty, or DecodeError, when it cannot."""

LOOK_BYTES = 4 << 20
"""How much of the journal is looked through at once to find its ends."""

_log = structlog.get_logger("collector")


class KeptEra(msgspec.Struct, array_like=True):
    """What is kept of an era with the checkpoint."""

    mappings: list[bytes] = []
    upto: dict[str, int] = {}


class Era(msgspec.Struct):
    """Mappings, and what each sink gets from them."""

    mappings: tuple[EventMapping, ...]
    routes: dict[str, Route]
    upto: dict[str, int] = {}
    """Where it ended. Of a stream that is not named it has nothing."""

    def kept(self) -> list[bytes]:
        """What it is made of again."""
        return [mapping.kept for mapping in self.mappings]


class Eras:
    """The mappings in force, `now`, and those that were, as long as a sink lacks something of them."""

    def __init__(self, mappings: Sequence[EventMapping], sinks: Collection[str]) -> None:
        self._sinks = list(sinks)
        self._past: list[Era] = []
        self.now = Era(tuple(mappings), routes(mappings, self._sinks))

    def restore(self, kept: Sequence[KeptEra], ends: Callable[[], Positions], revive: Revive) -> None:
        """After a restart. The last one was in force up to the `ends` of the journal; those in force now come after it.

        Up to there a crash may have hidden how far was counted, and some sinks may have more of it than others.
        """
        for each in kept[:-1]:
            self._past.append(self._restored(each.mappings, each.upto, revive))
        if kept and kept[-1].mappings != self.now.kept():
            self._end(lambda upto: self._restored(kept[-1].mappings, upto, revive), ends())
        self._join()

    def _end(self, era: Callable[[Positions], Era], upto: Positions) -> None:
        """One ends, unless it had nothing."""
        begin = self._past[-1].upto if self._past else {}
        end = begin | {stream: max(position, begin.get(stream, 0)) for stream, position in upto.items()}
        if end != begin:
            self._past.append(era(end))

    def _restored(self, kept: Sequence[bytes], upto: Positions, revive: Revive) -> Era:
        mappings: list[EventMapping] = []
        for each in kept:
            try:
                mappings.append(revive(each))
            except (Faulty, msgspec.MsgspecError) as error:
                _log.error("collector_former_mapping_lost", reason=str(error), hint="what sinks lack of it is lost")
        named = {sink for mapping in mappings for sink in mapping.sinks}
        found = routes(mappings, [*self._sinks, *sorted(named.difference(self._sinks))])
        there = {sink: route for sink, route in found.items() if sink in self._sinks}
        return Era(tuple(mappings), there, dict(upto))

    def change(self, mappings: Sequence[EventMapping], read: Positions) -> None:
        """Others are in force behind `read`.

        Raises:
            Invalid: they cannot stand together (see `routes`); nothing has changed.
        """
        following = Era(tuple(mappings), routes(mappings, self._sinks))
        ending = self.now
        if following.kept() != ending.kept():
            self._end(lambda upto: Era(ending.mappings, ending.routes, dict(upto)), read)
        self.now = following
        self._join()

    def _join(self) -> None:
        """An era that goes on after one without any batch is one."""
        if self._past and self._past[-1].kept() == self.now.kept():
            self._past.pop()

    def of(self, batch: JournalBatch) -> Era:
        """The one in which a batch was counted."""
        for era in self._past:
            if batch.end <= era.upto.get(batch.stream, 0):
                return era
        return self.now

    def leavers(self) -> dict[str, dict[str, int]]:
        """Sinks that are no more fed → up to where they were."""
        found = {sink: era.upto for era in self._past for sink in era.routes}
        return {sink: upto for sink, upto in found.items() if sink not in self.now.routes}

    def last_schema(self, sink: str) -> dict[str, Any]:
        """Of the last records that a sink gets."""
        found = [era.routes[sink].schema for era in (*self._past, self.now) if sink in era.routes]
        return found[-1] if found else {}

    def begin_of(self, sink: str, released: Positions) -> dict[str, int]:
        """Before these positions there is nothing for a sink."""
        found = dict(released)
        for era in self._past:
            if sink in era.routes:
                break
            found = {stream: max(era.upto.get(stream, 0), found.get(stream, 0)) for stream in era.upto | found}
        return found

    def prune(self, released: Positions, leaving: Collection[str]) -> None:
        """Forgets those of which every sink has everything. Sinks that are `leaving` have not yet published it."""
        wanted = self.leavers()
        held = [wanted[sink] for sink in leaving if sink in wanted]
        self._past = [
            era
            for era in self._past
            if era.upto in held or any(released.get(stream, 0) < position for stream, position in era.upto.items())
        ]

    def state(self) -> list[KeptEra]:
        """What is kept over a restart: the past ones, then the one in force."""
        return [KeptEra(era.kept(), era.upto) for era in (*self._past, self.now)]


def ends_of(reader: JournalReader, read: Positions) -> Positions:
    """Where each stream ends just now, from where it was `read` to."""
    found = dict(read)
    while batches := reader.read(found, LOOK_BYTES):
        found.update({batch.stream: batch.end for batch in batches})
    return found
