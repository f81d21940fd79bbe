"""Several sources, mappings and sinks: who gets what, and the books."""

import pytest

from event_mapping import NOW, OTHER_SCHEMA, OtherMapping, Setting, book
from watchbell.domain.errors import Invalid
from watchbell.domain.events.record import DEFAULT_SCHEMA, DefaultMapping


@pytest.fixture
def setting() -> Setting:
    return Setting()


async def test_every_mapping_maps_every_event_of_its_sources_into_its_sinks(setting):
    both = OtherMapping("both", schema=OTHER_SCHEMA, sinks=("1",))
    shop = OtherMapping("shop", schema=OTHER_SCHEMA, sinks=("1",), sources=frozenset({"shop"}))
    plain = OtherMapping("plain", sinks=("0",), sources=frozenset({"browser"}))
    mapper = setting.mapper(mappings=[both, shop, plain])
    await setting.accept("1", "2")
    await setting.accept("3", source="shop")
    setting.run(mapper)
    assert [(record["mapping"], record["pageViewId"]) for record in setting.sinks[1].durable] == [
        ("both", "1"),
        ("both", "2"),
        ("both", "3"),
        ("shop", "3"),
    ]
    assert [record["mapping"] for record in setting.sinks[0].durable] == ["plain", "plain"]
    assert book(mapper) == (2, 2, 0, 0, 0)
    assert book(mapper, "shop") == (1, 1, 0, 0, 0)
    assert setting.journal.read({}, 1 << 20) == []


async def test_an_event_is_rejected_for_one_mapping_and_stored_for_another(setting):
    other = OtherMapping("other", schema=OTHER_SCHEMA, sinks=("1",))
    mapper = setting.mapper(mappings=[OtherMapping("default", record=DefaultMapping().record, sinks=("0",)), other])
    await setting.accept("1", event_type="unmappable")
    await setting.accept("2", event_type="surprising")
    await setting.accept("3", event_type="drop")
    await setting.accept("4")
    setting.run(mapper)
    assert setting.sinks[0].events() == ["1", "2", "3", "4"]
    assert setting.sinks[1].events() == ["4"]
    assert [(each.mapping, each.reason, each.detail) for each in setting.rejected.kept] == [
        ("other", "mandatory_field_unset", "'price'"),
        ("other", "mapping_failed", "ZeroDivisionError('surprise')"),
    ]
    assert book(mapper) == (4, 4, 0, 0, 0)


async def test_the_books_of_a_single_mapping(setting):
    only = OtherMapping("only", sources=frozenset({"browser"}), discard_corrupted=False, discard_duplicates=True)
    mapper = setting.mapper(mappings=[only])
    await setting.accept("1", "1", "bad")
    await setting.accept("2", event_type="unmappable")
    await setting.accept("3", event_type="drop")
    await setting.accept("4", source="nobody maps this")
    setting.run(mapper)
    assert book(mapper) == (5, 1, 2, 1, 1)
    assert book(mapper, "nobody maps this") == (1, 0, 0, 1, 0)
    assert book(setting.mapper()) == (5, 1, 2, 1, 1)


async def test_corrupt_events_are_discarded_by_the_mapping_that_asks_for_it(setting):
    mapper = setting.mapper(mappings=[OtherMapping("only", discard_corrupted=True)])
    await setting.accept("1")
    setting.run(mapper)
    assert book(mapper) == (1, 0, 0, 0, 1)


async def test_what_a_forgotten_party_did_before_is_left_out(setting):
    forgotten: dict[str, int] = {}
    mapper = setting.mapper(forgotten=forgotten)
    forgotten["0:1:p"] = NOW
    await setting.accept("1", at=NOW)
    await setting.accept("2", at=NOW + 1)
    setting.run(mapper)
    assert setting.sinks[0].events() == ["2"]
    assert book(mapper) == (2, 1, 0, 1, 0)


async def test_new_mappings_take_effect_between_batches_and_publish_what_has_another_schema(setting):
    mapper = setting.mapper()
    await setting.accept("1")
    mapper.step(NOW)
    mapper.use_mappings([OtherMapping("new", schema=OTHER_SCHEMA)])
    await setting.accept("2")
    setting.run(mapper)
    for sink in setting.sinks:
        assert sink.events() == ["1", "2"]
        assert sink.published == [["1"]]
        assert sink.schemas == [DEFAULT_SCHEMA, OTHER_SCHEMA]
        assert sink.durable[1]["mapping"] == "new"
    mapper.use_mappings([OtherMapping("newer", schema=OTHER_SCHEMA)])
    await setting.accept("3")
    setting.run(mapper)
    assert setting.sinks[0].published == [["1"]]
    assert setting.sinks[0].durable[2]["mapping"] == "newer"


async def test_a_sink_that_is_away_when_its_schema_changes(setting):
    mapper = setting.mapper()
    setting.sinks[1].failing = {"write", "open", "close"}
    await setting.accept("1")
    setting.run(mapper)
    mapper.use_mappings([OtherMapping("new", schema=OTHER_SCHEMA)])
    await setting.accept("2")
    setting.run(mapper)
    setting.sinks[1].failing = set()
    setting.turn(mapper)
    setting.run(mapper)
    assert setting.sinks[0].events() == setting.sinks[1].events() == ["1", "2"]
    assert setting.sinks[1].schemas[-1] == OTHER_SCHEMA


async def test_a_sink_that_no_mapping_feeds_any_more_is_published_and_let_go(setting):
    mapper = setting.mapper()
    await setting.accept("1")
    mapper.step(NOW)
    mapper.use_mappings([OtherMapping("new", sinks=("0",))])
    await setting.accept("2")
    setting.run(mapper)
    assert [lane.name for lane in mapper.lanes()] == ["0"]
    assert setting.sinks[1].published == [["1"]]
    assert setting.sinks[0].events() == ["1", "2"]
    assert setting.journal.read({}, 1 << 20) == []


@pytest.mark.parametrize(
    ("mappings", "reason"),
    [
        ([OtherMapping("a", sinks=("nowhere",))], "'a' names the sink 'nowhere', which is not configured"),
        (
            [OtherMapping("a"), OtherMapping("b", schema=OTHER_SCHEMA, sinks=("1",))],
            "'1' .* several schemas, from a, b",
        ),
    ],
)
async def test_mappings_that_cannot_stand_together_change_nothing(setting, mappings, reason):
    mapper = setting.mapper()
    with pytest.raises(Invalid, match=reason):
        mapper.use_mappings(mappings)
    await setting.accept("1")
    setting.run(mapper)
    assert [sink.events() for sink in setting.sinks] == [["1"]] * 2
