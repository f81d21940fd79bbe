import msgspec
import pytest

from unit.domain.events.rules.test_rule import START, event
from watchbell.domain.events.glance import KEPT_MINUTES, MAX_TYPES, OTHER, Glance, KeptGlance, shown_event


def test_the_newest_are_shown_and_the_rest_counted():
    glance = Glance()
    glance.add([event(event_id=str(n)) for n in range(30)])
    shown, skipped, minutes = glance.take(20)
    assert [each["event_id"] for each in shown] == [str(n) for n in range(10, 30)]
    assert skipped == 10
    assert minutes == [(START, "pageView", 30)]
    assert glance.take(20) == ([], 0, [])


def test_a_shown_event_is_small_and_readable():
    glance = Glance()
    glance.add([event(location="x" * 10_000, event_type=None)])
    (shown,), _, _ = glance.take(1)
    assert shown["event_type"] == "unknown"
    assert shown["received_at"] == "2023-11-14T22:14:00.000+00:00"
    assert len(shown["location"]) == 500


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (None, ""),
        ("rubbish", ""),
        ("(ssku!a!)", '{"sku": "a"}'),
        (b'{"n": 1e3, "big": 123456789012345678901234567890}', '{"n": 1000.0, "big": 123456789012345678901234567890}'),
        ("s" + "x" * 5000 + "!", ""),
    ],
)
def test_parameters_are_shown_as_text(raw, text):
    shown = shown_event(event(raw_parameters=raw))
    assert shown["parameters"] == text
    msgspec.msgpack.encode(shown)


def test_minutes_are_absolute_and_go_on_after_a_restart():
    glance = Glance()
    glance.add([event()])
    glance.take(1)
    again = Glance(msgspec.msgpack.decode(msgspec.msgpack.encode(glance.state()), type=KeptGlance))
    again.add([event(), event(received_ms=START + 60_000)])
    assert again.take(1)[2] == [(START, "pageView", 2), (START + 60_000, "pageView", 1)]


def test_undelivered_minutes_come_again():
    glance = Glance()
    glance.add([event()])
    _, _, minutes = glance.take(0)
    glance.again(minutes)
    assert glance.take(0)[2] == minutes


def test_types_beyond_the_limit_are_counted_together():
    glance = Glance()
    glance.add([event(event_type=f"t{n}") for n in range(MAX_TYPES + 7)])
    glance.add([event(event_type="t0"), event(event_type=f"t{MAX_TYPES}")])
    minutes = {event_type: count for _, event_type, count in glance.take(0)[2]}
    assert len(minutes) == MAX_TYPES + 1
    assert minutes[OTHER] == 8
    assert minutes["t0"] == 2


def test_an_hour_is_kept():
    glance = Glance()
    for minute in range(100):
        glance.add([event(received_ms=START + minute * 60_000)])
        glance.take(1)
    assert len(glance.state().minutes) == KEPT_MINUTES


def test_what_no_database_takes_is_not_shown():
    glance = Glance()
    odd = event(event_type="a\x00b", location="\ud800", raw_parameters=b'{"a": "\\u0000"}')
    glance.add([odd, event(event_type="\udfff"), odd])
    (_, _, shown), _, minutes = glance.take(3)
    assert (shown["event_type"], shown["location"], shown["parameters"]) == ("a\ufffdb", "\ufffd", '{"a": "\\u0000"}')
    assert minutes == [(START, "a\ufffdb", 2), (START, "\ufffd", 1)]
    msgspec.msgpack.encode(glance.state())


def test_parameters_that_are_nested_too_deeply_are_left_out():
    for depth in (400, 980):
        msgspec.msgpack.encode(shown_event(event(raw_parameters=b"[" * depth + b"]" * depth)))
