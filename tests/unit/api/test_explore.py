import pytest

from api_client import World, key
from watchbell.api.explore import read_question
from watchbell.domain.errors import Faulty, Invalid
from watchbell.domain.events.accounts import Account, NodeBooks
from watchbell.domain.events.question import Counts, Funnel, Measure, Op, Records, Top, check_question

NOW = 1_767_268_800_000
DAY = 86_400_000


def test_the_time_is_the_last_day_unless_said():
    assert read_question({"ask": "counts"}, NOW) == Counts(start_ms=NOW - DAY, end_ms=NOW)
    last = read_question({"ask": "counts", "last": 60}, NOW)
    assert (last.start_ms, last.end_ms) == (NOW - 60_000, NOW)
    given = {"ask": "counts", "from": "2026-01-01T10:00:00Z", "to": "2026-01-01T11:00:00+00:00"}
    found = read_question(given, NOW)
    assert found.end_ms - found.start_ms == 3_600_000


def test_conditions_are_texts_or_objects():
    given = {"ask": "top", "field": "source", "where": ["a=b=c", {"field": "parameters.x", "op": ">=", "value": 3}]}
    found = read_question(given, NOW)
    assert isinstance(found, Top)
    assert [(one.field, one.op, one.value) for one in found.where] == [
        ("a", Op.IS, "b=c"),
        ("parameters.x", Op.AT_LEAST, 3),
    ]


def test_steps_are_lists_or_have_names():
    steps = [["event_type=a"], {"name": "pay", "where": ["event_type=b"]}]
    found = read_question({"ask": "funnel", "steps": steps, "withinS": 60}, NOW)
    assert isinstance(found, Funnel)
    assert [(one.name, len(one.where)) for one in found.steps] == [("", 1), ("pay", 1)]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"ask": "drop"},
        {"ask": "counts", "last": "1h"},
        {"ask": "counts", "last": -1},
        {"ask": "counts", "last": True},
        {"ask": "counts", "from": "yesterday"},
        {"ask": "counts", "from": 5},
        {"ask": "counts", "where": "event_type=a"},
        {"ask": "counts", "where": ["nonsense"]},
        {"ask": "counts", "where": [7]},
        {"ask": "counts", "where": [" " * 2000 + "%"] * 1000},
        {"ask": "counts", "where": ["event_type=a"] * 21},
        {"ask": "funnel", "steps": [["event_type=a"]] * 11},
        {"ask": "counts", "unknown": 1},
        {"ask": "counts", "measure": "money"},
        {"ask": "funnel", "steps": [7]},
        {"ask": "top"},
    ],
)
def test_what_is_no_question_is_refused(body):
    with pytest.raises(Invalid):
        read_question(body, NOW)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"ask": "counts", "by": 'x"; DROP TABLE'}, "by"),
        ({"ask": "counts", "series": 51}, "series"),
        ({"ask": "counts", "stepS": 1, "last": 86_400}, "stepS"),
        ({"ask": "top", "field": "parameters."}, "field"),
        ({"ask": "top", "field": "parameters.a\x00b"}, "field"),
        ({"ask": "top", "field": "source", "limit": 0}, "limit"),
        ({"ask": "numbers", "field": "event_type"}, "field"),
        ({"ask": "funnel", "steps": [["a=b"]]}, "steps"),
        ({"ask": "sessions", "party": ""}, "party"),
        ({"ask": "records", "before": "1 OR 1=1"}, "before"),
        ({"ask": "counts", "from": "2026-01-01T10:00:00Z", "to": "2026-01-01T10:00:00Z"}, "endMs"),
        ({"ask": "counts", "where": ["viewport_width>=wide"]}, "where.0"),
        ({"ask": "counts", "where": ["duplicate=perhaps"]}, "where.0"),
        ({"ask": "counts", "where": ["duplicate~t"]}, "where.0"),
    ],
)
def test_what_cannot_be_asked_names_the_field(body, field):
    with pytest.raises(Faulty) as refused:
        check_question(read_question(body, NOW))
    assert field in {fault.field for fault in refused.value.faults}


def test_every_fault_is_said_at_once():
    body = {"ask": "counts", "by": "nothing", "series": 0, "where": ["x=1", "y=2"]}
    with pytest.raises(Faulty) as refused:
        check_question(read_question(body, NOW))
    assert len(refused.value.faults) == 4


async def test_where_there_is_no_archive_it_is_said():
    world = World()
    await world.add_key("reader", "read", user="ann")
    with world.client() as client:
        headers = key("reader")
        assert client.get("/api/events/archive", headers=headers).json()["missing"] == "no archive in this test"
        refused = client.post("/api/events/queries", json={"ask": "counts"}, headers=headers)
        assert refused.status_code == 404
        streamed = client.post(
            "/api/events/queries", json={"ask": "counts"}, headers={**headers, "Accept": "text/event-stream"}
        )
        assert 'event: error\ndata: {"message":"no archive in this test"}' in streamed.text
        assert client.get("/api/events/accounts", headers=headers).json()["missing"] == "no collector"
        assert client.get("/api/events/rejected", headers=headers).json()["rejected"] == []


async def test_the_books_of_every_collector_are_shown():
    world = World()
    await world.add_key("reader", "read", user="ann")
    shop = NodeBooks(node="shop", at_ms=0, sources={"web": Account(3, 2, 1)}, accepted=6, lost=1, refused=4, damaged=1)
    async with world.store.transaction() as tx:
        await tx.tallies.books(shop)
        await tx.tallies.books(NodeBooks(node="app", at_ms=0))
    with world.client() as client:
        found = client.get("/api/events/accounts", headers=key("reader")).json()
    assert found["missing"] == ""
    assert found["accounts"] == [
        {"node": "shop", "source": "web", "received": 3, "stored": 2, "rejected": 1, "dropped": 0, "discarded": 0}
    ]
    numbers = {"accepted": 6, "received": 3, "lost": 1, "waiting": 2, "refused": 4, "damaged": 1}
    assert found["nodes"] == [
        {"node": "app", "at": "1970-01-01T00:00:00.000Z", **dict.fromkeys(numbers, 0)},
        {"node": "shop", "at": "1970-01-01T00:00:00.000Z", **numbers},
    ]


def test_enumerations_have_their_words():
    assert [*Measure] == ["events", "parties", "sessions"]
    assert isinstance(read_question({"ask": "records"}, NOW), Records)
