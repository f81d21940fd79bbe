import json

from watchbell.domain.events.browser import decode_browser
from watchbell.domain.events.event import Event
from watchbell.domain.events.raw import RawEvent, RawKind
from watchbell.domain.events.record import DEFAULT_SCHEMA, DefaultMapping, UserAgent

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
    assert DefaultMapping(lambda _: UserAgent()).record(event_of(query)) == case["record"]


def test_an_event_without_a_type_is_unknown():
    assert DefaultMapping(lambda _: UserAgent()).record(event_of(QUERY))["eventType"] == "unknown"


def test_an_empty_type_stays_empty():
    assert DefaultMapping(lambda _: UserAgent()).record(event_of(f"{QUERY}&t="))["eventType"] == ""


def test_a_user_agent_is_read_once_and_forgotten_when_there_are_too_many():
    asked = []

    def parse(header):
        asked.append(header)
        return UserAgent(name=f"name of {header}", os_vendor="vendor")

    mapping = DefaultMapping(parse, agents=2)
    for header in ("a", "a", "b", "a", "c", "c", "a"):
        record = mapping.record(event_of(QUERY, header))
        assert record["userAgentString"] == header
        assert record["userAgentName"] == f"name of {header}"
        assert record["userAgentOsVendor"] == "vendor"
    assert asked == ["a", "b", "c", "a"]
