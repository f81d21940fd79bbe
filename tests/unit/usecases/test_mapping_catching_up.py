"""A lane that was left behind catches up, whatever happens to it meanwhile."""

from collections.abc import Callable, Sequence

import pytest

from event_mapping import NOW, Setting
from watchbell.adapters.journal.memory import MemoryJournal
from watchbell.ports.journal import JournalBatch, Positions
from watchbell.usecases.mapping import STEP_BYTES


class Meanwhile(MemoryJournal):
    """A journal that can lose a stream, and lets something happen while it is read."""

    def __init__(self) -> None:
        super().__init__()
        self.lost: set[str] = set()
        self.then: Callable[[], None] | None = None

    def read(self, after: Positions, max_bytes: int) -> Sequence[JournalBatch]:
        found = [batch for batch in super().read(after, max_bytes) if batch.stream not in self.lost]
        then, self.then = self.then, None
        if then is not None:
            then()
        return found


@pytest.fixture
def journal() -> Meanwhile:
    return Meanwhile()


@pytest.fixture
def setting(journal) -> Setting:
    made = Setting()
    made.journal = journal
    made.writer = journal.writer("a")
    return made


async def test_a_lane_that_fails_while_its_past_is_read_gets_everything_again(setting, journal):
    """When the reading began it had all of the stream a; when it was over it stood at what is durable of it."""
    many = [[f"{batch}-{number}" for number in range(STEP_BYTES // 60)] for batch in range(2)]
    mapper = setting.mapper()
    lane = mapper.lanes()[0]
    await setting.accept("first")
    setting.run(mapper)  # from here on nothing is synced
    await setting.accept("not durable")
    lane.failed()
    setting.writer = journal.writer("b")
    for names in many:
        await setting.accept(*names)
    while mapper.step(NOW):  # all is read, and the lane, which is away, lacks it
        pass
    setting.turn(mapper)
    mapper.step(NOW)  # gives it the rest of a, and the first batch of b
    setting.turn(mapper)
    assert mapper.is_behind()

    def fail() -> None:
        lane.failed()
        setting.turn(mapper)

    journal.then = fail
    setting.run(mapper)
    everything = sorted(["first", "not durable", *many[0], *many[1]])
    assert sorted(setting.sinks[0].events()) == everything
    assert sorted(setting.sinks[1].events()) == everything


async def test_what_the_journal_has_lost_is_skipped(setting, journal):
    mapper = setting.mapper()
    lane = mapper.lanes()[0]
    lane.failed()
    await setting.accept("lost")
    mapper.step(NOW)
    journal.lost.add("a")
    setting.run(mapper)
    assert not mapper.is_behind()
    assert [sink.events() for sink in setting.sinks] == [[], ["lost"]]


async def test_a_lane_that_stands_elsewhere_skips_nothing(setting):
    mapper = setting.mapper()
    await setting.accept("1")
    setting.run(mapper)
    lane = mapper.lanes()[0]
    stands = lane.given("a")
    assert stands
    lane.skip("a", stands - 1, stands + 10)
    assert lane.given("a") == stands
    lane.skip("a", stands, stands + 10)
    assert lane.given("a") == stands + 10


@pytest.mark.parametrize("then", ["go on", "stop"])
async def test_what_is_given_while_a_sink_publishes_is_read_again(setting, monkeypatch, then):
    """The mapper goes on between what is made durable and the end of the sink."""
    mapper = setting.mapper()
    await setting.accept("1")
    mapper.step(NOW)
    await setting.accept("2")
    sink = setting.sinks[0]
    close = sink.close

    def slow() -> list[str]:
        published = close()
        mapper.step(NOW)
        return published

    monkeypatch.setattr(sink, "close", slow)
    lane = mapper.lanes()[0]
    if then == "go on":
        lane.publish(NOW)
    else:
        lane.finish(NOW)
        mapper.commit(NOW)
    monkeypatch.undo()
    assert sink.events() == ["1"]
    assert not lane.has_work()
    if then == "stop":
        mapper = setting.mapper()
    setting.turn(mapper)
    setting.run(mapper)
    assert [each.events() for each in setting.sinks] == [["1", "2"]] * 2
