"""Calling the API from commands: where it is, the key, and errors that say what to do.

Address and key come from `--url` and `--key`, `$WATCHBELL_URL` and `$WATCHBELL_KEY`, or `~/.config/watchbell/cli.toml`
(`url`, `key`), in this order. Redirects are not followed: the key goes to the address that was given, and to no other.
"""

import ssl
import tomllib
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection, IncompleteRead
from pathlib import Path
from typing import Annotated, Any, cast
from urllib.parse import quote, urlencode, urlsplit

import msgspec
import typer

from watchbell import __version__
from watchbell.cli.variables import variables
from watchbell.domain.errors import Fault, Faulty, Permanent, Retryable, WatchbellError

DEFAULT_URL = "http://127.0.0.1:8080"
TIMEOUT = 30.0  # seconds
PIECE = 65_536  # bytes

UrlOption = Annotated[
    str | None,
    typer.Option("--url", help="Address of Watchbell. Default: $WATCHBELL_URL, cli.toml, or http://127.0.0.1:8080."),
]
KeyOption = Annotated[
    str | None, typer.Option("--key", help="API key. Better in $WATCHBELL_KEY or cli.toml, where `ps` cannot see it.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


class Api:
    """One Watchbell."""

    def __init__(self, url: str, key: str = "") -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise typer.BadParameter(
                f"{url!r} is no address; write it as https://watchbell.example.org", param_hint="--url"
            )
        self._parts = parts
        self._key = key
        self.timeout = TIMEOUT
        """Seconds that an answer may take."""
        self.url = url.rstrip("/")

    def get(self, path: str, query: Mapping[str, Any] | list[tuple[str, str]] | None = None) -> Any:
        """GET; `path` begins with a slash."""
        return self.call("GET", path + (f"?{urlencode(query)}" if query else ""))

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """Send a request and return the decoded answer.

        Raises:
            Faulty: the server named what is wrong, field by field.
            Permanent: it refused.
            Retryable: it is not there, or overloaded.
        """
        with self._asking(method, path, body) as response:
            answer = _decoded(self._read(response))
        if response.status < 300:
            return answer
        raise self._error(response.status, answer)

    def download(self, path: str, query: list[tuple[str, str]], take: Callable[[bytes], object]) -> None:
        """GET what may be long, handed on in pieces as it comes; raises as `call` does, also when it breaks off."""
        with self._asking("GET", f"{path}?{urlencode(query)}", None) as response:
            if response.status >= 300:
                raise self._error(response.status, _decoded(self._read(response)))
            while piece := self._read(response, PIECE):
                take(piece)

    def _read(self, response: HTTPResponse, most: int | None = None) -> bytes:
        with self._reaching():
            piece = response.read(most)
            if not piece and response.length:  # the library says nothing of an answer that ends too early
                raise IncompleteRead(b"", response.length)
            return piece

    @contextmanager
    def _reaching(self) -> Generator[None]:
        """Say what to do when it is not there."""
        try:
            yield
        except (OSError, HTTPException) as error:
            reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
            raise Retryable(
                f"cannot reach {self.url}: {reason}. Is it running there? "
                "Say another address with --url or $WATCHBELL_URL."
            ) from None

    @contextmanager
    def _asking(self, method: str, path: str, body: Any) -> Generator[HTTPResponse]:
        host, port = self._parts.hostname or "", self._parts.port
        headers = {"Accept": "application/json", "User-Agent": f"watchbell/{__version__}"}
        if self._key:
            headers["Authorization"] = f"Key {self._key}"
        content = None
        if body is not None:
            content = msgspec.json.encode(body)
            headers["Content-Type"] = "application/json"
        connection = (
            HTTPSConnection(host, port, timeout=self.timeout, context=ssl.create_default_context())
            if self._parts.scheme == "https"
            else HTTPConnection(host, port, timeout=self.timeout)
        )
        try:
            with self._reaching():
                connection.request(method, self._parts.path.rstrip("/") + path, content, headers)
                response = connection.getresponse()
            yield response
        finally:
            connection.close()

    def _error(self, status: int, answer: Any) -> WatchbellError:
        given = cast("dict[str, Any]", answer) if isinstance(answer, dict) else {}
        message = str(given.get("message") or f"{self.url} answered {status}")
        if status == 401:
            return Permanent(f"{message}. Give a key with --key or $WATCHBELL_KEY; `watchbell key create` makes one.")
        if status == 403 and "scope" in message:
            return Permanent(f"{message}. Use a key that has it: `watchbell key create --scope ...`.")
        errors: Any = given.get("errors")
        if status == 400 and isinstance(errors, list) and errors and isinstance(errors[0], dict):
            return Faulty(msgspec.convert(errors, list[Fault]))
        return Retryable(message) if status in {429, 503} else Permanent(message)


def _decoded(raw: bytes) -> Any:
    """An answer: JSON where it is, else its text."""
    try:
        return msgspec.json.decode(raw) if raw[:1] in {b"{", b"["} else raw.decode(errors="replace")
    except msgspec.DecodeError:
        return raw.decode(errors="replace")


def segment(text: str) -> str:
    """A text as one part of a path."""
    return quote(text, safe="")


def api(url: str | None, key: str | None, environment: Mapping[str, str] | None = None) -> Api:
    """The Watchbell that options, environment and file name."""
    env = variables() if environment is None else environment
    file = _file(env)
    chosen = url or env.get("WATCHBELL_URL") or file.get("url") or DEFAULT_URL
    # A key from the file belongs to the address in the file and is not sent elsewhere.
    kept = file.get("key", "") if file.get("url", DEFAULT_URL).rstrip("/") == chosen.rstrip("/") else ""
    return Api(chosen, key or env.get("WATCHBELL_KEY") or kept)


def remote(url: str | None) -> bool:
    """Whether a command that could also work on the store was told to call the API."""
    return url is not None


def _file(env: Mapping[str, str]) -> dict[str, str]:
    home = env.get("XDG_CONFIG_HOME") or str(Path(env.get("HOME", "~")).expanduser() / ".config")
    path = Path(home) / "watchbell" / "cli.toml"
    try:
        data = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise Permanent(f'{path}: {error}. It holds two lines: url = "..." and key = "...".') from None
    unknown = sorted(data.keys() - {"url", "key"})
    if unknown or not all(isinstance(value, str) for value in data.values()):
        raise Permanent(
            f"{path}: only url and key may stand there, as texts" + (f", not {unknown[0]}." if unknown else ".")
        )
    return data
