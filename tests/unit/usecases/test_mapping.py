"""Mapping from a journal into sinks: exactly once, whatever fails in between; each sink at its own pace."""

import pytest

from event_mapping import MINUTE, NOW, Setting, book, counts
from watchbell.adapters.journal.memory import MemoryJournal
from watchbell.adapters.rejected import MemoryRejected
from watchbell.domain.errors import Retryable
from watchbell.domain.events.decode import decode
from watchbell.domain.events.event import Event, Rejection
from watchbell.domain.events.raw import RawEvent
from watchbell.ports.journal import Checkpoint
from watchbell.usecases.lanes import MAX_WAITING
from watchbell.usecases.mapping import HOLD_MS, NOTE_EVERY_MS, SETTLE_MS


@pytest.fixture
def setting() -> Setting:
    return Setting()


async def test_events_reach_every_sink_and_the_checkpoint(setting):
    mapper = setting.mapper()
    await setting.accept("1", "2")
    await setting.accept("3")
    assert mapper.step(NOW) == 3
    assert mapper.uncommitted() == 3
    setting.run(mapper)
    assert [sink.events() for sink in setting.sinks] == [["1", "2", "3"]] * 2
    assert mapper.uncommitted() == 0
    assert setting.journal.read({}, 1 << 20) == []
    assert mapper.step(NOW) == 0
    assert book(mapper) == (3, 3, 0, 0, 0)


async def test_a_repeated_event_is_flagged(setting):
    mapper = setting.mapper()
    await setting.accept("1", "1")
    setting.run(mapper)
    assert [record["detectedDuplicate"] for record in setting.sinks[0].durable] == [False, True]


async def test_a_repeated_event_is_flagged_after_a_restart(setting):
    mapper = setting.mapper()
    await setting.accept("1")
    setting.run(mapper)
    again = setting.mapper()
    await setting.accept("1", "2")
    setting.run(again)
    assert [record["detectedDuplicate"] for record in setting.sinks[0].durable] == [False, True, False]


async def test_a_raw_request_that_is_no_event_is_kept_with_the_reason(setting):
    mapper = setting.mapper()
    await setting.accept("1", "bad", "2")
    setting.run(mapper)
    assert setting.sinks[0].events() == ["1", "2"]
    (rejection,) = setting.rejected.kept
    assert rejection.reason == "missing_parameter"
    assert book(mapper) == (3, 2, 1, 0, 0)


class Unwilling(MemoryJournal):
    """Does not take a checkpoint while it is told not to."""

    unwilling = False

    def save(self, checkpoint: Checkpoint) -> None:
        if self.unwilling:
            raise OSError("no")
        super().save(checkpoint)


async def test_what_is_rejected_is_kept_once_whatever_comes_between(setting):
    setting.journal = Unwilling()
    setting.writer = setting.journal.writer("a")
    mapper = setting.mapper()
    await setting.accept("bad")
    setting.run(mapper)
    await setting.accept("bad", "1")
    setting.journal.unwilling = True
    mapper.step(NOW)
    for _ in range(2):
        with pytest.raises(Retryable):
            mapper.commit(NOW)
    assert len(setting.rejected.kept) == 2
    setting.journal.unwilling = False
    again = setting.mapper(NOW + 1)
    setting.run(again, NOW + 1)
    assert book(again) == (3, 1, 2, 0, 0)
    assert len(setting.rejected.kept) == 2
    setting.run(setting.mapper(NOW - 1), NOW - 1)
    assert len(setting.rejected.kept) == 2


async def test_a_record_that_fits_no_schema_is_rejected_alone_and_once(setting):
    mapper = setting.mapper()
    await setting.accept("1", "2")
    await setting.accept("3", event_type="poison")
    await setting.accept("4")
    setting.run(mapper)
    assert setting.sinks[0].events() == ["1", "2", "4"]
    assert [rejection.reason for rejection in setting.rejected.kept] == ["record_does_not_fit"]
    assert book(mapper) == (4, 3, 1, 0, 0)


async def test_a_sink_that_cannot_bear_a_record_goes_on_without_it(setting):
    mapper = setting.mapper()
    await setting.accept("1")
    setting.run(mapper)
    await setting.accept("2")
    await setting.accept("3", event_type="surprise")
    await setting.accept("4")
    for _ in range(3):
        setting.run(mapper)
    assert [sink.events() for sink in setting.sinks] == [["1", "2", "4"]] * 2
    assert setting.failures == 2
    assert book(mapper) == (4, 3, 1, 0, 0)


async def test_an_event_that_nobody_foresaw_is_rejected_alone(setting):
    def surprised(raw: RawEvent) -> Event | Rejection:
        if "v=2&" in raw.query:
            raise ZeroDivisionError("surprise")
        return decode(raw)

    mapper = setting.mapper(decode=surprised)
    await setting.accept("1", "2", "3")
    setting.run(mapper)
    assert setting.sinks[0].events() == ["1", "3"]
    assert [(each.reason, each.detail) for each in setting.rejected.kept] == [
        ("not_decodable", "ZeroDivisionError('surprise')")
    ]


async def test_an_unreadable_batch_does_not_stop_the_rest(setting):
    mapper = setting.mapper()
    await setting.writer.append(b"\xc1 rubbish")
    await setting.accept("1")
    setting.run(mapper)
    assert setting.sinks[0].events() == ["1"]


@pytest.mark.parametrize("when", ["before commit", "one sink synced", "both synced, not noted", "noted, none synced"])
async def test_a_crash_repeats_and_loses_nothing(setting, when):
    mapper = setting.mapper()
    await setting.accept("1", "2")
    setting.run(mapper)
    await setting.accept("3", "4", "3")
    mapper.step(NOW)
    setting.turn(mapper)
    lanes = mapper.lanes()
    for lane in {"one sink synced": lanes[:1], "both synced, not noted": lanes}.get(when, []):
        lane.sync(NOW)
    if when == "noted, none synced":
        mapper.commit(NOW)
    again = setting.mapper(NOW + 1)
    setting.run(again, NOW + 1)
    assert [sink.events() for sink in setting.sinks] == [["1", "2", "3", "4", "3"]] * 2
    for sink in setting.sinks:
        assert [record["detectedDuplicate"] for record in sink.durable] == [False, False, False, False, True]
    assert book(again) == (5, 5, 0, 0, 0)


async def test_counts_survive_a_crash_exactly(setting):
    mapper = setting.mapper()
    await setting.accept("1", "2")
    setting.run(mapper)
    await setting.accept("3")
    mapper.step(NOW)
    again = setting.mapper(NOW + 1)
    again.step(NOW + 1)
    assert counts(again, NOW + 1) == [(0, 3, False, True)]


@pytest.mark.parametrize("failing", ["write", "sync"])
async def test_a_failing_sink_holds_up_nobody_and_gets_everything_later(setting, failing):
    mapper = setting.mapper()
    await setting.accept("1", "2")
    setting.run(mapper)
    setting.sinks[1].failing = {failing, "open"}
    for names in (("3", "1"), ("4",), ("5", "4")):
        await setting.accept(*names)
        setting.run(mapper)
    assert setting.sinks[0].events() == ["1", "2", "3", "1", "4", "5", "4"]
    assert setting.sinks[1].events() == ["1", "2"]
    assert counts(mapper, NOW) == [(0, 5, False, False)]  # rules do not count duplicates
    assert setting.journal.read({}, 1 << 20) != []
    setting.sinks[1].failing = set()
    setting.turn(mapper)
    setting.run(mapper)
    assert setting.sinks[1].durable == setting.sinks[0].durable
    assert [record["detectedDuplicate"] for record in setting.sinks[1].durable] == [False] * 3 + [
        True,
        False,
        False,
        True,
    ]
    assert setting.journal.read({}, 1 << 20) == []
    assert book(mapper) == (7, 7, 0, 0, 0)


async def test_a_sink_that_is_away_over_a_restart_still_learns_what_was_a_duplicate(setting):
    mapper = setting.mapper()
    setting.sinks[1].failing = {"write", "open"}
    await setting.accept("1", "1")
    setting.run(mapper)
    again = setting.mapper()
    await setting.accept("2")
    setting.run(again)
    setting.sinks[1].failing = set()
    setting.turn(again)
    setting.run(again)
    assert setting.sinks[1].durable == setting.sinks[0].durable
    assert [record["detectedDuplicate"] for record in setting.sinks[1].durable] == [False, True, False]


class Killed(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("moment", ["unread", "read", "written", "before the checkpoint", "after it", "settled"])
async def test_a_repeat_after_a_kill_is_flagged(setting, monkeypatch, moment):
    """Whenever the process was killed after the first one was accepted."""
    mapper = setting.mapper()
    await setting.accept("1")
    save = setting.journal.save

    def killed(checkpoint: Checkpoint) -> None:
        if moment == "after it":
            save(checkpoint)
        raise Killed

    if moment != "unread":
        mapper.step(NOW)
    if moment not in {"unread", "read"}:
        setting.turn(mapper, every=0)
    if moment in {"before the checkpoint", "after it"}:
        monkeypatch.setattr(setting.journal, "save", killed)
        with pytest.raises(Killed):
            mapper.commit(NOW)
        monkeypatch.undo()
    if moment == "settled":
        mapper.commit(NOW)
    again = setting.mapper()
    await setting.accept("1")
    setting.run(again)
    for sink in setting.sinks:
        assert [record["detectedDuplicate"] for record in sink.durable] == [False, True]


async def test_a_slow_lane_holds_the_others_for_a_moment_only(setting):
    mapper = setting.mapper()
    slow, quick = mapper.lanes()
    for number in range(MAX_WAITING // 1000 + 1):
        await setting.accept(*(f"{number}-{n}" for n in range(1000)))
    while mapper.step(NOW):
        quick.turn(NOW, 1 << 40)
    assert not slow.has_room()
    await setting.accept("last")
    assert mapper.step(NOW) == 0
    assert mapper.step(NOW + HOLD_MS - 1) == 0
    assert mapper.step(NOW + HOLD_MS) == 1001
    quick.turn(NOW, 0)
    assert quick.durable() != slow.durable()
    setting.run(mapper)
    assert setting.sinks[0].events() == setting.sinks[1].events()
    assert setting.sinks[0].events()[-1] == "last"


async def test_rejections_that_cannot_be_kept_hold_the_checkpoint(setting):
    class Failing(MemoryRejected):
        def keep(self, rejections, number=0):
            raise Retryable("full")

    kept, setting.rejected = setting.rejected, Failing()
    mapper = setting.mapper()
    await setting.accept("1", "bad")
    mapper.step(NOW)
    with pytest.raises(Retryable):
        mapper.commit(NOW)
    assert setting.journal.checkpoint().positions == {}
    setting.rejected = kept
    again = setting.mapper()
    setting.run(again)
    assert setting.sinks[0].events() == ["1"]
    assert len(kept.kept) == 1


async def test_a_full_disk_holds_the_checkpoint_and_heals(setting):
    mapper = setting.mapper()
    await setting.accept("1")
    save, full = setting.journal.save, True

    def failing(checkpoint):
        if full:
            raise OSError(28, "No space left on device")
        save(checkpoint)

    setting.journal.save = failing
    with pytest.raises(Retryable, match="No space left"):
        setting.run(mapper)
    full = False
    setting.run(mapper)
    assert setting.sinks[0].events() == ["1"]
    assert setting.journal.read({}, 1 << 20) == []


async def test_windows_complete_when_everything_before_their_end_is_counted(setting):
    mapper = setting.mapper()
    await setting.accept("1")
    mapper.step(NOW + MINUTE + SETTLE_MS)
    assert counts(mapper, NOW + MINUTE + SETTLE_MS)[0] == (0, 1, False, False)
    mapper.step(NOW + MINUTE + SETTLE_MS)
    assert counts(mapper, NOW + MINUTE + SETTLE_MS)[0] == (0, 1, True, False)


async def test_a_restart_marks_the_windows_in_which_it_was_away(setting):
    mapper = setting.mapper()
    await setting.accept("1")
    setting.run(mapper)
    mapper.commit(NOW + NOTE_EVERY_MS)
    now = NOW + MINUTE + NOTE_EVERY_MS
    again = setting.mapper(now)
    again.step(now + 2 * MINUTE)
    assert [row[3] for row in counts(again, now + 2 * MINUTE)] == [True, True, False, False]


async def test_finishing_writes_what_waits_and_publishes(setting):
    mapper = setting.mapper()
    await setting.accept("1")
    mapper.step(NOW)
    for lane in mapper.lanes():
        lane.finish(NOW)
    mapper.commit(NOW)
    assert [sink.published for sink in setting.sinks] == [[["1"]], [["1"]]]
    assert setting.journal.read({}, 1 << 20) == []
