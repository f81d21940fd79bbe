from watchbell.adapters.journal.memory import MemoryJournal
from watchbell.adapters.journal.private import PrivateJournalWriter
from watchbell.domain.events.privacy import Privacy, Protector
from watchbell.domain.events.raw import RawEvent, RawKind, decode_batch, encode_batch


async def test_what_is_appended_is_cleaned(tmp_path):
    journal = MemoryJournal()
    writer = PrivateJournalWriter(journal.writer("a"), Protector(Privacy(addresses="truncated"), lambda _: b""))
    end = await writer.append(encode_batch([RawEvent(RawKind.BATCH, "e", 1, "192.0.2.77:1", None, "", b"{}")]))
    (batch,) = journal.read({}, 1000)
    assert batch.end == end == writer.end()
    assert [raw.remote for raw in decode_batch(batch.payload)] == ["192.0.2.0:0"]
    assert writer.size() == end


async def test_one_that_is_nested_too_deeply_does_not_keep_the_others_out(tmp_path):
    journal = MemoryJournal()
    writer = PrivateJournalWriter(journal.writer("a"), Protector(Privacy(redact=frozenset({"x"})), lambda _: b""))
    bodies = [b'{"parameters":' + text + b"}" for text in (b"1", b"[" * 900 + b"]" * 900, b"2")]
    await writer.append(encode_batch([RawEvent(RawKind.BATCH, "e", 1, "::1", None, "", body) for body in bodies]))
    (batch,) = journal.read({}, 1000)
    first, deep, last = [raw.body for raw in decode_batch(batch.payload)]
    assert (first, last) == (bodies[0], bodies[2])
    assert deep in {b'{"parameters":null}', b"null"}
