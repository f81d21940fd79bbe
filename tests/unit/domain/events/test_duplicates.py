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


def test_places_and_signatures_of_the_vectors(vectors):
    """What a table holds after each request is the signature, in the slot."""
    for request in vectors["duplicate_memory"]["requests"]:
        event = decode_browser(
            RawEvent(RawKind.BROWSER, "b", 0, "::1", None, request["path_and_query"].partition("?")[2])
        )
        assert isinstance(event, Event)
        for slots, slot in ((2, request["slot_of_2"]), (1_000_000, request["slot_of_1000000"])):
            table = [0] * slots
            memory = DuplicateMemory(table=table)
            assert not memory.seen(event.party_id, event.session_id, event.event_id)
            memory.settle()
            assert table[slot] == int.from_bytes(bytes.fromhex(request["signature_hex_be"]), "big", signed=True)
            assert sum(value != 0 for value in table) == 1


def test_what_is_not_settled_is_not_in_the_table():
    table = [0] * 100
    memory = DuplicateMemory(table=table)
    memory.seen("p", "s", "1")
    assert not any(table)
    assert memory.seen("p", "s", "1")
    assert not DuplicateMemory(table=table).seen("p", "s", "1")
    memory.settle()
    assert memory.seen("p", "s", "1")
    assert DuplicateMemory(table=table).seen("p", "s", "1")
