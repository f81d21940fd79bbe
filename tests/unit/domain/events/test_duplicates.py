from watchbell.domain.events.browser import decode_browser
from watchbell.domain.events.duplicates import DuplicateMemory
from watchbell.domain.events.event import Event
from watchbell.domain.events.raw import RawEvent, RawKind


def test_sequences(vectors):
    queries = [request["path_and_query"].partition("?")[2] for request in vectors["duplicate_memory"]["requests"]]
    events = [decode_browser(RawEvent(RawKind.BROWSER, "b", 0, "::1", None, query)) for query in queries]
    for sequence in vectors["duplicate_memory"]["sequences"]:
        memory = DuplicateMemory(2)
        flags = []
        for index in sequence["request_indexes"]:
            event = events[index]
            assert isinstance(event, Event)
            flags.append(memory.seen(event.party_id, event.session_id, event.event_id))
        assert flags == sequence["expected_duplicate_flags"]


def test_it_forgets_only_by_collision():
    memory = DuplicateMemory(1 << 16)
    assert [memory.seen("p", "s", str(n)) for n in range(100)] == [False] * 100
    assert [memory.seen("p", "s", str(n)) for n in range(100)].count(True) >= 98
