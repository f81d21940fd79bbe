"""Every sink keeps the port's promises, above all: after a failure nothing is missing, and nothing counts twice."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from contract.places import (
    Bucket,
    Clock,
    Files,
    KafkaTopic,
    Place,
    Receiver,
    event,
    events,
    numbers_of,
    party,
    record,
    records,
)
from watchbell.domain.errors import Permanent
from watchbell.plugins import BUILT_IN

PLACES = [
    "avro-null",
    "avro-deflate",
    "avro-snappy",
    "avro-zstandard",
    "parquet-none",
    "parquet-snappy",
    "parquet-zstd",
    "s3-avro",
    "s3-parquet",
    "http-ndjson",
    "kafka-mock",
    pytest.param("kafka-plain", marks=pytest.mark.kafka),
    pytest.param("kafka-exactly_once", marks=pytest.mark.kafka),
]


TYPES = {"avro": "avro_files", "parquet": "parquet_files", "http": "http_ndjson", "kafka": "kafka", "s3": "avro_files"}


def test_every_type_of_sink_is_tried_here():
    tried = {TYPES[str(getattr(place, "values", (place,))[0]).partition("-")[0]] for place in PLACES}
    assert tried == set(BUILT_IN["sink"])


@pytest.fixture(params=PLACES)
def place(request, tmp_path: Path) -> Iterator[Place]:
    kind, _, how = request.param.partition("-")
    if kind in {"avro", "parquet"}:
        found: Place = Files(tmp_path, Clock(), kind, how)
    elif kind == "s3":
        found = Bucket(tmp_path, Clock(), how, request.getfixturevalue("s3_server"))
    elif kind == "http":
        found = Receiver(request.getfixturevalue("http_target"), tmp_path, Clock())
    else:
        server: Any = request.getfixturevalue("kafka_mock" if how == "mock" else "kafka_server")
        found = KafkaTopic(server, tmp_path, Clock(), exactly_once=how == "exactly_once")
    yield found
    found.release()


def test_records_come_back_as_they_went_in(place, vectors):
    sink = place.make()
    assert sink.open() == {}
    rows = [*records(0, 3), vectors["kafka_message"]["record"]]
    sink.write(rows, {"a": 10}, events(0, 4))
    assert sink.sync() == {"a": 10}
    sink.close()
    assert sorted(place.found(), key=lambda row: row["timestamp"]) == rows


def test_what_is_known_of_the_events_may_be_missing(place):
    sink = place.make()
    sink.open()
    sink.write(records(0, 3), {"a": 10})
    sink.close()
    assert numbers_of(place) == [0, 1, 2]


def test_records_of_one_party_stay_in_order(place):
    sink = place.make()
    sink.open()
    for first in range(0, 500, 10):
        sink.write(records(first, 10), {"a": first + 10}, events(first, 10))
        if first % 100 == 0:
            sink.sync()
    sink.close()
    found = place.found()
    for number in range(5):
        mine = [row["timestamp"] for row in found if row["partyId"] == party(number)]
        assert mine == list(range(number, 500, 5))


def test_nothing_moves_the_position_too(place):
    sink = place.make()
    sink.open()
    sink.write([], {"a": 10})
    assert sink.sync() == {"a": 10}
    assert sink.tend() == []
    assert sink.close() == []
    assert place.make().open() == {"a": 10}
    assert place.found() == []


def test_positions_of_several_streams_add_up(place):
    sink = place.make()
    sink.open()
    sink.write(records(0, 1), {"a": 10}, events(0, 1))
    sink.write(records(1, 1), {"b": 7}, events(1, 1))
    assert sink.sync() == {"a": 10, "b": 7}
    assert place.make().open() == {"a": 10, "b": 7}


def test_opening_twice_changes_nothing(place):
    sink = place.make()
    sink.open()
    sink.write(records(0, 2), {"a": 2}, events(0, 2))
    sink.sync()
    assert sink.open() == {"a": 2}
    assert sink.open() == {"a": 2}
    sink.close()
    assert numbers_of(place) == [0, 1]


def test_what_is_given_again_after_opening_is_there_once(place):
    """As when another sink, or this one, has failed: everything since the last sync comes again."""
    sink = place.make()
    sink.open()
    sink.write(records(0, 2), {"a": 2}, events(0, 2))
    sink.sync()
    sink.write(records(2, 2), {"a": 4}, events(2, 2))
    sink.write(records(4, 1), {}, events(4, 1))
    assert sink.open() == {"a": 2}
    sink.write(records(2, 2), {"a": 4}, events(2, 2))
    sink.write(records(4, 1), {}, events(4, 1))
    sink.write([], {"a": 6})
    sink.write(records(5, 1), {"a": 7}, events(5, 1))
    assert sink.sync() == {"a": 7}
    sink.close()
    assert numbers_of(place) == [0, 1, 2, 3, 4, 5]


def test_what_was_synced_survives_a_crash_and_what_was_not_comes_again(place):
    sink = place.make()
    sink.open()
    sink.write(records(0, 3), {"a": 30}, events(0, 3))
    sink.sync()
    sink.write(records(3, 40), {"a": 99}, events(3, 40))
    again = place.make()
    assert again.open() == {"a": 30}
    again.write(records(3, 2), {"a": 50}, events(3, 2))
    again.close()
    found = Counter(numbers_of(place))
    if place.exact:
        assert found == Counter(range(5))
    assert set(found) >= set(range(5))
    assert all(found[number] == 1 for number in range(3)), "what was synced is there once in any case"


@pytest.mark.parametrize(
    "bad",
    [
        {"remoteHost": None},
        {"timestamp": 2**63},
        {"timestamp": "text"},
        {"viewportPixelWidth": 2**31},
        {"location": "\ud800"},
        {"location": 5},
    ],
)
def test_a_record_that_does_not_fit_refuses_the_whole_write(place, bad):
    sink = place.make()
    sink.open()
    sink.write(records(0, 2), {"a": 2}, events(0, 2))
    with pytest.raises(Permanent, match="does not fit"):
        sink.write([*records(2, 2), record(4, **bad)], {"a": 5}, events(2, 3))
    sink.write(records(5, 2), {"a": 7}, events(5, 2))
    sink.close()
    assert numbers_of(place) == [0, 1, 5, 6]


def test_the_others_are_taken_one_by_one(place):
    sink = place.make()
    sink.open()
    for number in range(5):
        row = record(number, remoteHost=None) if number == 2 else record(number)
        if number == 2:
            with pytest.raises(Permanent):
                sink.write([row], {}, [event(number)])
        else:
            sink.write([row], {}, [event(number)])
    sink.write([], {"a": 5})
    assert sink.sync() == {"a": 5}
    sink.close()
    assert numbers_of(place) == [0, 1, 3, 4]


def test_a_closed_sink_can_be_opened_again(place):
    sink = place.make()
    sink.open()
    sink.write(records(0, 1), {"a": 1}, events(0, 1))
    sink.close()
    assert sink.open() == {"a": 1}
    sink.write(records(1, 1), {"a": 2}, events(1, 1))
    sink.close()
    assert numbers_of(place) == [0, 1]
