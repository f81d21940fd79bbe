"""An HTTP server that answers as it is told, remembers what it was asked, and can go away and come back."""

import contextlib
import json
import socket
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from servers.certificates import TestAuthority
from servers.process import free_port, wait_until


@dataclass(frozen=True)
class ReceivedRequest:
    """One request as it came: header names in lower case, the path with its query."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Answer:
    """What is answered: after ``delay`` seconds, or not at all when ``hang_up`` is set."""

    status: int = 200
    body: bytes = b"ok\n"
    headers: Mapping[str, str] = field(default_factory=lambda: {"Content-Type": "text/plain; charset=utf-8"})
    delay: float = 0.0
    hang_up: bool = False


class HttpTarget:
    """Listens on ``url``; ``requests`` is what has come, in order.

    ``answer`` sets what every path answers from now on, ``answer_path`` what one path does, ``answer_once`` what the
    next requests get first, in turn. ``down`` closes the port and all connections, ``up`` opens the same port again.
    """

    host = "127.0.0.1"

    def __init__(self, authority: TestAuthority | None = None) -> None:
        self.port = free_port()
        self.authority = authority
        self.requests: list[ReceivedRequest] = []
        self._default = Answer()
        self._by_path: dict[str, Answer] = {}
        self._next: list[Answer] = []
        self._lock = threading.Lock()
        self._server: _Server | None = None
        self._released = threading.Event()

    @property
    def url(self) -> str:
        """The address, without a slash at the end."""
        return f"{'http' if self.authority is None else 'https'}://{self.host}:{self.port}"

    def answer(self, status: int = 200, body: bytes | str = b"ok\n", **more: Any) -> None:
        """Answer this to everything from now on; ``more`` as in Answer: headers, delay (seconds), hang_up."""
        self._default = _make_answer(status, body, more)

    def answer_path(self, path: str, status: int = 200, body: bytes | str = b"ok\n", **more: Any) -> None:
        """Answer this to requests for ``path`` (without query)."""
        self._by_path[path] = _make_answer(status, body, more)

    def answer_once(self, status: int = 200, body: bytes | str = b"ok\n", **more: Any) -> None:
        """Answer this to one request, before all else; several calls queue up."""
        with self._lock:
            self._next.append(_make_answer(status, body, more))

    def take(self, request: ReceivedRequest) -> Answer:
        """Record a request and choose its answer. Called by the server's threads."""
        with self._lock:
            self.requests.append(request)
            if self._next:
                return self._next.pop(0)
            return self._by_path.get(request.path.partition("?")[0], self._default)

    def wait_for(self, count: int = 1, timeout: float = 30.0) -> list[ReceivedRequest]:
        """Wait until at least ``count`` requests have come and return all; TimeoutError otherwise."""
        wait_until(lambda: len(self.requests) >= count, timeout, f"{count} requests")
        return list(self.requests)

    def clear(self) -> None:
        """Forget what has come."""
        with self._lock:
            self.requests.clear()

    def up(self) -> Self:
        """Begin (again) to take connections, on the same port."""
        if self._server is None:
            self._released.clear()
            self._server = _Server(self, self._released)
            if self.authority is not None:
                context = self.authority.server_context()
                # The handshake belongs to each connection's own thread: a client that says nothing holds up no other.
                self._server.socket = context.wrap_socket(
                    self._server.socket, server_side=True, do_handshake_on_connect=False
                )
            threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def down(self) -> None:
        """Close the port and every open connection; delayed answers are never sent."""
        server, self._server = self._server, None
        if server is not None:
            self._released.set()
            server.shutdown()
            server.server_close()
            server.hang_up_all()
            wait_until(lambda: not server.open, 5, "end of all connections")

    def __enter__(self) -> Self:
        return self.up()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.down()


def _make_answer(status: int, body: bytes | str, more: dict[str, Any]) -> Answer:
    return Answer(status=status, body=body.encode() if isinstance(body, str) else body, **more)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 256

    def __init__(self, target: HttpTarget, released: threading.Event) -> None:
        self.target = target
        self.released = released
        self.open: set[socket.socket] = set()
        super().__init__((target.host, target.port), _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        self.open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        super().shutdown_request(request)
        self.open.discard(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is a normal thing here."""

    def hang_up_all(self) -> None:
        for connection in list(self.open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def _serve(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = ReceivedRequest(self.command, self.path, headers, self.rfile.read(length))
        server = self.server
        assert isinstance(server, _Server)
        answer = server.target.take(request)
        if answer.hang_up or (answer.delay and server.released.wait(answer.delay)):
            self.close_connection = True
            return
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _serve  # noqa: N815 http.server's names

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 the base class' name
        """Say nothing; ``requests`` is the log."""
