"""An observer of the mapper gets every event itself, once, whatever the mappings make of it."""

from event_mapping import NOW, OtherMapping, Setting
from unit.adapters.archive.archive_fixtures import NOON, SetMillis
from watchbell.adapters.archive.spool import EventSpool, read_spool
from watchbell.ports.telemetry import NullTelemetry
from watchbell.usecases.mapping import Mapper


def made(setting, folder):
    """A mapper whose two mappings drop everything and map everything, and an archive beside them."""
    clock = SetMillis(NOON)
    none = OtherMapping("none", record=lambda event: None, sinks=("0",))
    mapper = Mapper(
        setting.journal,
        {"0": setting.sinks[0].made},
        setting.rejected,
        NullTelemetry(),
        node="n",
        mappings=[none, none],
    )
    mapper.observe({"explore": lambda schema: EventSpool(folder, roll_every_s=0, now_ms=clock)})
    mapper.open(NOW)
    setting.turn(mapper)
    return mapper


def seen(folder):
    found = []
    for path in sorted(folder.glob("*.spool")):
        names, rows = read_spool(path)
        found += [row[names.index("page_view_id")] for row in rows]
    return found


async def test_it_sees_what_mappings_drop_and_nothing_twice(tmp_path):
    setting = Setting()
    mapper = made(setting, tmp_path)
    await setting.accept("1", "2")
    await setting.accept("bad", "3")
    setting.run(mapper)
    assert setting.sinks[0].durable == []
    assert seen(tmp_path) == ["1", "2", "3"]


async def test_it_goes_on_after_a_restart(tmp_path):
    setting = Setting()
    mapper = made(setting, tmp_path)
    await setting.accept("1")
    setting.run(mapper)
    again = made(setting, tmp_path)
    await setting.accept("2")
    setting.run(again)
    assert seen(tmp_path) == ["1", "2"]
