"""Whole installations as processes: one machine, or a cluster behind nginx. Tests use them as clients do."""

import io
import re
import secrets
import signal
import ssl
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import fastavro
import httpx
import msgspec

from servers.certificates import TestAuthority
from servers.nginx import NginxServer
from servers.process import PATIENCE, Folder, ServerProcess, free_port, is_listening, wait_until

ADMIN_KEY = "acceptance-" + "k" * 24
COMMAND = (sys.executable, "-m", "watchbell")
DEPLOY = Path(__file__).resolve().parents[2] / "deploy" / "nginx"
ATTEMPT_TIMEOUT = 15
"""Seconds that one attempt to send a message may take in every installation of these tests."""


class Installation:
    """What both shapes have in common: addresses, an administrator's key, and processes by name."""

    url: str
    collector_url: str

    def __init__(self, name: str, verify: ssl.SSLContext | bool = True, **settings: str) -> None:
        self._folder = Folder(name)
        self.folder = self._folder.path
        self.settings = settings
        self.verify = verify
        self.processes: dict[str, ServerProcess] = {}
        self.client = httpx.Client(verify=verify, timeout=20 * PATIENCE, headers={"X-API-Key": ADMIN_KEY})

    def environment(self) -> dict[str, str]:
        """Settings that every process of the installation has."""
        return {
            "WATCHBELL_AUTH__ADMIN_KEY": ADMIN_KEY,
            "WATCHBELL_EGRESS__ALLOW_LOOPBACK": "true",
            "WATCHBELL_DELIVERY__ATTEMPT_TIMEOUT": str(ATTEMPT_TIMEOUT),
            "WATCHBELL_WORKER__COMMANDS": "*",
            **self.settings,
        }

    def launch(self, name: str, *arguments: str, **settings: str) -> ServerProcess:
        """Start one process; `settings` are environment variables that only it has."""
        env = self.environment() | settings
        # A drain that fails to end is what some tests look for, so the grace is longer than any drain.
        process = ServerProcess(name, [*COMMAND, *arguments], folder=self.folder, env=env, grace=40)
        self.processes[name] = process
        return process.start()

    def call(self, method: str, path: str, body: Any = None, expect: int | None = None, **more: Any) -> Any:
        """Call the API as the administrator; `expect` is the status code (default: any success). The body, decoded."""
        answer = self.client.request(method, self.url + path, json=body, **more)
        right = answer.is_success if expect is None else answer.status_code == expect
        assert right, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if "json" in answer.headers.get("content-type", "") else answer.text

    def define(self, kind: str, **body: Any) -> str:
        """Make a managed object; returns its id."""
        return self.call("POST", f"/api/objects/{kind}", body, 201)["id"]

    def alert(self, **fields: Any) -> dict[str, Any] | None:
        """The alert with these field values, or None."""
        found = self.call("GET", "/api/alerts", params=fields)["alerts"]
        return found[0] if found else None

    def wait_alert(self, timeout: float = 30, *, status: str = "open", **fields: Any) -> dict[str, Any]:
        """Wait until there is such an alert in that status."""
        wait_until(lambda: self.alert(status=status, **fields), timeout, f"an alert {fields} {status}")
        found = self.alert(status=status, **fields)
        assert found is not None
        return found

    def resources(self) -> list[str]:
        """The resource of every alert there is, page by page."""
        found: list[str] = []
        for page in range(1, 1000):
            query = {"page": page, "page-size": 1000, "sort-by": "resource"}
            answer = self.call("GET", "/api/alerts", params=query)
            found += [alert["resource"] for alert in answer["alerts"]]
            if not answer["more"]:
                break
        return found

    def incident(self, service: str, status: str) -> dict[str, Any] | None:
        """The newest incident of the service in that status, or None."""
        found = self.call("GET", "/api/incidents", params={"service": service, "status": status})["incidents"]
        return found[0] if found else None

    def wait_incident(self, service: str, status: str, timeout: float = 30) -> dict[str, Any]:
        """Wait for it."""
        wait_until(lambda: self.incident(service, status), timeout, f"an incident of {service} {status}")
        found = self.incident(service, status)
        assert found is not None
        return found

    def latest_change(self) -> int:
        """The number of the newest change, as an open page is told."""
        with self.client.stream("GET", f"{self.url}/api/stream") as answer:
            for line in answer.iter_lines():
                if line.startswith("data:"):
                    return msgspec.json.decode(line[5:])["latest"]
        raise AssertionError("the stream ended without a word")

    def logs(self) -> str:
        """What all processes printed, the newest of each."""
        return "\n".join(f"--- {name}\n{process.log()[-3000:]}" for name, process in self.processes.items())

    def keeper_of(self, shard: int) -> ServerProcess:
        """The process whose keeper holds the shard."""
        raise NotImplementedError

    def restart(self, process: ServerProcess) -> None:
        """Start a process that ended again, and wait until it does its work: before, a signal ends any program."""
        raise NotImplementedError

    def stop(self) -> None:
        """Stop every process, newest first."""
        self.client.close()
        for process in reversed(self.processes.values()):
            process.stop()
        self._folder.remove()


class SingleMachine(Installation):
    """`watchbell up`, with SQLite, on a free port unless one is said. `settings` are further environment variables."""

    def __init__(self, port: int = 0, /, **settings: str) -> None:
        super().__init__("up", True, **settings)
        self.port, self.collector_port = port or free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.collector_url = f"http://127.0.0.1:{self.collector_port}"
        ports = ("--port", str(self.port), "--collector-port", str(self.collector_port))
        self.process = self.launch("up", "up", "--data", str(self.folder / "data"), *ports)
        self._wait()

    def _wait(self) -> None:
        self.process.wait_ready(lambda: is_listening(self.port) and is_listening(self.collector_port), 60)

    @property
    def setup_link(self) -> str:
        """The one-time link from the log."""
        found = re.search(r"http\S+/setup#token=[\w.~-]+", self.process.log())
        assert found, self.process.log()
        return found.group()

    def keeper_of(self, shard: int) -> ServerProcess:
        del shard
        return self.process

    def restart(self, process: ServerProcess) -> None:
        process.start()
        self._wait()

    def records(self) -> list[dict[str, Any]]:
        """What is in the published event files."""
        found: list[Any] = []
        for path in sorted((self.folder / "data" / "events").glob("*.avro")):
            found += fastavro.reader(io.BytesIO(path.read_bytes()))
        return found

    def unpublished(self) -> list[str]:
        """Event files in flight."""
        return sorted(path.name for path in (self.folder / "data" / "events").glob("*.partial"))


class Cluster(Installation):
    """Two of each role and a collector, over PostgreSQL and RabbitMQ, behind the nginx configuration that we ship.

    `settings` are further environment variables of every process.
    """

    def __init__(self, postgres_url: str, rabbitmq_url: str, authority: TestAuthority, **settings: str) -> None:
        self.port, self.events_port = free_port(), free_port()
        self.url = f"https://localhost:{self.port}"
        self.collector_url = f"https://localhost:{self.events_port}"
        super().__init__(
            "cluster",
            authority.client_context(),
            WATCHBELL_STORE__URL=postgres_url,
            WATCHBELL_BUS__URL=rabbitmq_url,
            WATCHBELL_SECRET_KEY=secrets.token_hex(32),
            WATCHBELL_SERVER__TRUSTED_PROXIES="127.0.0.0/8",
            WATCHBELL_SERVER__BASE_URL=self.url,
            WATCHBELL_COLLECTOR__TRUSTED_PROXIES="127.0.0.0/8",
            **settings,
        )
        assert self.launch("migrate", "migrate").wait(60) == 0, self.logs()
        del self.processes["migrate"]
        apis = [self._node("api", number, "--port") for number in (1, 2)]
        for role in ("keeper", "worker", "notifier"):
            for number in (1, 2):
                self._node(role, number)
        collector = self._node("collector", 1, "--collector-port")
        for port in (*apis, collector):
            self._wait_listening(port)
        self.nginx = self._nginx(apis, collector, authority)
        self.nginx.start()
        wait_until(lambda: len(self.keepers()) == 2, 60, "two keepers")

    def _node(self, role: str, number: int, port_option: str = "") -> int:
        port = free_port() if port_option else 0
        name = f"{role}{number}"
        self.launch(name, role, "--data", str(self.folder / name), *([port_option, str(port)] if port_option else []))
        return port

    def _wait_listening(self, port: int) -> None:
        try:
            wait_until(lambda: is_listening(port), 60, f"a listener on {port}")
        except TimeoutError as error:
            raise AssertionError(f"{error}: {self.logs()}") from error

    def _nginx(self, apis: list[int], collector: int, authority: TestAuthority) -> NginxServer:
        """Run nginx under `deploy/nginx/watchbell.conf`, with this installation's addresses put in."""
        shipped = (DEPLOY / "watchbell.conf").read_text()
        places = {
            "10.0.0.11:8080": f"127.0.0.1:{apis[0]}",
            "10.0.0.12:8080": f"127.0.0.1:{apis[1]}",
            "10.0.0.21:8290": f"127.0.0.1:{collector}",
            "    server 10.0.0.22:8290 max_fails=0;\n": "",
            "/etc/watchbell/tls/watchbell.pem": str(authority.cert_file),
            "/etc/watchbell/tls/watchbell.key": str(authority.key_file),
            "listen 80;": f"listen 127.0.0.1:{free_port()};",
        }
        for theirs, ours in places.items():
            assert theirs in shipped, f"deploy/nginx/watchbell.conf has no {theirs}"
            shipped = shipped.replace(theirs, ours)
        for port in (self.port, self.events_port):
            shipped = shipped.replace("listen 443 ssl", f"listen 127.0.0.1:{port} ssl", 1)
        nginx = NginxServer(f"worker_processes 1;\nevents {{}}\nhttp {{\n{shipped}\n}}\n", self.port)
        nginx.add_file("watchbell_proxy.conf", (DEPLOY / "watchbell_proxy.conf").read_bytes())
        return nginx

    def keepers(self) -> list[dict[str, Any]]:
        """Who holds which shards; empty while nobody can say."""
        with suppress(AssertionError, httpx.HTTPError):
            return self.call("GET", "/api/status")["keepers"]
        return []

    def keeper_of(self, shard: int) -> ServerProcess:
        holder = next(keeper["holder"] for keeper in self.keepers() if shard in keeper["shards"])
        for name, process in self.processes.items():
            if name.startswith("keeper") and holder in process.log():
                return process
        raise AssertionError(f"{holder} is in no keeper's log: {self.logs()}")

    def restart(self, process: ServerProcess) -> None:
        told = len(process.log())
        process.start()
        port, started = port_of(process), f"{process.name.rstrip('12')}_started"
        process.wait_ready(lambda: is_listening(port) if port else started in process.log()[told:])

    def stop(self) -> None:
        if hasattr(self, "nginx"):
            self.nginx.stop()
        super().stop()


def kill(process: ServerProcess) -> None:
    """End one process by SIGKILL; what it started learns of it by itself."""
    process.signal(signal.SIGKILL)
    process.wait()
    process.kill()


def port_of(process: ServerProcess) -> int:
    """Where an api node or a collector listens; 0 for those who listen nowhere."""
    ports = [index for index, word in enumerate(process.command) if word in {"--port", "--collector-port"}]
    return int(process.command[ports[0] + 1]) if ports else 0
