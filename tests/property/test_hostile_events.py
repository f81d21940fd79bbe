"""Whatever bytes a stranger sends: the mapper goes on, every event is in the books, and what is told can be told."""

import json
import tempfile
from pathlib import Path
from typing import Any

import msgspec
from hypothesis import example, given, settings
from hypothesis import strategies as st

from event_mapping import NOW, MemorySink
from watchbell.adapters.archive.convert import table_of
from watchbell.adapters.archive.spool import EventSpool, read_spool
from watchbell.adapters.journal.memory import MemoryJournal
from watchbell.adapters.rejected import RejectedFiles
from watchbell.adapters.user_agents import parse_user_agent
from watchbell.domain.events.enrich import Enricher
from watchbell.domain.events.raw import RawEvent, RawKind, encode_batch
from watchbell.domain.events.rules.presets import PRESETS
from watchbell.domain.events.rules.rule import Measure, Rule, Step
from watchbell.ports.telemetry import NullTelemetry
from watchbell.usecases.mapping import Mapper
from watchbell.usecases.mapping_batches import BatchReading

RULES = [
    *[msgspec.structs.replace(preset.rule, id=preset.id) for preset in PRESETS],
    Rule(id="where", name="where", where="parameters.a == 'x' || size(parameters) > 1", group_by="parameters.a"),
    Rule(id="distinct", name="distinct", measure=Measure.DISTINCT, field="parameters.a", group_by="event_type"),
    Rule(id="numbers", name="numbers", measure=Measure.PERCENTILE, field="parameters.n", percentile=90),
    Rule(
        id="funnel",
        name="funnel",
        measure=Measure.FUNNEL,
        steps=(Step(filter={"event_type": "vitals"}), Step(where="parameters.a == 'x'")),
    ),
]
LINE = "p=0:1:p&s=0:1:s&v=v&e=e&c=1&n=t&f=f&t=vitals"
STRICT = b'{"session_id":"0:1:s","event_id":"e","is_new_party":true,"is_new_session":true'
ONE_MOMENT = b',"client_timestamp_iso":"2016-06-01T18:54:16Z"'
BATCH = b'{"party_id":"0:1:p","session_id":"0:1:s","event_id":"e"'

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("anlcp"), inner, max_size=3),
    max_leaves=6,
)
fragments = st.one_of(
    st.binary(max_size=12),
    values.map(lambda value: json.dumps(value).encode()),
    values.map(lambda value: json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")),
    st.sampled_from([b'{"a":"\xff"}', b'"\\ud800"', b'{"lcp":1e999}', b'{"a":"\\u0000"}', b'"' + b"9" * 400 + b'"']),
    st.integers(1, 990).map(lambda depth: b"[" * depth + b"]" * depth),
)
escaped = st.binary(max_size=12).map(lambda data: "".join(f"%{byte:02x}" for byte in data))
mincode = st.text("atfn(sdj.)!~09-ex", max_size=20)


def body_of(start: bytes, event_type: bytes, parameters: bytes) -> bytes:
    return start + b',"event_type":' + event_type + b',"parameters":' + parameters + b"}"


types = st.one_of(st.sampled_from([b'"vitals"', b'"checkout"', b'"\\ud83d"', b'"\xed\xa0\x80"']), fragments)
raws = st.one_of(
    st.builds(lambda text: (RawKind.BROWSER, text, b""), st.text(st.characters(exclude_categories=["Cs"]))),
    st.builds(lambda name, text: (RawKind.BROWSER, f"{LINE}&{name}={text}", b""), st.sampled_from("utlrwix"), escaped),
    st.builds(lambda text: (RawKind.BROWSER, f"{LINE}&u={text}", b""), mincode),
    st.builds(lambda body: (RawKind.JSON, "p=0:1:p", body), st.binary(max_size=40)),
    st.builds(lambda *parts: (RawKind.JSON, "p=0:1:p", body_of(STRICT + ONE_MOMENT, *parts)), types, fragments),
    st.builds(lambda *parts: (RawKind.BATCH, "", body_of(BATCH, *parts)), types, fragments),
)
POISON = (RawKind.BATCH, "", body_of(BATCH, b'"vitals"', b'{"a":"\xff"}'))


def mapper_of(journal: MemoryJournal, folder: Path, spool: EventSpool) -> tuple[Mapper, RejectedFiles]:
    rejected = RejectedFiles(folder / "rejected")
    mapper = Mapper(
        journal,
        {"memory": MemorySink().made},
        rejected,
        NullTelemetry(),
        node="n",
        reading=BatchReading(Enricher(parse_user_agent)),
    )
    mapper.observe({"explore": lambda _: spool})
    mapper.open(NOW)
    for lane in mapper.lanes():
        lane.turn(NOW, 0)
    mapper.windows.use(RULES, NOW)
    return mapper, rejected


def archived(folder: Path) -> int:
    """What becomes of the spool."""
    tables = [table_of(*read_spool(path)) for path in folder.glob("*.spool")]
    return sum(len(table) for table in tables)


@settings(max_examples=100, deadline=None)
@given(st.lists(raws, min_size=1, max_size=8))
@example([POISON])
@example([(RawKind.BATCH, "", body_of(BATCH, b'"\\ud800"', b"{}"))])
@example([(RawKind.BATCH, "", body_of(BATCH, b'"vitals"', b"[" * 990 + b"]" * 990))])
async def test_a_mapper_bears_whatever_came(found: list[tuple[RawKind, str, bytes]]):
    journal = MemoryJournal()
    given = [RawEvent(kind, "s", NOW, "::1", "agent", query, body) for kind, query, body in found]
    await journal.writer("a").append(encode_batch(given))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        spool = EventSpool(folder / "spool", roll_every_s=1, now_ms=lambda: NOW)
        mapper, rejected = mapper_of(journal, folder, spool)
        assert mapper.step(NOW) == len(found)
        for lane in mapper.lanes():
            lane.turn(NOW, 0)
            lane.finish(NOW)
        mapper.commit(NOW)
        book = mapper.accounts()["s"]
        assert book.received == len(found) == book.stored + book.rejected + book.dropped + book.discarded
        assert len(list(rejected.rows())) == book.rejected
        shown, _, minutes = mapper.glance.take(20)
        told: Any = (shown, minutes, mapper.windows.report(NOW, NOW))
        # A database takes everything but half a surrogate pair, and a zero.
        assert b"\\u0000" not in msgspec.json.encode(told).replace(b"\\\\", b"")
        assert archived(folder / "spool") == len(found) - book.rejected
