"""Alerts in by HTTP per second, durable and de-duplicated, one API process, beside Alerta's own server.

    benchmarks/alerts_in.py [--quick] [--seconds S] [--clients C] [--stored N ...] [--alerta-venv DIR | --no-alerta]

Every alert is a new one; each server has as many stored already as the line says. PostgreSQL runs with its own durable
settings and both servers use the same one; Watchbell runs on SQLite as well. Alerta answers by waitress with 8 threads,
from its package, which is installed into DIR (default: a cache folder) when it is not there; when that fails the peer
is left out, and the output says so. One line for each server, number stored and alerts per request; ratios at the end.
"""

import argparse
import asyncio
import itertools
import json
import os
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import uvloop

from watchbell.adapters.store.migrations import migrate
from watchbell.adapters.store.sql.store import open_store
from watchbell.domain.alerts.alerta_model import AlertaModel
from watchbell.domain.alerts.receive import receive
from watchbell.domain.signal import Signal

KEY = "benchmark-key-0123456789"
FILL_BATCH = 2000
WARM_UP = 0.5  # seconds


class Target(NamedTuple):
    """A running server: where alerts go, one by one and by the hundred ('' when it has no such request)."""

    name: str
    port: int
    one: str
    many: str
    key: str


class Rate(NamedTuple):
    """What was measured."""

    name: str
    stored: int
    per_request: int
    alerts: float
    p95_ms: float


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


@contextmanager
def running(argv: Sequence[str], port: int, *, env: Mapping[str, str] | None = None, user: str | None = None) -> Any:
    """A process that listens on `port`; its output is shown when it does not come up."""
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(argv, env=env, stdout=log, stderr=subprocess.STDOUT, user=user, group=user)
        try:
            wait_for(process, port, log)
            yield process
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def wait_for(process: subprocess.Popen[bytes], port: int, log: Any) -> None:
    for _ in range(300):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        if process.poll() is not None:
            break
        time.sleep(0.1)
    log.seek(0)
    sys.exit(f"{process.args} did not come up:\n{log.read().decode(errors='replace')[-2000:]}")


@contextmanager
def postgres(folder: Path) -> Generator[Callable[[str], str]]:
    """A private server with default durability; gives a maker of databases that answers with their addresses."""
    places = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    found = [place for place in places if (place / "initdb").exists()]
    if not found:
        sys.exit("needs PostgreSQL's server (Debian package: postgresql)")
    programs = found[0]
    owner = "postgres" if os.getuid() == 0 else None
    home = folder / "postgres"
    home.mkdir()
    folder.chmod(0o755)
    if owner:
        os.chown(home, pwd.getpwnam(owner).pw_uid, pwd.getpwnam(owner).pw_gid)
    data, port = home / "data", free_port()
    made = [str(programs / "initdb"), "-D", str(data), "-U", "bench", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8"]
    subprocess.run(made, check=True, capture_output=True, cwd=home, user=owner, group=owner)
    options = {"listen_addresses": "127.0.0.1", "unix_socket_directories": "", "shared_buffers": "256MB"}
    given = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
    argv = [str(programs / "postgres"), "-D", str(data), "-p", str(port), *given]

    def database(name: str) -> str:
        sql(f"postgresql://bench@127.0.0.1:{port}/postgres", f"create database {name}")
        return f"postgresql://bench@127.0.0.1:{port}/{name}"

    with running(argv, port, user=owner):
        time.sleep(1)  # it listens a little before it answers
        yield database


def sql(url: str, statement: str) -> str:
    done = subprocess.run(["psql", "-XqAt", url, "-c", statement], check=True, capture_output=True, text=True)
    return done.stdout


async def fill(url: str, stored: int) -> None:
    """Put alerts into Watchbell's database, as if they had been received."""
    await migrate(url)
    store = open_store(url)
    model, now = AlertaModel(), datetime.now(UTC)
    for start in range(0, stored, FILL_BATCH):
        numbers = range(start, min(start + FILL_BATCH, stored))
        alerts = [receive(_signal(number, now), [], model, now).alert for number in numbers]
        async with store.transaction() as tx:
            await tx.alerts.save(alerts)
    await store.close()
    if not url.startswith("sqlite"):
        sql(url, "analyze")


def _signal(number: int, now: datetime) -> Signal:
    return Signal(id=str(uuid.uuid4()), create_time=now, resource=f"stored-{number}", **_common(number))


def _common(number: int) -> dict[str, Any]:
    return {
        "event": f"Event{number % 7}",
        "environment": "Production",
        "severity": ("critical", "major", "minor", "warning")[number % 4],
        "service": ("Shop", "Search")[number % 2 : number % 2 + 1],
        "group": "Web",
        "value": "42",
        "text": f"Something is the matter with number {number}",
        "tags": ("dc=1", "rack=7"),
        "attributes": {"region": "EU"},
        "origin": "bench/1",
    }


@contextmanager
def watchbell(name: str, url: str, folder: Path, stored: int) -> Generator[Target]:
    """Our API process over a database that holds `stored` alerts."""
    uvloop.run(fill(url, stored))
    port = free_port()
    env = {
        **os.environ,
        "WATCHBELL_STORE__URL": url,
        "WATCHBELL_DATA_DIR": str(folder),
        "WATCHBELL_SECRET_KEY": "0123456789abcdef0123456789abcdef",
        "WATCHBELL_AUTH__ADMIN_KEY": KEY,
        "WATCHBELL_LOG__LEVEL": "warning",
    }
    program = Path(sys.executable).with_name("watchbell")
    with running([str(program), "api", "--port", str(port)], port, env=env):
        yield Target(name, port, "/api/alert", "/api/alerts", KEY)


def alerta_venv(folder: Path) -> Path | None:
    """The folder with Alerta's server installed, or None when it cannot be."""
    if (folder / "bin" / "waitress-serve").exists():
        return folder
    print(f"installing alerta-server into {folder}")
    try:
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True, capture_output=True, timeout=120)
        wanted = ["alerta-server", "waitress", "psycopg2-binary", "setuptools<80"]
        argv = [str(folder / "bin" / "pip"), "install", "--quiet", *wanted]
        subprocess.run(argv, check=True, capture_output=True, timeout=600)
    except (subprocess.SubprocessError, OSError) as error:
        print(f"alerta-server cannot be installed here, so there is no peer: {error}")
        return None
    return folder


@contextmanager
def alerta(venv: Path, url: str, folder: Path, stored: int) -> Generator[Target]:
    """Alerta's server, its table filled by copying one row that it wrote itself."""
    port = free_port()
    settings = folder / "alertad.conf"
    settings.write_text("DEBUG = False\nSECRET_KEY = 'benchmark'\nLOG_LEVEL = 'ERROR'\n")
    env = {**os.environ, "DATABASE_URL": url, "ALERTA_SVR_CONF_FILE": str(settings), "AUTH_REQUIRED": "False"}
    argv = [str(venv / "bin" / "waitress-serve"), "--threads=8", f"--listen=127.0.0.1:{port}"]
    with running([*argv, "--call", "alerta.app:create_app"], port, env=env):
        target = Target("alerta", port, "/alert", "", "")
        asyncio.run(hammer(target, 1, clients=1, seconds=0.1))
        names = sql(url, "select column_name from information_schema.columns where table_name = 'alerts'").split()
        fresh = {"id": "gen_random_uuid()::text", "last_receive_id": "gen_random_uuid()::text"}
        fresh["resource"] = "'stored-' || n"
        chosen = ", ".join(fresh.get(name, f'a."{name}"') for name in names)
        quoted = ", ".join(f'"{name}"' for name in names)
        source = f"(select * from alerts limit 1) a, generate_series(1, {stored}) n"
        sql(url, f"insert into alerts ({quoted}) select {chosen} from {source}")
        sql(url, "analyze")
        yield target


def bodies(per_request: int) -> Iterator[bytes]:
    """Requests, each alert of which is new."""
    run = uuid.uuid4().hex[:8]
    for start in itertools.count(0, per_request):
        alerts = [{"resource": f"{run}-{n}", **_common(n)} for n in range(start, start + per_request)]
        yield json.dumps(alerts if per_request > 1 else alerts[0]).encode()


async def hammer(target: Target, per_request: int, *, clients: int, seconds: float) -> tuple[float, float]:
    """(alerts per second, p95 of a request in milliseconds); stops the program when anything but 201 comes."""
    path = target.one if per_request == 1 else target.many
    key = f"Authorization: Key {target.key}\r\n" if target.key else ""
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n{key}Content-Length: "
    requests, began, times = bodies(per_request), time.perf_counter(), list[tuple[float, float]]()
    end = began + WARM_UP + seconds

    async def client() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", target.port, limit=1 << 22)
        while time.perf_counter() < end:
            body = next(requests)
            asked = time.perf_counter()
            writer.write(f"{head}{len(body)}\r\n\r\n".encode() + body)
            answer = await reader.readuntil(b"\r\n\r\n")
            lengths = [line for line in answer.lower().split(b"\r\n") if line.startswith(b"content-length:")]
            content = await reader.readexactly(int(lengths[0].split(b":")[1]))
            if b" 201 " not in answer.split(b"\r\n", 1)[0]:
                sys.exit(f"{target.name} answered {answer[:40]!r} {content[:300]!r}")
            times.append((asked, time.perf_counter()))
        writer.close()

    await asyncio.gather(*(client() for _ in range(clients)))
    counted = [(asked, done) for asked, done in times if began + WARM_UP <= done <= end]
    lasted = sorted(done - asked for asked, done in counted)
    p95 = lasted[int(len(lasted) * 0.95)] * 1000 if lasted else 0.0
    return len(counted) * per_request / seconds, p95


def measure(target: Target, stored: int, options: argparse.Namespace) -> list[Rate]:
    found: list[Rate] = []
    for per_request in (1, 100):
        if per_request > 1 and not target.many:
            continue
        alerts, p95 = uvloop.run(hammer(target, per_request, clients=options.clients, seconds=options.seconds))
        found.append(Rate(target.name, stored, per_request, alerts, p95))
        what = f"{target.name:22} {stored:8,} stored  {per_request:3} a request"
        print(f"{what}  {alerts:9,.0f} alerts/s  p95 {p95:7.1f} ms", flush=True)
    return found


def compare(rates: Sequence[Rate]) -> None:
    known = {(rate.name, rate.stored, rate.per_request): rate.alerts for rate in rates}
    for (name, stored, per_request), alerts in known.items():
        if name == "alerta":
            continue
        peer, single = known.get(("alerta", stored, 1)), known[name, stored, 1]
        what = f"ratio  {name:22} {stored:8,} stored  {per_request:3} a request"
        if peer:
            print(f"{what}  {alerts / peer:7.1f} x alerta")
        if per_request > 1:
            print(f"{what}  {alerts / single:7.1f} x one a request")


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--quick", action="store_true", help="2 seconds each, 2,000 stored only")
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--stored", type=int, nargs="+", default=[2_000, 200_000])
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "watchbell-benchmarks" / "alerta"
    parser.add_argument("--alerta-venv", type=Path, default=cache)
    parser.add_argument("--no-alerta", action="store_true")
    options = parser.parse_args()
    if options.quick:
        options.seconds, options.stored = 2.0, [2_000]
    if not shutil.which("psql"):
        sys.exit("needs psql (Debian package: postgresql-client)")
    venv = None if options.no_alerta else alerta_venv(options.alerta_venv)
    rates: list[Rate] = []
    with tempfile.TemporaryDirectory() as name, postgres(Path(name)) as database:
        folder = Path(name)
        for stored in options.stored:
            with watchbell("watchbell, postgresql", database(f"w{stored}"), folder, stored) as target:
                rates += measure(target, stored, options)
            with watchbell("watchbell, sqlite", f"sqlite:///{folder / f'{stored}.db'}", folder, stored) as target:
                rates += measure(target, stored, options)
            if venv is not None:
                with alerta(venv, database(f"a{stored}"), folder, stored) as target:
                    rates += measure(target, stored, options)
    compare(rates)


if __name__ == "__main__":
    main()
