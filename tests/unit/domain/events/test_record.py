import json

from watchbell.domain.events.agent import UserAgent
from watchbell.domain.events.browser import decode_browser
from watchbell.domain.events.event import Event
from watchbell.domain.events.raw import RawEvent, RawKind
from watchbell.domain.events.record import DEFAULT_SCHEMA, DefaultMapping

QUERY = "p=0:1:a&s=0:1:b&v=v&e=e&c=1&n=t&f=t"


def event_of(query: str, user_agent: str | None = None) -> Event:
    found = decode_browser(RawEvent(RawKind.BROWSER, "b", 1_700_000_000_000, "127.0.0.1:80", user_agent, query))
    assert isinstance(found, Event)
    return found


def test_the_schema_is_divoltes(vectors):
    assert json.loads(json.dumps(DEFAULT_SCHEMA)) == vectors["default_schema"]["avsc"]
    assert [field["name"] for field in DEFAULT_SCHEMA["fields"]] == list(vectors["default_mapping"])


def test_a_record_of_the_vectors(vectors):
    case = vectors["kafka_message"]
    query = case["request"].partition("?")[2].partition(" ")[0]
    assert DefaultMapping().record(event_of(query)) == case["record"]


def test_an_event_without_a_type_is_unknown():
    assert DefaultMapping().record(event_of(QUERY))["eventType"] == "unknown"


def test_an_empty_type_stays_empty():
    assert DefaultMapping().record(event_of(f"{QUERY}&t="))["eventType"] == ""


def test_the_user_agent_is_in_the_record(vectors):
    expected = vectors["user_agent"]["expected"]
    event = event_of(QUERY, vectors["user_agent"]["user_agent"])
    event.agent = UserAgent(
        name=expected["name"],
        family=expected["family"],
        vendor=expected["vendor"],
        type=expected["type"],
        version=expected["version"],
        device_category=expected["deviceCategory"],
        os_family=expected["osFamily"],
        os_version=expected["osVersion"],
        os_vendor=expected["osVendor"],
    )
    record = DefaultMapping().record(event)
    assert record["userAgentString"] == vectors["user_agent"]["user_agent"]
    assert {
        f"userAgent{name[0].upper()}{name[1:]}": value for name, value in expected.items()
    }.items() <= record.items()
