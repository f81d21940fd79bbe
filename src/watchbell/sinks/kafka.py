"""Kafka: each record a message in the order of its party, with the party as the key.

Key: the party id, UTF-8. Value: the record as plain Avro, or in Confluent's framing (a zero byte, the schema's id as
four bytes, then the Avro). Timestamp: when the event was received. Partitions are chosen as Java clients choose them.

While the brokers are away nothing is lost: messages wait in memory and, behind them, events in the journal. A record
that a broker refuses for good (too large, invalid) is rejected with the reason, and the others go on. After a crash the
part that was not yet committed is sent again; with `exactly_once` it is sent in transactions that hold the positions of
the journal too, so that consumers with `isolation.level=read_committed` see each event once.
"""

import re
import secrets
import struct
from collections.abc import Callable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any, ClassVar

import msgspec

from watchbell.domain.errors import Invalid, Permanent, Retryable
from watchbell.domain.events.event import Event
from watchbell.ports.journal import Positions
from watchbell.ports.registry import Registry
from watchbell.toolkit import kept
from watchbell.toolkit.avro import DOES_NOT_FIT, fingerprint, record_encoder
from watchbell.toolkit.producing import OWN_OPTIONS, Failure, KafkaMessage, Producing
from watchbell.toolkit.registry import RegistryConfig, open_registry
from watchbell.toolkit.resending import Resending
from watchbell.toolkit.settings import Secret, Settings, read
from watchbell.toolkit.transactions import Transactions

Record = dict[str, Any]


class Framing(StrEnum):
    """What stands before the Avro in a message."""

    PLAIN = "plain"
    CONFLUENT = "confluent"


class Compression(StrEnum):
    """How batches are compressed on the wire and in the broker."""

    NONE = "none"
    GZIP = "gzip"
    SNAPPY = "snappy"
    LZ4 = "lz4"
    ZSTD = "zstd"


class Mechanism(StrEnum):
    """How the client proves who it is."""

    NONE = ""
    PLAIN = "PLAIN"
    SCRAM_256 = "SCRAM-SHA-256"
    SCRAM_512 = "SCRAM-SHA-512"


class KafkaConfig(Settings, frozen=True, kw_only=True):
    """Settings of a sink that sends to Kafka."""

    servers: list[str]
    """Some brokers to begin with, each `host:port`."""
    topic: str
    """The topic. It must exist, or the brokers must make topics by themselves."""
    framing: Framing = Framing.PLAIN
    """`plain`: Avro alone. `confluent`: a zero byte and the schema's id before it."""
    schema_id: int | None = None
    """The schema's id in the registry, for `confluent`; without it, `registry` is asked."""
    registry: dict[str, str | bool | int | float] = {}
    """The schema registry, for `confluent`: a table with `url` and, where they differ from the usual, `type`
    (`confluent`, `apicurio`), `register` (whether a schema that is not there may be registered), `group` and `id` (of
    Apicurio), `user`, `tls_ca`, `timeout` (seconds). The subject is `<topic>-value`."""
    registry_password: Secret = Secret("")
    """Password of the registry's `user`."""
    registry_token: Secret = Secret("")
    """Bearer token for the registry."""
    headers: bool = False
    """Whether messages carry the headers `watchbell-event` (the event's id) and `watchbell-schema` (the schema's
    fingerprint: SHA-256 of its canonical form, base64url)."""
    exactly_once: bool = False
    """Send in transactions, so that consumers that read committed messages only see each event once, also after a
    crash. Costs a round trip or two at each commit."""
    compression: Compression = Compression.LZ4
    """`none`, `gzip`, `snappy`, `lz4` or `zstd`."""
    tls: bool = False
    """Whether to speak TLS. Certificates are checked."""
    tls_ca: str = ""
    """PEM file of the authorities to trust. Empty: the system's."""
    tls_cert: str = ""
    """PEM file with the client's certificate, where the brokers want one."""
    tls_key: str = ""
    """PEM file with the client's key."""
    sasl: Mechanism = Mechanism.NONE
    """`PLAIN`, `SCRAM-SHA-256` or `SCRAM-SHA-512`; empty: none."""
    user: str = ""
    """User name for SASL."""
    password: Secret = Secret("")
    """Password for SASL."""
    wait_s: float = 5.0
    """How many seconds to wait for the brokers' answer before the sink counts as away. Nothing is given up then."""
    options: dict[str, str | bool | int | float] = {}
    """Further options of librdkafka, such as `linger.ms`. Those that the promise of delivery rests on cannot be set."""


class _State(msgspec.Struct, frozen=True):
    incarnation: str = ""
    """Names this folder's life: what the brokers know of another life counts nothing for this journal."""
    positions: dict[str, int] = {}


class Kafka:
    """The sink of kind `kafka`."""

    name: ClassVar[str] = "kafka"
    title: ClassVar[str] = "Kafka"
    Config: ClassVar[type[Settings]] = KafkaConfig

    def __init__(
        self, config: KafkaConfig, *, schema: dict[str, Any], folder: Path, node: str, now_ms: Callable[[], int]
    ) -> None:
        self.check(config)
        self._config = config
        self._schema = schema
        self._registry = _registry(config)
        self._prefix = _prefix(config)
        self._encode = record_encoder(schema)
        self._schema_header = ("watchbell-schema", fingerprint(schema).encode())
        self._now_ms = now_ms
        self._state_path = folder / f".{_safe(node)}.{_safe(config.topic)}.kafka.state"
        self._state = _State()
        self._upto: dict[str, int] = {}
        self._resending: Resending[KafkaMessage] = Resending()
        self._lost: list[Failure] = []
        """What was sent since the last `open` and did not arrive."""
        self._alone: set[KafkaMessage] = set()
        """Refused together with others: sent one at a time, to see which of them it is."""
        self._options = client_options(config)
        self._transactions: Transactions | None = None
        if config.exactly_once:
            self._transactions = Transactions(config.topic, f"watchbell-{node}-{config.topic}", self._options)
            self._options = {**self._options, **self._transactions.options}
        self._producing: Producing | None = None

    @staticmethod
    def check(config: KafkaConfig) -> None:
        """Tells at the start what cannot be used; opens no connection to a broker.

        Raises:
            Invalid: with the field and the reason.
        """
        _prefix(config)
        Producing(config.topic, client_options(config), wait_s=config.wait_s).give_up()
        _registry(config)

    def open(self) -> Positions:
        """See Sink."""
        try:
            self._state_path.parent.mkdir(parents=True, exist_ok=True)
            self._state = kept.load(self._state_path, _State) or self._state
            if not self._state.incarnation:
                self._save(_State(secrets.token_hex(8)))
        except OSError as error:
            raise Retryable(f"{self._state_path}: {error}") from error
        if self._registry is not None and not self._prefix and self._config.framing is Framing.CONFLUENT:
            try:
                self._prefix = _framed(self._registry.id_of(f"{self._config.topic}-value", self._schema))
            except Permanent as error:
                raise Retryable(f"{self._config.topic}: {error.message}") from error
        if self._transactions is not None:
            self._begin_anew(self._transactions)
        else:
            self._begin_again()
        self._upto = dict(self._state.positions)
        return dict(self._state.positions)

    def _begin_again(self) -> None:
        """What waits in the producer still arrives: only what failed is sent again."""
        if self._producing is not None and self._producing.broken:
            self._end_producer()
        if self._producing is None:
            self._producing = self._produce()
        self._lost += self._producing.failures()
        self._resending.begin_again([failure.message for failure in self._lost])
        self._lost = []

    def _begin_anew(self, transactions: Transactions) -> None:
        """Whatever was begun is undone or was committed: the brokers know, and say how far we are."""
        self._end_producer()
        self._lost = []
        self._resending.forget_sent()
        producing = self._produce()
        known = transactions.begin(producing.client, self._config.wait_s)
        self._producing = producing
        note = msgspec.json.decode(known, type=_State) if known else _State()
        if note.incarnation == self._state.incarnation:
            self._state = note

    def write(self, records: Sequence[Record], upto: Positions, about: Sequence[Event] = ()) -> None:
        """See Sink."""
        producing = self._producing
        if producing is None:
            raise Retryable(f"{self._config.topic}: not open")
        messages = self._messages(records, about)
        mark = self._resending.mark()
        for index in self._resending.fresh(messages):
            self._send(producing, messages[index], about[index].event_id if about else "", mark)
        producing.poll()
        self._upto.update(upto)

    def _send(self, producing: Producing, message: KafkaMessage, event_id: str, mark: int) -> None:
        if self._transactions is not None:
            self._transactions.enter(producing.client)
        headers = [("watchbell-event", event_id.encode()), self._schema_header] if self._config.headers else ()
        careful = bool(self._alone) and message in self._alone
        if careful:
            self._settle(producing)
        refusal = producing.send(message, headers)
        if refusal is None:
            self._resending.sent(message)
            if careful:
                refusal = self._answer(producing, message)
        if refusal is not None:
            self._resending.refuse(message, refusal.reason)
            self._resending.back_to(mark, without=message)
            raise Permanent(refusal.reason)

    def _answer(self, producing: Producing, message: KafkaMessage) -> Failure | None:
        """What the brokers say of a message that is sent alone; None when they take it."""
        try:
            self._settle(producing)
        except Retryable:
            # A refusal undoes a transaction, so there the others must come again before it can be rejected.
            if self._transactions is not None or not self._lost or not self._lost[-1].refused:
                raise
            return self._lost.pop()
        self._alone.discard(message)
        return None

    def _messages(self, records: Sequence[Record], about: Sequence[Event]) -> list[KafkaMessage]:
        encode, prefix = self._encode, self._prefix
        try:
            values = [prefix + encode(record) for record in records]
        except DOES_NOT_FIT as error:
            raise Permanent(f"a record does not fit the schema: {error}") from error
        if not about:
            now_ms = self._now_ms()
            return [(None, value, now_ms) for value in values]
        return [(event.party_id.encode(), value, event.received_ms) for value, event in zip(values, about, strict=True)]

    def sync(self) -> Positions:
        """See Sink."""
        producing = self._producing
        if producing is None:
            raise Retryable(f"{self._config.topic}: not open")
        if self._upto != self._state.positions:
            self._settle(producing)
            state = _State(self._state.incarnation, dict(self._upto))
            if self._transactions is not None:
                self._transactions.commit(producing.client, msgspec.json.encode(state), self._config.wait_s)
            try:
                self._save(state)
            except OSError as error:
                raise Retryable(f"{self._state_path}: {error}") from error
            self._resending.durable()
        return dict(self._state.positions)

    def _settle(self, producing: Producing) -> None:
        """Waits until everything sent has arrived.

        Raises:
            Retryable: not everything has; what did not is known.
        """
        waiting = producing.flush()
        failures = producing.failures()
        self._lost += failures
        refused = [failure for failure in failures if failure.refused]
        if len(refused) == 1:
            self._resending.refuse(refused[0].message, refused[0].reason)
            self._alone.discard(refused[0].message)
        else:
            self._alone.update([failure.message for failure in refused])
        if failures:
            raise Retryable(f"{self._config.topic}: {len(failures)} messages did not arrive: {failures[0].reason}")
        if producing.broken:
            raise Retryable(f"{self._config.topic}: {producing.broken}")
        if waiting:
            raise Retryable(f"{self._config.topic}: no broker has acknowledged {waiting} messages")

    def tend(self) -> list[str]:
        """See Sink. Nothing is published later than it is durable."""
        if self._producing is not None:
            self._producing.poll()
        return []

    def close(self) -> list[str]:
        """See Sink."""
        try:
            if self._producing is not None:
                self.sync()
        finally:
            self.abandon()
        return []

    def _produce(self) -> Producing:
        return Producing(self._config.topic, self._options, wait_s=self._config.wait_s)

    def abandon(self) -> None:
        """Ends the producer, as a crash would: what was not acknowledged is sent again after `open`."""
        self._end_producer()
        if self._transactions is not None:
            self._transactions.close()

    def _end_producer(self) -> None:
        producing, self._producing = self._producing, None
        if producing is not None:
            producing.give_up()
            self._lost += producing.failures()

    def _save(self, state: _State) -> None:
        kept.save(self._state_path, state)
        self._state = state


def _safe(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]", "_", text)


def _prefix(config: KafkaConfig) -> bytes:
    if config.framing is Framing.PLAIN:
        return b""
    if config.schema_id is not None:
        return _framed(config.schema_id)
    if not config.registry:
        raise Invalid("framing confluent needs it, or a registry", "schema_id")
    return b""


def _registry(config: KafkaConfig) -> Registry | None:
    if not config.registry:
        return None
    secrets = {"password": config.registry_password.reveal(), "token": config.registry_token.reveal()}
    return open_registry(read(RegistryConfig, {**config.registry, **secrets}, prefix="registry."))


def _framed(schema_id: int) -> bytes:
    try:
        return struct.pack(">bi", 0, schema_id)
    except struct.error as error:
        raise Invalid("does not fit into four bytes", "schema_id") from error


def client_options(config: KafkaConfig) -> dict[str, Any]:
    """What librdkafka is told: the settings, then the further options.

    Raises:
        Invalid: with the field and the reason.
    """
    if not config.servers:
        raise Invalid("names no broker", "servers")
    own = sorted(OWN_OPTIONS & config.options.keys())
    if own:
        raise Invalid(f"{', '.join(own)} cannot be set: the promise of delivery rests on it", "options")
    protocol = ("sasl_" if config.sasl else "") + ("ssl" if config.tls else "plaintext")
    given = {
        "ssl.ca.location": config.tls_ca,
        "ssl.certificate.location": config.tls_cert,
        "ssl.key.location": config.tls_key,
        "sasl.mechanism": config.sasl.value,
        "sasl.username": config.user,
        "sasl.password": config.password.reveal(),
    }
    return {
        "bootstrap.servers": ",".join(config.servers),
        "security.protocol": protocol,
        "compression.type": config.compression.value,
        "client.id": "watchbell",
        **{name: value for name, value in given.items() if value},
        **config.options,
    }
