"""A broker that is killed and comes back, a collector that is killed: the consumer sees each accepted event once."""

import io
import json
import signal
from collections import Counter
from collections.abc import Collection, Iterator
from typing import Any, cast

import fastavro
import pytest
from confluent_kafka import KafkaException

from acceptance.installation import SingleMachine, kill
from acceptance.load import Load, check_events_stored, first_sightings
from conftest import missing
from servers.kafka import KafkaServer
from servers.process import MissingServerError, wait_until
from watchbell.domain.events.record import DEFAULT_SCHEMA

pytestmark = [pytest.mark.slow, pytest.mark.kafka]


@pytest.fixture
def broker() -> Iterator[KafkaServer]:
    """A broker of the test's own."""
    try:
        server = KafkaServer()
    except MissingServerError as error:
        missing(error)
        return
    with server:
        yield server


def consumed(broker: KafkaServer, topic: str) -> list[dict[str, Any]]:
    schema = fastavro.parse_schema(DEFAULT_SCHEMA)
    return [
        cast("dict[str, Any]", fastavro.schemaless_reader(io.BytesIO(message.value() or b""), schema, None))
        for message in broker.messages(topic)
    ]


def has_all(broker: KafkaServer, topic: str, names: Collection[str]) -> bool:
    """Whether all of them are committed: a sink that was away looks again only after a while."""
    try:
        return set(names) <= {record["eventType"] for record in consumed(broker, topic)}
    except (AssertionError, KafkaException):  # a killed sender's transaction is still open, or nobody leads it yet
        return False


def test_a_broker_and_a_collector_are_killed_under_load(broker):
    topic = broker.create_topic()
    kafka = {"servers": [broker.address], "topic": topic, "exactly_once": True, "wait_s": 2.0}
    machine = SingleMachine(WATCHBELL_COLLECTOR__SINKS=json.dumps({"avro_files": {}, "kafka": kafka}))
    try:
        with Load(machine, "kafka", posters=0, browsers=2) as load:
            load.wait_accepted(0, 200)
            broker.kill()
            load.wait_accepted(0, len(load.events) + 300)  # accepted while the broker is away
            broker.start()
            load.wait_accepted(0, len(load.events) + 200)
            kill(machine.process)
            machine.restart(machine.process)
            load.wait_accepted(0, len(load.events) + 200)
        wait_until(lambda: has_all(broker, topic, load.events), 120, "everything accepted in the topic")
        machine.process.signal(signal.SIGTERM)
        assert machine.process.wait(60) == 0, machine.logs()
        machine.process.stop()
        check_events_stored(machine, load.events)
        counts = Counter(record["eventType"] for record in first_sightings(consumed(broker, topic)))
        assert [name for name in load.events if counts[name] != 1] == []
        assert [name for name, count in counts.items() if count > 1] == []
    finally:
        machine.stop()
