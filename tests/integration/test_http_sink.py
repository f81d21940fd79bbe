"""The sink that posts NDJSON, against a real server."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from contract.places import Clock, Receiver, events, numbers_of, record, records, unpacked
from watchbell.domain.errors import Invalid, Permanent, Retryable


@pytest.fixture
def place(http_target, tmp_path: Path) -> Iterator[Receiver]:
    receiver = Receiver(http_target, tmp_path, Clock())
    yield receiver
    receiver.release()


def keys(place: Receiver) -> list[str]:
    return [request.headers["idempotency-key"] for request in place.target.requests]


def test_a_request_says_what_it_is(place):
    sink = place.make(token="t", headers={"X-Team": "shop"})
    sink.open()
    sink.write(records(0, 2), {"a": 2}, events(0, 2))
    sink.close()
    (request,) = place.target.requests
    assert request.method == "POST"
    assert request.headers["content-type"] == "application/x-ndjson"
    assert request.headers["content-encoding"] == "gzip"
    assert request.headers["authorization"] == "Bearer t"
    assert request.headers["x-team"] == "shop"
    assert len(request.headers["idempotency-key"]) == 32
    assert numbers_of(place) == [0, 1]


def test_requests_are_bounded_by_records_and_bytes(place):
    sink = place.make(batch_records=4, batch_bytes=3000, gzip=False)
    sink.open()
    sink.write([record(n, location="x" * 2000 if n == 5 else None) for n in range(10)], {"a": 10}, events(0, 10))
    sink.close()
    assert numbers_of(place) == list(range(10))
    for request in place.target.requests:
        lines = unpacked(request.body).splitlines()
        assert len(lines) == 1 or (len(lines) <= 4 and len(request.body) <= 3000)
    assert len(set(keys(place))) == len(place.target.requests)


@pytest.mark.parametrize("status", [401, 404, 408, 429, 500, 503])
def test_an_answer_that_says_nothing_of_the_records_is_waited_out(place, status):
    sink = place.make()
    sink.open()
    sink.write(records(0, 3), {"a": 3}, events(0, 3))
    place.target.answer_once(status, headers={"Retry-After": "7"})
    with pytest.raises(Retryable, match=str(status)) as caught:
        sink.sync()
    assert caught.value.retry_after == 7
    assert sink.open() == {}
    sink.write(records(0, 3), {"a": 3}, events(0, 3))
    assert sink.sync() == {"a": 3}
    assert len(set(keys(place))) == 1, "the same request again"


def test_a_receiver_that_is_away_costs_nothing(place):
    sink = place.make(timeout_s=1.0)
    sink.open()
    place.target.down()
    sink.write(records(0, 3), {"a": 3}, events(0, 3))
    with pytest.raises(Retryable):
        sink.sync()
    place.target.up()
    sink.open()
    sink.write(records(0, 3), {"a": 3}, events(0, 3))
    sink.close()
    assert numbers_of(place) == [0, 1, 2]


def test_an_answer_that_was_lost_repeats_the_same_request(place):
    """It arrived and the connection broke: nobody knows, so it comes again under its key."""
    sink = place.make()
    sink.open()
    sink.write(records(0, 3), {"a": 3}, events(0, 3))
    place.target.answer_once(hang_up=True)
    with pytest.raises(Retryable):
        sink.sync()
    sink.open()
    sink.write(records(0, 3), {"a": 3}, events(0, 3))
    sink.close()
    assert len(place.target.requests) == 2
    assert len(set(keys(place))) == 1
    assert len({request.body for request in place.target.requests}) == 1


def test_after_a_crash_the_same_requests_are_made_whatever_else_came_meanwhile(place):
    sink = place.make(batch_records=2)
    sink.open()
    sink.write(records(0, 3), {"a": 3}, events(0, 3))
    sink.write(records(10, 2), {"b": 2}, events(10, 2))
    place.target.answer_once()
    place.target.answer_once(hang_up=True)
    with pytest.raises(Retryable):
        sink.sync()
    sink.abandon()
    again = place.make(batch_records=2)
    assert again.open() == {}
    again.write(records(10, 2), {"b": 2}, events(10, 2))
    again.write(records(0, 3), {"a": 3}, events(0, 3))
    again.write(records(3, 3), {"a": 6}, events(3, 3))
    assert again.sync() == {"a": 6, "b": 2}
    again.close()
    first, second, *others = keys(place)
    assert others[:2] == [first, second]
    assert numbers_of(place) == [0, 1, 2, 3, 4, 5, 10, 11]


def test_a_record_that_is_refused_is_rejected_alone(place):
    """The receiver takes the first request; then it refuses halves until one record is left."""
    sink = place.make(batch_records=4)
    sink.open()
    batches = [(records(first, 4), {"a": first + 4}, events(first, 4)) for first in (0, 4)]
    for batch in batches:
        sink.write(*batch)
    place.target.answer_once()
    for _ in ("4 to 7", "4 and 5", "4"):
        place.target.answer_once(422, b"no such type")
    with pytest.raises(Retryable, match="refused 1"):
        sink.sync()
    assert sink.open() == {}
    sink.write(*batches[0])
    with pytest.raises(Permanent, match="422 no such type"):
        sink.write(*batches[1])
    refused: list[int] = []
    for row, about in zip(batches[1][0], batches[1][2], strict=True):
        try:
            sink.write([row], {}, [about])
        except Permanent:
            refused.append(row["timestamp"])
    sink.write([], {"a": 8})
    assert sink.sync() == {"a": 8}
    sink.close()
    assert refused == [4]
    assert len(place.target.requests) == 6, "nothing that was taken came again"


def test_loopback_is_refused_unless_it_is_allowed(place):
    sink = place.make(allow_loopback=False)
    sink.open()
    sink.write(records(0, 1), {"a": 1}, events(0, 1))
    with pytest.raises(Retryable, match="loopback"):
        sink.sync()
    assert place.target.requests == []


def test_an_address_that_is_none_is_told_at_once(place):
    with pytest.raises(Invalid):
        place.make(url="ftp://example.com/")
