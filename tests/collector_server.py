"""A collector as a process of its own, and clients that remember what it answered."""

import asyncio
import contextlib
import json
import socket
import sys
import time
from collections import Counter
from importlib import import_module
from pathlib import Path
from typing import Any

import fastavro

from servers.process import PATIENCE, ServerProcess, free_port

pq: Any = import_module("pyarrow.parquet")

SCRIPT = Path(__file__).parent / "integration" / "collector_process.py"
LOAD_WITHIN_S = 60.0
GRACE_S = 90
"""A collector may take half a minute for its acceptors, and another for what waits, on a slow machine."""
AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:120.0) Gecko/20100101 Firefox/120.0"


class CollectorProcess:
    """The process, its folder, and a client."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.folder = folder
        self.port = free_port()
        command = [sys.executable, str(SCRIPT), str(folder), str(self.port), json.dumps(settings)]
        self.process = ServerProcess("collector", command, folder=folder, grace=GRACE_S)

    def start(self) -> "CollectorProcess":
        known = self.process.log().count("ready ")
        self.process.start().wait_ready(lambda: self.process.log().count("ready ") > known, timeout=150)
        return self

    def finish(self) -> None:
        """Stops it in order: then everything that it accepted is in its files, or it says why not."""
        begin = len(self.process.log())
        status = self.process.stop()
        log = self.process.log()[begin:]
        tail = "\n".join(log.splitlines()[-20:])
        assert status == 0, f"the collector ended with {status} instead of in order; its log ends:\n{tail}"
        assert "collector_not_drained" not in log, f"the stop was too short for what waited; its log ends:\n{tail}"

    def metric(self, name: str) -> float:
        """The sum over all labels; 0 while there is none."""
        page = self.ask(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")[2].decode()
        lines = [line for line in page.splitlines() if line.partition(" ")[0].partition("{")[0] == name]
        return sum(float(line.rpartition(" ")[2]) for line in lines)

    def ask(self, request: bytes) -> tuple[int, dict[str, str], bytes]:
        """One request on a connection of its own."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=10 * PATIENCE) as connection:
            connection.sendall(request)
            data = b""
            while b"\r\n\r\n" not in data:
                data += _more(connection)
            head, _, body = data.partition(b"\r\n\r\n")
            status, *lines = head.decode().split("\r\n")
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
            while len(body) < int(headers.get("content-length", "0")):
                body += _more(connection)
        return int(status.split()[1]), headers, body

    def event(self, name: str) -> int:
        return self.ask(request_of(name))[0]

    def records(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        for path in sorted((self.folder / "events").glob("*.avro")):
            with path.open("rb") as file:
                found.extend(fastavro.reader(file))  # pyright: ignore[reportArgumentType]
        return found

    def parquet_names(self) -> list[str]:
        paths = sorted((self.folder / "events").rglob("*.parquet"))
        return [name for path in paths for name in pq.ParquetFile(path).read(["pageViewId"])[0].to_pylist()]


def _more(connection: socket.socket) -> bytes:
    """What comes next; a server that stops may hang up before it has answered."""
    data = connection.recv(65536)
    if not data:
        raise ConnectionResetError("closed before the answer was whole")
    return data


def request_of(name: str) -> bytes:
    query = f"p=0:1:p&s=0:1:s&v={name}&e={name}&c=1&n=t&f=f&t=click"
    return f"GET /csc-event?{query} HTTP/1.1\r\nHost: localhost\r\nUser-Agent: {AGENT}\r\n\r\n".encode()


async def load(
    collector: CollectorProcess, prefix: str, connections: int, seconds: float, port: int = 0, *, at_least: int = 0
) -> set[str]:
    """Sends events for a while, each name once; the names that were answered with 200.

    Goes on until `at_least` were answered, but no longer than `LOAD_WITHIN_S`.
    """
    answered: set[str] = set()
    begin = time.monotonic()

    def enough() -> bool:
        passed = time.monotonic() - begin
        return passed >= seconds and (len(answered) >= at_least or passed >= LOAD_WITHIN_S)

    async def client(number: int) -> None:
        sent = 0
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            reader, writer = await asyncio.open_connection("127.0.0.1", port or collector.port)
            with contextlib.closing(writer):
                while not enough():
                    name = f"{prefix}-{number}-{sent}"
                    sent += 1
                    writer.write(request_of(name))
                    head = await reader.readuntil(b"\r\n\r\n")
                    if not head.startswith(b"HTTP/1.1 200"):
                        return
                    await reader.readexactly(int(head.lower().partition(b"content-length: ")[2].partition(b"\r")[0]))
                    answered.add(name)

    await asyncio.gather(*(client(number) for number in range(connections)))
    return answered


def check_exactly_once(collector: CollectorProcess, answered: set[str]) -> None:
    """Every answered event is in each sink once, no other twice; else it tells how many are not, and some of them."""
    wrong: list[str] = []
    avro = Counter[str](record["pageViewId"] for record in collector.records())
    for sink, names in {"avro": avro, "parquet": Counter(collector.parquet_names())}.items():
        missing = sorted(answered - names.keys())
        twice = sorted(name for name, count in names.items() if count > 1)
        if missing or twice:
            wrong.append(
                f"{sink}: of {len(answered)} answered, {_some(missing)} missing and {_some(twice)} there twice"
            )
    assert not wrong, "\n".join(wrong)


def _some(names: list[str]) -> str:
    examples = ", ".join([*names[:5], *(["…"] if len(names) > 5 else [])])
    return f"{len(names)} ({examples})" if names else "0"


def child_pids(parent: int) -> list[int]:
    """The accepting processes (not the resource tracker of multiprocessing)."""
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    return [int(pid) for pid in children if b"spawn_main" in _command_line(pid)]


def _command_line(pid: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):  # it has ended since it was listed, or while it was read
        return b""


def alive(pid: int) -> bool:
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[:1]
    return False
