import msgspec
import pytest

from watchbell.adapters.journal.files import FileJournalReader, FileJournalWriter
from watchbell.adapters.journal.scanning import blank, checkpoint_of, scan
from watchbell.domain.events.raw import RawEvent, RawKind, decode_batch, encode_batch
from watchbell.ports.journal import Checkpoint


def event(query: str, body: bytes = b"") -> RawEvent:
    return RawEvent(RawKind.BROWSER, "browser", 1_700_000_000_000, "192.0.2.1:80", "agent", query, body)


async def test_blanking_keeps_positions_and_the_other_events(tmp_path):
    writer = FileJournalWriter(tmp_path, "a", segment_bytes=600)
    for number in range(20):
        await writer.append(encode_batch([event(f"keep={number}"), event(f"forget={number}"), event("x" * number)]))
    before = [(batch.stream, batch.end, batch.payload) for batch in scan(tmp_path)]
    done = [blank(batch, lambda raw: raw.query.startswith("forget")) for batch in scan(tmp_path)]
    assert done == [1] * 20
    after = list(scan(tmp_path))
    assert [(batch.stream, batch.end) for batch in after] == [(stream, end) for stream, end, _ in before]
    for number, batch in enumerate(after):
        first, second, third = batch.events()
        assert (first.query, third.query) == (f"keep={number}", "x" * number)
        assert (second.query, second.remote.strip("-"), second.user_agent, second.headers) == ("", "", None, ())
    await writer.append(encode_batch([event("later")]))
    reader = FileJournalReader(tmp_path)
    assert len(reader.read({}, 1 << 20)) == 21
    assert reader.damaged() == 0
    await writer.close()


@pytest.mark.parametrize("length", [0, 1, 5, 27, 28, 29, 30, 31, 200, 252, 253, 254, 255, 256, 257, 65_530, 65_540])
async def test_every_length_can_be_blanked(tmp_path, length):
    writer = FileJournalWriter(tmp_path, "a")
    await writer.append(encode_batch([event("q" * length, b"b" * length), event("other")]))
    (batch,) = scan(tmp_path)
    assert blank(batch, lambda raw: raw.query != "other") == 1
    (batch,) = scan(tmp_path)
    blanked, other = decode_batch(batch.payload)
    assert other.query == "other"
    assert (blanked.query, blanked.body.strip()) == ("", b"")
    await writer.close()


async def test_the_checkpoint(tmp_path):
    assert checkpoint_of(tmp_path) == Checkpoint({})
    writer = FileJournalWriter(tmp_path, "a")
    end = await writer.append(encode_batch([event("x")]))
    reader = FileJournalReader(tmp_path)
    reader.save(Checkpoint({"a": end}, b"note"))
    assert checkpoint_of(tmp_path) == Checkpoint({"a": end}, b"note")
    assert msgspec.structs.asdict(next(scan(tmp_path)))["end"] == end
    await writer.close()
