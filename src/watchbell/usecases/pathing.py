"""Funnels over several collectors: publishing the steps that this one saw, and counting the partitions that it holds.

Steps go through a lane of their own, as records do: while the log is away the journal keeps them. What a collector
claims to have published, it has: the claim is written behind the steps, in the same transaction.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from watchbell.domain.errors import Retryable
from watchbell.domain.events.event import Event
from watchbell.domain.events.raw import RawKind
from watchbell.domain.events.rules.part import WindowPart
from watchbell.domain.events.rules.paths import KeptPartition, PartitionPaths, PathStep, Progress, StepFinder
from watchbell.domain.events.rules.rule import Rule
from watchbell.ports.journal import Positions
from watchbell.ports.paths import PathLog
from watchbell.ports.sink import Record, Sink
from watchbell.usecases.mapping import Mapper

KEEP_EVERY_MS = 10_000
CLAIM_EVERY_MS = 1000
LOST_MS = 8 * 86_400_000
"""When a state is lost, windows that far back are known in part only: older ones are not judged."""

_CLAIM = "#claimed"
"""Among the positions of the inner sink: so that it has something to make durable when only a claim was written."""

_state = msgspec.msgpack.Decoder(KeptPartition)

STEP_SCHEMA: dict[str, Any] = {
    "type": "record",
    "name": "PathStep",
    "namespace": "watchbell",
    "fields": [
        {"name": "node", "type": "string"},
        {"name": "upto", "type": "long"},
        {"name": "steps", "type": "bytes"},
    ],
}
"""The messages of the log. With steps: MessagePack of what the event may be. Without: `node` has come up to `upto`."""


def step_record(node: str, step: PathStep) -> Record:
    """An event that may be a step, as a record."""
    return {"node": node, "upto": 0, "steps": msgspec.msgpack.encode(step)}


def message_of(record: Mapping[str, Any]) -> PathStep | Progress:
    """What a record says.

    Raises:
        msgspec.DecodeError: it is none of ours.
    """
    if record["steps"]:
        return msgspec.msgpack.decode(record["steps"], type=PathStep)
    return Progress(record["node"], record["upto"])


class PathSink:
    """Publishes steps, and how far this collector is. `inner` takes records of `STEP_SCHEMA`, and must be exactly-once.

    `keys`: party ids that do not exist, one for each partition of the log.
    """

    def __init__(self, inner: Sink, node: str, keys: Callable[[], Sequence[str]], paths: "Paths") -> None:
        self._inner = inner
        self._node = node
        self._keys = keys
        self._paths = paths
        self._upto: dict[str, int] = {}
        self._aim: tuple[int, dict[str, int]] | None = None
        """What will be claimed when everything up to these positions was written."""
        self._claimed_ms = 0
        self._claims = 0

    def open(self) -> Positions:
        """See Sink."""
        if self._paths.finder is None:
            raise Retryable("the rules are not known yet")
        self._upto = {stream: position for stream, position in self._inner.open().items() if stream != _CLAIM}
        self._aim, self._claimed_ms = None, 0
        return dict(self._upto)

    def write(self, records: Sequence[Record], upto: Positions, about: Sequence[Event] = ()) -> None:
        """See Sink. The records are nothing: the events are looked at themselves."""
        del records
        finder = self._paths.finder
        found = [(event, step) for event in about if finder is not None and (step := finder.find(event)) is not None]
        self._inner.write([step_record(self._node, step) for _, step in found], upto, [event for event, _ in found])
        self._upto.update(upto)

    def sync(self) -> Positions:
        """See Sink."""
        positions = self._inner.sync()
        return {stream: position for stream, position in positions.items() if stream != _CLAIM}

    def tend(self) -> list[str]:
        """See Sink. Claims what can be claimed."""
        aim, progress = self._aim, self._paths.progress
        if aim is None and progress is not None:
            aim = self._aim = progress()
        if aim is not None and aim[0] >= self._claimed_ms + CLAIM_EVERY_MS:
            if all(self._upto.get(stream, 0) >= position for stream, position in aim[1].items()):
                self._claim(aim[0])
                self._claimed_ms, self._aim = aim[0], None
        else:
            self._aim = None
        return self._inner.tend()

    def _claim(self, upto_ms: int) -> None:
        keys = self._keys()
        about = [_nobody(key, upto_ms or self._claimed_ms) for key in keys]
        self._claims += 1
        record = {"node": self._node, "upto": upto_ms, "steps": b""}
        self._inner.write([record] * len(keys), {_CLAIM: max(upto_ms, self._claimed_ms) + self._claims}, about)
        self._inner.sync()

    def close(self) -> list[str]:
        """See Sink. Whoever leaves says so, that nobody waits."""
        self._claim(0)
        return self._inner.close()


def _nobody(key: str, moment: int) -> Event:
    return Event(
        source="",
        kind=RawKind.BROWSER,
        party_id=key,
        session_id="",
        event_id="",
        received_ms=moment,
        client_ms=moment,
        new_party=False,
        first_in_session=False,
        remote="",
    )


class Paths:
    """One collector's share: what it publishes, and the partitions that it counts. `group` names the counting group.

    `use` and `attach` are called by the mapper's side, the rest in the thread of whoever turns it.
    """

    def __init__(self, log: PathLog, group: str) -> None:
        self._log = log
        self._group = group
        self._rules: list[Rule] | None = None
        self._held: dict[int, PartitionPaths] = {}
        self._now_ms = 0
        self._kept_ms = 0
        self.finder: StepFinder | None = None
        """None while the rules are not known."""
        self.progress: Callable[[], tuple[int, dict[str, int]]] | None = None
        """(moment, positions): what was accepted before the moment lies before the positions in the journal."""

    def attach(self, mapper: Mapper) -> None:
        """Publishes what this mapper reads."""
        self.progress = mapper.progress

    def use(self, rules: Sequence[Rule]) -> None:
        """The rules as they are now."""
        if rules != self._rules:
            self._rules = list(rules)
            self.finder = StepFinder(rules)

    def turn(self, now_ms: int, wait_s: float) -> list[WindowPart]:
        """Takes what has come and counts it; what changed.

        Raises:
            Retryable: the log is away.
        """
        self._now_ms = now_ms
        rules = self._rules
        if rules is None:
            return []
        self._log.poll(self, wait_s)
        rows: list[WindowPart] = []
        for held in self._held.values():
            held.advance(rules, now_ms)
            rows += held.report(now_ms)
        if now_ms - self._kept_ms >= KEEP_EVERY_MS:
            self._kept_ms = now_ms
            self._log.keep([(partition, _encoded(held)) for partition, held in self._held.items()])
        return rows

    def again(self, rows: Sequence[WindowPart]) -> None:
        """These could not be reported."""
        for held in self._held.values():
            held.again(rows)

    def close(self, now_ms: int) -> None:
        """Gives the partitions to others."""
        self._now_ms = now_ms
        self._log.close(self)

    # ── for the log ───────────────────────────────────────────────────────────────────────────────────────────────────

    def assigned(self, partition: int, state: bytes | None, *, lost: bool) -> None:
        """See PathReader."""
        kept = None
        try:
            kept = _state.decode(state) if state is not None else None
        except msgspec.DecodeError:
            lost = True
        held = self._held[partition] = PartitionPaths(f"{self._group}/{partition}", kept)
        if lost:
            held.missed(self._now_ms - LOST_MS, self._now_ms)

    def took(self, partition: int, message: PathStep | Progress) -> None:
        """See PathReader."""
        held = self._held.get(partition)
        if held is not None:
            held.take(message, self._now_ms)

    def revoked(self, partition: int) -> bytes | None:
        """See PathReader."""
        held = self._held.pop(partition, None)
        return _encoded(held) if held is not None else None

    def gone(self, partition: int) -> None:
        """See PathReader."""
        self._held.pop(partition, None)


def _encoded(held: PartitionPaths) -> bytes:
    return msgspec.msgpack.encode(held.state())
