import msgspec
import pytest

from watchbell.adapters.books import LocalBooks
from watchbell.adapters.rejected import RejectedFiles
from watchbell.domain.errors import Missing, Retryable
from watchbell.domain.events.event import Rejection
from watchbell.domain.events.raw import RawEvent, RawKind
from watchbell.ports.journal import Checkpoint


def books(folder):
    return LocalBooks(folder / "journal", RejectedFiles(folder / "rejected"), node="one", missing="look elsewhere")


def raw(query="a=b", body=b""):
    return RawEvent(RawKind.BROWSER, "browser", 1_767_268_800_000, "192.0.2.1:1", None, query, body)


async def test_without_a_collector_it_says_where_to_look(tmp_path):
    for call in (books(tmp_path).accounts(), books(tmp_path).rejected("", 10)):
        with pytest.raises(Missing, match="elsewhere"):
            await call


async def test_a_new_collector_has_no_accounts_yet(tmp_path):
    (tmp_path / "journal").mkdir()
    assert await books(tmp_path).accounts() == {}
    assert (await books(tmp_path).rejected("", 10)).events == []


async def test_accounts_come_from_the_checkpoint(tmp_path):
    (tmp_path / "journal").mkdir()
    note = msgspec.msgpack.encode([[], [], 0, {}, {"browser": [5, 3, 1, 1, 0]}, []])
    (tmp_path / "journal" / "checkpoint").write_bytes(msgspec.msgpack.encode(Checkpoint({"a": 1}, note)))
    found = (await books(tmp_path).accounts())["one"]["browser"]
    assert (found.received, found.stored, found.rejected, found.dropped, found.discarded) == (5, 3, 1, 1, 0)


async def test_a_checkpoint_that_cannot_be_read_is_said(tmp_path):
    (tmp_path / "journal").mkdir()
    (tmp_path / "journal" / "checkpoint").write_bytes(b"\xc1")
    with pytest.raises(Retryable):
        await books(tmp_path).accounts()


async def test_rejected_events_newest_first_with_their_requests(tmp_path):
    (tmp_path / "journal").mkdir()
    kept = RejectedFiles(tmp_path / "rejected")
    kept.keep([Rejection("missing_parameter", "missing: v", raw()), Rejection("no_json", "x", raw("", b"\xff{"))])
    page = await books(tmp_path).rejected("", 10)
    assert [one.reason for one in page.events] == ["no_json", "missing_parameter"]
    assert page.events[0].request["body"] == "\ufffd{"
    assert page.reasons == {"no_json": 1, "missing_parameter": 1}
    only = await books(tmp_path).rejected("missing_parameter", 1)
    assert [one.detail for one in only.events] == ["missing: v"]
    assert len(only.reasons) == 2
    assert page.trimmed == 0
    for n in range(100):
        kept = RejectedFiles(tmp_path / "rejected", max_bytes=4000)
        kept.keep([Rejection("missing_parameter", str(n), raw())])
    assert (await books(tmp_path).rejected("", 10)).trimmed == kept.trimmed() > 0
