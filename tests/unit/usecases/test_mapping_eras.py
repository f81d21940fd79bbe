"""What was counted before the mappings changed: each sink gets of it what the mappings of that time made."""

from typing import Any

import pytest
from structlog.testing import capture_logs

from event_mapping import NOW, OTHER_SCHEMA, OtherMapping, Setting, book
from watchbell.domain.errors import Retryable
from watchbell.domain.events.mapping.model import Mapping
from watchbell.domain.events.record import DEFAULT_SCHEMA, DefaultMapping
from watchbell.usecases.following_mappings import ready, revive
from watchbell.usecases.lanes import Lane
from watchbell.usecases.mapping import Mapper


@pytest.fixture
def setting() -> Setting:
    return Setting()


BOTH = OtherMapping("both")
ONLY_0 = OtherMapping("only 0", sinks=("0",))
ANOTHER = OtherMapping("another", schema=OTHER_SCHEMA)


def away(setting: Setting, *, is_away: bool) -> None:
    setting.sinks[1].failing = {"open", "write", "sync", "close"} if is_away else set()


def run(setting: Setting, mapper: Mapper) -> None:
    for _ in range(3):
        setting.run(mapper)


async def backlog(setting: Setting) -> Mapper:
    """A sink that lacks two of three events, which went to both by the books."""
    mapper = setting.mapper(mappings=[BOTH])
    await setting.accept("1")
    setting.run(mapper)
    away(setting, is_away=True)
    await setting.accept("2", "3")
    setting.run(mapper)
    return mapper


def made(setting: Setting, number: int) -> list[tuple[str, str]]:
    return [(record["pageViewId"], record["mapping"]) for record in setting.sinks[number].durable]


@pytest.mark.parametrize("restart", ["none", "while it is away", "when it is back"])
async def test_a_sink_that_is_away_when_it_is_no_more_fed_gets_what_is_in_the_books_for_it(setting, restart):
    mapper = await backlog(setting)
    mapper.use_mappings([ONLY_0])
    await setting.accept("4")
    run(setting, mapper)
    assert setting.journal.read({}, 1 << 20) != [], "it is kept for the sink that is away"
    if restart == "while it is away":
        mapper = setting.mapper(mappings=[ONLY_0])
        run(setting, mapper)
    away(setting, is_away=False)
    if restart == "when it is back":
        mapper = setting.mapper(mappings=[ONLY_0])
    run(setting, mapper)
    assert made(setting, 1) == [("1", "both"), ("2", "both"), ("3", "both")]
    assert made(setting, 0) == [("1", "both"), ("2", "both"), ("3", "both"), ("4", "only 0")]
    assert setting.sinks[1].published[-1] == ["1", "2", "3"]
    assert [lane.name for lane in mapper.lanes()] == ["0"]
    assert setting.journal.read({}, 1 << 20) == []
    assert book(mapper) == (4, 4, 0, 0, 0)
    again = setting.mapper(mappings=[ONLY_0])
    assert [lane.name for lane in again.lanes()] == ["0"], "nobody waits for it any more"


async def test_what_a_sink_missed_is_mapped_as_it_was_counted_although_it_is_still_fed(setting):
    mapper = await backlog(setting)
    mapper.use_mappings([ANOTHER])
    await setting.accept("4")
    setting.run(mapper)
    away(setting, is_away=False)
    run(setting, mapper)
    assert made(setting, 1) == made(setting, 0)
    assert made(setting, 1) == [("1", "both"), ("2", "both"), ("3", "both"), ("4", "another")]
    assert setting.sinks[1].schemas[-2:] == [DEFAULT_SCHEMA, OTHER_SCHEMA]
    assert setting.sinks[1].published == [["1", "2", "3"]]
    assert setting.journal.read({}, 1 << 20) == []


async def test_mappings_that_change_while_the_collector_is_stopped(setting):
    await backlog(setting)
    mapper = setting.mapper(mappings=[ANOTHER])
    await setting.accept("4")
    setting.run(mapper)
    away(setting, is_away=False)
    run(setting, mapper)
    assert made(setting, 1) == [("1", "both"), ("2", "both"), ("3", "both"), ("4", "another")]


ONLY_1 = OtherMapping("only 1", sinks=("1",))


@pytest.mark.parametrize("ahead", [0, 1])
async def test_what_a_crash_hid_is_in_the_sinks_of_its_time_whichever_of_them_is_ahead(setting, ahead):
    """What was given since the last note is durable in one sink only, and the mappings change before the restart."""
    mapper = setting.mapper(mappings=[ONLY_0])
    await setting.accept("1")
    setting.run(mapper)
    await setting.accept("2", "3")
    mapper.use_mappings([BOTH])
    mapper.step(NOW)
    await setting.accept("4")
    mapper.step(NOW)
    lane = next(lane for lane in mapper.lanes() if lane.name == str(ahead))
    lane.turn(NOW, 1 << 40)
    lane.sync(NOW)
    mapper = setting.mapper(mappings=[ONLY_1])
    await setting.accept("5")
    run(setting, mapper)
    assert made(setting, 0) == [("1", "only 0"), ("2", "both"), ("3", "both"), ("4", "both")]
    assert made(setting, 1) == [("2", "both"), ("3", "both"), ("4", "both"), ("5", "only 1")]
    assert book(mapper) == (5, 5, 0, 0, 0)
    assert setting.journal.read({}, 1 << 20) == []
    assert [lane.name for lane in mapper.lanes()] == ["1"]


async def test_a_change_is_noted_once(setting, monkeypatch):
    mapper = setting.mapper(mappings=[BOTH])
    setting.run(mapper)
    mapper.use_mappings([ANOTHER])
    saved: list[int] = []
    save = setting.journal.save
    monkeypatch.setattr(setting.journal, "save", lambda checkpoint: (saved.append(1), save(checkpoint)))
    for number in range(5):
        await setting.accept(str(number))
        mapper.step(NOW)
    assert len(saved) == 1


async def test_a_sink_that_is_newly_fed_gets_nothing_from_before(setting):
    mapper = setting.mapper(mappings=[ONLY_0])
    setting.sinks[0].failing = {"open", "write"}
    await setting.accept("1")
    setting.run(mapper)
    mapper.use_mappings([BOTH])
    await setting.accept("2")
    run(setting, mapper)
    assert made(setting, 1) == [("2", "both")]
    restarted = setting.mapper(mappings=[BOTH])
    setting.sinks[0].failing = set()
    run(setting, restarted)
    assert made(setting, 1) == [("2", "both")]
    assert made(setting, 0) == [("1", "only 0"), ("2", "both")]
    assert setting.journal.read({}, 1 << 20) == []


async def test_a_sink_that_is_fed_again_before_it_left(setting):
    mapper = await backlog(setting)
    mapper.use_mappings([ONLY_0])
    await setting.accept("4")
    setting.run(mapper)
    mapper.use_mappings([ANOTHER])
    assert len(mapper.lanes()) == 2
    await setting.accept("5")
    away(setting, is_away=False)
    run(setting, mapper)
    assert made(setting, 1) == [("1", "both"), ("2", "both"), ("3", "both"), ("5", "another")]


async def test_a_sink_that_is_not_away_has_left_at_once_and_can_come_back(setting):
    mapper = setting.mapper(mappings=[BOTH])
    for number, mappings in enumerate([[BOTH], [ONLY_0], [BOTH], [ONLY_0]]):
        mapper.use_mappings(mappings)
        await setting.accept(str(number))
        run(setting, mapper)
    assert made(setting, 1) == [("0", "both"), ("2", "both")]
    assert setting.sinks[1].published == [["0"], ["0", "2"]]


async def test_nothing_is_mapped_with_others_before_the_change_is_noted(setting, monkeypatch):
    mapper = setting.mapper(mappings=[BOTH])
    await setting.accept("1")
    mapper.step(NOW)
    mapper.use_mappings([ONLY_0])
    await setting.accept("2")

    def full(_checkpoint: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(setting.journal, "save", full)
        with pytest.raises(Retryable):
            mapper.step(NOW)
    assert mapper.step(NOW) == 1
    # A crash: what was counted is noted, no sink has anything.
    again = setting.mapper(mappings=[ONLY_0])
    run(setting, again)
    assert made(setting, 0) == [("1", "both"), ("2", "only 0")]
    assert made(setting, 1) == [("1", "both")]


async def test_a_lane_that_ended_while_it_was_called_back_goes_on(setting):
    mapper = setting.mapper(mappings=[BOTH])
    await setting.accept("1")
    setting.run(mapper)
    lane: Lane = mapper.lanes()[1]
    mapper.use_mappings([ONLY_0])
    lane.finish(NOW)
    assert lane.has_left()
    mapper.use_mappings([BOTH])
    assert not lane.has_left()
    await setting.accept("2")
    run(setting, mapper)
    assert made(setting, 1) == [("1", "both"), ("2", "both")]


async def test_a_sink_that_nobody_ever_used_is_not_opened_to_leave(setting):
    away(setting, is_away=True)
    mapper = setting.mapper(mappings=[ONLY_0])
    mapper.use_mappings([OtherMapping("only 0 again", sinks=("0",))])
    assert [lane.name for lane in mapper.lanes()] == ["0"]
    assert setting.failures == 0


async def test_a_former_mapping_that_cannot_be_made_ready_any_more_is_told(setting):
    await backlog(setting)

    def none_is_ready(kept: bytes) -> DefaultMapping:
        return revive(b"\xc1" + kept)  # pyright: ignore[reportReturnType]

    mapper = Mapper(
        setting.journal,
        {str(number): sink.made for number, sink in enumerate(setting.sinks)},
        setting.rejected,
        setting.telemetry,
        node="n",
        mappings=[ANOTHER],
    )
    with capture_logs() as logs:
        mapper.open(NOW, none_is_ready)
    assert [each["event"] for each in logs] == ["collector_former_mapping_lost"]
    away(setting, is_away=False)
    setting.turn(mapper)
    await setting.accept("4")
    run(setting, mapper)
    assert made(setting, 1) == [("1", "both"), ("4", "another")]
    assert setting.journal.read({}, 1 << 20) == []


def test_a_mapping_of_the_configuration_is_made_ready_again():
    schema = {"type": "record", "name": "R", "fields": [{"name": "a", "type": "long", "default": 0}]}
    steps = [{"set": "a", "to": {"value": "timestamp"}}]
    mapping = Mapping(name="shop", schema=schema, steps=steps, sources=["browser"], sinks=["1"])
    (compiled,), _ = ready([mapping])
    again = revive(compiled.kept)
    assert (again.name, again.schema, again.sources, again.sinks, again.kept) == (
        compiled.name,
        compiled.schema,
        compiled.sources,
        compiled.sinks,
        compiled.kept,
    )
    assert revive(DefaultMapping().kept).name == "default"
