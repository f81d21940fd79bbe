"""The log of steps as a Kafka topic, counted by a consumer group.

What a partition's holder knows is kept in the partition itself: the state, in pieces, is sent to it, and then the
group's offset is committed with a note where the pieces stand. Only the commit makes them count, and the brokers take
it only from the partition's holder: so the next one goes on from exactly one state and offset, whatever was under way.
"""

import logging
import secrets
import time
import zlib
from collections.abc import Callable, Mapping, Sequence
from io import BytesIO
from typing import Any, cast

import fastavro
import msgspec
from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    Producer,
    TopicPartition,
)

from watchbell.domain.errors import Retryable
from watchbell.domain.events.rules.paths import PathStep, Progress
from watchbell.ports.paths import PathReader

PIECE_BYTES = 60_000
"""Brokers take messages of a million bytes unless they are told otherwise, which may be less."""

_CONNECTION = ("bootstrap.", "client.id", "sasl.", "security.", "socket.", "ssl.")
_STATE = "watchbell-state"
_BATCH = 1000
_log = logging.getLogger("watchbell.kafka")


class _Note(msgspec.Struct, frozen=True):
    """What is committed with an offset: where the state stands. Kept under 200 bytes; brokers take 4096."""

    id: str
    first: int
    last: int
    pieces: int


class _State(msgspec.Struct):
    """Where a partition that is ours stands."""

    next: int
    kept: int = -1


class KafkaPaths:
    """One member of the group. `options`: of the client, as the sink has them.

    `message_of`: what a record of `schema` says; a `DecodeError` when it is none of ours.
    """

    def __init__(
        self,
        topic: str,
        group: str,
        options: Mapping[str, Any],
        schema: Mapping[str, Any],
        message_of: Callable[[Mapping[str, Any]], PathStep | Progress],
        *,
        wait_s: float = 5.0,
        session_s: float = 10.0,
    ) -> None:
        self._topic = topic
        self._wait_s = wait_s
        self._schema = fastavro.parse_schema(dict(schema))
        self._read = cast("Any", fastavro).schemaless_reader
        self._message_of = message_of
        connection = {key: value for key, value in options.items() if key.startswith(_CONNECTION)}
        self._connection = {**connection, "logger": _log, "error_cb": _ignored}
        self._group = {
            "group.id": group,
            "session.timeout.ms": int(session_s * 1000),
            "heartbeat.interval.ms": int(session_s * 250),
            "isolation.level": "read_committed",
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
        }
        self._consumer: Consumer | None = None
        self._producer: Producer | None = None
        self._reader: PathReader | None = None
        self._mine: dict[int, _State] = {}
        self._broken = ""

    # ── the group ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def poll(self, reader: PathReader, wait_s: float) -> int:
        """See PathLog."""
        self._reader = reader
        consumer = self._consumer or self._subscribed()
        try:
            messages = consumer.consume(_BATCH, wait_s)
        except KafkaException as error:
            raise Retryable(f"{self._topic}: {error}") from error
        if self._broken:
            reason, self._broken = self._broken, ""
            self._leave()
            raise Retryable(f"{self._topic}: {reason}")
        for message in messages:
            self._take(reader, message)
        return len(messages)

    def _subscribed(self) -> Consumer:
        consumer = Consumer({**self._connection, **self._group})
        consumer.subscribe([self._topic], on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._lost)
        self._consumer = consumer
        return consumer

    def _take(self, reader: PathReader, message: Message) -> None:
        error = message.error()
        if error is not None:
            raise Retryable(f"{self._topic}: {error.str()}")
        state = self._mine.get(message.partition() or 0)
        offset, value = message.offset() or 0, message.value()
        if state is None or offset < state.next:
            return
        state.next = offset + 1
        if value is None or message.headers():
            return  # a piece of a state
        try:
            taken = self._message_of(self._read(BytesIO(value), self._schema, None))
        except (msgspec.DecodeError, EOFError, LookupError, ValueError, TypeError):
            _log.warning("%s: message %d of partition %d is not ours", self._topic, offset, message.partition())
            return
        reader.took(message.partition() or 0, taken)

    def _assigned(self, consumer: Consumer, partitions: Sequence[TopicPartition]) -> None:
        """From within `consume`: goes on where the last holder was, or, if that cannot be known, not at all."""
        try:
            found = consumer.committed([TopicPartition(self._topic, each.partition) for each in partitions], 10)
            states = [(each, *self._state_of(each)) for each in found]
        except (KafkaException, Retryable) as error:
            self._broken = str(error)
            consumer.assign([])
            return
        for each, state, lost in states:
            self._mine[each.partition] = _State(max(each.offset, 0))
            if self._reader is not None:
                self._reader.assigned(each.partition, state, lost=lost)
        consumer.assign(
            [
                TopicPartition(self._topic, each.partition, each.offset if each.offset >= 0 else OFFSET_BEGINNING)
                for each in found
            ]
        )

    def _revoked(self, _: Consumer, partitions: Sequence[TopicPartition]) -> None:
        """From within `consume`, still as the holder: keeps what is known for the next one."""
        states: list[tuple[int, bytes]] = []
        for each in partitions:
            state = self._reader.revoked(each.partition) if self._reader is not None else None
            if state is not None:
                states.append((each.partition, state))
        try:
            self.keep(states)
        except Retryable as error:
            _log.warning("%s: %s; the next holder reads more of it again", self._topic, error.message)
        for each in partitions:
            self._mine.pop(each.partition, None)

    def _lost(self, _: Consumer, partitions: Sequence[TopicPartition]) -> None:
        for each in partitions:
            self._mine.pop(each.partition, None)
            if self._reader is not None:
                self._reader.gone(each.partition)

    def _leave(self) -> None:
        """Leaves the group without keeping anything."""
        consumer, self._consumer = self._consumer, None
        for partition in list(self._mine):
            if self._reader is not None:
                self._reader.gone(partition)
        self._mine.clear()
        if consumer is not None:
            consumer.close()

    def close(self, reader: PathReader) -> None:
        """See PathLog."""
        self._reader = reader
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            # Before leaving: afterwards the brokers would not take it.
            self._consumer = consumer
            self._revoked(consumer, [TopicPartition(self._topic, partition) for partition in self._mine])
            self._consumer = None
            consumer.close()

    # ── states ────────────────────────────────────────────────────────────────────────────────────────────────────────

    def keep(self, states: Sequence[tuple[int, bytes]]) -> None:
        """See PathLog."""
        consumer = self._consumer
        due = [(number, state) for number, state in states if self._mine[number].kept != self._mine[number].next]
        if consumer is None or not due:
            return
        try:
            notes = [(number, self._mine[number].next, self._sent(number, state)) for number, state in due]
            offsets = [
                TopicPartition(self._topic, number, upto, msgspec.json.encode(note).decode())
                for number, upto, note in notes
            ]
            committed = consumer.commit(offsets=offsets, asynchronous=False) or []
        except KafkaException as error:
            raise Retryable(f"{self._topic}: {error}") from error
        for each in committed:
            if each.error is not None:
                raise Retryable(f"{self._topic}: {each.error.str()}")
            self._mine[each.partition].kept = each.offset

    def _sent(self, partition: int, state: bytes) -> _Note:
        """The note of a state that the brokers have."""
        producer = self._producer
        if producer is None:
            own = {"enable.idempotence": True, "linger.ms": 5, "message.timeout.ms": int(self._wait_s * 1000)}
            producer = self._producer = Producer({**self._connection, **own})
        packed, name = zlib.compress(state), secrets.token_hex(8)
        pieces = [packed[start : start + PIECE_BYTES] for start in range(0, len(packed), PIECE_BYTES)]
        offsets: list[int] = []

        def arrived(error: KafkaError | None, message: Message) -> None:
            if error is None:
                offsets.append(message.offset() or 0)

        for piece in pieces:
            headers: Any = [(_STATE, name.encode())]
            producer.produce(self._topic, piece, partition=partition, headers=headers, on_delivery=arrived)
        producer.flush(self._wait_s)
        if len(offsets) != len(pieces):
            self._producer = None
            raise Retryable(f"{self._topic}: the state of partition {partition} did not arrive")
        return _Note(name, min(offsets), max(offsets), len(pieces))

    def _state_of(self, committed: TopicPartition) -> tuple[bytes | None, bool]:
        """The state that was kept with an offset; whether there was one that is lost."""
        if committed.error is not None:
            raise Retryable(committed.error.str())
        if committed.offset < 0:
            return None, False
        try:
            note = msgspec.json.decode(committed.metadata or "", type=_Note)
        except msgspec.DecodeError:
            return None, True
        pieces = self._pieces(committed.partition, note)
        if len(pieces) != note.pieces:
            return None, True
        try:
            return zlib.decompress(b"".join(pieces)), False
        except zlib.error:
            return None, True

    def _pieces(self, partition: int, note: _Note) -> list[bytes]:
        consumer = Consumer(
            {
                **self._connection,
                "group.id": f"{self._group['group.id']}-states",
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "isolation.level": "read_uncommitted",
            }
        )
        found: list[bytes] = []
        try:
            consumer.assign([TopicPartition(self._topic, partition, note.first)])
            until = time.monotonic() + 2 * self._wait_s
            while len(found) < note.pieces:
                message = consumer.poll(0.5)
                if message is None and time.monotonic() > until:
                    raise Retryable(f"the state of partition {partition} cannot be read")
                if message is None or message.error() is not None:
                    continue
                if (message.offset() or 0) > note.last:
                    break
                if (_STATE, note.id.encode()) in (message.headers() or ()):
                    found.append(message.value() or b"")
        finally:
            consumer.close()
        return found

    # ── for those who publish ─────────────────────────────────────────────────────────────────────────────────────────

    def keys(self) -> list[str]:
        """A key for each partition, as `PathSink` needs them.

        Raises:
            Retryable: the brokers do not say how many partitions there are.
        """
        producer = Producer(self._connection)
        try:
            found = producer.list_topics(self._topic, timeout=self._wait_s).topics[self._topic]
        except KafkaException as error:
            raise Retryable(f"{self._topic}: {error}") from error
        if found.error is not None or not found.partitions:
            raise Retryable(f"{self._topic}: the topic is not there")
        return keys_for(len(found.partitions))


def _ignored(_: KafkaError) -> None:
    """What matters is told by the call that fails."""


def keys_for(partitions: int) -> list[str]:
    """A text for each partition that Kafka's clients put there."""
    found: dict[int, str] = {}
    number = 0
    while len(found) < partitions:
        key = f"#{number}"
        found.setdefault((_murmur2(key.encode()) & 0x7FFFFFFF) % partitions, key)
        number += 1
    return [found[partition] for partition in range(partitions)]


def _murmur2(data: bytes) -> int:
    """Kafka's hash of a key: 32-bit MurmurHash2 with seed 0x9747b28c."""
    mask, factor = 0xFFFFFFFF, 0x5BD1E995
    value = 0x9747B28C ^ len(data)
    whole = len(data) & ~3
    for start in range(0, whole, 4):
        word = int.from_bytes(data[start : start + 4], "little") * factor & mask
        value = (value * factor & mask) ^ ((word ^ word >> 24) * factor & mask)
    if data[whole:]:
        value = (value ^ int.from_bytes(data[whole:], "little")) * factor & mask
    value = (value ^ value >> 13) * factor & mask
    return value ^ value >> 15
