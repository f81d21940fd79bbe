from typing import Any

import pytest

from watchbell.domain.errors import Faulty
from watchbell.domain.events.agent import UserAgent
from watchbell.domain.events.mapping.model import Mapping
from watchbell.domain.events.place import Place
from watchbell.usecases.trying import Trying

MAPPING = Mapping(
    name="m",
    schema={
        "type": "record",
        "name": "R",
        "fields": [
            {"name": "page", "type": ["null", "string"], "default": None},
            {"name": "price", "type": ["null", "double"], "default": None},
            {"name": "browser", "type": ["null", "string"], "default": None},
            {"name": "country", "type": ["null", "string"], "default": None},
            {"name": "hash", "type": ["null", "bytes"], "default": None},
            {"name": "type", "type": "string"},
        ],
    },
    steps=[
        {"when": {"value": "corrupt"}, "then": [{"drop": "corrupt events"}]},
        {"set": "page", "to": {"uri": "path", "of": {"value": "location"}}},
        {"set": "price", "to": {"path": "$.price"}},
        {"set": "browser", "to": {"agent": "family"}},
        {"set": "country", "to": {"place": "country_code"}},
        {"set": "hash", "to": {"digest": "md5", "pieces": []}},
        {"set": "type", "to": {"value": "event_type"}},
    ],
)


def parse(header: str, _hints: Any) -> UserAgent:
    return UserAgent(family=f"family of {header}")


def find(address: str) -> Place | None:
    return Place(country_code="NL") if address == "192.0.2.9" else None


def test_an_event_as_people_write_it():
    tried = Trying(parse, find).attempt(
        MAPPING,
        {
            "location": "http://h/p",
            "event_type": "buy",
            "parameters": {"price": 1.5},
            "user_agent": "x",
            "remote_host": "192.0.2.9",
        },
    )
    assert tried.record == {
        "page": "/p",
        "price": 1.5,
        "browser": "family of x",
        "country": "NL",
        "hash": "1B2M2Y8AsgTpgAmY7PhCfg==",
        "type": "buy",
    }
    assert [step.place for step in tried.steps] == [f"steps[{number}]" for number in range(7)]


def test_an_event_as_the_events_page_shows_it():
    shown = {
        "received_at": "2026-01-01T00:00:00.000+00:00",
        "event_type": "buy",
        "location": "",
        "party_id": "p",
        "session_id": "s",
        "event_id": "e",
        "source": "browser",
        "remote": "192.0.2.1",
        "user_agent": "",
        "parameters": '{"price": 2}',
        "corrupt": False,
        "duplicate": False,
    }
    record = Trying().attempt(MAPPING, shown).record
    assert record is not None
    assert record["price"] == 2.0


def test_a_request_of_the_tag():
    query = "?p=0:1:a&s=0:1:b&v=v&e=e&c=1&n=t&f=t&t=buy&l=http%3A%2F%2Fh%2Fq"
    tried = Trying().attempt(MAPPING, {"query": query, "corrupt": False, "agent": {"family": "F"}})
    assert tried.record is not None
    assert (tried.record["page"], tried.record["browser"]) == ("/q", "F")
    assert Trying().attempt(MAPPING, {"query": query}).why == "drop: corrupt events"


def test_an_event_that_is_wrong_is_told_by_key():
    with pytest.raises(Faulty) as caught:
        Trying().attempt(MAPPING, {"locaton": "x", "timestamp": "soon", "kind": "letter"})
    assert {fault.field for fault in caught.value.faults} == {"event.locaton", "event.timestamp", "event.kind"}
    with pytest.raises(Faulty):
        Trying().attempt(MAPPING, {"corrupt": "perhaps"})
    with pytest.raises(Faulty):
        Trying().attempt(MAPPING, {"query": "p=1"})
    with pytest.raises(Faulty):
        Trying().attempt(MAPPING, "x")


CASES: list[dict[str, Any]] = [
    {"name": "page", "event": {"location": "http://h/p", "event_type": "t"}, "record": {"page": "/p", "price": None}},
    {"event": {"corrupt": True}, "drop": "corrupt events"},
    {"event": {"corrupt": True}, "drop": True},
    {"event": {}, "error": "mandatory_field_unset"},
    {"event": {"event_type": "t", "parameters": {"price": 3}}, "record": {"price": 3}},
]


def test_cases_that_pass():
    assert [(each.name, each.faults) for each in Trying().run_cases(MAPPING, CASES)] == [
        ("page", ()),
        ("case 2", ()),
        ("case 3", ()),
        ("case 4", ()),
        ("case 5", ()),
    ]


@pytest.mark.parametrize(
    ("case", "fault"),
    [
        ({"event": {"event_type": "t"}, "record": {"type": "u"}}, 'type is "t", not "u"'),
        ({"event": {"event_type": "t"}, "record": {"nope": 1}}, "the record has no 'nope'"),
        ({"event": {}, "record": {}}, "no record: mandatory_field_unset"),
        ({"event": {"event_type": "t"}, "drop": True}, "there is a record"),
        ({"event": {}, "drop": True}, 'it ended with "mandatory_field_unset'),
        ({"event": {"corrupt": True}, "error": "mandatory_field_unset"}, "it ended with 'drop: corrupt events'"),
        ({"event": {"corrupt": True}, "drop": "others"}, "it ended with 'drop: corrupt events'"),
        (
            {"event": {"event_type": "t", "parameters": {"price": 1}}, "record": {"price": True}},
            "price is 1.0, not true",
        ),
    ],
)
def test_cases_that_fail(case, fault):
    (result,) = Trying().run_cases(MAPPING, [case])
    assert fault in result.faults[0]


def test_cases_that_are_none():
    with pytest.raises(Faulty) as caught:
        Trying().run_cases(MAPPING, ["x", {"event": {}}, {"event": {}, "record": 1}, {"evnt": {}, "drop": True}])
    assert {fault.field for fault in caught.value.faults} == {
        "cases[0]",
        "cases[1]",
        "cases[2].record",
        "cases[3].evnt",
    }
    with pytest.raises(Faulty) as caught:
        Trying().run_cases(MAPPING, [{"event": {"x": 1}, "drop": True}])
    assert caught.value.faults[0].field == "cases[0].event.x"
