"""The Kafka sink on a real broker: bytes on the wire, a broker that goes away, records that it refuses, crashes."""

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import pytest
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from conftest import missing
from contract.places import NODE, Clock, KafkaTopic, event, events, party, record, records
from servers.certificates import TestAuthority
from servers.kafka import KafkaServer
from servers.process import MissingServerError, wait_until
from watchbell.domain.errors import Permanent, Retryable
from watchbell.domain.events.record import DEFAULT_SCHEMA
from watchbell.sinks.kafka import Kafka, KafkaConfig
from watchbell.toolkit.settings import read

Make = Callable[..., KafkaTopic]


@pytest.fixture(scope="module")
def golden() -> dict[str, Any]:
    """What Divolte sends for one request."""
    vectors = json.loads((Path(__file__).parents[1] / "data" / "divolte_vectors.json").read_text())
    return vectors["kafka_message"]


@pytest.fixture
def make(kafka_server, tmp_path: Path) -> Iterator[Make]:
    """Topics of the shared broker, with sinks for them."""
    made: list[KafkaTopic] = []

    def topic(*, exactly_once: bool = False, server: KafkaServer = kafka_server) -> KafkaTopic:
        made.append(KafkaTopic(server, tmp_path / str(len(made)), Clock(), exactly_once=exactly_once))
        return made[-1]

    yield topic
    for each in made:
        each.release()


@pytest.fixture
def broker() -> Iterator[KafkaServer]:
    """A broker of the test's own, to be stopped and killed."""
    try:
        server = KafkaServer()
    except MissingServerError as error:
        missing(error)
        return
    with server:
        yield server


class Journal:
    """Gives a sink what it has not made durable, as the mapper does."""

    def __init__(self, sink: Any) -> None:
        self._sink = sink
        self._unsynced: list[tuple[list[dict[str, Any]], dict[str, int], list[Any]]] = []
        self.rejected: list[tuple[int, str]] = []
        self._again()

    def _open(self) -> None:
        durable = self._sink.open().get("a", 0)
        self._unsynced = [each for each in self._unsynced if each[1]["a"] > durable]
        for each in self._unsynced:
            self._give(*each)

    def _give(self, rows: list[dict[str, Any]], upto: dict[str, int], about: list[Any]) -> None:
        try:
            self._sink.write(rows, upto, about)
        except Permanent:
            for row, each in zip(rows, about, strict=True):
                try:
                    self._sink.write([row], {}, [each])
                except Permanent as error:
                    self.rejected.append((row["timestamp"], error.message))
            self._sink.write([], upto)

    def wait_open(self) -> Self:
        """Wait until the brokers have let the sink in for the first time."""
        wait_until(self.commit, 60, "an open sink")
        return self

    def write(self, rows: list[dict[str, Any]], about: list[Any]) -> None:
        """New records; a failure shows at the next commit at the latest."""
        upto = {"a": (self._unsynced[-1][1]["a"] if self._unsynced else self._position) + len(rows)}
        self._position = upto["a"]
        self._unsynced.append((rows, upto, about))
        try:
            self._give(rows, upto, about)
        except Retryable:
            self._again()

    _position = 0

    def commit(self) -> bool:
        """Whether everything is durable now; if not, it was given again."""
        try:
            self._sink.sync()
        except Retryable:
            self._again()
            return False
        self._unsynced = []
        return True

    def _again(self) -> None:
        with suppress(Retryable):  # the next commit tries again
            self._open()

    def drain(self, within_s: float = 60) -> None:
        wait_until(self.commit, within_s, "a commit")


def in_order(place: KafkaTopic, upto: int) -> None:
    """Everything is there once, each party's records in order."""
    found = place.found()
    assert Counter(row["timestamp"] for row in found) == Counter(range(upto))
    for number in range(5):
        mine = [row["timestamp"] for row in found if row["partyId"] == party(number)]
        assert mine == list(range(number, upto, 5))


@pytest.mark.parametrize("framing", ["plain", "confluent"])
def test_key_value_and_timestamp_are_divoltes(make, golden, framing):
    place = make()
    sink = place.make(framing=framing, schema_id=12345)
    sink.open()
    about = event(0, party_id=golden["key_utf8"], received_ms=golden["record_timestamp_ms"])
    sink.write([golden["record"]], {"a": 1}, [about])
    sink.close()
    (message,) = place.messages()
    value = golden["naked_value_hex"] if framing == "plain" else golden["confluent_value_hex_id_12345"]
    assert message.key() == golden["key_utf8"].encode()
    assert message.value().hex() == value
    assert message.timestamp()[1] == golden["record_timestamp_ms"]
    assert message.headers() is None


def test_the_framing_holds_the_id_in_four_bytes(make, golden):
    place, case = make(), golden["confluent_header_case"]
    sink = place.make(framing="confluent", schema_id=case["schema_id"])
    sink.open()
    sink.write(records(0, 1), {"a": 1}, events(0, 1))
    sink.close()
    (message,) = place.messages()
    assert message.value()[:5].hex() == case["header_hex"]


def test_the_registry_is_asked_for_the_id(make, http_target):
    place = make()
    sink = place.make(framing="confluent", registry={"url": http_target.url})
    http_target.answer_once(503)
    with pytest.raises(Retryable, match="503"):
        sink.open()
    http_target.answer(200, b'{"id": 77}', headers={"Content-Type": "application/json"})
    sink.open()
    sink.write(records(0, 1), {"a": 1}, events(0, 1))
    sink.close()
    (message,) = place.messages()
    assert message.value()[:5] == b"\x00\x00\x00\x00M"
    assert all(f"/subjects/{place.topic}-value" in request.path for request in http_target.requests)


def test_headers_tell_the_event_and_the_schema_when_asked_to(make):
    place = make()
    sink = place.make(headers=True)
    sink.open()
    sink.write(records(0, 1), {"a": 1}, events(0, 1))
    sink.close()
    (message,) = place.messages()
    headers = dict(message.headers())
    assert headers["watchbell-event"] == b"event-0"
    assert headers["watchbell-schema"] == b"zfEZRrGHh1PcoqLiFMzy8LVVg46vbqHfkSsbEN-yZnY"


@pytest.mark.parametrize("exactly_once", [False, True])
def test_a_record_that_the_broker_refuses_is_rejected_alone(make, exactly_once):
    """The broker takes messages up to 100,000 bytes, the client up to a million: it is told only afterwards."""
    place = make(exactly_once=exactly_once)
    journal = Journal(place.make(compression="none"))
    for first in range(0, 50, 10):
        rows = [record(n, location="x" * 200_000 if n in {13, 34} else None) for n in range(first, first + 10)]
        journal.write(rows, events(first, 10))
    journal.drain()
    assert {number for number, _ in journal.rejected} == {13, 34}
    assert all("MSG_SIZE_TOO_LARGE" in reason for _, reason in journal.rejected)
    assert Counter(row["timestamp"] for row in place.found()) == Counter(set(range(50)) - {13, 34})
    journal.write(records(50, 10), events(50, 10))
    journal.drain()
    assert len(place.found()) == 58


def test_a_record_too_large_for_the_client_is_rejected_alone(make):
    place = make()
    journal = Journal(place.make(compression="none"))
    rows = [record(n, location="x" * 2_000_000 if n == 3 else None) for n in range(10)]
    journal.write(rows, events(0, 10))
    journal.drain()
    assert [number for number, _ in journal.rejected] == [3]
    assert Counter(row["timestamp"] for row in place.found()) == Counter(set(range(10)) - {3})


@pytest.mark.parametrize("exactly_once", [False, True])
@pytest.mark.parametrize("end", ["stop", "kill"])
@pytest.mark.kafka
def test_a_broker_that_goes_away_under_load_costs_nothing(make, broker, end, exactly_once):
    place = make(server=broker, exactly_once=exactly_once)
    journal = Journal(place.make(wait_s=1.0)).wait_open()
    first = 0

    def load(batches: int) -> None:
        nonlocal first
        for _ in range(batches):
            journal.write(records(first, 20), events(first, 20))
            first += 20
            if first % 100 == 0:
                journal.commit()

    load(20)
    getattr(broker, end)()
    began = time.monotonic()
    load(5)
    assert not journal.commit()
    assert time.monotonic() - began < 40, "waits end"
    broker.start()
    load(10)
    journal.drain()
    in_order(place, first)


@pytest.mark.kafka
def test_a_broker_that_is_not_there_at_the_start_is_waited_for(make, broker):
    place = make(server=broker)
    broker.stop()
    journal = Journal(place.make(wait_s=0.5))
    journal.write(records(0, 20), events(0, 20))
    assert not journal.commit()
    broker.start()
    journal.drain()
    in_order(place, 20)


def test_a_topic_that_is_not_there_is_waited_for(make, kafka_server):
    place = make()
    sink = place.make(topic="not-there", wait_s=3.0, options={"topic.metadata.propagation.max.ms": 500})
    sink.open()
    sink.write(records(0, 1), {"a": 1}, events(0, 1))
    with pytest.raises(Retryable, match="not-there"):
        sink.sync()


@pytest.mark.parametrize("rounds", [8])
def test_crashes_in_the_midst_of_transactions_show_each_event_once(make, rounds):
    """Each round ends without a word: before a sync, within it, or after the broker was told and nobody noted it."""
    place = make(exactly_once=True)
    written = 0
    for number in range(rounds):
        sink = place.make()
        written = sink.open().get("a", 0)
        for first in range(written, written + 50, 10):
            sink.write(records(first, 10), {"a": first + 10}, events(first, 10))
        if number % 4 == 1:
            sink.sync()
        elif number % 4 == 2:
            noted = sink._state_path.read_bytes()
            sink.sync()
            sink._state_path.write_bytes(noted)  # the crash came before the note was on the disk
        elif number % 4 == 3:
            sink._producing.flush()
        sink.abandon()
    sink = place.make()
    end = sink.open()["a"]
    sink.write(records(end, 10), {"a": end + 10}, events(end, 10))
    sink.close()
    in_order(place, end + 10)
    assert end == 200


def test_positions_of_another_life_do_not_count(make, tmp_path):
    """When the data was lost, so was the journal: what the broker knows of the old one must not hide events."""
    place = make(exactly_once=True)
    sink = place.make()
    sink.open()
    sink.write(records(0, 1), {"a": 1}, events(0, 1))
    sink.close()
    sink._state_path.unlink()
    assert place.make().open() == {}


def test_a_second_collector_of_the_same_name_ends_the_first(make):
    place = make(exactly_once=True)
    first = place.make()
    first.open()
    first.write(records(0, 1), {"a": 1}, events(0, 1))
    second = place.make()
    second.open()
    with pytest.raises(Retryable):
        first.sync()
    second.write(records(0, 1), {"a": 1}, events(0, 1))
    second.close()
    assert [row["timestamp"] for row in place.found()] == [0]


def pem_for_java(authority: TestAuthority) -> str:
    """Key and certificates in one text, the key in the only form that Java reads."""
    key = load_pem_private_key(authority.key_file.read_bytes(), None)
    plain = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return plain.decode() + authority.cert_file.read_text()


@pytest.mark.kafka
def test_tls_and_sasl(test_authority, tmp_path):
    """A client that trusts the authority and knows the password gets in; without the password it waits."""
    try:
        server = KafkaServer(certificate=pem_for_java(test_authority))
    except MissingServerError as error:
        missing(error)
        return
    with server:
        topic = server.create_topic()
        settings = {
            "servers": [f"localhost:{server.tls_port}"],
            "topic": topic,
            "tls": True,
            "tls_ca": str(test_authority.ca_file),
            "sasl": "PLAIN",
            "user": "watch",
            "wait_s": 10.0,
        }

        def sink(**more: Any) -> Kafka:
            config = read(KafkaConfig, {**settings, **more})
            return Kafka(config, schema=DEFAULT_SCHEMA, folder=tmp_path, node=NODE, now_ms=Clock())

        good = sink(password="bell")
        good.open()
        good.write(records(0, 1), {"a": 1}, events(0, 1))
        good.close()
        assert len(server.messages(topic)) == 1
        wrong = sink(password="wrong", wait_s=1.0)
        wrong.open()
        wrong.write(records(1, 1), {"a": 2}, events(1, 1))
        with pytest.raises(Retryable):
            wrong.sync()
        wrong.abandon()
        assert len(server.messages(topic)) == 1


def test_partitions_are_chosen_as_java_clients_choose_them(make):
    """Murmur2 of the key, so that a topic filled by Divolte keeps its parties where they are."""
    place = make()
    sink = place.make()
    sink.open()
    sink.write(records(0, 5), {"a": 5}, events(0, 5))
    sink.close()
    for message in place.messages():
        assert message.partition() == (murmur2(message.key()) & 0x7FFFFFFF) % 4


def murmur2(data: bytes) -> int:
    """Kafka's hash of a key, from its description: 32-bit MurmurHash2 with seed 0x9747b28c."""
    mask, multiplier = 0xFFFFFFFF, 0x5BD1E995
    hashed = 0x9747B28C ^ len(data)
    whole = len(data) & ~3
    for start in range(0, whole, 4):
        block = int.from_bytes(data[start : start + 4], "little") * multiplier & mask
        block = (block ^ block >> 24) * multiplier & mask
        hashed = (hashed * multiplier & mask) ^ block
    rest = data[whole:]
    if rest:
        hashed = (hashed ^ int.from_bytes(rest, "little")) * multiplier & mask
    hashed = (hashed ^ hashed >> 13) * multiplier & mask
    return hashed ^ hashed >> 15
