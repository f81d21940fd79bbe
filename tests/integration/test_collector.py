"""A collector process over real sockets and files: its answers, its stop, and what a kill -9 leaves behind."""

import asyncio
import contextlib
import json
import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from collector_server import CollectorProcess, alive, check_exactly_once, child_pids, load, request_of
from servers.process import wait_until
from watchbell.adapters.journal.scanning import checkpoint_of
from watchbell.domain.events.accounts import NodeBooks


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., CollectorProcess]]:
    """Makes the one collector of a test, by its settings; it is not started yet."""
    made: list[CollectorProcess] = []

    def new(**settings: Any) -> CollectorProcess:
        made.append(CollectorProcess(tmp_path, **settings))
        return made[-1]

    yield new
    for collector in made:
        collector.process.kill()


@pytest.fixture
def collector(make: Callable[..., CollectorProcess]) -> CollectorProcess:
    return make().start()


def test_an_event_becomes_a_record_in_a_published_file(collector):
    assert collector.event("first") == 200
    body = b'[{"party_id":"0:1:p","session_id":"0:1:s","event_id":"e","page_view_id":"second"}]'
    head = b"POST /events HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    assert collector.ask(head % len(body) + body)[0] == 204
    collector.finish()
    first, second = collector.records()
    assert (first["pageViewId"], first["eventType"], first["remoteHost"]) == ("first", "click", "127.0.0.1")
    assert (first["detectedCorruption"], first["detectedDuplicate"]) == (True, False)
    assert (first["userAgentName"], first["userAgentOsFamily"]) == ("Firefox", "Linux")
    assert abs(first["timestamp"] - time.time() * 1000) < 60_000
    assert (second["pageViewId"], second["eventType"], second["detectedCorruption"]) == ("second", "unknown", False)
    assert collector.parquet_names() == ["first", "second"]
    assert list((collector.folder / "events").glob("*.partial")) == []


def test_the_answer_on_the_wire(collector):
    status, headers, body = collector.ask(request_of("x"))
    assert status == 200
    assert headers.pop("date")
    assert headers == {
        "content-type": "image/gif",
        "etag": '"6b3edc43-20ec-4078-bc47-e965dd76b88a"',
        "cache-control": "private, no-cache, proxy-revalidate",
        "pragma": "no-cache",
        "expires": "Fri, 14 Apr 1995 11:30:00 GMT",
        "server": "divolte",
        "content-length": "37",
    }
    assert body.startswith(b"GIF89a")
    status, headers, body = collector.ask(b"GET /ping HTTP/1.1\r\nHost: x\r\n\r\n")
    assert (status, body, headers["server"]) == (200, b"pong", "divolte")


@pytest.mark.parametrize(
    ("head", "body", "status"),
    [
        (b"POST /events", b"x" * 10_000_000, 413),
        (b"POST /json-event?p=0:1:p", b"x" * 10_000_000, 413),
        (b"POST /events", b"[" * 100_000, 400),
        (b"POST /events", b'[{"party_id": "\x00"}]', 400),
        (b"GET /csc-event?" + b"%00%ff%zz&&==&" * 500, b"", 200),
        (b"GET /csc-event?" + b"x" * 60_000, b"", 200),
    ],
)
def test_bad_input_leaves_it_standing(collector, head, body, status):
    request = head + b" HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        assert collector.ask(request + body)[0] == status
    assert collector.event("after") == 200


def test_a_stop_says_so_first_and_takes_what_still_comes(make):
    collector = make(shutdown_delay_s=5.0).start()  # long enough to be seen stopping by a machine that is busy
    collector.process.signal(signal.SIGTERM)
    ping = b"GET /ping HTTP/1.1\r\nHost: x\r\n\r\n"
    wait_until(lambda: collector.ask(ping)[0] == 503, 5, "ping saying that it stops")
    assert collector.event("late") == 200
    assert collector.process.wait() == 0
    collector.process.stop()
    assert [record["pageViewId"] for record in collector.records()] == ["late"]


def test_metrics_are_of_all_processes(collector):
    collector.event("x")
    collector.ask(b"GET /csc-event?nothing HTTP/1.1\r\nHost: x\r\n\r\n")

    def page() -> str:
        return collector.ask(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")[2].decode()

    wait_until(lambda: "watchbell_events_mapped_total 1.0" in page(), 10, "the mapper's count")
    rejected = 'watchbell_events_rejected_total{reason="missing_parameter",source="browser"} 1.0'
    wait_until(lambda: rejected in page(), 10, "the other one, which the mapper may read later")
    assert "watchbell_events_mapped_total 1.0" in page()
    assert "watchbell_events_accepted_total 2.0" in page()


def test_events_are_counted_for_rules(collector):
    collector.event("x")

    def counted() -> list[dict[str, Any]]:
        path = collector.folder / "tallies.json"
        return json.loads(path.read_text()) if path.exists() else []

    wait_until(lambda: any(row["count"] == 1 and row["complete"] for row in counted()), 15, "a complete window")
    wait_until(lambda: any(row["count"] == 0 and row["complete"] for row in counted()), 15, "an empty window")


def test_what_is_accepted_is_in_the_books_over_a_kill_9(make):
    collector = make().start()

    def books() -> tuple[int, int, int, int]:
        with contextlib.suppress(FileNotFoundError):
            found = msgspec.json.decode((collector.folder / "books.json").read_bytes(), type=NodeBooks)
            return found.accepted, found.received, found.lost, found.waiting
        return 0, 0, 0, 0

    for name in ("1", "2", "3"):
        assert collector.event(name) == 200
    wait_until(lambda: books() == (3, 3, 0, 0))
    collector.process.kill()
    collector.start()
    for name in ("4", "5"):
        assert collector.event(name) == 200
    wait_until(lambda: books() == (5, 5, 0, 0))
    wait_until(lambda: sum(checkpoint_of(collector.folder / "journal").numbers.values()) == 5)
    collector.process.kill()
    for path in (collector.folder / "journal").glob("*/*.journal"):
        path.unlink()  # what was accepted is known from the checkpoint
    collector.start()
    assert collector.event("6") == 200
    wait_until(lambda: books() == (6, 6, 0, 0))


async def test_a_store_that_fails_fills_the_journal_and_heals(make, tmp_path):
    """Nothing that was accepted is lost; what cannot be kept is refused with 503; it goes on by itself."""
    (tmp_path / "events").write_text("in the way of the folder")
    collector = make(journal_max_bytes=1 << 18).start()
    answered = await load(collector, "a", 4, 10)  # ends early: each client leaves at its first 503
    # A group of several may not fit where a single one still does: fill what is left.
    status, headers, body = collector.ask(request_of("last0"))
    for number in range(1, 1000):
        if status != 200:
            break
        answered.add(f"last{number - 1}")
        status, headers, body = collector.ask(request_of(f"last{number}"))
    assert (status, body) == (503, b"the journal is full\n")
    assert int(headers["retry-after"]) >= 1
    (tmp_path / "events").unlink()
    await asyncio.to_thread(wait_until, lambda: collector.event("again") == 200, 30, "acceptance")
    collector.finish()
    check_exactly_once(collector, answered | {"again"})
    assert len(answered) > 100


async def test_two_workers_and_one_that_dies(make):
    collector = make(workers=2).start()
    children = child_pids(collector.process.pid)
    answered = await load(collector, "a", 8, 0.5, at_least=50)
    os.kill(children[0], signal.SIGKILL)
    wait_until(lambda: children[0] not in child_pids(collector.process.pid), 10, "its end")
    wait_until(lambda: len(child_pids(collector.process.pid)) == 2, 10, "the second worker")
    answered |= await load(collector, "b", 8, 0.5, at_least=50)
    collector.finish()
    assert any(name.startswith("b") for name in answered)
    check_exactly_once(collector, answered)


@pytest.mark.parametrize("fsync", [False, True])
async def test_kill_9_during_load_loses_and_repeats_nothing(make, fsync, record_property):
    """Killed at random moments, then stopped properly: every answered event is in both kinds of file exactly once."""
    seed = random.randrange(1 << 30)
    chance = random.Random(seed)
    record_property("seed", seed)
    collector = make(fsync=fsync, commit_every_s=0.1)
    answered: set[str] = set()
    for number in range(4):
        collector.start()
        loading = asyncio.create_task(load(collector, f"round{number}", 8, 60))
        await asyncio.to_thread(
            wait_until, lambda: collector.metric("watchbell_events_accepted_total") > 40, 30, "load"
        )
        await asyncio.sleep(chance.uniform(0.1, 0.7))
        await asyncio.to_thread(collector.process.kill)
        answered |= await loading
    collector.start()
    collector.finish()
    assert len(answered) > 100
    check_exactly_once(collector, answered)


async def test_kill_9_of_the_mapper_alone(make):
    """Its acceptors notice and leave; the next mapper goes on where it was."""
    collector = make(commit_every_s=0.1).start()
    children = child_pids(collector.process.pid)
    loading = asyncio.create_task(load(collector, "a", 8, 0.6))
    await asyncio.sleep(0.4)
    os.kill(collector.process.pid, signal.SIGKILL)
    answered = await loading
    wait_until(lambda: not any(Path(f"/proc/{pid}/fd").exists() and alive(pid) for pid in children), 10, "their end")
    collector.process.kill()
    collector.start()
    answered |= await load(collector, "b", 8, 0.3)
    collector.finish()
    check_exactly_once(collector, answered)
