from typing import Any

import msgspec
import pytest

from unit.adapters.archive.archive_fixtures import HOUR, NOON, event
from watchbell.domain.events.question import (
    Condition,
    Counts,
    Funnel,
    Measure,
    Numbers,
    Op,
    Records,
    Sessions,
    Step,
    Top,
    parse_condition,
)
from watchbell.domain.events.raw import RawKind

DAY: dict[str, Any] = {"start_ms": NOON - 12 * HOUR, "end_ms": NOON + 12 * HOUR}
HOUR_LONG: dict[str, Any] = {"start_ms": NOON, "end_ms": NOON + HOUR}


def where(*texts):
    return tuple(parse_condition(text) for text in texts)


def json_event(number, parameters, **fields):
    return event(number, kind=RawKind.JSON, raw_parameters=msgspec.json.encode(parameters), **fields)


def test_counts_over_time_in_all(ask):
    found = ask([event(n) for n in range(120)], Counts(**HOUR_LONG, step_s=60))
    assert found["total"] == 120
    assert len(found["times"]) == 60
    assert found["series"][0]["counts"][:3] == [60, 60, 0]
    assert found["times"][1] - found["times"][0] == 60_000


def test_counts_by_a_field_keep_the_most_frequent_and_count_the_rest_together(ask):
    kinds = ["a"] * 5 + ["b"] * 4 + ["c"] * 3 + ["d"] * 2
    events = [event(n, event_type=kind) for n, kind in enumerate(kinds)]
    found = ask(events, Counts(**HOUR_LONG, by="event_type", step_s=3600, series=2))
    assert [(one["value"], one["total"]) for one in found["series"]] == [("a", 5), ("b", 4)]
    assert sum(found["other"]) == 5
    assert found["total"] == 14


def test_an_unknown_value_is_a_value_of_its_own(ask):
    events = [event(0, event_type=None), event(1), event(2)]
    found = ask(events, Counts(**HOUR_LONG, by="event_type", step_s=3600))
    assert [(one["value"], one["total"]) for one in found["series"]] == [("pageView", 2), (None, 1)]


def test_parties_are_counted_once(ask):
    events = [event(n, party_id=f"0:p:{n % 3}", event_type="a" if n < 9 else "b") for n in range(10)]
    found = ask(events, Counts(**HOUR_LONG, measure=Measure.PARTIES, step_s=3600))
    assert found["total"] == 3
    by_type = ask(events, Counts(**HOUR_LONG, measure=Measure.PARTIES, by="event_type", step_s=3600))
    assert [(one["value"], one["total"]) for one in by_type["series"]] == [("a", 3), ("b", 1)]


def test_counts_by_a_parameter_and_filter_on_one(ask):
    events = [json_event(n, {"colour": ["red", "blue"][n % 2], "total": n, "basket": {"size": n}}) for n in range(10)]
    found = ask(events, Top(**DAY, field="parameters.colour", where=where("parameters.total>=4")))
    assert {one["value"]: one["events"] for one in found["values"]} == {"red": 3, "blue": 3}
    within = ask(events, Counts(**DAY, where=where("parameters.basket.size<3")))
    assert within["total"] == 3


def test_a_parameter_of_the_tag_is_read_too(ask):
    events = [event(1, raw_parameters="(sname!one!dtotal!1a!)"), event(2, raw_parameters="(broken")]
    assert ask(events, Top(**DAY, field="parameters.name", where=where("parameters.name=*")))["values"] == [
        {"value": "one", "events": 1, "parties": 1}
    ]


@pytest.mark.parametrize(
    ("condition", "count"),
    [
        ("event_type=checkout", 1),
        ("event_type!=checkout", 2),
        ("event_type=*", 2),
        ("event_type!=*", 1),
        ("event_type~CHECK", 1),
        ("event_type!~check", 2),
        ("location_host=shop.example", 1),
        ("location_path=/a/b", 1),
        ("viewport_width>=800", 1),
        ("viewport_width<800", 1),
        ("viewport_width=800", 1),
        ("duplicate=true", 1),
        ("duplicate=false", 2),
        ("parameters.flag=true", 1),
    ],
)
def test_each_comparison(ask, condition, count):
    events = [
        json_event(0, {"flag": True}, event_type="checkout", location="https://shop.example:444/a/b?c#d"),
        event(1, viewport_width=800, duplicate=True),
        event(2, viewport_width=799, event_type=None),
    ]
    assert ask(events, Counts(**DAY, where=where(condition)))["total"] == count


HOSTILE = ["'; DROP TABLE x; --", '" OR 1=1 --', "\\", "%", "'||(SELECT 1)||'", "\x00", "🐟" * 50, "/etc/passwd"]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_values_and_names_are_only_data(ask, text):
    """They match what equals them and nothing else, wherever they stand."""
    events = [json_event(0, {text: "x", "other": text}, party_id=f"0:{text}"), json_event(1, {"other": "y"})]
    kept = Condition(field="parameters.other", op=Op.IS, value=text)
    assert ask(events, Counts(**DAY, where=(kept,)))["total"] == 1
    assert ask(events, Sessions(**DAY, party=f"0:{text}"))["events"] == 1
    if text.isprintable():
        known = Condition(field=f"parameters.{text}", op=Op.IS, value="x")
        assert ask(events, Counts(**DAY, where=(known,)))["total"] == 1


def test_a_funnel_counts_who_takes_each_step_in_order_and_in_time(ask):
    def path(party, *steps):
        return [event(number, party_id=party, event_type=kind) for number, kind in steps]

    events = [
        *path("0:all", (0, "view"), (10, "basket"), (20, "pay")),
        *path("0:order", (0, "basket"), (5, "view"), (9, "pay")),
        *path("0:late", (0, "view"), (5000, "basket")),
        *path("0:again", (0, "view"), (3000, "view"), (3010, "basket"), (3015, "pay")),
    ]
    steps = tuple(Step(name=kind, where=where(f"event_type={kind}")) for kind in ("view", "basket", "pay"))
    found = ask(sorted(events, key=lambda one: one.received_ms), Funnel(**DAY, steps=steps, within_s=60))
    assert [step["parties"] for step in found["steps"]] == [4, 2, 2]
    assert [step["medianMs"] for step in found["steps"]] == [None, 10_000, 7500]


def test_a_funnel_follows_the_order_within_one_batch(ask):
    """Events of a batch are received in the same millisecond."""
    events = [event(0, party_id="0:p", event_type=kind) for kind in ("view", "pay")]
    steps = tuple(Step(where=where(f"event_type={kind}")) for kind in ("view", "pay"))
    assert [one["parties"] for one in ask(events, Funnel(**DAY, steps=steps))["steps"]] == [1, 1]
    assert [one["parties"] for one in ask(events, Funnel(**DAY, steps=steps[::-1]))["steps"]] == [1, 0]


def test_the_sessions_of_a_party(ask):
    events = [event(n, party_id="0:me" if n % 2 else "0:other", session_id=f"0:s{n // 5}") for n in range(10)]
    found = ask(events, Sessions(**DAY, party="0:me"))
    assert [(one["session"], len(one["events"])) for one in found["sessions"]] == [("0:s0", 2), ("0:s1", 3)]
    assert found["sessions"][0]["startMs"] == NOON + 1000
    assert not found["more"]
    assert ask(events, Sessions(**DAY, party="0:me", limit=2))["more"]


def test_percentiles_of_a_number(ask):
    events = [json_event(n, {"total": n if n < 100 else "much"}) for n in range(101)]
    found = ask(events, Numbers(**DAY, field="parameters.total", step_s=3600))
    assert found["overall"]["count"] == 100
    assert found["overall"]["p50"] == pytest.approx(49.5, abs=1)
    assert found["overall"]["most"] == 99
    assert sum(found["counts"]) == 100


def test_the_newest_records_with_the_request_behind_each(ask):
    events = [event(n, received_ms=NOON + n * HOUR // 2) for n in range(6)]
    span: dict[str, Any] = {"start_ms": NOON, "end_ms": NOON + 4 * HOUR}
    first = ask(events, Records(**span, limit=4))
    assert [one["event_id"] for one in first["records"]] == ["e5", "e4", "e3", "e2"]
    assert first["records"][0]["raw"]["query"] == "e=e5"
    assert first["more"]
    rest = ask(events, Records(**span, limit=4, before=first["records"][-1]["position"]))
    assert [one["event_id"] for one in rest["records"]] == ["e1", "e0"]
    assert not rest["more"]


def test_an_empty_archive_answers_with_nothing(ask):
    assert ask([], Counts(**DAY))["total"] == 0
    assert ask([], Top(**DAY, field="event_type"))["values"] == []
    assert ask([], Records(**DAY))["records"] == []
    assert ask([], Sessions(**DAY, party="0:x"))["sessions"] == []
    assert ask([], Numbers(**DAY, field="pixel_ratio"))["overall"] == {"count": 0}
    steps = tuple(Step(where=where(f"event_type={kind}")) for kind in "ab")
    assert [one["parties"] for one in ask([], Funnel(**DAY, steps=steps))["steps"]] == [0, 0]
