import asyncio

from event_mapping import NOW, Setting, book
from watchbell.collector.metrics import CollectorMetrics
from watchbell.roles.mapping_loop import MappingLoop
from watchbell.usecases.mapping import Mapper


class Stumbling(Mapper):
    """Fails once in a way that nobody foresaw."""

    stumbled = False

    def step(self, now_ms: int) -> int:
        if not self.stumbled:
            self.stumbled = True
            raise ZeroDivisionError("surprise")
        return super().step(now_ms)


async def test_a_fault_that_nobody_foresaw_is_counted_and_the_loop_goes_on(tmp_path):
    setting = Setting()
    setting.kind = Stumbling
    mapper = setting.mapper()
    metrics = CollectorMetrics(tmp_path, "test")
    loop = MappingLoop(mapper, metrics, lambda: NOW, 0.01)
    await setting.accept("1")
    running = asyncio.create_task(loop.run())
    loop.drain(30.0)
    await running
    assert book(mapper) == (1, 1, 0, 0, 0)
    assert [s.value for s in metrics.snapshot().counters if s.name == "event_mapping_faults"] == [1]
