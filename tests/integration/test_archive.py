"""Questions answered by real worker processes: limits, stopping, a worker that dies, an archive that is not there."""

import asyncio
import os
import signal
import time
from pathlib import Path

import duckdb
import pytest

from servers.process import PATIENCE
from waiting import until
from watchbell.adapters.archive.asking import ArchiveSettings, DuckArchive
from watchbell.adapters.archive.convert import SCHEMA
from watchbell.domain.errors import Missing, Overloaded, Retryable
from watchbell.domain.events.question import Counts, Measure, Top

NOON = 1_767_268_800_000
HOUR = 3_600_000
ROWS = 2_000_000
DAY = Counts(start_ms=NOON, end_ms=NOON + 24 * HOUR, by="event_type", measure=Measure.PARTIES)


def many_events(folder: Path, rows: int) -> None:
    """An archive of one hour."""
    hour = folder / "2026-01-01T12"
    hour.mkdir(parents=True)
    made = {
        "party_id": "'0:p:' || (range % 100000)",
        "event_type": "'type ' || (range % 50)",
        "received_ms": f"{NOON} + range % {HOUR}",
        "position": f"({NOON} + range % {HOUR}) * 1000000",
        "duplicate": "false",
    }
    types = {"string": "VARCHAR", "double": "DOUBLE", "int64": "BIGINT", "bool": "BOOLEAN"}
    columns = ", ".join(
        f'CAST({made.get(field.name, "NULL")} AS {types[str(field.type)]}) AS "{field.name}"' for field in SCHEMA
    )
    target = hour / "one.000000000001.000000000001.parquet"
    connection = duckdb.connect()
    connection.execute(f"COPY (SELECT {columns} FROM range({rows})) TO '{target}' (FORMAT parquet)")
    connection.close()


@pytest.fixture(scope="module")
def large(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("archive")
    many_events(folder, ROWS)
    return folder


@pytest.fixture
async def archive_of(tmp_path):
    """Makes archives, and closes them."""
    made: list[DuckArchive] = []

    def make(folder: Path, **more) -> DuckArchive:
        made.append(DuckArchive(ArchiveSettings(url=str(folder), scratch=tmp_path / "scratch", **more)))
        return made[-1]

    yield make
    for archive in made:
        await archive.close()


def ignore(_: float) -> None:
    """Nobody looks."""


async def test_a_question_is_answered_and_the_worker_kept(large, archive_of):
    archive = archive_of(large)
    question = Counts(start_ms=NOON, end_ms=NOON + HOUR, by="event_type", series=3)
    first = await archive.ask(question, ignore)
    assert first["total"] == ROWS
    assert len(first["series"]) == 3
    (worker,) = archive._idle
    await archive.ask(question, ignore)
    assert archive._idle == [worker]
    await archive.close()
    assert worker.returncode is not None


async def test_progress_is_told_and_cancelling_stops_the_work(large, archive_of):
    archive = archive_of(large, threads=1)
    told: list[float] = []
    begun = asyncio.Event()

    def tell(done: float) -> None:
        told.append(done)
        begun.set()

    slow = Counts(start_ms=NOON, end_ms=NOON + HOUR, by="received_ms", measure=Measure.PARTIES)
    asking = asyncio.create_task(archive.ask(slow, tell))
    await asyncio.wait_for(begun.wait(), 20 * PATIENCE)
    assert all(0 <= done <= 1 for done in told)
    began = time.monotonic()
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert time.monotonic() - began < 4 * PATIENCE
    found = await archive.ask(Counts(start_ms=NOON, end_ms=NOON + HOUR), ignore)
    assert found["total"] == ROWS


async def test_time_and_memory_are_limited(large, archive_of):
    archive = archive_of(large, timeout_s=0.05, threads=1)
    with pytest.raises(Retryable, match="no answer within"):
        await archive.ask(DAY, ignore)
    archive = archive_of(large, memory_mib=12, threads=1)
    with pytest.raises(Retryable, match="more memory"):
        await archive.ask(Top(start_ms=NOON, end_ms=NOON + HOUR, field="received_ms"), ignore)


async def test_a_worker_that_dies_is_replaced(large, archive_of):
    archive = archive_of(large)
    question = Counts(start_ms=NOON, end_ms=NOON + HOUR)
    await archive.ask(question, ignore)
    os.kill(archive._idle[0].pid, signal.SIGKILL)
    with pytest.raises(Retryable, match="ended"):
        await archive.ask(question, ignore)
    assert (await archive.ask(question, ignore))["total"] == ROWS


async def test_only_so_many_questions_wait(large, archive_of, monkeypatch):
    monkeypatch.setattr("watchbell.adapters.archive.asking.WAITING", 0)
    archive = archive_of(large)
    asking = [asyncio.create_task(archive.ask(DAY, ignore)) for _ in range(2)]
    await until(lambda: archive._inside == len(asking))
    with pytest.raises(Overloaded):
        await archive.ask(DAY, ignore)
    for task in asking:
        task.cancel()
    await asyncio.gather(*asking, return_exceptions=True)


async def test_an_archive_that_is_not_there_says_why(archive_of, tmp_path):
    archive = archive_of(tmp_path / "none", missing_folder="set explore.url")
    assert (await archive.state()).missing == "set explore.url"
    with pytest.raises(Missing, match=r"explore\.url"):
        await archive.ask(DAY, ignore)
    empty = archive_of(tmp_path / "none")
    assert (await empty.state()).oldest_ms is None
    assert (await empty.ask(DAY, ignore))["total"] == 0


async def test_the_worker_reads_nothing_but_the_archive(large, tmp_path):
    """Whatever a statement said, files elsewhere stay closed and no extension is loaded."""
    from watchbell.adapters.archive.layout import Place
    from watchbell.adapters.archive.wire import Begin
    from watchbell.adapters.archive.worker import _connect

    connection = _connect(Begin(str(large), 64, 1, str(tmp_path)), Place(large))
    for statement in (
        "SELECT * FROM read_text('/etc/passwd')",
        "ATTACH '/etc/passwd' AS x",
        "COPY (SELECT 1) TO '/dev/shm/x.csv'",
        "INSTALL httpfs",
        "SET enable_external_access = true",
    ):
        with pytest.raises(duckdb.Error):
            connection.execute(statement)
    connection.close()


async def test_state_says_since_when(large, archive_of):
    state = await archive_of(large).state()
    assert (state.oldest_ms, state.newest_ms) == (NOON, NOON + HOUR)
