from collections.abc import Sequence

from watchbell.domain.events.mapping.model import Mapping
from watchbell.domain.events.record import DefaultMapping
from watchbell.usecases.following_mappings import MappingFollower, ready

EMPTY = {"type": "record", "name": "R", "fields": []}


class Given:
    """A source of mappings that the test sets."""

    def __init__(self, *mappings: Mapping) -> None:
        self.mappings = list(mappings)

    async def current(self) -> Sequence[Mapping]:
        return list(self.mappings)


def test_without_mappings_there_is_the_default_one():
    found, wrong = ready([Mapping(name="off", schema=EMPTY, enabled=False)])
    assert [type(mapping) for mapping in found] == [DefaultMapping]
    assert wrong == []


def test_a_mapping_that_is_wrong_is_left_out_and_told():
    found, wrong = ready([Mapping(name="b", schema=EMPTY), Mapping(name="a", steps=[{"set": "x", "to": 1}])])
    assert [mapping.name for mapping in found] == ["b"]
    assert wrong[0].startswith("a: steps[0].set: the schema has no field 'x'")


def test_the_default_one_does_not_stand_in_for_one_that_is_wrong():
    assert ready([Mapping(name="a", steps=["nonsense"])])[0] == []


async def test_news_come_when_something_changed():
    source = Given()
    follower = MappingFollower(source)
    assert await follower.news() is not None
    assert await follower.news() is None
    source.mappings = [Mapping(name="b", schema=EMPTY), Mapping(name="a", schema=EMPTY)]
    news = await follower.news()
    assert news is not None
    assert [mapping.name for mapping in news[0]] == ["a", "b"]
    source.mappings.reverse()
    assert await follower.news() is None
