"""Schema registries over HTTP: Confluent's API (also Karapace, Redpanda, Apicurio's `ccompat`), and Apicurio's own.

Each asks once for a schema and remembers the id. An answer that will not change (refused, not allowed, not there) is
`Permanent`; everything else, a registry that is away included, is `Retryable`. Redirects are not followed: they would
carry the password elsewhere. Answers are read up to 1 MiB.
"""

import base64
import http.client
import json
import ssl
from abc import ABC, abstractmethod
from enum import StrEnum
from typing import Any, cast
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlsplit
from urllib.request import HTTPHandler, HTTPRedirectHandler, HTTPSHandler, ProxyHandler, Request, build_opener

from watchbell import __version__
from watchbell.domain.errors import Invalid, Permanent, Retryable
from watchbell.ports.registry import Registry
from watchbell.toolkit.settings import Secret, Settings

_ANSWER_MAX = 1 << 20
_TEXT_MAX = 500
_GONE_WRONG_FOR_NOW = frozenset({408, 425, 429})


class RegistryType(StrEnum):
    """Whose API the registry speaks."""

    CONFLUENT = "confluent"
    APICURIO = "apicurio"


class ApicurioId(StrEnum):
    """Which of Apicurio's ids consumers expect."""

    CONTENT = "contentId"
    GLOBAL = "globalId"


class RegistryConfig(Settings, frozen=True, kw_only=True):
    """Settings of a schema registry."""

    url: str
    """Its address, such as `https://registry.example.com`; for Apicurio without `/apis/…`."""
    type: RegistryType = RegistryType.CONFLUENT
    """`confluent` (also Karapace and Redpanda) or `apicurio` (version 3)."""
    register: bool = True
    """Whether schemas that it does not have are registered; otherwise they must be there."""
    group: str = "default"
    """Apicurio: the group of artifacts."""
    id: ApicurioId = ApicurioId.CONTENT
    """Apicurio: the id in messages, `contentId` (as its own clients have it) or `globalId`."""
    user: str = ""
    """User name, for basic authentication."""
    password: Secret = Secret("")
    """Password, for basic authentication."""
    token: Secret = Secret("")
    """Bearer token."""
    tls_ca: str = ""
    """PEM file of the authorities to trust. Empty: the system's."""
    timeout: float = 5.0
    """How many seconds to wait for an answer."""


def open_registry(config: RegistryConfig) -> Registry:
    """The client for a registry. It opens no connection yet.

    Raises:
        Invalid: the address or the file of authorities cannot be used.
    """
    client = _Client(config)
    return ConfluentRegistry(client, config) if config.type is RegistryType.CONFLUENT else Apicurio(client, config)


class _Answer(Exception):
    """An answer other than 2xx: status, what it says, and the registry's own code, 0 without."""

    def __init__(self, status: int, text: str, code: int) -> None:
        super().__init__(text)
        self.status = status
        self.text = text
        self.code = code


class _NoRedirects(HTTPRedirectHandler):
    def redirect_request(self, *_args: Any, **_kwargs: Any) -> None:
        return None


class _Client:
    """JSON over HTTP to one registry."""

    def __init__(self, config: RegistryConfig) -> None:
        parts = urlsplit(config.url)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username:
            raise Invalid("must be an address that begins with http:// or https://, without a user", "url")
        self.url = config.url.rstrip("/")
        self._timeout = config.timeout
        self._headers = {"User-Agent": f"Watchbell/{__version__}", "Accept": "application/json, */*"}
        if config.token.reveal():
            self._headers["Authorization"] = f"Bearer {config.token.reveal()}"
        elif config.user:
            pair = f"{config.user}:{config.password.reveal()}".encode()
            self._headers["Authorization"] = f"Basic {base64.b64encode(pair).decode()}"
        try:
            context = ssl.create_default_context(cafile=config.tls_ca or None)
        except (OSError, ssl.SSLError) as error:
            raise Invalid(f"cannot be read: {error}", "tls_ca") from error
        self._open = build_opener(ProxyHandler({}), HTTPHandler(), HTTPSHandler(context=context), _NoRedirects()).open

    def post(self, path: str, body: Any, content_type: str) -> dict[str, Any]:
        """The answer to a POST, an object.

        Raises:
            _Answer: the answer was not 2xx.
            Retryable: there was none, or none that can be read.
        """
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {**self._headers, "Content-Type": content_type}
        request = Request(f"{self.url}{path}", data, headers, method="POST")  # noqa: S310 - http or https, see above
        try:
            with self._open(request, timeout=self._timeout) as answer:
                found: Any = json.loads(answer.read(_ANSWER_MAX))
        except HTTPError as error:
            raise self._refusal(error) from error
        except (URLError, OSError, http.client.HTTPException) as error:
            raise Retryable(f"the schema registry {self.url} does not answer: {error}") from error
        except ValueError as error:
            raise Retryable(f"the schema registry {self.url} answered what is no JSON") from error
        if not isinstance(found, dict):
            raise Retryable(f"the schema registry {self.url} answered what is no object")
        return cast("dict[str, Any]", found)

    def _refusal(self, error: HTTPError) -> Exception:
        with error:
            try:
                said: Any = json.loads(error.read(_ANSWER_MAX))
            except (ValueError, OSError, http.client.HTTPException):
                said = None
        told = cast("dict[str, Any]", said) if isinstance(said, dict) else {}
        text = str(told.get("message") or told.get("detail") or told.get("title") or error.reason)[:_TEXT_MAX]
        if error.code >= 500 or error.code in _GONE_WRONG_FOR_NOW:
            return Retryable(f"the schema registry {self.url} answered {error.code}: {text}")
        code = told.get("error_code")
        return _Answer(error.code, text, code if isinstance(code, int) else 0)

    def refused(self, what: str, answer: _Answer) -> Permanent:
        """An answer that will not change."""
        return Permanent(f"the schema registry {self.url} {what}: {answer.status} {answer.text}")


class _Remembering(ABC):
    """What was told once is not asked again."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], int] = {}

    def id_of(self, subject: str, schema: dict[str, Any]) -> int:
        """See Registry."""
        text = json.dumps(schema, separators=(",", ":"))
        key = subject, text
        if key not in self._known:
            self._known[key] = self._ask(subject, text)
        return self._known[key]

    @abstractmethod
    def _ask(self, subject: str, text: str) -> int: ...


def _id_in(found: dict[str, Any], name: str) -> int:
    value = found.get(name)
    if not isinstance(value, int) or not 0 <= value < 2**31:
        raise Retryable(f"the schema registry answered without a usable {name}")
    return value


class ConfluentRegistry(_Remembering):
    """The API of Confluent's Schema Registry."""

    def __init__(self, client: _Client, config: RegistryConfig) -> None:
        super().__init__()
        self._client = client
        self._register = config.register

    def _ask(self, subject: str, text: str) -> int:
        path = f"/subjects/{quote(subject, safe='')}"
        body, kind = {"schema": text}, "application/vnd.schemaregistry.v1+json"
        try:
            return _id_in(self._client.post(path, body, kind), "id")
        except _Answer as answer:
            if answer.status != 404 or not self._register:
                raise self._client.refused(f"does not tell the schema of {subject!r}", answer) from answer
        try:
            return _id_in(self._client.post(f"{path}/versions", body, kind), "id")
        except _Answer as answer:
            raise self._client.refused(f"refuses the schema of {subject!r}", answer) from answer


class Apicurio(_Remembering):
    """The core API of Apicurio Registry, version 3. A subject is an artifact of the group."""

    def __init__(self, client: _Client, config: RegistryConfig) -> None:
        super().__init__()
        self._client = client
        self._register = config.register
        self._group = config.group
        self._id = config.id.value

    def _ask(self, subject: str, text: str) -> int:
        return self._registered(subject, text) if self._register else self._found(subject, text)

    def _registered(self, subject: str, text: str) -> int:
        path = f"/apis/registry/v3/groups/{quote(self._group, safe='')}/artifacts?ifExists=FIND_OR_CREATE_VERSION"
        content = {"content": text, "contentType": "application/json"}
        body = {"artifactId": subject, "artifactType": "AVRO", "firstVersion": {"content": content}}
        try:
            found = self._client.post(path, body, "application/json")
        except _Answer as answer:
            raise self._client.refused(f"refuses the schema of {subject!r}", answer) from answer
        version = found.get("version")
        return _id_in(cast("dict[str, Any]", version) if isinstance(version, dict) else {}, self._id)

    def _found(self, subject: str, text: str) -> int:
        artifact = f"groupId={quote(self._group, safe='')}&artifactId={quote(subject, safe='')}"
        path = f"/apis/registry/v3/search/versions?{artifact}&artifactType=AVRO&canonical=true"
        try:
            versions = self._client.post(path, text.encode(), "application/json").get("versions")
        except _Answer as answer:
            raise self._client.refused(f"does not tell the schema of {subject!r}", answer) from answer
        if not isinstance(versions, list) or not versions:
            raise Permanent(f"the schema registry {self._client.url} does not have the schema of {subject!r}")
        return _id_in(cast("list[dict[str, Any]]", versions)[0], self._id)
